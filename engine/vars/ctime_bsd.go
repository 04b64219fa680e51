//go:build darwin || freebsd || netbsd

package vars

import (
	"syscall"
	"time"
)

// changedAt is when a file's inode last changed.
func changedAt(st *syscall.Stat_t) time.Time { return time.Unix(st.Ctimespec.Unix()) }
