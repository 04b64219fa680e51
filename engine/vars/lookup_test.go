package vars

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// TestLookupsOfAnsible is TestPlaybookStringsOfAnsible for lookups that read
// files: those of testdata/lookups.
func TestLookupsOfAnsible(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/plugins/vars.json")
	if err != nil {
		t.Fatal(err)
	}
	vars, err := ParseExtra(string(data), yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	eng := New(&inventory.Inventory{}, vars)
	dir, err := filepath.Abs("testdata/lookups")
	if err != nil {
		t.Fatal(err)
	}
	play := &PlayVars{Play: &playbook.Play{Dir: dir}}
	scope := func() *Scope { return eng.Scope(noWorld{}, nil, play, nil, Moment{}) }
	cases := readCases(t, "testdata/lookups/cases.json")
	if len(cases) < 50 {
		t.Fatal("cases are missing")
	}
	for _, c := range cases {
		if different[c.Expr] == "" {
			checkRecorded(t, scope, c)
		}
	}
}

func bareScope(t *testing.T, dir string) *Scope {
	t.Helper()
	eng := New(&inventory.Inventory{}, &yaml.Vars{})
	return eng.Scope(noWorld{}, nil, &PlayVars{Play: &playbook.Play{Dir: dir}}, nil, Moment{})
}

func one(t *testing.T, s *Scope, name, term string, opts ...jinja.Kw) string {
	t.Helper()
	items, _, err := s.Lookups(name, []value.Value{value.String(term)}, jinja.Args{Kw: opts})
	if err != nil {
		return "error: " + err.Error()
	}
	return value.List(items...).Text()
}

func kw(name, v string) jinja.Kw { return jinja.Kw{Name: name, Value: value.String(v)} }

func TestPasswordFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := bareScope(t, dir)
	first := one(t, s, "password", "sub/pw length=12 chars=digits")
	if second := one(t, s, "password", "sub/pw"); second != first || len(first) != len("['']")+12 {
		t.Errorf("first %s, then %s", first, second)
	}
	file := filepath.Join(dir, "sub/pw")
	for p, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700 | os.ModeDir} {
		if st, err := os.Stat(p); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, %v", p, st.Mode(), err)
		}
	}
	hash := one(t, s, "password", "sub/pw encrypt=md5_crypt")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(data); !strings.HasPrefix(hash, "['$1$") || !strings.Contains(text, " salt=") || strings.Contains(text, " ident=") {
		t.Errorf("hash %s, file %q", hash, text)
	}
	if again := one(t, s, "password", "sub/pw encrypt=md5_crypt"); again != hash {
		t.Errorf("another hash: %s, %s", hash, again)
	}
	if plain := one(t, s, "password", "sub/pw"); plain != first {
		t.Errorf("the salt changed the password: %s", plain)
	}
	one(t, s, "password", "b encrypt=bcrypt ident=2a")
	if got := one(t, s, "password", "b encrypt=bcrypt ident=2b"); !strings.Contains(got, "does not match the stored one") {
		t.Error(got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*lock*")); len(left) > 0 {
		t.Errorf("locks are left: %v", left)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch user, _, _ := r.BasicAuth(); r.URL.Path {
		case "/lines":
			_, _ = w.Write([]byte("a\r\nb\n")) // the test sees what is missing
		case "/who":
			_, _ = w.Write([]byte(user + " " + r.UserAgent() + " " + r.Header.Get("X-A")))
		case "/moved":
			http.Redirect(w, r, "/lines", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	s := bareScope(t, t.TempDir())
	headers := jinja.Kw{Name: "headers", Value: value.FromMap(value.M("X-A", value.String("1")))}
	for _, c := range []struct {
		path, want string
		opts       []jinja.Kw
	}{
		{"/lines", "['a', 'b']", nil},
		{"/moved", "['a', 'b']", nil},
		{"/lines", `['a\r\nb\n']`, []jinja.Kw{kw("split_lines", "no")}},
		{"/who", "['bob ansible-httpget 1']", []jinja.Kw{kw("username", "bob"), kw("password", "x"), headers}},
		{"/nope", "error: Received HTTP error for " + srv.URL + "/nope : HTTP Error 404: Not Found", nil},
	} {
		if got := one(t, s, "url", srv.URL+c.path, c.opts...); got != c.want {
			t.Errorf("%s: %s, not %s", c.path, got, c.want)
		}
	}
	srv.Close()
	if got := one(t, s, "url", srv.URL); !strings.HasPrefix(got, "error: Failed lookup url for") {
		t.Error(got)
	}
}

func TestVaultedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "v"), []byte("$ANSIBLE_VAULT;1.1;AES256\n00\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := bareScope(t, dir)
	if got := one(t, s, "file", "v"); !strings.Contains(got, "no vault secrets found") {
		t.Error(got)
	}
	s.eng.Decrypt = func(string) (string, error) { return "clear\n", nil }
	items, _, err := s.Lookups("file", []value.Value{value.String("v")}, jinja.Args{})
	if err != nil || len(items) != 1 || items[0].Str() != "clear" || !items[0].IsSecret() {
		t.Errorf("%v, %v", items, err)
	}
}

func TestFiletree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"files/web/etc/app.conf": 0o640, "files/web/a": 0o755, "files/site/a": 0o600, "files/site/b": 0o600} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte("12345"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("a", filepath.Join(dir, "files/web/l")); err != nil {
		t.Fatal(err)
	}
	s := bareScope(t, dir)
	items, _, err := s.Lookups("community.general.filetree", []value.Value{value.String("web/"), value.String("site"), value.String("nope/x")}, jinja.Args{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, it := range items {
		line := ""
		for _, k := range []string{"root", "path", "state", "src", "mode", "size"} {
			if v, ok := it.Map().Get(k); ok && (k != "size" || !strings.Contains(line, "directory") && !strings.Contains(line, "link")) {
				line += strings.ReplaceAll(v.Text(), dir, "") + " "
			}
		}
		got = append(got, line)
		if m, _ := it.Map().Get("mtime"); m.Text() == "" || !it.Map().Has("owner") {
			t.Errorf("%s: no time or owner", line)
		}
	}
	want := []string{
		"/files/web/ etc directory 0755 ", "/files/web/ a file /files/web/a 0755 5 ", "/files/web/ l link a 0777 ",
		"/files/web/ etc/app.conf file /files/web/etc/app.conf 0640 5 ", "/files/site b file /files/site/b 0600 5 ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
