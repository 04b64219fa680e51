//go:build unix

package config

import "syscall"

// maxFiles is how many files this process may open; 0 when that cannot be told. The
// Go runtime has raised the limit to the hard one before.
func maxFiles() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil || l.Cur > 1<<30 {
		return 0
	}
	return int(l.Cur)
}
