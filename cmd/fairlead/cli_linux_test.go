package main

import (
	"os"
	"syscall"
)

// maxResident is the most memory a process had, in KiB.
func maxResident(p *os.ProcessState) int64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return int64(u.Maxrss)
}
