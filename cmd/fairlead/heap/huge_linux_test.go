package heap

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var keep [][]byte

// What was reserved is there in huge pages: touching 64 MB of small objects, which is
// 16,384 small pages, takes a fraction of as many faults, unless the kernel has none.
func TestReserve(t *testing.T) {
	reserve(96 << 20)
	before := faults(t)
	for range 64 << 20 / 4096 {
		keep = append(keep, make([]byte, 4096))
	}
	for _, b := range keep {
		b[0] = 1
	}
	keep = nil
	mode, _ := os.ReadFile(hugePages)
	if n := faults(t) - before; n > 4096 && len(mode) > 0 && !strings.Contains(string(mode), "[never]") {
		t.Errorf("64 MB took %d page faults", n)
	}
}

func faults(t *testing.T) int64 {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return r.Minflt
}

func TestReserveHosts(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "1GiB")
	if !limited() {
		t.Error("a limit of memory does not count")
	}
	if memory() < 64<<20 {
		t.Errorf("the machine's memory is %d bytes", memory())
	}
}
