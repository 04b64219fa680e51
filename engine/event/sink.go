package event

import (
	"context"
	"errors"
	"io"
	"sync"
)

// SinkFunc makes a function a Sink.
type SinkFunc func(ctx context.Context, e *Event) error

// Emit calls f.
func (f SinkFunc) Emit(ctx context.Context, e *Event) error { return f(ctx, e) }

// Multi hands every event to all sinks, in their order; nil sinks are left
// out. One that fails does not keep the event from the others.
func Multi(sinks ...Sink) Sink {
	var m multi
	for _, s := range sinks {
		if s != nil {
			m = append(m, s)
		}
	}
	if len(m) == 1 {
		return m[0]
	}
	return m
}

type multi []Sink

func (m multi) Emit(ctx context.Context, e *Event) error {
	var errs []error
	for _, s := range m {
		if err := s.Emit(ctx, e); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Record is a sink that appends to a journal all events but pieces of output.
func Record(j Journal) Sink {
	return SinkFunc(func(ctx context.Context, e *Event) error {
		if !e.Kind.Recorded() {
			return nil
		}
		return j.Append(ctx, e)
	})
}

// JSONLines writes one JSON document a line to w, each in one Write. Control
// characters are escaped, so a terminal shows the lines safely. It may be used
// by several runs at once.
func JSONLines(w io.Writer) Sink { return &jsonLines{w: w} }

type jsonLines struct {
	mu sync.Mutex
	w  io.Writer
}

func (j *jsonLines) Emit(_ context.Context, e *Event) error {
	b, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	b = append(escapeControls(b), '\n')
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.w.Write(b)
	return err
}

// Sink redacts every event on its way to next. Pieces of output are held back
// as long as their end may be the beginning of a secret.
func (r *Redactor) Sink(next Sink) Sink {
	return &redacting{r: r, next: next, held: map[stream]*Event{}}
}

type redacting struct {
	r    *Redactor
	next Sink
	held map[stream]*Event
}

type stream struct {
	host, task string
	stderr     bool
}

func (s *redacting) Emit(ctx context.Context, e *Event) error {
	if e.Kind == Output {
		return s.output(ctx, e)
	}
	if err := s.flush(ctx, e); err != nil {
		return err
	}
	return s.next.Emit(ctx, s.r.Event(e))
}

func (s *redacting) output(ctx context.Context, e *Event) error {
	if e.NoLog {
		return nil
	}
	k := stream{e.Host, e.TaskID, e.Stderr}
	c := *e
	if h := s.held[k]; h != nil {
		c.Chunk = h.Chunk + c.Chunk
		delete(s.held, k)
	}
	ready, rest := s.r.split(c.Chunk)
	if rest != "" {
		h := c
		h.Chunk = rest
		s.held[k] = &h
	}
	if ready == "" {
		return nil
	}
	c.Chunk = ready
	return s.next.Emit(ctx, s.r.Event(&c))
}

// flush lets go of what was held of the host that e is about; at the end of
// the run, of all.
func (s *redacting) flush(ctx context.Context, e *Event) error {
	if len(s.held) == 0 {
		return nil
	}
	for k, h := range s.held {
		if k.host != e.Host && e.Kind != RunEnded {
			continue
		}
		delete(s.held, k)
		if err := s.next.Emit(ctx, s.r.Event(h)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Redactor) split(s string) (ready, held string) {
	x, done := r.current()
	defer done()
	return x.split(s)
}
