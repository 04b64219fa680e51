package heap

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// What was reserved asks for huge pages, and the heap goes on there: of 64 MB of small
// objects nearly all lie in it.
func TestGrow(t *testing.T) {
	if _, err := os.Stat(hugePages); err != nil {
		t.Log("this kernel has no huge pages: nothing is asked for")
		return
	}
	grow(96 << 20)
	var blocks [][]byte
	for range 64 << 20 / 4096 {
		blocks = append(blocks, make([]byte, 4096))
	}
	asking, in := asking(t), 0
	for _, b := range blocks {
		at := uint64(uintptr(unsafe.Pointer(&b[0])))
		for _, m := range asking {
			if m.from <= at && at < m.to {
				in++
			}
		}
	}
	if in < len(blocks)*3/4 {
		t.Errorf("%d of %d objects lie in memory that asks for huge pages", in, len(blocks))
	}
}

type mapping struct{ from, to uint64 }

// asking lists the mappings with the flag hg.
func asking(t *testing.T) (list []mapping) {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was read
	var m mapping
	for s := bufio.NewScanner(f); s.Scan(); {
		if _, err := fmt.Sscanf(s.Text(), "%x-%x ", &m.from, &m.to); err == nil {
			continue
		}
		if flags, ok := strings.CutPrefix(s.Text(), "VmFlags:"); ok && strings.Contains(flags+" ", " hg ") {
			list = append(list, m)
		}
	}
	return list
}

func TestLimited(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "1GiB")
	if !limited() {
		t.Error("a limit of memory does not count")
	}
	if memory() < 64<<20 {
		t.Errorf("the machine's memory is %d bytes", memory())
	}
}
