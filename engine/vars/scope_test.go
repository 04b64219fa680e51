package vars

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// varsOf makes an engine over one host, and variables of its group.
func varsOf(t testing.TB, group string) (*Engine, *Host) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"hosts": "[web]\nw1 own=1\n", "group_vars/web.yml": group} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inv, err := inventory.Load(inventory.Options{Sources: []string{filepath.Join(dir, "hosts")}})
	if err != nil {
		t.Fatal(err)
	}
	return New(inv, &yaml.Vars{}), NewHost(inv.Host("w1"))
}

// oneHost is a world of one host.
type oneHost struct {
	noWorld
	h *Host
}

func (w oneHost) HostState(name string) (*Host, bool) { return w.h, name == w.h.Name }

func TestReads(t *testing.T) {
	t.Parallel()
	e, h := varsOf(t, "grouped: 1\n")
	eval := func(text string) *Reads {
		s := e.Scope(oneHost{h: h}, h, nil, nil, Moment{})
		r := s.Record()
		if _, err := s.Eval(yaml.FromValue(diag.Pos{}, value.String(text))); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return r
	}
	for text, own := range map[string]bool{
		"{{ nothing | default('x') }}": false, "{{ groups.web }}": false, "{{ 1 + 1 }}": false,
		"{{ own }}": true, "{{ grouped }}": true, "{{ inventory_hostname }}": true, "{{ hostvars.w1.own }}": true, "{{ 5 | random }}": true,
		"{{ now() }}": true, "{{ lookup('vars', 'own') }}": true, "{{ ansible_facts | length }}": true, "{{ vars | length }}": true,
	} {
		if got := eval(text).Own(); got != own {
			t.Errorf("%s: own %t, want %t", text, got, own)
		}
	}
	r := eval("{{ nothing | default('x') }}")
	if !r.HoldFor(e, h) {
		t.Error("what nobody has holds for a host that has it neither")
	}
	h.Set.Set("nothing", value.Int(1))
	if r.HoldFor(e, h) {
		t.Error("what nobody had does not hold for a host that has it now")
	}
}

// BenchmarkVariable resolves a variable that is defined by others, as every task does
// anew for every host.
func BenchmarkVariable(b *testing.B) {
	text := "v0: 0\n"
	for i := range 20 {
		text += fmt.Sprintf("v%d: '{{ v%d }}.%d'\n", i+1, i, i)
	}
	e, h := varsOf(b, text)
	n := yaml.FromValue(diag.Pos{File: "bench", Line: 1, Col: 1}, value.String("{{ v20 }}/{{ inventory_hostname }}"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Scope(noWorld{}, h, nil, nil, Moment{}).Eval(n); err != nil {
			b.Fatal(err)
		}
	}
}
