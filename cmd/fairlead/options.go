package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

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
	vaultFiles []string
	askVault   bool
}

func (f *inventoryFlags) add(c *cobra.Command) {
	group(c, "Which hosts, with which variables", f.define)
	_ = c.RegisterFlagCompletionFunc("limit", cobra.NoFileCompletions)
}

func (f *inventoryFlags) define(fl *pflag.FlagSet) {
	fl.StringArrayVarP(&f.inventory, "inventory", "i", nil, "inventory `FILE`, folder, or list of hosts with a comma (may be given more than once)")
	fl.StringArrayVarP(&f.extra, "extra-vars", "e", nil, "variables as `KEY=VALUE`, YAML, JSON, or @FILE (may be given more than once)")
	fl.StringVarP(&f.limit, "limit", "l", "", "only hosts that this `PATTERN` selects too")
	fl.StringSliceVar(&f.rolesPath, "roles-path", nil, "`FOLDERS` to look for roles in")
	fl.StringArrayVar(&f.vaultFiles, "vault-password-file", nil, "`FILE` with the vault password")
	fl.BoolVarP(&f.askVault, "ask-vault-password", "J", false, "ask for the vault password")
	fl.BoolVar(&f.askVault, "ask-vault-pass", false, "ask for the vault password")
	_ = fl.MarkHidden("ask-vault-pass")
}

// connectFlags say how to log in.
type connectFlags struct {
	user, connection, key      string
	askPass, become, askBecome bool
	becomeUser, becomeMethod   string
	hostKeys                   string
	knownHosts                 []string
	timeout                    int
	forks                      int
	sshConfig                  []string
}

func (f *connectFlags) add(c *cobra.Command) {
	group(c, "How to log in", f.define)
	_ = c.RegisterFlagCompletionFunc("host-key-checking", cobra.FixedCompletions([]string{"strict", "accept-new", "off"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("connection", cobra.FixedCompletions([]string{"ssh", "local"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *connectFlags) define(fl *pflag.FlagSet) {
	fl.StringVarP(&f.user, "user", "u", "", "log in as this `USER`")
	fl.StringVarP(&f.connection, "connection", "c", "", "`KIND` of connection: ssh or local")
	fl.StringVar(&f.key, "private-key", "", "private key `FILE` to log in with")
	fl.StringVar(&f.key, "key-file", "", "the same as --private-key")
	_ = fl.MarkHidden("key-file")
	fl.BoolVarP(&f.askPass, "ask-pass", "k", false, "ask for the login password")
	fl.BoolVarP(&f.become, "become", "b", false, "become another user on the hosts")
	fl.StringVar(&f.becomeUser, "become-user", "", "the `USER` to become (default root)")
	fl.StringVar(&f.becomeMethod, "become-method", "", "`HOW` to become it (default sudo)")
	fl.BoolVarP(&f.askBecome, "ask-become-pass", "K", false, "ask for the password of become")
	fl.StringVar(&f.hostKeys, "host-key-checking", "strict", "`HOW` to check host keys: strict, accept-new (note unknown keys), or off")
	fl.StringArrayVar(&f.knownHosts, "known-hosts", nil, "known_hosts `FILE` to use instead of ~/.ssh/known_hosts")
	fl.StringArrayVar(&f.sshConfig, "ssh-config", nil, "ssh_config `FILE` to use instead of ~/.ssh/config ('none' for none)")
	fl.IntVarP(&f.timeout, "timeout", "T", 10, "`SECONDS` to connect in")
}

// request turns the flags into a request; red learns its secrets.
func (f *inventoryFlags) request(playbooks []string, red *event.Redactor) (run.Request, error) {
	req := run.Request{Playbooks: playbooks, Inventory: f.inventory, RolesPath: f.rolesPath}
	if len(req.Inventory) == 0 {
		req.Inventory = defaultInventory()
	}
	decrypt, err := f.decrypter(red)
	if err != nil {
		return req, err
	}
	req.Decrypt = decrypt
	extra := &yaml.Vars{}
	for _, e := range f.extra {
		vs, err := vars.ParseExtra(e, yaml.Options{Decrypt: decrypt})
		if err != nil {
			return req, err
		}
		extra.Merge(vs)
	}
	req.Extra = extra
	return req, nil
}

func defaultInventory() []string {
	if v := os.Getenv("ANSIBLE_INVENTORY"); v != "" {
		return []string{v}
	}
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

// defaults makes connection defaults of the flags, asking for passwords.
func (f *connectFlags) defaults(std streams, red *event.Redactor) (run.ConnectionDefaults, error) {
	d := run.ConnectionDefaults{Connection: f.connection, User: f.user, KeyFile: expand(f.key), Timeout: time.Duration(f.timeout) * time.Second,
		Become: f.become, BecomeUser: f.becomeUser, BecomeMethod: f.becomeMethod}
	var err error
	if f.askPass {
		if d.Password, err = askSecret("SSH password: ", std); err != nil {
			return d, err
		}
		red.Add(d.Password)
	}
	if f.askBecome {
		if d.BecomePassword, err = askSecret("BECOME password (defaults to the SSH password): ", std); err != nil {
			return d, err
		}
		if d.BecomePassword == "" {
			d.BecomePassword = d.Password
		}
		red.Add(d.BecomePassword)
	}
	if d.KeyFile != "" {
		if err := ssh.CheckKey(d.KeyFile); err != nil {
			return d, asUsage(err, diag.Pos{File: "--private-key"})
		}
	}
	return d, nil
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
		s := cfg.Vars.Scope(noRun{cfg.Inventory}, vars.NewHost(h), nil, nil, vars.Moment{})
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

func (f *connectFlags) ssh(std streams, red *event.Redactor) (ssh.Config, error) {
	cfg := ssh.Config{Shared: &ssh.Shared{}, KnownHosts: expandAll(f.knownHosts), ConnectTimeout: time.Duration(f.timeout) * time.Second}
	switch f.hostKeys {
	case "strict":
		cfg.HostKeyChecking = ssh.HostKeyStrict
	case "accept-new":
		cfg.HostKeyChecking = ssh.HostKeyAcceptNew
	case "off":
		cfg.HostKeyChecking = ssh.HostKeyOff
	default:
		return cfg, diag.Errorf(diag.Pos{}, "host-key-checking", "--host-key-checking is %q", f.hostKeys).WithHint("use strict, accept-new or off")
	}
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
