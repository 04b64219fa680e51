package ssh

import (
	"context"
	"crypto/sha1" //nolint:gosec // the token %C of ssh_config is made with it
	"encoding/hex"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// fill fills what is not set: from the options, from ssh_config, then by
// default. What is set wins.
func (cfg *Config) fill(ctx context.Context) error {
	if cfg.Address == "" {
		cfg.Address = cfg.Host
	}
	if cfg.Address == "" {
		return diag.New(diag.Usage, diag.Pos{}, "address", "a host has no address")
	}
	home, _ := os.UserHomeDir()
	look := &lookup{alias: cfg.Address, home: home, cfg: cfg, values: map[string][]string{}}
	if u, err := user.Current(); err == nil {
		look.local = u.Username
	}
	names := cfg.SSHConfig
	if names == nil {
		names = []string{filepath.Join(home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	}
	var files [][]Option
	for _, f := range names {
		lines, err := cfg.Shared.config(expandHome(f, home), home)
		if err != nil {
			return err
		}
		files = append(files, lines)
	}
	if err := look.resolve(ctx, cfg.Options, files); err != nil {
		return err
	}
	if err := cfg.target(look); err != nil {
		return err
	}
	cfg.environment(look, os.Environ())
	if err := cfg.trust(look); err != nil {
		return err
	}
	if err := cfg.credentials(look); err != nil {
		return err
	}
	if err := cfg.timing(look); err != nil {
		return err
	}
	return cfg.proxy(look)
}

// target says where to connect and as whom.
func (cfg *Config) target(look *lookup) error {
	if cfg.User == "" {
		cfg.User = orElse(look.get("User"), look.local)
	}
	if cfg.Port == 0 {
		cfg.Port = 22
		if p := look.get("Port"); p != "" {
			n, err := strconv.Atoi(p)
			if err != nil || n < 1 || n > 65535 {
				return diag.New(diag.Usage, diag.Pos{}, "ssh-config", "ssh_config has Port %q for %s", p, cfg.Address)
			}
			cfg.Port = n
		}
	}
	if name := look.host(); name != cfg.Address {
		if cfg.Host == "" {
			cfg.Host = cfg.Address
		}
		cfg.Address = name
	}
	switch look.get("AddressFamily") {
	case "inet":
		cfg.network = "tcp4"
	case "inet6":
		cfg.network = "tcp6"
	default:
		cfg.network = "tcp"
	}
	cfg.bind = look.get("BindAddress")
	return nil
}

// environment says which variables go to the host's programs, as far as its server takes
// them: those of here that SendEnv names (with a minus: not), and what SetEnv sets. On
// Debian and Red Hat's systems the system's ssh_config sends the locale.
func (cfg *Config) environment(look *lookup, environ []string) {
	set := map[string]bool{}
	for _, e := range look.all("SetEnv") {
		if name, _, ok := strings.Cut(e, "="); ok && name != "" {
			set[name] = true
			cfg.env = append(cfg.env, e)
		}
	}
	var patterns []string
	for _, p := range look.all("SendEnv") {
		if not, ok := strings.CutPrefix(p, "-"); ok {
			patterns = slices.DeleteFunc(patterns, func(had string) bool { return wildcard(not, had) })
			continue
		}
		patterns = append(patterns, p)
	}
	for _, e := range environ {
		if name, _, ok := strings.Cut(e, "="); ok && !set[name] && slices.ContainsFunc(patterns, func(p string) bool { return wildcard(p, name) }) {
			cfg.env = append(cfg.env, e)
		}
	}
}

// trust says which host keys are known and how they are checked.
func (cfg *Config) trust(look *lookup) error {
	cfg.keyAlias = look.get("HostKeyAlias")
	if cfg.HostKeyFromConfig {
		switch strings.ToLower(look.get("StrictHostKeyChecking")) {
		case "no", "off":
			cfg.HostKeyChecking = HostKeyOff
			if cfg.Warn != nil {
				cfg.Warn("host keys are not checked: StrictHostKeyChecking is off for " + cfg.where())
			}
		case "accept-new":
			cfg.HostKeyChecking = HostKeyAcceptNew
		}
	}
	if cfg.KnownHosts != nil {
		return nil
	}
	for _, k := range []struct {
		key string
		def []string
	}{
		{"UserKnownHostsFile", []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}},
		{"GlobalKnownHostsFile", []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}},
	} {
		files := look.all(k.key)
		if len(files) == 0 {
			files = k.def
		}
		for _, f := range files {
			p, err := look.expand(f)
			if err != nil {
				return err
			}
			if f != "none" {
				cfg.KnownHosts = append(cfg.KnownHosts, p)
			}
		}
	}
	return nil
}

// credentials says what to log in with.
func (cfg *Config) credentials(look *lookup) error {
	cfg.identitiesOnly = yes(look.get("IdentitiesOnly"))
	for i, f := range cfg.KeyFiles {
		keys := slices.Clone(cfg.KeyFiles)
		keys[i] = expandHome(f, look.home)
		cfg.KeyFiles = keys
	}
	list := func(dst *[]string, key string) error {
		for _, f := range look.all(key) {
			p, err := look.expand(f)
			if err != nil {
				return err
			}
			if !strings.EqualFold(f, "none") {
				*dst = append(*dst, p)
			}
		}
		return nil
	}
	if len(cfg.KeyFiles) == 0 {
		if err := list(&cfg.defaultKeys, "IdentityFile"); err != nil {
			return err
		}
		cfg.namedKeys = len(cfg.defaultKeys) > 0
		if look.all("IdentityFile") == nil {
			for _, n := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
				cfg.defaultKeys = append(cfg.defaultKeys, filepath.Join(look.home, ".ssh", n))
			}
		}
	}
	if err := list(&cfg.certificates, "CertificateFile"); err != nil {
		return err
	}
	if a := look.get("IdentityAgent"); a != "" && cfg.AgentSocket == "" {
		switch {
		case strings.EqualFold(a, "none"):
			cfg.NoAgent = true
		case a == "SSH_AUTH_SOCK":
		case strings.HasPrefix(a, "$") && !strings.HasPrefix(a, "${"):
			cfg.AgentSocket = os.Getenv(a[1:])
		default:
			var err error
			if cfg.AgentSocket, err = look.expand(a); err != nil {
				return err
			}
		}
	}
	cfg.noKeys = no(look.get("PubkeyAuthentication"))
	cfg.noPassword = no(look.get("PasswordAuthentication"))
	cfg.noInteractive = no(look.get("KbdInteractiveAuthentication")) || no(look.get("ChallengeResponseAuthentication"))
	return nil
}

