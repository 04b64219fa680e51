//go:build !linux

package ssh

import "syscall"

// quickAck has no equal outside Linux.
func quickAck(syscall.RawConn) {}
