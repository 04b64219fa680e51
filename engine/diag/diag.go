// Package diag holds source positions, diagnostics and the classes of errors
// that the whole program decides by: exit codes, HTTP statuses and the names
// machines read all come from the one table in class.go.
package diag

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Pos is a place in a text: a file name, a line and a column, both counted
// from 1. A zero Line means that the place is not known.
type Pos struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// IsValid tells whether p names at least a line.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String is file:line:col, without the parts that are not known.
func (p Pos) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	return b.String()
}

// CodeUndefined is the code of what nothing defines, which several packages tell apart.
const CodeUndefined = "undefined-variable"

// Diagnostic is one problem as a person should read it: where, what, and what
// to do about it. It is an error; Unwrap gives the cause.
type Diagnostic struct {
	Class Class
	// Code is a short stable name of the kind of problem, such as
	// "unknown-module". It may be empty.
	Code string
	Pos  Pos
	Msg  string
	// Hint says what to do. It may be empty.
	Hint string
	// Warning marks a problem that does not stop anything.
	Warning bool
	Err     error
}

// Errorf makes a diagnostic of class Usage, a mistake in what was asked.
// A %w verb in format works as in fmt.Errorf.
func Errorf(pos Pos, code, format string, args ...any) *Diagnostic {
	return New(Usage, pos, code, format, args...)
}

// New makes a diagnostic. A %w verb in format works as in fmt.Errorf.
func New(class Class, pos Pos, code, format string, args ...any) *Diagnostic {
	err := fmt.Errorf(format, args...)
	return &Diagnostic{Class: class, Code: code, Pos: pos, Msg: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint returns d with its hint set.
func (d *Diagnostic) WithHint(format string, args ...any) *Diagnostic {
	d.Hint = fmt.Sprintf(format, args...)
	return d
}

// Error is "place: message (hint)" on one line.
func (d *Diagnostic) Error() string {
	s := d.Msg
	if at := d.Pos.String(); at != "" {
		s = at + ": " + s
	}
	if d.Hint != "" {
		s += " (" + d.Hint + ")"
	}
	return s
}

// Unwrap gives the cause, or nil.
func (d *Diagnostic) Unwrap() error { return d.Err }

// List is several diagnostics reported at once. It is an error when it is not
// empty; use Err to turn a list into an error.
type List []*Diagnostic

// Add appends err: a diagnostic or a list as they are, anything else as a
// diagnostic of its class. nil is ignored.
func (l *List) Add(err error) {
	if err == nil {
		return
	}
	var many List
	if errors.As(err, &many) {
		*l = append(*l, many...)
		return
	}
	var one *Diagnostic
	if errors.As(err, &one) && one.Error() == err.Error() {
		*l = append(*l, one)
		return
	}
	d := &Diagnostic{Class: ClassOf(err), Msg: err.Error(), Err: err}
	*l = append(*l, d)
}

// Sort orders the list by file, line and column.
func (l List) Sort() {
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
}

// Error joins the messages, one a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the diagnostics, so that errors.Is and errors.As look into each.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, d := range l {
		errs[i] = d
	}
	return errs
}

// Err is nil when the list holds no error (warnings do not count), else the list.
func (l List) Err() error {
	for _, d := range l {
		if !d.Warning {
			return l
		}
	}
	return nil
}
