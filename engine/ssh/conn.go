package ssh

import (
	"net"
	"sync"
	"syscall"
)

// conn is a TCP connection that remembers how the other side began, and on Linux
// acknowledges at once: sshd's Nagle against our delayed ACK costs 40 ms.
type conn struct {
	net.Conn
	raw   syscall.RawConn
	mu    sync.Mutex
	first []byte
}

func newConn(c net.Conn) *conn {
	w := &conn{Conn: c}
	if s, ok := c.(syscall.Conn); ok {
		w.raw, _ = s.SyscallConn()
	}
	return w
}

const keptFirst = 64

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		if len(c.first) < keptFirst {
			c.mu.Lock()
			c.first = append(c.first, b[:min(n, keptFirst-len(c.first))]...)
			c.mu.Unlock()
		}
		if c.raw != nil {
			quickAck(c.raw)
		}
	}
	return n, err
}

// firstBytes is how the other side began, up to the end of its first line.
func (c *conn) firstBytes() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.first {
		if b == '\n' || b == '\r' {
			return string(c.first[:i])
		}
	}
	return string(c.first)
}
