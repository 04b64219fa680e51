package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// inventoryFlags say which inventory and variables to use; the names are those
// of ansible-playbook.
type inventoryFlags struct {
	inventory  []string
	extra      []string
	limit      string
	rolesPath  []string
	modulePath []string
	flushCache bool
	vault      vaultFlags
}

func (f *inventoryFlags) add(c *cobra.Command) {
	group(c, "Which hosts, with which variables", f.define)
	_ = c.RegisterFlagCompletionFunc("limit", cobra.NoFileCompletions)
}

func (f *inventoryFlags) define(fl *pflag.FlagSet) {
	fl.StringArrayVarP(&f.inventory, "inventory", "i", nil, "inventory `FILE`, folder, or list of hosts with a comma (may be given more than once)")
	fl.StringArrayVarP(&f.extra, "extra-vars", "e", nil, "variables as `KEY=VALUE`, YAML, JSON, or @FILE (may be given more than once)")
	fl.StringVarP(&f.limit, "limit", "l", "", "only hosts that this `PATTERN` selects too, or those of @FILE")
	fl.StringSliceVar(&f.rolesPath, "roles-path", nil, "`FOLDERS` to look for roles in, before those of the settings")
	fl.StringArrayVarP(&f.modulePath, "module-path", "M", nil, "accepted, and of no effect: modules are compiled in (`FOLDERS`)")
	fl.BoolVar(&f.flushCache, "flush-cache", false, "forget the facts that are kept of the hosts (fact_caching)")
	f.vault.define(fl)
	alias(fl, map[string]string{"inventory-file": "inventory", "subset": "limit"})
}

func (f *vaultFlags) define(fl *pflag.FlagSet) {
	fl.StringArrayVar(&f.ids, "vault-id", nil, "a vault password as `LABEL@SOURCE`: a file, a script, or prompt (may be given more than once)")
	fl.StringArrayVar(&f.files, "vault-password-file", nil, "`FILE` with the vault password, or a script that says it (may be given more than once)")
	fl.BoolVarP(&f.ask, "ask-vault-password", "J", false, "ask for the vault password")
	alias(fl, map[string]string{"ask-vault-pass": "ask-vault-password", "vault-pass-file": "vault-password-file"})
}

// alias gives flags further names, which the help does not show.
func alias(fl *pflag.FlagSet, names map[string]string) {
	for name, of := range names {
		f := *fl.Lookup(of)
		f.Name, f.Shorthand, f.Hidden = name, "", true
		fl.AddFlag(&f)
	}
}

// connectFlags say how to log in.
type connectFlags struct {
	user, connection, key      string
	askPass, become, askBecome bool
	passFile, becomePassFile   string
	becomeUser, becomeMethod   string
	hostKeys                   string
	knownHosts                 []string
	timeout                    int
	forks                      int
	sshConfig                  []string
	sshCommon, sshExtra        string
	sftpExtra, scpExtra        string
}

