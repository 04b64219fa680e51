package probe

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// TestDistributions reads testdata/distributions: one file per system, which
// holds its release files as the script prints them, behind the facts that
// Ansible gives for such a system ("want name=value").
func TestDistributions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/distributions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no data", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			r := parseRaw(data)
			out := value.NewMap()
			distributionFacts(r, out)
			pkgMgrFacts(r, out)
			serviceMgrFacts(r, out)
			for l := range strings.SplitSeq(string(data), "\n") {
				l, ok := strings.CutPrefix(l, "want ")
				if !ok {
					continue
				}
				k, want, _ := strings.Cut(l, "=")
				got, has := out.Get(k)
				if want == "-" && has || want != "-" && got.Text() != want {
					t.Errorf("%s: %q, want %q", k, got.Text(), want)
				}
			}
		})
	}
}
