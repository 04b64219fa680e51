package ssh

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/google/go-cmp/cmp"
)

func filled(t *testing.T, cfg Config, files map[string]string) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	if err := os.MkdirAll(filepath.Join(dir, ".ssh", "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, ".ssh", name), []byte(strings.ReplaceAll(text, "HOME", dir)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Shared = &Shared{}
	err := cfg.fill(t.Context())
	return &cfg, err
}

// shown is what was found out, in one line.
func shown(c *Config) string {
	return strings.ReplaceAll(fmt.Sprint(c.User, "@", c.Address, ":", c.Port, " keys=", c.defaultKeys, " hops=", c.hops, " command=", c.command), os.Getenv("HOME"), "~")
}

func TestSSHConfigIsReadAsOpenSSHReadsIt(t *testing.T) {
	for _, x := range []struct{ name, host, user, config, want string }{
		{"the first value counts", "web1", "", "Host web*\n User a\nHost *\n User b\n Port 2222\n", "a@web1:2222"},
		{"negation", "web1", "", "Host web* !web1\n User a\nHost !db* *\n User b\n", "b@web1:22"},
		{"equals signs, quotes, comments", "web1", "", "# c\nHost \"web1\" # c\n\tUser = \"a b\"\n  port=23\n", "a b@web1:23"},
		{"HostName with a token", "web1", "u", "Host web1\n HostName %h.example.net\n", "u@web1.example.net:22"},
		{"Match host sees HostName", "w", "u", "Host w\n HostName web1\nMatch host web1\n Port 9\nMatch originalhost w host web1\n User no\n", "u@web1:9"},
		{"Match user", "w", "bob", "Match user alice,b*\n Port 9\n", "bob@w:9"},
		{"Match !user", "w", "bob", "Match !user bob\n Port 9\nMatch all\n Port 8\n", "bob@w:8"},
		{"Match exec", "w", "u", "Match host w exec \"test %h = w\"\n Port 9\nMatch exec false\n Port 8\n", "u@w:9"},
		{"Match final", "w", "u", "Match final\n Port 9\nHost w\n HostName v\n", "u@v:9"},
		{"Match canonical never", "w", "u", "Match canonical\n Port 9\n", "u@w:22"},
		{"Include", "w", "u", "Include conf.d/*\nPort 9\n", "u@w:7"},
		{"Include in a block for others", "w", "u", "Host x\n Include conf.d/*\nHost *\n Port 9\n", "u@w:9"},
		{"Include ends with its file", "w", "u", "Host w\n Include other\n Port 9\n", "u@w:9"},
		{"case of keywords", "W", "u", "hOsT w\n pOrT 9\n", "u@W:9"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c, err := filled(t, Config{Host: x.host, User: x.user}, map[string]string{"config": x.config, "conf.d/one": "Port 7\n", "other": "Host nobody\n User no\n"})
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(c.User, "@", c.Address, ":", c.Port); got != x.want {
				t.Errorf("%s, want %s", got, x.want)
			}
		})
	}
}

func TestKeysAndWays(t *testing.T) {
	t.Setenv("KEYS", "/keys")
	for _, x := range []struct{ config, want string }{
		{"IdentityFile ~/.ssh/%r-%h\nIdentityFile ${KEYS}/%n\nUser u\n", "u@w:22 keys=[~/.ssh/u-w /keys/w] hops=[] command="},
		{"User u\nIdentityFile none\nProxyJump a@b:3,[::1]:4\n", "u@w:22 keys=[] hops=[{a b 3 [] []} { ::1 4 [] []}] command="},
		{"User u\nIdentityFile none\nProxyJump none\nProxyCommand ssh x\n", "u@w:22 keys=[] hops=[] command="},
		{"User u\nIdentityFile none\nProxyCommand ssh -q -l me -W %h:%p gate\n", "u@w:22 keys=[] hops=[{ gate 0 [{user [me] {ProxyCommand 0 0} []}] []}] command="},
		{"User u\nIdentityFile none\nProxyCommand nc -x proxy %h %p\n", "u@w:22 keys=[] hops=[] command=nc -x proxy w 22"},
		{"User u\nIdentityFile none\nProxyCommand ssh gate nc %h %p\n", "u@w:22 keys=[] hops=[] command=ssh gate nc w 22"},
	} {
		c, err := filled(t, Config{Host: "w"}, map[string]string{"config": x.config})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(shown(c), "ProxyCommand 0 0", "ProxyCommand 0 0"); strings.ReplaceAll(got, "{ProxyCommand}", "{ProxyCommand 0 0}") != x.want && got != x.want {
			t.Errorf("%q:\n got %s\nwant %s", x.config, got, x.want)
		}
	}
}

