package render

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/event"
)

// progress is the line at the bottom of a terminal while something takes long:
// which task, how many hosts are done with it, for how long, and what a host
// said last.
type progress struct {
	t     *Terminal
	done  chan struct{}
	wg    sync.WaitGroup
	task  string
	since time.Time
	told  int
	last  string
	shown bool
}

const (
	patience = 400 * time.Millisecond
	tick     = 120 * time.Millisecond
)

func newProgress(t *Terminal) *progress {
	p := &progress{t: t, done: make(chan struct{})}
	p.wg.Go(func() {
		tk := time.NewTicker(tick)
		defer tk.Stop()
		for {
			select {
			case <-p.done:
				return
			case now := <-tk.C:
				t.mu.Lock()
				p.draw(now)
				t.mu.Unlock()
			}
		}
	})
	return p
}

func (p *progress) stop() {
	close(p.done)
	p.wg.Wait()
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.erase()
}

// note learns from an event; the terminal's lock is held.
func (p *progress) note(e *event.Event) {
	switch e.Kind {
	case event.PlayStarted:
		p.task, p.since, p.told, p.last = "", time.Now(), 0, ""
	case event.TaskStarted:
		p.task, p.since, p.told, p.last = e.Task, time.Now(), 0, ""
	case event.Result:
		p.told++
		p.since = time.Now()
	case event.Progress:
		p.last = e.Host + ": " + e.Msg
	case event.Output:
		if lines := strings.Fields(strings.TrimSpace(e.Chunk)); len(lines) > 0 {
			all := strings.Split(strings.TrimSpace(e.Chunk), "\n")
			p.last = e.Host + ": " + all[len(all)-1]
		}
	case event.Recap:
		p.since = time.Now().Add(time.Hour) // nothing more to wait for
	}
}

func (p *progress) draw(now time.Time) {
	if p.since.IsZero() || now.Sub(p.since) < patience {
		return
	}
	spin := `|/-\`[int(now.UnixMilli()/int64(tick/time.Millisecond))%4]
	what := p.task
	if what == "" {
		what = "connecting"
	}
	s := fmt.Sprintf("%c %s  %d/%d hosts  %s", spin, event.PrintableLine(what), p.told, p.t.hosts, now.Sub(p.since).Truncate(time.Second))
	if p.last != "" {
		s += "  " + event.PrintableLine(p.last)
	}
	if r := []rune(s); len(r) >= p.t.o.Width {
		s = string(r[:p.t.o.Width-1])
	}
	p.erase()
	fmt.Fprint(p.t.out, p.t.paint(dark, s))
	p.shown = true
}

// erase takes the line away before something else is written.
func (p *progress) erase() {
	if p.shown {
		fmt.Fprint(p.t.out, "\r\x1b[K")
		p.shown = false
	}
}
