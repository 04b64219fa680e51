package heap

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetHosts are as many hosts as are worth mapping again, page by page, what a run
// needs of the program.
const forgetHosts = 200

// forgetStart gives back the pages of the program itself that starting it has mapped: the
// kernel maps sixteen around each that is touched, and a run needs fewer than the
// beginning of all libraries did. What is needed is mapped again from the page cache.
func forgetStart() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(maps)) {
		// from-to permissions offset device inode path, see proc_pid_maps(5).
		f := strings.Fields(line)
		var from, to uintptr
		if len(f) != 6 || f[5] != program || strings.Contains(f[1], "w") {
			continue
		}
		if _, err := fmt.Sscanf(f[0], "%x-%x", &from, &to); err == nil {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED) // they stay mapped, then
		}
	}
}
