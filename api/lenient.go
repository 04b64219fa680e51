package api

import (
	"bytes"
	"net"
)

// maxRequestLine bounds how far the first line of a connection is looked at.
const maxRequestLine = 64 << 10

// lenientListener accepts connections whose first request line may hold
// unescaped blanks: server-manager's client puts states into the query as they
// are, and with an old libcurl they are sent so.
type lenientListener struct{ net.Listener }

func (l *lenientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lenientConn{Conn: c}, nil
}

type lenientConn struct {
	net.Conn
	seen    bool   // the first line is through
	pending []byte // read and not handed on yet
	err     error
}

func (c *lenientConn) Read(p []byte) (int, error) {
	if !c.seen && len(p) > 0 {
		if n, done, err := c.firstLine(); !done {
			return n, err
		}
	}
	if len(c.pending) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(p)
}

// firstLine reads until the first line is whole and puts it right. A read that
// ends early for a deadline is handed on as it is; what came stays.
func (c *lenientConn) firstLine() (n int, done bool, err error) {
	buf := make([]byte, 4096)
	for !bytes.ContainsRune(c.pending, '\n') && len(c.pending) < maxRequestLine {
		n, err := c.Conn.Read(buf)
		c.pending = append(c.pending, buf[:n]...)
		if err == nil {
			continue
		}
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			return 0, false, err
		}
		c.err = err
		break
	}
	c.seen = true
	if i := bytes.IndexByte(c.pending, '\n'); i >= 0 {
		line := escapeBlanks(bytes.TrimSuffix(c.pending[:i], []byte("\r")))
		c.pending = append(append(line, '\r', '\n'), c.pending[i+1:]...)
	}
	return 0, true, nil
}

// escapeBlanks writes the blanks inside the target of a request line as %20.
func escapeBlanks(line []byte) []byte {
	first, last := bytes.IndexByte(line, ' '), bytes.LastIndexByte(line, ' ')
	if first < 0 || first == last || !bytes.HasPrefix(line[last+1:], []byte("HTTP/")) {
		return bytes.Clone(line)
	}
	target := bytes.ReplaceAll(bytes.TrimSpace(line[first+1:last]), []byte(" "), []byte("%20"))
	out := append(bytes.Clone(line[:first+1]), target...)
	return append(out, line[last:]...)
}
