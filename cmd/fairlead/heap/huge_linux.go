package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"
)

// A page that is touched for the first time costs about as much as planning a task on a
// host does, more on a virtual machine, and a run on many hosts touches tens of thousands.
// Pages of 2 MB cost a five-hundredth of that. Where the kernel gives them to everybody
// (transparent_hugepage/enabled says always) Go's heap has them; where it gives them to
// who asks (madvise), Go does not ask. See
// https://docs.kernel.org/admin-guide/mm/transhuge.html.
const hugePages = "/sys/kernel/mm/transparent_hugepage/enabled"

// What a run takes of the heap, beside what it takes for each of its hosts (bytes).
const (
	runHeap  = 32 << 20
	hostHeap = 200 << 10
)

// reserve prepares for a run on so many hosts. It gives back what only the start needed,
// and makes room in huge pages where the kernel gives them to who asks for them: that takes
// address space, no memory. A heap that grows less never touches the rest, one that grows
// more goes on in small pages. It makes no room where memory or address space is limited by
// setting (GOMEMLIMIT, ulimit -v, vm.overcommit_memory=2), and never asks for more than a
// quarter of the machine's memory.
func reserve(hosts int) {
	if hosts >= forgetHosts {
		forgetStart()
	}
	if onRequest() && !limited() {
		grow(min(runHeap+uint64(hosts)*hostHeap, memory()/4))
	}
}

// grow has the heap grow by n bytes at once, asks for huge pages there, and gives
// them back to the heap, which allocates from its lowest free address on.
func grow(n uint64) {
	if n == 0 {
		return
	}
	percent := debug.SetGCPercent(-1) // what follows is no reason to collect
	block := make([]byte, n)
	_ = unix.Madvise(block, unix.MADV_HUGEPAGE) // small pages do as well
	runtime.KeepAlive(block)
	runtime.GC()
	if debug.SetGCPercent(percent); os.Getenv("GOGC") == "" {
		setGC()
	}
}

// onRequest tells whether huge pages are for who asks for them.
func onRequest() bool {
	b, err := os.ReadFile(hugePages)
	return err == nil && strings.Contains(string(b), "[madvise]")
}

// limited tells whether address space that is not used counts.
func limited() bool {
	if os.Getenv("GOMEMLIMIT") != "" {
		return true
	}
	var space unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &space) != nil || space.Cur != unix.RLIM_INFINITY {
		return true
	}
	b, err := os.ReadFile("/proc/sys/vm/overcommit_memory")
	return err != nil || strings.TrimSpace(string(b)) == "2"
}

// memory is the machine's memory in bytes, 0 if unknown.
func memory() uint64 {
	var s unix.Sysinfo_t
	if unix.Sysinfo(&s) != nil {
		return 0
	}
	return uint64(s.Totalram) * uint64(s.Unit)
}
