package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// around makes folders to look in: a working folder, a home, a system's file.
func around(t testing.TB, environ ...string) Surroundings {
	t.Helper()
	root := t.TempDir()
	s := Surroundings{Environ: environ, Dir: filepath.Join(root, "work"), Home: filepath.Join(root, "home"), System: filepath.Join(root, "etc", "ansible.cfg")}
	for _, d := range []string{s.Dir, s.Home} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func load(t testing.TB, s Surroundings) *Config {
	t.Helper()
	c, _, err := Load(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheFirstFileCounts(t *testing.T) {
	t.Parallel()
	s := around(t)
	if got := load(t, s).Path; got != "" {
		t.Errorf("without a file: %q", got)
	}
	for _, f := range []string{s.System, filepath.Join(s.Home, ".ansible.cfg"), filepath.Join(s.Dir, "ansible.cfg"), filepath.Join(s.Dir, "other", "ansible.cfg")} {
		write(t, f, "[defaults]\nforks = 7\n")
		if strings.Contains(f, "other") {
			s.Environ = []string{"ANSIBLE_CONFIG=other"} // a folder
		}
		c := load(t, s)
		if c.Path != f || c.Int(Forks) != 7 || c.Get(Forks).Where() != f+":2:1" {
			t.Errorf("with %s: path %q, forks %d from %s", f, c.Path, c.Int(Forks), c.Get(Forks).Where())
		}
	}
	s.Environ = []string{"ANSIBLE_CONFIG=/does/not/exist"}
	if got, want := load(t, s).Path, filepath.Join(s.Dir, "ansible.cfg"); got != want {
		t.Errorf("ANSIBLE_CONFIG that does not exist: %q, want %q", got, want)
	}
}

func TestAFolderEverybodyMayWriteToIsNotTrusted(t *testing.T) {
	t.Parallel()
	s := around(t)
	write(t, filepath.Join(s.Dir, "ansible.cfg"), "[defaults]\nforks = 7\n")
	home := write(t, filepath.Join(s.Home, ".ansible.cfg"), "[defaults]\nforks = 8\n")
	if err := os.Chmod(s.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := Load(s)
	if err != nil || c.Path != home || c.Int(Forks) != 8 {
		t.Errorf("path %q, forks %d, %v", c.Path, c.Int(Forks), err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "everybody may write") {
		t.Errorf("warnings %v", warnings)
	}
}

func TestSettingsAndTheirOrigins(t *testing.T) {
	t.Parallel()
	s := around(t, "ANSIBLE_REMOTE_USER=envy", "ANSIBLE_ROLES_PATH=r1:~/r2", "ANSIBLE_FORKS=3", "ANSIBLE_INVENTORY_IGNORE=.x, .y", "HOME2=/h2", "ANSIBLE_SSH_TIMEOUT=4", "ANSIBLE_TIMEOUT=5")
	file := write(t, filepath.Join(s.Dir, "cfg", "ansible.cfg"), `# comment
[defaults]
remote_user: filer
inventory = hosts, $HOME2/more ,~/x
private_key_file = "key"   ; the key
host_key_checking=False
vault_identity_list = a@one,
   b@two
jinja2_native = yes
[privilege_escalation]
become = True
become_user = 'bob'
[ssh_connection]
ssh_args = -o ProxyJump=bastion -p 2222
[tags]
skip = slow,  never_this
`)
	s.Environ = append(s.Environ, "ANSIBLE_CONFIG="+file)
	c := load(t, s)
	for _, x := range []struct {
		key   Key
		raw   string
		words []string
		where string
	}{
		{RemoteUser, "envy", nil, "$ANSIBLE_REMOTE_USER"},
		{Inventory, s.Dir + "/cfg/hosts,/h2/more," + s.Home + "/x", []string{s.Dir + "/cfg/hosts", "/h2/more", s.Home + "/x"}, file + ":4:1"},
		{PrivateKeyFile, s.Dir + "/cfg/key", nil, file + ":5:1"},
		{HostKeyChecking, "False", nil, file + ":6:1"},
		{VaultIdentityList, "a@one,\nb@two", []string{"a@one", "b@two"}, file + ":7:1"},
		{BecomeUser, "bob", nil, file + ":12:1"},
		{SSHArgs, "-o ProxyJump=bastion -p 2222", nil, file + ":14:1"},
		{TagsSkip, "slow,  never_this", []string{"slow", "never_this"}, file + ":16:1"},
		{RolesPath, s.Dir + "/r1:" + s.Home + "/r2", []string{s.Dir + "/r1", s.Home + "/r2"}, "$ANSIBLE_ROLES_PATH"},
		{InventoryIgnoreExts, ".x, .y", []string{".x", ".y"}, "$ANSIBLE_INVENTORY_IGNORE"},
		{Timeout, "4", nil, "$ANSIBLE_SSH_TIMEOUT"},
		{BecomeMethod, "sudo", nil, "default"},
	} {
		v := c.Get(x.key)
		if v.Raw != x.raw || v.Where() != x.where || x.words != nil && !cmp.Equal(v.Words, x.words) {
			t.Errorf("%s: %q %q from %s, want %q %q from %s", x.key, v.Raw, v.Words, v.Where(), x.raw, x.words, x.where)
		}
	}
	if c.Bool(HostKeyChecking) || !c.Bool(Native) || !c.Bool(Become) || !c.Bool(UndefinedIsError) || c.Int(Forks) != 3 {
		t.Error("booleans and numbers are not what was written")
	}
	if len(c.Ignored) != 0 {
		t.Errorf("ignored: %v", c.Ignored)
	}
}

func TestWhatHasNoEffectIsNamed(t *testing.T) {
	t.Parallel()
	s := around(t, "ANSIBLE_CALLBACKS_ENABLED=timer", "ANSIBLE_GALAXY_SERVER_LIST=x", "ANSIBLE_FROKS=2", "PATH=/bin")
	write(t, filepath.Join(s.Dir, "ansible.cfg"), "[defaults]\nnocows = 1\nfork = 3\n[galaxy]\nserver=x\n[ssh_connection]\npipelining = True\n")
	got := map[string]bool{}
	for _, i := range load(t, s).Ignored {
		got[i.Name] = i.Unknown
		if i.Why == "" {
			t.Errorf("%s: no reason", i.Name)
		}
		if i.Name == "[defaults] fork" && !strings.Contains(i.Why, "did you mean forks?") {
			t.Errorf("%s: %s", i.Name, i.Why)
		}
	}
	want := map[string]bool{"[defaults] nocows": false, "[defaults] fork": true, "[galaxy] server": false, "[ssh_connection] pipelining": false,
		"$ANSIBLE_CALLBACKS_ENABLED": false, "$ANSIBLE_GALAXY_SERVER_LIST": false, "$ANSIBLE_FROKS": true}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[defaults]\nforks = many\n":           "ansible.cfg:2:1: forks must be a whole number",
		"[defaults]\ngathering = sometimes\n":  "ansible.cfg:2:1: gathering must be one of",
		"forks = 1\n":                          "ansible.cfg:1:1: \"forks = 1\" stands before",
		"[defaults]\nforks\n":                  "ansible.cfg:2:1: expected [section]",
		"[defaults]\nforks = 1\nforks = 2\n":   "ansible.cfg:3:1: [defaults] forks was set before, in line 2",
		"[defaults]\n[tags]\nrun=a\nrun = b\n": "ansible.cfg:4:1: [tags] run was set before, in line 3",
	} {
		s := around(t)
		write(t, filepath.Join(s.Dir, "ansible.cfg"), text)
		if _, _, err := Load(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	s := around(t, "ANSIBLE_FORKS=x")
	if _, _, err := Load(s); err == nil || !strings.Contains(err.Error(), "$ANSIBLE_FORKS: forks must be") {
		t.Errorf("a variable: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[a]\nb = c\n d\n; e\n")
	f.Add("[a\nb:c ; d\n\n[]\n=x")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parse("f", text) })
}