func TestMistakesInSSHConfigHaveTheirPlace(t *testing.T) {
	for config, want := range map[string]string{
		"Host a\n User\n":             "config:2:1: \"User\" has no value",
		"Match tagg x\n":              "config:1:1: Match tagg is not known",
		"Match host\n":                "config:1:1: Match host has no value",
		"User \"a\n":                  "config:1:1: User: a quote is not closed",
		"ProxyJump a:b\n":             "no port number",
		"Port many\n":                 "Port \"many\"",
		"IdentityFile %z\n":           "%z",
		"Include config\nUser \"a\n ": "more than 16 deep",
	} {
		_, err := filled(t, Config{Host: "w"}, map[string]string{"config": config})
		if err == nil || !strings.Contains(err.Error(), want) || diag.ClassOf(err) != diag.Usage {
			t.Errorf("%q: %v, want %s", config, err, want)
		}
	}
}

func TestArgumentsOfSSH(t *testing.T) {
	t.Parallel()
	a, err := ParseArguments("here", `-C -o ControlMaster=auto -oProxyJump="a b" -p2222 -l "me too" -i '~/k y' -tt -qW h:22 -F none gate cmd`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range a.Options {
		got = append(got, o.Name+"="+strings.Join(o.Args, "|"))
	}
	want := []string{"controlmaster=auto", "proxyjump=a|b", "port=2222", "user=me too", "identityfile=~/k y"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if a.Host != "gate" || a.Forward != "h:22" || a.ConfigFile != "none" {
		t.Errorf("%+v", a)
	}
	for _, bad := range []string{"-o", `-o "Port`, "-p"} {
		if _, err := ParseArguments("here", bad); err == nil || !strings.Contains(err.Error(), "here: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func FuzzArguments(f *testing.F) {
	f.Add(`-o "A b" -p 1 'x`)
	f.Fuzz(func(_ *testing.T, line string) { _, _ = ParseArguments("f", line) })
}

func FuzzParseOption(f *testing.F) {
	f.Add("Host a b")
	f.Fuzz(func(_ *testing.T, line string) { _, _ = parseOption(line, diag.Pos{}) })
}

func TestEnvironmentOfPrograms(t *testing.T) {
	for config, want := range map[string]string{
		"":                                   "[]",
		"SendEnv LANG XX_*\n":                "[LANG=nb_NO XX_A=1 XX_B=2]",
		"SendEnv XX_?\nSendEnv lang\n":       "[XX_A=1 XX_B=2]",
		"SendEnv LANG XX_*\nSendEnv -XX_*\n": "[LANG=nb_NO]",
		"SendEnv LANG\nSetEnv LANG=C XX_C=\"a b\"\n": "[LANG=C XX_C=a b]",
		"Host other\n SendEnv LANG\n":                "[]",
	} {
		t.Setenv("LANG", "nb_NO")
		t.Setenv("XX_A", "1")
		t.Setenv("XX_B", "2")
		c, err := filled(t, Config{Host: "w", SSHConfig: []string{"~/.ssh/config"}}, map[string]string{"config": config})
		if err != nil {
			t.Fatal(err)
		}
		c.env = slices.Sorted(slices.Values(c.env))
		if got := fmt.Sprint(c.env); got != want {
			t.Errorf("%q: %s, want %s", config, got, want)
		}
	}
}
