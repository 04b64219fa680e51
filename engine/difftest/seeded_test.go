package difftest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fault is a defect put into the program on purpose: in file, the one place
// that reads right becomes wrong. Some case of those named must then differ.
type fault struct {
	name, file, right, wrong string
	cases                    string
}

var faults = []fault{
	{"a notification is ignored", "engine/run/handlers.go", "if t, ok := pl.names.byName[name]; ok {", "if t, ok := pl.names.byName[name]; ok && false {", "^handlers"},
	{"a rollback is skipped", "engine/run/host.go", "\th.entries = h.entries[:s.entries]\n", "", "^middle-set"},
	{"a stale view is kept", "engine/state/hostview.go", "func (v *HostView) Forget() {\n", "func (v *HostView) Forget() {\n\tif v.entries != nil {\n\t\treturn\n\t}\n", "^fmiddle|^command"},
}

// TestSeededFaults builds the program with each fault and wants the suite to see
// it: a suite that stays green then proves nothing.
func TestSeededFaults(t *testing.T) {
	s := newSuite(t, false)
	known := readRecords(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			re := regexp.MustCompile(f.cases)
			var cases []*testCase
			for _, c := range s.cases {
				if re.MatchString(c.name) && known.of(c) != nil {
					cases = append(cases, c)
				}
			}
			got, err := runFairlead(s.bed, buildFairlead(t, "-overlay", f.overlay(t)), "run", s.dirs, cases)
			if err != nil {
				t.Fatal(err)
			}
			red := 0
			for _, c := range cases {
				if diffs := compare(c, known.of(c), got[c]); len(diffs) > 0 {
					t.Logf("%s: %s", c.name, diffs[0])
					red++
				}
			}
			t.Logf("%d of %d cases are red", red, len(cases))
			if red == 0 {
				t.Error("no case noticed")
			}
		})
	}
}

// overlay writes the file with the fault in it, and the list that go build takes.
func (f fault) overlay(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("../..", f.file))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), f.right); n != 1 {
		t.Fatalf("%s has %q %d times: name another place for this fault", f.file, f.right, n)
	}
	dir := t.TempDir()
	changed, list := filepath.Join(dir, "changed.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(src), f.right, f.wrong, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}
