package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/pyliteral"
	"github.com/fairlead-project/fairlead/engine/value"
)

// converted is how ansible-core 2.14 reads the text of a playbook string again
// without jinja2_native: text that looks like a dict, a list or a boolean is
// read as a literal, unless a filter such as to_json made it.
func (s *sink) converted() value.Value {
	if s.n == 1 && s.single.Marks()&Verbatim != 0 {
		return s.single
	}
	text := s.b.String()
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || text == "True" || text == "False" {
		if v, ok := pyliteral.ParseWithJSON(text); ok {
			return mark(v, s.marks)
		}
	}
	return value.String(text).WithMarks(s.marks | s.written())
}

// written is the mark of a text that is one variable, and nothing was done to it.
func (s *sink) written() value.Marks {
	if s.n != 1 {
		return 0
	}
	return s.single.Marks() & value.Written
}

// native is the same with jinja2_native: a lone value stays what it is, text
// is read as a literal where it is one.
func (s *sink) native() value.Value {
	switch {
	case s.n == 0:
		return value.Null
	case s.n == 1 && (!s.single.IsString() || s.single.Marks()&Verbatim != 0):
		return s.single
	}
	text := s.b.String()
	v, ok := pyliteral.Parse(text)
	if !ok || strings.HasPrefix(text, " ") || strings.HasPrefix(text, "\t") {
		return value.String(text).WithMarks(s.marks | s.written())
	}
	if v.IsString() {
		v = value.String(text[:1] + v.Str() + text[:1])
	}
	return mark(v, s.marks)
}

// mark marks a value read from text: everything in it comes from that text.
func mark(v value.Value, m value.Marks) value.Value {
	if m == 0 {
		return v
	}
	return v.MarkDeep(m)
}

// ToBool reads v as Ansible's bool filter does: true for booleans, 1 and the
// texts yes, on, 1, true, false for everything else.
func ToBool(v value.Value) bool {
	switch v.Kind() {
	case value.KindString:
		switch strings.ToLower(v.Str()) {
		case "yes", "on", "1", "true":
			return true
		}
		return false
	case value.KindBool, value.KindInt, value.KindFloat:
		return equal(v, value.Int(1))
	}
	return false
}

// Truth is how a conditional (when:, failed_when:) decides by the value of its
// expression: Python's truth. Undefined is an error, unknown is ErrUnknown.
func Truth(v value.Value) (bool, error) {
	switch v.Kind() {
	case value.KindUnknown:
		return false, ErrUnknown
	case value.KindUndefined:
		return false, undefinedError(v)
	}
	return v.Truthy(), nil
}
