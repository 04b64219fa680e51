package ssh

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	sshconfig "github.com/kevinburke/ssh_config"
)

// configFile is an ssh_config file, read once.
type configFile struct {
	once sync.Once
	cfg  *sshconfig.Config
	err  error
}

func (s *Shared) config(file string) (*sshconfig.Config, error) {
	c := entry(&s.mu, &s.configs, file)
	c.once.Do(func() {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			c.err = diag.New(diag.Usage, diag.Pos{File: file}, "ssh-config", "cannot be read: %w", err)
			return
		}
		defer func() { _ = f.Close() }()
		if c.cfg, err = sshconfig.Decode(f); err != nil {
			c.err = diag.New(diag.Usage, diag.Pos{File: file}, "ssh-config", "cannot be understood: %w", err).
				WithHint("Match exec and some other words are not supported; name another file or none")
		}
	})
	return c.cfg, c.err
}

// fill fills what is not set: from ssh_config, then by default. What is set wins.
func (cfg *Config) fill() error {
	if cfg.Address == "" {
		cfg.Address = cfg.Host
	}
	if cfg.Address == "" {
		return diag.New(diag.Usage, diag.Pos{}, "address", "a host has no address")
	}
	home, _ := os.UserHomeDir()
	files := cfg.SSHConfig
	if files == nil {
		files = []string{filepath.Join(home, ".ssh", "config"), "/etc/ssh/ssh_config"}
	}
	look := &lookup{alias: cfg.Address, home: home}
	for _, f := range files {
		c, err := cfg.Shared.config(expandHome(f, home))
		if err != nil {
			return err
		}
		if c != nil {
			look.files = append(look.files, c)
		}
	}
	if err := cfg.fromFiles(look); err != nil {
		return err
	}
	return cfg.defaults(home, look)
}

// lookup asks several ssh_config files; the first that has a value wins.
type lookup struct {
	alias, home string
	files       []*sshconfig.Config
}

func (l *lookup) get(key string) string {
	for _, f := range l.files {
		if v, err := f.Get(l.alias, key); err == nil && v != "" {
			return v
		}
	}
	return ""
}

func (l *lookup) all(key string) []string {
	var out []string
	for _, f := range l.files {
		if v, err := f.GetAll(l.alias, key); err == nil {
			out = append(out, v...)
		}
	}
	return out
}

func (cfg *Config) fromFiles(look *lookup) error {
	if jump := look.get("ProxyJump"); jump != "" && jump != "none" {
		return diag.New(diag.Usage, diag.Pos{}, "proxy-jump", "ssh_config reaches %s through %s, which Fairlead cannot yet", cfg.Address, jump)
	}
	if cfg.User == "" {
		cfg.User = look.get("User")
	}
	if cfg.Port == 0 {
		if p := look.get("Port"); p != "" {
			n, err := strconv.Atoi(p)
			if err != nil || n < 1 || n > 65535 {
				return diag.New(diag.Usage, diag.Pos{}, "ssh-config", "ssh_config has Port %q for %s", p, cfg.Address)
			}
			cfg.Port = n
		}
	}
	if name := look.get("HostName"); name != "" {
		if cfg.Host == "" {
			cfg.Host = cfg.Address
		}
		cfg.Address = strings.NewReplacer("%%", "%", "%h", cfg.Address).Replace(name)
	}
	cfg.identitiesOnly = strings.EqualFold(look.get("IdentitiesOnly"), "yes")
	return nil
}

func (cfg *Config) defaults(home string, look *lookup) error {
	local := ""
	if u, err := user.Current(); err == nil {
		local = u.Username
	}
	if cfg.User == "" {
		cfg.User = local
	}
	if cfg.Port == 0 {
		cfg.Port = 22
	}
	expand := func(p string) (string, error) { return cfg.tokens(p, home, local, look.alias) }
	if len(cfg.KeyFiles) == 0 {
		for _, f := range look.all("IdentityFile") {
			p, err := expand(f)
			if err != nil {
				return err
			}
			cfg.defaultKeys = append(cfg.defaultKeys, p)
		}
		if len(cfg.defaultKeys) == 0 {
			for _, n := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
				cfg.defaultKeys = append(cfg.defaultKeys, filepath.Join(home, ".ssh", n))
			}
		}
	}
	keys := make([]string, len(cfg.KeyFiles))
	for i, f := range cfg.KeyFiles {
		keys[i] = expandHome(f, home)
	}
	cfg.KeyFiles = keys
	if cfg.KnownHosts == nil {
		for f := range strings.FieldsSeq(look.get("UserKnownHostsFile")) {
			p, err := expand(f)
			if err != nil {
				return err
			}
			cfg.KnownHosts = append(cfg.KnownHosts, p)
		}
		if len(cfg.KnownHosts) == 0 {
			cfg.KnownHosts = []string{filepath.Join(home, ".ssh", "known_hosts")}
		}
		cfg.KnownHosts = append(cfg.KnownHosts, "/etc/ssh/ssh_known_hosts")
	}
	if cfg.ConnectTimeout <= 0 {
		cfg.ConnectTimeout = DefaultConnectTimeout
	}
	if cfg.OpTimeout <= 0 {
		cfg.OpTimeout = DefaultOpTimeout
	}
	if cfg.KeepAlive == 0 {
		cfg.KeepAlive = DefaultKeepAlive
	}
	return nil
}

func expandHome(p, home string) string {
	if p == "~" || strings.HasPrefix(p, "~/") {
		return home + p[1:]
	}
	return p
}

// tokens expands ~ and the % tokens of ssh_config.
func (cfg *Config) tokens(p, home, local, alias string) (string, error) {
	var b strings.Builder
	p = expandHome(strings.Trim(p, `"`), home)
	for i := 0; i < len(p); i++ {
		if p[i] != '%' || i+1 == len(p) {
			b.WriteByte(p[i])
			continue
		}
		i++
		switch p[i] {
		case '%':
			b.WriteByte('%')
		case 'h':
			b.WriteString(cfg.Address)
		case 'n':
			b.WriteString(alias)
		case 'd':
			b.WriteString(home)
		case 'u':
			b.WriteString(local)
		case 'r':
			b.WriteString(cfg.User)
		case 'p':
			b.WriteString(strconv.Itoa(cfg.Port))
		default:
			return "", diag.New(diag.Usage, diag.Pos{}, "ssh-config", "ssh_config: %s", fmt.Sprintf("the token %%%c in %q is not known", p[i], p))
		}
	}
	return b.String(), nil
}
