package main

import (
	"net"
	"sync"
	"time"
)

// delayedConn holds every chunk back for a while, in both directions, as a long
// line does: what was written before is not waited for again.
type delayedConn struct {
	net.Conn
	in, out *line
	rest    []byte
}

// line is one direction: chunks and when they are due.
type line struct {
	ch   chan chunk
	once sync.Once
	done chan struct{}
}

type chunk struct {
	b   []byte
	due time.Time
	err error
}

func newLine() *line { return &line{ch: make(chan chunk, 4096), done: make(chan struct{})} }

func (l *line) put(c chunk) bool {
	select {
	case l.ch <- c:
		return true
	case <-l.done:
		return false
	}
}

func (l *line) close() { l.once.Do(func() { close(l.done) }) }

func delayed(c net.Conn, d time.Duration) net.Conn {
	x := &delayedConn{Conn: c, in: newLine(), out: newLine()}
	go func() {
		for {
			b := make([]byte, 32<<10)
			n, err := c.Read(b)
			if !x.in.put(chunk{b[:n], time.Now().Add(d), err}) || err != nil {
				return
			}
		}
	}()
	go func() {
		for {
			select {
			case k := <-x.out.ch:
				time.Sleep(time.Until(k.due))
				if _, err := c.Write(k.b); err != nil {
					return
				}
			case <-x.out.done:
				return
			}
		}
	}()
	return &delayWriter{x, d}
}

type delayWriter struct {
	*delayedConn
	d time.Duration
}

func (w *delayWriter) Write(b []byte) (int, error) {
	if !w.out.put(chunk{append([]byte(nil), b...), time.Now().Add(w.d), nil}) {
		return 0, net.ErrClosed
	}
	return len(b), nil
}

func (x *delayedConn) Read(b []byte) (int, error) {
	if len(x.rest) == 0 {
		select {
		case k := <-x.in.ch:
			time.Sleep(time.Until(k.due))
			if k.err != nil {
				return 0, k.err
			}
			x.rest = k.b
		case <-x.in.done:
			return 0, net.ErrClosed
		}
	}
	n := copy(b, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

func (x *delayedConn) Close() error {
	x.in.close()
	go func() { // what was written still goes out
		time.Sleep(100 * time.Millisecond)
		x.out.close()
		_ = x.Conn.Close()
	}()
	return nil
}
