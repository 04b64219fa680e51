package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// CSV is how Python's csv module is told to read.
type CSV struct {
	Delimiter        rune
	SkipInitialSpace bool
	Strict           bool
}

// Read splits text into rows; lines that are empty give empty rows.
func (d CSV) Read(text string) ([][]string, error) {
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
			return nil, refusal("'%c' expected after '\"'", d.Delimiter)
		default:
			field.WriteRune(r)
			state = plain
		}
		any = true
		if i == len(rs)-1 {
			if state == quoted && d.Strict {
				return nil, refusal("unexpected end of data")
			}
			endRow()
		}
	}
	return rows, nil
}

// Dialect gives one of Python's dialects by name.
func Dialect(name string) (CSV, bool) {
	switch name {
	case "excel", "unix":
		return CSV{Delimiter: ','}, true
	case "excel-tab":
		return CSV{Delimiter: '\t'}, true
	}
	return CSV{}, false
}

func fromCSV(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	name := b.Str("dialect", "excel")
	d, ok := Dialect(name)
	if !ok {
		return in, refusal("Dialect '%s' is not supported by your version of python.", name)
	}
	if s := b.Str("delimiter", ""); s != "" {
		d.Delimiter = []rune(s)[0]
	}
	d.SkipInitialSpace, d.Strict = b.Bool("skipinitialspace", false), b.Bool("strict", false)
	rows, err := d.Read(text(in))
	if err != nil {
		return in, refusal("Unable to process file: %w", err)
	}
	header := b.Value("fieldnames").Items()
	out := []value.Value{}
	for _, row := range rows {
		switch {
		case header == nil:
			header = value.Strings(row...).Items()
		case len(row) > 0:
			out = append(out, csvRow(header, row))
		}
	}
	return value.List(out...), nil
}

// csvRow is a row as Python's DictReader gives it: what is too much stands
// under None, what is missing is None.
func csvRow(header []value.Value, row []string) value.Value {
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
