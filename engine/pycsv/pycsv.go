// Package pycsv reads tables of comma-separated values as Python's csv module does.
package pycsv

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Dialect is how Python's csv module is told to read.
type Dialect struct {
	Delimiter        rune
	SkipInitialSpace bool
	Strict           bool
}

// Read splits text into rows; lines that are empty give empty rows.
func (d Dialect) Read(text string) ([][]string, error) {
	var rows [][]string
	var row []string
	var field strings.Builder
	const (
		start = iota
		plain
		quoted
		quoteInQuoted
	)
	state, any := start, false
	endField := func() {
		row = append(row, field.String())
		field.Reset()
		state = start
	}
	endRow := func() {
		if any {
			endField()
		}
		rows = append(rows, row)
		row, any, state = nil, false, start
	}
	rs := []rune(strings.ReplaceAll(text, "\r\n", "\n"))
	for i, r := range rs {
		switch {
		case state == quoted && r == '"':
			state = quoteInQuoted
		case state == quoted:
			field.WriteRune(r)
		case r == '\n' || r == '\r':
			endRow()
			continue
		case r == d.Delimiter:
			any = true
			endField()
		case state == start && r == '"':
			state = quoted
		case state == start && r == ' ' && d.SkipInitialSpace:
		case state == quoteInQuoted && r == '"':
			field.WriteRune(r)
			state = quoted
		case state == quoteInQuoted && d.Strict:
			return nil, fmt.Errorf("'%c' expected after '\"'", d.Delimiter)
		default:
			field.WriteRune(r)
			state = plain
		}
		any = true
		if i == len(rs)-1 {
			if state == quoted && d.Strict {
				return nil, errors.New("unexpected end of data")
			}
			endRow()
		}
	}
	return rows, nil
}

// Named gives one of Python's dialects by name.
func Named(name string) (Dialect, bool) {
	switch name {
	case "excel", "unix":
		return Dialect{Delimiter: ','}, true
	case "excel-tab":
		return Dialect{Delimiter: '\t'}, true
	}
	return Dialect{}, false
}

// Row is a row as Python's DictReader gives it: what is too much stands
// under None, what is missing is None.
func Row(header []value.Value, row []string) value.Value {
	m := value.NewMap()
	for i, h := range header {
		if i < len(row) {
			m.SetKey(h, value.String(row[i]))
		} else {
			m.SetKey(h, value.Null)
		}
	}
	if len(row) > len(header) {
		m.SetKey(value.Null, value.Strings(row[len(header):]...))
	}
	return value.FromMap(m)
}

// Dicts are the rows as DictReader gives them, with the fields' names, which
// are those of the first row unless header names them. Rows that are empty are
// left out.
func Dicts(rows [][]string, header []value.Value) (names []value.Value, dicts []value.Value) {
	dicts = []value.Value{}
	for _, row := range rows {
		switch {
		case header == nil:
			header = append([]value.Value{}, value.Strings(row...).Items()...)
		case len(row) > 0:
			dicts = append(dicts, Row(header, row))
		}
	}
	return header, dicts
}
