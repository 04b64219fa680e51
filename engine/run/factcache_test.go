package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

func TestOpenFacts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "b")
	for name, c := range map[string]struct {
		cache FactCache
		kept  bool
		says  string
	}{
		"none":      {FactCache{}, false, ""},
		"memory":    {FactCache{Plugin: "memory", Dir: dir}, false, ""},
		"files":     {FactCache{Plugin: "jsonfile", Dir: dir}, true, ""},
		"full name": {FactCache{Plugin: "ansible.builtin.jsonfile", Dir: dir}, true, ""},
		"no folder": {FactCache{Plugin: "jsonfile"}, false, "requires the 'fact_caching_connection'"},
		"another":   {FactCache{Plugin: "redis", Dir: dir}, false, "Unable to load the facts cache plugin (redis)."},
	} {
		s, err := openFacts(c.cache, time.Now)
		if (s != nil) != c.kept || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestFactStore(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	s := &factStore{FactCache{Dir: dir, Prefix: "p_", Timeout: time.Minute}, func() time.Time { return now }}
	if m, err := s.read("h"); m != nil || err != nil {
		t.Fatalf("before: %v, %v", m, err)
	}
	h := vars.NewHost(&inventory.Host{Name: "h"})
	for name, v := range map[string]any{"ansible_os_family": "Debian", "module_setup": true, "mine": "{{ x }}", "ansible_local": map[string]any{"a": 1}} {
		h.SetKept(name, value.FromGo(v))
	}
	h.SetKept("unknown", value.Unknown(&value.Origin{What: "x"}))
	if err := s.write("h", h.KeptFacts()); err != nil {
		t.Fatal(err)
	}
	want := `{
    "_ansible_facts_gathered": true,
    "ansible_local": {
        "a": 1
    },
    "ansible_os_family": "Debian",
    "mine": "{{ x }}",
    "module_setup": true
}`
	got, err := os.ReadFile(filepath.Join(dir, "p_h"))
	if err != nil || string(got) != want {
		t.Errorf("file: %s, %v", got, err)
	}
	m, err := s.read("h")
	if mine, _ := m.Get("mine"); err != nil || !mine.IsUnsafe() {
		t.Errorf("a text of the cache can be evaluated: %v, %v", m, err)
	}
	now = now.Add(2 * time.Minute)
	if m, err := s.read("h"); m != nil || err != nil {
		t.Errorf("an old file: %v, %v", m, err)
	}
	s.Timeout = 0
	if m, err := s.read("h"); m == nil || err != nil {
		t.Errorf("without a limit: %v, %v", m, err)
	}
	if err := os.WriteFile(s.file("h"), []byte("[1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.read("h"); err == nil || !strings.Contains(err.Error(), "was corrupt") {
		t.Errorf("no JSON: %v", err)
	}
	s.forget("h")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