func (f *connectFlags) add(c *cobra.Command) {
	group(c, "How to log in", f.define)
	_ = c.RegisterFlagCompletionFunc("host-key-checking", cobra.FixedCompletions([]string{"strict", "accept-new", "off"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("connection", cobra.FixedCompletions([]string{"ssh", "local"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("become-method", cobra.FixedCompletions([]string{"sudo", "su", "runuser", "doas"}, cobra.ShellCompDirectiveNoFileComp))
	c.MarkFlagsMutuallyExclusive("ask-pass", "connection-password-file")
	c.MarkFlagsMutuallyExclusive("ask-become-pass", "become-password-file")
}

func (f *connectFlags) define(fl *pflag.FlagSet) {
	fl.StringVarP(&f.user, "user", "u", "", "log in as this `USER`")
	fl.StringVarP(&f.connection, "connection", "c", "", "`KIND` of connection: ssh or local")
	fl.StringVar(&f.key, "private-key", "", "private key `FILE` to log in with")
	fl.BoolVarP(&f.askPass, "ask-pass", "k", false, "ask for the login password")
	fl.StringVar(&f.passFile, "connection-password-file", "", "`FILE` with the login password, or a script that says it")
	fl.BoolVarP(&f.become, "become", "b", false, "become another user on the hosts")
	fl.StringVar(&f.becomeUser, "become-user", "", "the `USER` to become (default root)")
	fl.StringVar(&f.becomeMethod, "become-method", "", "`HOW` to become it: sudo, su, runuser or doas (default sudo)")
	fl.BoolVarP(&f.askBecome, "ask-become-pass", "K", false, "ask for the password of become")
	fl.StringVar(&f.becomePassFile, "become-password-file", "", "`FILE` with the password of become, or a script that says it")
	fl.StringVar(&f.hostKeys, "host-key-checking", "", "`HOW` to check host keys: strict, accept-new (note unknown keys), or off (default strict)")
	fl.StringArrayVar(&f.knownHosts, "known-hosts", nil, "known_hosts `FILE` to use instead of ~/.ssh/known_hosts")
	fl.StringArrayVar(&f.sshConfig, "ssh-config", nil, "ssh_config `FILE` to use instead of ~/.ssh/config ('none' for none)")
	fl.StringVar(&f.sshCommon, "ssh-common-args", "", "`OPTIONS` as of ssh: those about users, ports, keys, jumps and host keys count")
	fl.StringVar(&f.sshExtra, "ssh-extra-args", "", "the same")
	fl.StringVar(&f.sftpExtra, "sftp-extra-args", "", "accepted, and of no effect: files travel over the same connection")
	fl.StringVar(&f.scpExtra, "scp-extra-args", "", "accepted, and of no effect")
	for _, n := range []string{"ssh-extra-args", "sftp-extra-args", "scp-extra-args"} {
		_ = fl.MarkHidden(n)
	}
	fl.IntVarP(&f.timeout, "timeout", "T", 0, "`SECONDS` to connect in (default 10)")
	alias(fl, map[string]string{"key-file": "private-key", "conn-pass-file": "connection-password-file", "become-pass-file": "become-password-file"})
}

// request turns flags and settings into a request; red learns its secrets.
func (f *inventoryFlags) request(playbooks []string, cfg *config.Config, std streams, red *event.Redactor) (run.Request, error) {
	req := run.Request{
		Playbooks: playbooks, Inventory: f.inventory, RolesPath: append(expandAll(f.rolesPath), cfg.List(config.RolesPath)...),
		Settings: run.SettingsOf(cfg), EmptyGroups: true,
	}
	req.Settings.Facts.Flush = f.flushCache
	if len(req.Inventory) == 0 {
		req.Inventory = cfg.List(config.Inventory)
	}
	if len(req.Inventory) == 0 {
		req.Inventory = defaultInventory()
	}
	decrypt, err := f.vault.decrypter(cfg, std, red)
	if err != nil {
		return req, err
	}
	req.Decrypt = decrypt
	extra := &yaml.Vars{}
	for _, e := range f.extra {
		vs, err := vars.ParseExtra(e, yaml.Options{Decrypt: decrypt, Warn: func(d *diag.Diagnostic) { req.Warnings = append(req.Warnings, d) }})
		if err != nil {
			return req, err
		}
		extra.Merge(vs)
	}
	req.Extra = extra
	return req, nil
}

func defaultInventory() []string {
	for _, f := range []string{"inventory", "hosts", "inventory.ini", "inventory.yml", "hosts.yml", "hosts.ini"} {
		if _, err := os.Stat(f); err == nil {
			return []string{f}
		}
	}
	if _, err := os.Stat("/etc/ansible/hosts"); err == nil {
		return []string{"/etc/ansible/hosts"}
	}
	return nil
}

// askSecret reads a password from the terminal without showing it.
func askSecret(prompt string, std streams) (string, error) {
	f, ok := std.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return readLine(std.in)
	}
	fmt.Fprint(std.err, prompt)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(std.err)
	return string(b), err
}

// defaults makes connection defaults of flags and settings, asking for
// passwords.
func (f *connectFlags) defaults(cfg *config.Config, std streams, red *event.Redactor) (run.ConnectionDefaults, error) {
	d := run.ConnectionDefaults{
		Connection: orElse(f.connection, cfg.Text(config.Transport)), User: orElse(f.user, cfg.Text(config.RemoteUser)),
		KeyFile: orElse(expand(f.key), cfg.Text(config.PrivateKeyFile)), Port: cfg.Int(config.RemotePort),
		Timeout: time.Duration(f.seconds(cfg)) * time.Second,
		Become:  f.become || cfg.Bool(config.Become), BecomeUser: orElse(f.becomeUser, cfg.Text(config.BecomeUser)), BecomeMethod: orElse(f.becomeMethod, cfg.Text(config.BecomeMethod)),
		BecomeExe: cfg.Text(config.BecomeExe), BecomeFlags: cfg.Text(config.BecomeFlags),
		SSHArgs: []string{cfg.Text(config.SSHArgs), orElse(f.sshCommon, cfg.Text(config.SSHCommonArgs)), orElse(f.sshExtra, cfg.Text(config.SSHExtraArgs))},
	}
	var err error
	if d.Password, d.BecomePassword, err = f.loginPasswords(cfg, std, red); err != nil {
		return d, err
	}
	if d.KeyFile != "" {
		if err := ssh.CheckKey(d.KeyFile); err != nil {
			pos := diag.Pos{File: "--private-key"}
			if f.key == "" {
				pos = cfg.Get(config.PrivateKeyFile).Pos
			}
			return d, asUsage(err, pos)
		}
	}
	return d, nil
}

func (f *connectFlags) seconds(cfg *config.Config) int {
	if f.timeout > 0 {
		return f.timeout
	}
	return cfg.Int(config.Timeout)
}

// checkHostKeys is how host keys are checked: by the flag, else by the settings.
func (f *connectFlags) checkHostKeys(cfg *config.Config, std streams) (ssh.HostKeyChecking, error) {
	how := f.hostKeys
	if how == "" {
		how = "strict"
		if !cfg.Bool(config.HostKeyChecking) {
			how = "off"
		}
	}
	switch how {
	case "strict":
		return ssh.HostKeyStrict, nil
	case "accept-new":
		return ssh.HostKeyAcceptNew, nil
	case "off":
		w := diag.Errorf(diag.Pos{}, "host-keys-off", "host keys are not checked: whoever stands between can read and change everything")
		if f.hostKeys == "" {
			w.Pos = cfg.Get(config.HostKeyChecking).Pos
			if name := cfg.Get(config.HostKeyChecking).Env; name != "" {
				w.Pos.File = "$" + name
			}
		}
		w.Warning = true
		printDiagnostic(std.err, w.WithHint("note the keys once with --host-key-checking accept-new"), plainPaint(std.errColor))
		return ssh.HostKeyOff, nil
	}
	return ssh.HostKeyStrict, diag.Errorf(diag.Pos{}, "host-key-checking", "--host-key-checking is %q", f.hostKeys).WithHint("use strict, accept-new or off")
}

// asUsage makes a mistake in what was asked of an error, with its place.
func asUsage(err error, pos diag.Pos) error {
	out := diag.Errorf(pos, "private-key", "%w", err)
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		out.Msg, out.Hint = d.Msg, d.Hint
	}
	return out
}

// checkKeys finds out whether the key files that the inventory names can be
// used, before any host is touched. Names that hold templates are left to the
// run.
func checkKeys(cfg run.Config) error {
	hosts := cfg.Inventory.Hosts()
	if cfg.Limit != "" {
		limited, err := cfg.Inventory.Limit(hosts, cfg.Limit)
		if err != nil {
			return err
		}
		hosts = limited
	}
	seen := map[string]bool{}
	var problems diag.List
	for _, h := range hosts {
		s := cfg.Vars.Scope(vars.Outside{Inventory: cfg.Inventory}, vars.NewHost(h), nil, nil, vars.Moment{})
		for _, name := range []string{"ansible_ssh_private_key_file", "ansible_private_key_file"} {
			n := s.Source(name)
			if n.IsNull() || n.HasTemplate() {
				continue
			}
			file := expand(n.Value().Text())
			if file == "" || seen[file] {
				break
			}
			seen[file] = true
			if err := ssh.CheckKey(file); err != nil {
				problems.Add(asUsage(err, n.Pos))
			}
			break
		}
	}
	return problems.Err()
}

func (f *connectFlags) ssh(settings *config.Config, std streams, red *event.Redactor) (ssh.Config, error) {
	cfg := ssh.Config{Shared: &ssh.Shared{}, KnownHosts: expandAll(f.knownHosts), ConnectTimeout: time.Duration(f.seconds(settings)) * time.Second}
	var err error
	if cfg.HostKeyChecking, err = f.checkHostKeys(settings, std); err != nil {
		return cfg, err
	}
	cfg.HostKeyFromConfig = f.hostKeys == "" && cfg.HostKeyChecking == ssh.HostKeyStrict
	cfg.Warn = warnOnce(std)
	if in, ok := std.in.(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		cfg.KeyPassphrase = func(file string) (string, error) {
			p, err := askSecret("Passphrase of the key "+file+": ", std)
			red.Add(p)
			return p, err
		}
	}
	if len(f.sshConfig) > 0 {
		cfg.SSHConfig = []string{}
		for _, s := range f.sshConfig {
			if s != "none" {
				cfg.SSHConfig = append(cfg.SSHConfig, expand(s))
			}
		}
	}
	return cfg, nil
}

// warnOnce shows what connections warn about: the first host's, and that there
// are more.
func warnOnce(std streams) func(string) {
	var mu sync.Mutex
	said := 0
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if said++; said > 2 {
			return
		}
		if said == 2 {
			text = "host keys are not checked for more hosts"
		}
		warn(std, text)
	}
}

func warn(std streams, text string) {
	w := diag.Errorf(diag.Pos{}, "warning", "%s", text)
	w.Warning = true
	printDiagnostic(std.err, w, plainPaint(std.errColor))
}

func expand(p string) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, p[1:])
		}
	}
	return p
}

// expandAll keeps nil nil: it means the defaults.
func expandAll(ps []string) []string {
	var out []string
	for _, p := range ps {
		out = append(out, expand(p))
	}
	return out
}
