package remote

import (
	"io"
	"sync"
	"time"
)

// meter tells how far contents have gone out: not small ones, and not often.
type meter struct {
	tell    func(op int, done, total int64)
	mu      sync.Mutex
	last    time.Time
	stopped bool
}

const (
	toldFrom  = 1 << 20
	toldEvery = 100 * time.Millisecond
)

func newMeter(tell func(op int, done, total int64)) *meter {
	if tell == nil {
		return nil
	}
	return &meter{tell: tell}
}

// stop ends the telling: nobody is called any more when it returns.
func (m *meter) stop() {
	if m == nil {
		return
	}
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
}

func (m *meter) sent(op int, done, total int64) {
	if m == nil || op < 0 || total < toldFrom {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.stopped || (done < total && now.Sub(m.last) < toldEvery) {
		return
	}
	m.last = now
	m.tell(op, done, total)
}

// reader counts what is read of a content, of which done bytes went before.
func (m *meter) reader(op int, r io.Reader, done, total int64) io.Reader {
	return &metered{m: m, r: r, op: op, done: done, total: total}
}

type metered struct {
	m           *meter
	r           io.Reader
	op          int
	done, total int64
}

func (m *metered) Read(b []byte) (int, error) {
	n, err := m.r.Read(b)
	if n > 0 {
		m.done += int64(n)
		m.m.sent(m.op, m.done, m.total)
	}
	return n, err
}
