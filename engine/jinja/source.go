package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// source is a template's text with newlines normalised, and where it stands.
type source struct {
	text       string
	start      diag.Pos
	lines      []int // offsets at which lines begin
	singleLine bool
}

func newSource(text string, start diag.Pos, o Options) *source {
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	if !o.KeepTrailingNewline {
		text = strings.TrimSuffix(text, "\n")
	}
	s := &source{text: text, start: start, singleLine: o.SingleLine}
	s.lines = append(s.lines, 0)
	for i := 0; i < len(text); i++ {
		if text[i] == '\n' {
			s.lines = append(s.lines, i+1)
		}
	}
	return s
}

// pos is the place of the offset off. Columns count characters.
func (s *source) pos(off int) diag.Pos {
	off = min(max(off, 0), len(s.text))
	p := s.start
	if p.Line == 0 {
		p.Line = 1
	}
	if p.Col == 0 {
		p.Col = 1
	}
	line := sort.Search(len(s.lines), func(i int) bool { return s.lines[i] > off }) - 1
	col := utf8.RuneCountInString(s.text[s.lines[line]:off])
	switch {
	case s.singleLine:
		if line == 0 {
			p.Col += col
		}
	case line == 0:
		p.Col += col
	default:
		p.Line += line
		p.Col = col + 1
	}
	return p
}

func (s *source) errorf(off int, format string, args ...any) *diag.Diagnostic {
	return diag.Errorf(s.pos(off), "template-syntax", format, args...)
}
