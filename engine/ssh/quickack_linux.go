package ssh

import "syscall"

// quickAck turns delayed acknowledgement off until the kernel turns it on again,
// which it does by itself: so it is armed after every read.
func quickAck(raw syscall.RawConn) {
	_ = raw.Control(setQuickAck)
}

func setQuickAck(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}
