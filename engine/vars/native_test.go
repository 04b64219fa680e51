package vars

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// With jinja2_native, template files and what they read keep to texts, the lookup's
// too unless it asks for native values (the wants are ansible-core 2.14's).
func TestTemplateFilesAreNotNative(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := filepath.Join(dir, "l.j2")
	if err := os.WriteFile(list, []byte("[{{ s }}, \"{{ n }}\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	extra, err := ParseExtra(`{"s": "5", "n": "{{ s }}", "m": "{{ s }}{{ s }}", "e": "{{ none }}", "l": "{{ [s, none] }}"}`, yaml.Options{})
	if err != nil {
		t.Fatal(err)
	}
	eng := New(&inventory.Inventory{}, extra)
	eng.Native = true
	s := eng.Scope(noWorld{}, nil, nil, nil, Moment{})
	text := `{{ n | to_json }} {{ m | to_json }} [{{ e }}] {{ l | to_json }}`
	v, err := s.RenderText(filepath.Join(dir, "t.j2"), text, jinja.FileOptions(), value.NewMap())
	if want := `"5" "55" [None] ["5", null]`; err != nil || v.Text() != want {
		t.Errorf("file: %q, %v; want %q", v.Text(), err, want)
	}
	for expr, want := range map[string]string{
		"n | type_debug":                                                   "int",
		"lookup('template', '" + list + "')":                               "[5, '5']",
		"lookup('template', '" + list + "') | type_debug":                  "NativeJinjaUnsafeText",
		"lookup('template', '" + list + "', jinja2_native=true)":           "[5, '5']",
		"lookup('template', '" + list + "', jinja2_native=true) is string": "False",
	} {
		v, err := s.Eval(yaml.FromValue(diag.Pos{}, value.String("{{ "+expr+" }}")))
		if err != nil || v.Text() != want {
			t.Errorf("%s = %q, %v; want %q", expr, v.Text(), err, want)
		}
	}
}
