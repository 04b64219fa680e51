package heap

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// What starting the program has mapped of it is given back, and what is needed comes
// again: this test goes on.
func TestForgetStart(t *testing.T) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	before := resident(t, program)
	forgetStart()
	after := resident(t, program)
	if after >= before*3/4 {
		t.Errorf("%d KB of the program were in memory and still %d are", before, after)
	}
}

// resident is how many KB of a file's mappings that are not written are in memory.
func resident(t *testing.T, file string) (kb int) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was read
	counts := false
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if fields := strings.Fields(line); len(fields) > 1 && strings.Contains(fields[0], "-") {
			counts = strings.HasSuffix(line, file) && !strings.Contains(fields[1], "w")
		}
		var n int
		if _, err := fmt.Sscanf(line, "Rss: %d kB", &n); err == nil && counts {
			kb += n
		}
	}
	return kb
}