// timing says how long to wait.
func (cfg *Config) timing(look *lookup) error {
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = DefaultConnectTimeout
		if n, err := strconv.Atoi(look.get("ConnectTimeout")); err == nil && n > 0 {
			cfg.ConnectTimeout = time.Duration(n) * time.Second
		}
	}
	if cfg.OpTimeout <= 0 {
		cfg.OpTimeout = DefaultOpTimeout
	}
	if cfg.KeepAlive == 0 {
		cfg.KeepAlive = DefaultKeepAlive
		if n, err := strconv.Atoi(look.get("ServerAliveInterval")); err == nil && n > 0 {
			cfg.KeepAlive = time.Duration(n) * time.Second
		}
	}
	return nil
}

func yes(s string) bool { return strings.EqualFold(s, "yes") || strings.EqualFold(s, "true") }
func no(s string) bool  { return strings.EqualFold(s, "no") || strings.EqualFold(s, "false") }

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func expandHome(p, home string) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		return home + p[1:]
	}
	return p
}

// expand expands ~, ${VARIABLES} and the % tokens of ssh_config.
func (l *lookup) expand(p string) (string, error) {
	var b strings.Builder
	p = expandHome(p, l.home)
	for i := 0; i < len(p); i++ {
		if strings.HasPrefix(p[i:], "${") {
			if end := strings.IndexByte(p[i:], '}'); end > 0 {
				b.WriteString(os.Getenv(p[i+2 : i+end]))
				i += end
				continue
			}
		}
		if p[i] != '%' || i+1 == len(p) {
			b.WriteByte(p[i])
			continue
		}
		i++
		s, ok := l.token(p[i])
		if !ok {
			return "", diag.New(diag.Usage, diag.Pos{}, "ssh-config", "ssh_config: the token %%%c in %q is not known", p[i], p)
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

func (l *lookup) token(c byte) (string, bool) {
	port := l.cfg.Port
	if port == 0 {
		port = 22
		if n, err := strconv.Atoi(l.get("Port")); err == nil {
			port = n
		}
	}
	here, _ := os.Hostname()
	switch c {
	case '%':
		return "%", true
	case 'h':
		return l.host(), true
	case 'n':
		return l.alias, true
	case 'd':
		return l.home, true
	case 'u':
		return l.local, true
	case 'r':
		return l.user(), true
	case 'p':
		return strconv.Itoa(port), true
	case 'l':
		return here, true
	case 'L':
		short, _, _ := strings.Cut(here, ".")
		return short, true
	case 'i':
		return strconv.Itoa(os.Getuid()), true
	case 'j':
		return l.get("ProxyJump"), true
	case 'k':
		return orElse(l.get("HostKeyAlias"), l.alias), true
	case 'C':
		sum := sha1.Sum([]byte(here + l.host() + strconv.Itoa(port) + l.user() + l.get("ProxyJump"))) //nolint:gosec // as above
		return hex.EncodeToString(sum[:]), true
	}
	return "", false
}
