package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// TestGroupNames has the names and warnings of ansible-core 2.14 for each value
// of force_valid_group_names.
func TestGroupNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const ini, yml = "[web-1]\na\n[2nd.site:children]\nweb-1\n[web-1:vars]\nx=1\n", "all: {children: {'é b': {hosts: {a: }}}}\n"
	for name, text := range map[string]string{"1": ini, "2.yml": yml} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for how, want := range map[string]string{
		"":         "2nd.site web-1 é b",
		"ignore":   "2nd.site web-1 é b",
		"never":    "2nd.site web-1 é b: Invalid characters were found in group names but not replaced: web-1",
		"always":   "_nd_site web_1 é_b: Invalid characters were found in group names and automatically replaced by _",
		"silently": "_nd_site web_1 é_b",
	} {
		said := ""
		inv, err := Load(Options{Sources: []string{dir}, Rules: Rules{GroupNames: how}, YAML: yaml.Options{Warn: func(d *diag.Diagnostic) { said += ": " + d.Msg }}})
		if err != nil {
			t.Fatal(how, err)
		}
		if got := strings.Join(inv.HostGroups(inv.Host("a")), " ") + said; got != want {
			t.Errorf("%q: %s, not %s", how, got, want)
		}
		if how == "always" && inv.GroupVars(inv.Group("web_1")).Len() != 1 {
			t.Error("variables of web_1 are lost")
		}
	}
}
