package inventory

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
)

func runScript(t *testing.T, text string) (*Inventory, error) {
	t.Helper()
	file := write(t, map[string]string{"inv.sh": "#!/bin/sh\n" + text}, "inv.sh")
	if err := os.Chmod(file, 0o755); err != nil {
		t.Fatal(err)
	}
	return Load(Options{Sources: []string{file}})
}

func TestExecutableInventory(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"meta":   `echo '{"web": {"hosts": ["w1", "w2"], "vars": {"a": 1}, "children": ["sub"]}, "sub": ["w3"], "solo": {"x": 5}, "bare": {}, "_meta": {"hostvars": {"w1": {"h": [1]}}}}'`,
		"--host": `if [ "$1" = --list ]; then echo '{"web": {"hosts": ["w1", "w2"], "vars": {"a": 1}, "children": ["sub"]}, "sub": ["w3"], "solo": {"x": 5}, "bare": {}}'; elif [ "$2" = w1 ]; then echo '{"h": [1]}'; fi`,
	} {
		inv, err := runScript(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		web, _ := inv.Match("web", diag.Pos{})
		if d := cmp.Diff([]string{"w1", "w2", "w3"}, names(web)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if inv.Host("bare") == nil { // a group without anything is a host of that name, too
			t.Errorf("%s: no host bare", name)
		}
		if got := lookup(inv, inv.Host("w1"), "h") + lookup(inv, inv.Host("w3"), "a") + lookup(inv, inv.Host("solo"), "x"); got != "[1]15" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for text, want := range map[string]string{
		"echo oops >&2; exit 3": "exit status 3: oops", "echo no json": "does not answer with JSON", "echo []": "must be a JSON object", `echo '{"a": {"hosts": 5}}'`: "must be a list",
	} {
		if _, err := runScript(t, text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "inv.sh:1:1") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
