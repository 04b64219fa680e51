package inventory

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

func TestRefresh(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "hosts.ini")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(file, "[web]\none a=1\ntwo\n")
	write(filepath.Join(dir, "play", "host_vars", "three.yml"), "beside: playbook\n")
	inv, err := Load(Options{Sources: []string{file}})
	if err != nil {
		t.Fatal(err)
	}
	if err := inv.AddPlaybookDir(filepath.Join(dir, "play")); err != nil {
		t.Fatal(err)
	}
	vs := &yaml.Vars{}
	vs.SetValue("made", diag.Pos{}, value.Int(1))
	if _, _, err := inv.AddHost("late", diag.Pos{}, []string{"added"}, vs); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if _, err := inv.AddToGroup(inv.Host(name), "by_"+name, []string{"made"}); err != nil {
			t.Fatal(err)
		}
	}

	write(file, "[web]\ntwo a=2\nthree\n")
	if err := inv.Refresh(); err != nil {
		t.Fatal(err)
	}
	if inv.Host("one") != nil {
		t.Error("a host that the source names no more is still there")
	}
	for _, tt := range []struct {
		host, name, want string
		groups           []string
	}{
		{"two", "a", "2", []string{"by_two", "made", "web"}},
		{"three", "beside", "playbook", []string{"web"}},
		{"late", "made", "1", []string{"added"}},
	} {
		h := inv.Host(tt.host)
		if h == nil {
			t.Fatalf("%s is not there", tt.host)
		}
		got := ""
		for _, l := range inv.Layers(h) {
			if n := l.Vars.Node(tt.name); n != nil {
				got = n.Value().Text()
			}
		}
		groups := inv.HostGroups(h)
		slices.Sort(groups)
		if got != tt.want || !slices.Equal(groups, tt.groups) {
			t.Errorf("%s: %s is %q in %v, want %q in %v", tt.host, tt.name, got, groups, tt.want, tt.groups)
		}
	}

	write(file, "[web\n")
	if err := inv.Refresh(); err == nil || inv.Host("two") == nil {
		t.Errorf("a source that cannot be read any more: %v", err)
	}
}
