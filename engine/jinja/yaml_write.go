package jinja

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// yamlStyle is how PyYAML's dump is asked to write.
type yamlStyle struct {
	indent, width int
	flowLeaves    bool // collections of scalars in flow style
	flowAll       bool
	sorted        bool
	scalar        byte // the style asked for all scalars: ' " | >, or 0
	start, end    bool // write --- and ...
	blocks        bool // texts of several lines are blocks; lossy: changed so that they can be
	lossy         bool
	newline       string
}

func isContainer(v value.Value) bool {
	return v.Kind() == value.KindList || v.Kind() == value.KindMap
}

// dumpYAML writes v as PyYAML does over libyaml: the same breaks, quotes and
// indentation.
func dumpYAML(v value.Value, st yamlStyle) (string, error) {
	w := &yamlWriter{st: st, indent: -1, blank: true, fresh: true}
	if w.st.newline == "" {
		w.st.newline = "\n"
	}
	if w.st.width >= 0 && w.st.width <= 2*w.st.indent {
		w.st.width = 80
	}
	if st.start {
		w.mark("---", true, false, false)
	}
	err := w.node(v, yamlContext{})
	w.newIndent()
	if st.end {
		w.mark("...", true, false, false)
		w.newIndent()
	}
	return w.b.String(), err
}

// yamlWriter keeps what libyaml's emitter keeps: the column, the indentation,
// and what was written last.
type yamlWriter struct {
	b      strings.Builder
	st     yamlStyle
	indent int // -1 before anything
	col    int
	flow   int  // how deep in flow collections
	blank  bool // the last character was a blank
	fresh  bool // nothing but indentation stands on the line
	depth  int
}

// yamlContext is where a node stands.
type yamlContext struct {
	inMap, key bool
}

func (w *yamlWriter) put(s string) {
	w.b.WriteString(s)
	w.col += utf8.RuneCountInString(s)
}

func (w *yamlWriter) lineBreak() {
	w.b.WriteString(w.st.newline)
	w.col = 0
}

// newIndent goes to the indentation, on a new line unless this one is free.
func (w *yamlWriter) newIndent() {
	indent := max(w.indent, 0)
	if !w.fresh || w.col > indent || w.col == indent && !w.blank {
		w.lineBreak()
	}
	if w.col < indent {
		w.put(strings.Repeat(" ", indent-w.col))
	}
	w.blank, w.fresh = true, true
}

// mark writes an indicator; needBlank puts a blank before it where none stands.
func (w *yamlWriter) mark(s string, needBlank, blank, keepsFresh bool) {
	if needBlank && !w.blank {
		w.put(" ")
	}
	w.put(s)
	w.blank, w.fresh = blank, w.fresh && keepsFresh
}

// deeper runs f with more indentation.
func (w *yamlWriter) deeper(flow, indentless bool, f func() error) error {
	saved := w.indent
	switch {
	case w.indent < 0 && flow:
		w.indent = w.st.indent
	case w.indent < 0:
		w.indent = 0
	case !indentless:
		w.indent += w.st.indent
	}
	if w.depth++; w.depth > maxNesting {
		return errors.New("nested too deep")
	}
	err := f()
	w.indent = saved
	w.depth--
	return err
}

