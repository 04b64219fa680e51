package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// LogHandler takes secrets out of what is logged through next: from the
// message and from all attributes.
func (r *Redactor) LogHandler(next slog.Handler) slog.Handler { return logHandler{r, next} }

type logHandler struct {
	r    *Redactor
	next slog.Handler
}

func (h logHandler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h logHandler) Handle(ctx context.Context, rec slog.Record) error {
	out := slog.NewRecord(rec.Time, rec.Level, h.r.String(rec.Message), rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, out)
}

func (h logHandler) WithAttrs(as []slog.Attr) slog.Handler {
	out := make([]slog.Attr, len(as))
	for i, a := range as {
		out[i] = h.attr(a)
	}
	return logHandler{h.r, h.next.WithAttrs(out)}
}

func (h logHandler) WithGroup(name string) slog.Handler {
	return logHandler{h.r, h.next.WithGroup(name)}
}

func (h logHandler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, g := range v.Group() {
			group = append(group, h.attr(g))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindString, slog.KindAny:
		s := fmt.Sprint(v.Any())
		if clean := h.r.String(s); clean != s || v.Kind() == slog.KindString {
			return slog.String(a.Key, clean)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// Error gives err with the secrets taken out of its text. Its chain stays
// reachable for decisions; whoever prints a cause by itself redacts again.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	text := r.String(err.Error())
	if text == err.Error() {
		return err
	}
	return &redactedError{text, err}
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }
func (e *redactedError) As(target any) bool   { return errors.As(e.err, target) }
