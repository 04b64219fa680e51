package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/tasks/all"
)

// TestModulesDocument holds docs/modules.md to what the modules say of
// themselves.
func TestModulesDocument(t *testing.T) {
	t.Parallel()
	const file = "../../docs/modules.md"
	want := allModules(all.Registry())
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(got), want); d != "" {
		t.Errorf("docs/modules.md is stale: run make docs\n%s", d)
	}
}