func (w *yamlWriter) node(v value.Value, c yamlContext) error {
	if !isContainer(v) {
		return w.deeper(true, false, func() error { return w.scalar(v, c) })
	}
	if w.flow > 0 || v.Len() == 0 || w.inFlow(v) {
		return w.flowCollection(v)
	}
	if m := v.Map(); m != nil {
		return w.deeper(false, false, func() error { return w.blockMap(m) })
	}
	return w.deeper(false, c.inMap && !w.fresh, func() error {
		for _, it := range v.Items() {
			w.newIndent()
			w.mark("-", true, false, true)
			if err := w.node(it, yamlContext{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// inFlow tells whether a collection is written in flow style.
func (w *yamlWriter) inFlow(v value.Value) bool {
	if !w.st.flowLeaves || w.st.flowAll {
		return w.st.flowAll
	}
	items := v.Items()
	if m := v.Map(); m != nil {
		items = mapValues(m)
	}
	for _, it := range items {
		if isContainer(it) {
			return false
		}
	}
	return w.st.scalar == 0
}

func (w *yamlWriter) keys(m *value.Map) []value.Value {
	if w.st.sorted {
		if ks, err := sortValues(&Context{Limits: DefaultLimits()}, m.Keys(), nil, false); err == nil {
			return ks
		}
	}
	return m.Keys() // PyYAML too keeps the order of keys it cannot sort
}

// isSimpleKey: short and on one line; others need a question mark.
func isSimpleKey(k value.Value) bool {
	return !isContainer(k) && utf8.RuneCountInString(text(k)) <= 128 && !strings.ContainsAny(k.Str(), "\n\u2028\u2029\u0085")
}

func (w *yamlWriter) blockMap(m *value.Map) error {
	for _, k := range w.keys(m) {
		w.newIndent()
		if err := w.key(k); err != nil {
			return err
		}
		e, _ := m.GetKey(k)
		if err := w.node(e, yamlContext{inMap: true}); err != nil {
			return err
		}
	}
	return nil
}

func (w *yamlWriter) key(k value.Value) error {
	if isSimpleKey(k) {
		err := w.node(k, yamlContext{key: true})
		w.mark(":", false, false, false)
		return err
	}
	w.mark("?", true, false, true)
	if err := w.node(k, yamlContext{inMap: true}); err != nil {
		return err
	}
	w.newIndent()
	w.mark(":", true, false, true)
	return nil
}

func (w *yamlWriter) flowCollection(v value.Value) error {
	open, end := "[", "]"
	m := v.Map()
	if m != nil {
		open, end = "{", "}"
	}
	w.mark(open, true, true, false)
	w.flow++
	err := w.deeper(true, false, func() error {
		next := func(i int) {
			if i > 0 {
				w.mark(",", false, false, false)
			}
			if w.st.width >= 0 && w.col > w.st.width {
				w.newIndent()
			}
		}
		if m == nil {
			for i, it := range v.Items() {
				next(i)
				if err := w.node(it, yamlContext{}); err != nil {
					return err
				}
			}
			return nil
		}
		for i, k := range w.keys(m) {
			next(i)
			if err := w.key(k); err != nil {
				return err
			}
			e, _ := m.GetKey(k)
			if err := w.node(e, yamlContext{inMap: true}); err != nil {
				return err
			}
		}
		return nil
	})
	w.flow--
	w.mark(end, false, false, false)
	return err
}

// plainText is what a scalar that is no string looks like.
func plainText(v value.Value) (string, error) {
	switch v.Kind() {
	case value.KindNull, value.KindBool, value.KindInt:
		return v.JSONKey(), nil
	case value.KindFloat:
		s := v.Text()
		if strings.Contains(s, "n") {
			return strings.NewReplacer("inf", ".inf", "nan", ".nan").Replace(s), nil
		}
		if !strings.Contains(s, ".") {
			s = strings.Replace(s, "e", ".0e", 1)
		}
		return s, nil
	case value.KindUndefined:
		return "", undefinedError(v)
	case value.KindObject:
		if m, ok := v.Object().(*moment); ok {
			return m.iso(" "), nil
		}
	}
	return "", fmt.Errorf("cannot represent an object of type %s", v.TypeName())
}

func (w *yamlWriter) scalar(v value.Value, c yamlContext) error {
	s, resolves := v.Str(), true
	if !v.IsString() {
		var err error
		if s, err = plainText(v); err != nil {
			return err
		}
		if w.st.scalar != 0 {
			w.mark("!", true, false, false) // its kind is not seen any more
		}
	} else {
		resolves = !yamlResolves().MatchString(s)
	}
	asked := w.st.scalar
	if w.st.blocks && v.IsString() && strings.ContainsFunc(s, isBreak) {
		asked = '|'
		if w.st.lossy {
			s = forBlock(s)
		}
	}
	may := analyzeScalar(s)
	switch w.style(asked, s, may, resolves, c) {
	case 0:
		w.plain(s, !c.key)
	case '\'':
		w.single(s, !c.key)
	case '|':
		w.literal(s)
	default:
		w.double(s, !c.key)
	}
	return nil
}

// style chooses how a scalar is written: 0 is plain.
func (w *yamlWriter) style(asked byte, s string, may scalarTraits, resolves bool, c yamlContext) byte {
	if asked == '"' {
		return '"'
	}
	one := !(c.key && may.multiline)
	if asked == 0 && resolves && one && (w.flow > 0 && may.flowPlain || w.flow == 0 && may.blockPlain) && !(s == "" && (w.flow > 0 || c.key)) {
		return 0
	}
	if (asked == '|' || asked == '>') && w.flow == 0 && !c.key && may.block {
		return '|'
	}
	if (asked == 0 || asked == '\'') && may.single && one {
		return '\''
	}
	return '"'
}

// scalarTraits are the styles that a text may be written in.
type scalarTraits struct {
	multiline, flowPlain, blockPlain, single, block bool
}

func isBreak(r rune) bool { return r == '\n' || r == 0x85 || r == 0x2028 || r == 0x2029 }

// isPrintable is libyaml's: nothing above the basic plane.
func isPrintable(r rune) bool {
	return r == '\n' || r >= 0x20 && r <= 0x7e || r >= 0xa0 && r <= 0xfffd && r != 0xfeff
}

func analyzeScalar(s string) scalarTraits {
	if s == "" {
		return scalarTraits{blockPlain: true, single: true}
	}
	t := scalarTraits{flowPlain: true, blockPlain: true, single: true, block: true}
	rs := []rune(s)
	at := func(i int) rune {
		if i < len(rs) {
			return rs[i]
		}
		return 0
	}
	blankOr := func(r rune) bool { return r == 0 || r == ' ' || r == '\t' || isBreak(r) }
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		t.flowPlain, t.blockPlain = false, false
	}
	var breakSpace, spaceBreak, special bool
	prevBlank, prevSpace, prevBreak := true, false, false
	for i, r := range rs {
		nextBlank := blankOr(at(i + 1))
		switch {
		case i == 0 && strings.ContainsRune("#,[]{}&*!|>'\"%@`", r), r == '-' && i == 0 && nextBlank, r == '#' && i > 0 && prevBlank:
			t.flowPlain, t.blockPlain = false, false
		case strings.ContainsRune("?:", r) && i == 0, r == ':':
			t.flowPlain, t.blockPlain = false, t.blockPlain && !nextBlank
		case i > 0 && strings.ContainsRune(",?[]{}", r):
			t.flowPlain = false
		}
		special = special || !isPrintable(r)
		t.multiline = t.multiline || isBreak(r)
		breakSpace = breakSpace || r == ' ' && prevBreak
		spaceBreak = spaceBreak || isBreak(r) && prevSpace
		prevBlank, prevSpace, prevBreak = blankOr(r), r == ' ', isBreak(r)
	}
	first, last := rs[0], rs[len(rs)-1]
	if first == ' ' || isBreak(first) || last == ' ' || isBreak(last) || t.multiline {
		t.flowPlain, t.blockPlain = false, false
	}
	if last == ' ' {
		t.block = false
	}
	if breakSpace {
		t.flowPlain, t.blockPlain, t.single = false, false, false
	}
	if spaceBreak || special {
		t.flowPlain, t.blockPlain, t.single, t.block = false, false, false, false
	}
	return t
}

var yamlResolves = lazyregexp.New(`^(?:|(?i:yes|no|true|false|on|off|null)|~|<<|=|` +
	`[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|` +
	`[-+]?\.(?i:inf)|\.(?i:nan)|[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|` +
	`\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`)

// tooWide tells whether a line may be broken here.
func (w *yamlWriter) tooWide() bool { return w.st.width >= 0 && w.col > w.st.width }

func (w *yamlWriter) plain(s string, split bool) {
	if !w.blank && (s != "" || w.flow > 0) {
		w.put(" ")
	}
	rs := []rune(s)
	spaces := false
	for i, r := range rs {
		if r == ' ' && split && !spaces && w.tooWide() && i+1 < len(rs) && rs[i+1] != ' ' {
			w.newIndent()
		} else {
			w.put(string(r))
		}
		spaces = r == ' '
	}
	w.blank, w.fresh = false, false
}

func (w *yamlWriter) single(s string, split bool) {
	w.mark("'", true, false, false)
	rs := []rune(s)
	spaces, breaks := false, false
	for i, r := range rs {
		switch {
		case r == ' ':
			if split && !spaces && w.tooWide() && i > 0 && i+1 < len(rs) && rs[i+1] != ' ' {
				w.newIndent()
			} else {
				w.put(" ")
			}
			spaces = true
		case isBreak(r):
			if !breaks && r == '\n' {
				w.lineBreak()
			}
			w.writeBreak(r)
			w.fresh, breaks = true, true
		default:
			if breaks {
				w.newIndent()
			}
			w.put(strings.ReplaceAll(string(r), "'", "''"))
			w.fresh, spaces, breaks = false, false, false
		}
	}
	if breaks {
		w.newIndent()
	}
	w.mark("'", false, false, false)
}

func (w *yamlWriter) writeBreak(r rune) {
	if r == '\n' {
		w.lineBreak()
		return
	}
	w.b.WriteRune(r)
	w.col = 0
}

var yamlEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\t': `\t`, '\r': `\r`, 0x1b: `\e`, 0: `\0`, '\a': `\a`, '\b': `\b`,
	'\v': `\v`, '\f': `\f`, 0x85: `\N`, 0xa0: `\_`, 0x2028: `\L`, 0x2029: `\P`}

func (w *yamlWriter) double(s string, split bool) {
	w.mark(`"`, true, false, false)
	rs := []rune(s)
	spaces := false
	for i, r := range rs {
		switch {
		case !isPrintable(r) || isBreak(r) || r == '"' || r == '\\':
			if e, ok := yamlEscapes[r]; ok {
				w.put(e)
			} else if r <= 0xff {
				w.put(fmt.Sprintf(`\x%02X`, r))
			} else if r <= 0xffff {
				w.put(fmt.Sprintf(`\u%04X`, r))
			} else {
				w.put(fmt.Sprintf(`\U%08X`, r))
			}
			spaces = false
		case r == ' ':
			if split && !spaces && w.tooWide() && i > 0 && i+1 < len(rs) {
				w.newIndent()
				if rs[i+1] == ' ' {
					w.put(`\`)
				}
			} else {
				w.put(" ")
			}
			spaces = true
		default:
			w.put(string(r))
			spaces = false
		}
	}
	w.mark(`"`, false, false, false)
}

func (w *yamlWriter) literal(s string) {
	rs := []rune(s)
	hints := "|"
	if rs[0] == ' ' || isBreak(rs[0]) {
		hints += fmt.Sprint(w.st.indent)
	}
	switch n := len(rs); {
	case !isBreak(rs[n-1]):
		hints += "-"
	case n == 1 || isBreak(rs[n-2]):
		hints += "+"
	}
	w.mark(hints, true, false, false)
	w.lineBreak()
	w.fresh, w.blank = true, true
	breaks := true
	for _, r := range rs {
		if isBreak(r) {
			w.writeBreak(r)
			w.fresh, breaks = true, true
			continue
		}
		if breaks {
			w.newIndent()
		}
		w.put(string(r))
		w.fresh, breaks = false, false
	}
}
