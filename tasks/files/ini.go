package files

import (
	"slices"
	"strings"
)

// iniEdit is one edit of an INI file that keeps every line it does not mean.
type iniEdit struct {
	section, option    string
	hasOption          bool
	values             []string
	present, exclusive bool
	tight, noValue     bool
	// active means only lines that are no comments, loose lets the blanks around an equals sign be.
	active, loose bool

	head, body, tail []string // lines before, in and behind the section
	found            bool
	touched          []bool // lines of body that are as wanted
	msg              string
	changed          bool
}

// run edits text and gives the result; see msg and changed.
func (e *iniEdit) run(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if !strings.HasSuffix(text, "\n") {
		e.changed = e.changed || text != ""
		text += "\n"
	}
	lines := strings.SplitAfter(text, "\n")
	e.locate(lines[:len(lines)-1])
	e.msg = "OK"
	e.values = unique(e.values)
	e.touched = make([]bool, len(e.body))
	if e.present {
		e.set()
	} else {
		e.remove()
	}
	return strings.Join(slices.Concat(e.head, e.body, e.tail), "")
}

func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// locate finds the section's lines, its heading included. Without a section
// they are those above the first heading.
func (e *iniEdit) locate(lines []string) {
	start, end := 0, len(lines)
	e.found = e.section == ""
	for i, l := range lines {
		if e.section != "" && strings.HasPrefix(l, "["+e.section+"]") {
			e.found, start = true, i
		} else if strings.HasPrefix(l, "[") && e.found {
			end = i
			break
		}
	}
	if !e.found {
		start = end
	}
	e.head, e.body, e.tail = slices.Clone(lines[:start]), slices.Clone(lines[start:end]), slices.Clone(lines[end:])
}

// first is the index of the first line that can hold an option.
func (e *iniEdit) first() int {
	if e.section != "" && len(e.body) > 0 {
		return 1
	}
	return 0
}

func (e *iniEdit) assignment(v string) string {
	if e.tight {
		return e.option + "=" + v + "\n"
	}
	return e.option + " = " + v + "\n"
}

// iniValue takes "option = value" apart; commented lines count when asked for.
func iniValue(line, option string, commented bool) (string, bool) {
	line = strings.TrimSuffix(line, "\n")
	if commented && line != "" && (line[0] == '#' || line[0] == ';') {
		line = line[1:]
	}
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), option)
	if !ok {
		return "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest == "" {
		return "", true
	}
	v, ok := strings.CutPrefix(rest, "=")
	return strings.TrimLeft(v, " \t"), ok
}

func (e *iniEdit) put(i int, line string) {
	if e.body[i] != line && !(e.loose && e.sameValue(e.body[i], line)) {
		e.body[i], e.msg, e.changed = line, "option changed", true
	}
	e.touched[i] = true
}

// sameValue tells whether a line that is no comment has the value of another.
func (e *iniEdit) sameValue(now, line string) bool {
	v, ok := iniValue(now, e.option, false)
	w, _ := iniValue(line, e.option, false)
	return ok && v == w
}

func (e *iniEdit) set() {
	if !e.found {
		e.append()
		return
	}
	bareDone := false
	if e.hasOption {
		bareDone = e.keepMatching()
		if e.exclusive && !e.noValue {
			e.overwriteOthers()
		}
		e.insertMissing(bareDone)
	}
}

// append adds the section at the end of the file.
func (e *iniEdit) append() {
	e.tail = append(e.tail, "["+e.section+"]\n")
	e.msg, e.changed = "section and option added", true
	switch {
	case e.hasOption && len(e.values) > 0:
		for _, v := range e.values {
			e.tail = append(e.tail, e.assignment(v))
		}
	case e.hasOption && e.noValue:
		e.tail = append(e.tail, e.option+"\n")
	default:
		e.msg = "only section added"
	}
}

// keepMatching brings lines whose value is wanted into form, and tells whether
// an option without value is there.
func (e *iniEdit) keepMatching() (bareDone bool) {
	for i, l := range e.body {
		v, ok := iniValue(l, e.option, !e.active)
		if !ok {
			continue
		}
		switch at := slices.Index(e.values, v); {
		case at >= 0:
			if v == "" && e.noValue {
				e.put(i, e.option+"\n")
				bareDone = true
			} else {
				e.put(i, e.assignment(v))
			}
			e.values = slices.Delete(e.values, at, at+1)
		case len(e.values) == 0 && e.noValue:
			e.put(i, e.option+"\n")
			return true
		}
	}
	return bareDone
}

// overwriteOthers gives other lines of the option the values that are left,
// and removes those that remain.
func (e *iniEdit) overwriteOthers() {
	for i, l := range e.body {
		if len(e.values) == 0 {
			break
		}
		if _, ok := iniValue(l, e.option, !e.active); ok && !e.touched[i] {
			e.put(i, e.assignment(e.values[0]))
			e.values = e.values[1:]
		}
	}
	for i := len(e.body) - 1; i >= e.first(); i-- {
		if _, ok := iniValue(e.body[i], e.option, !e.active); ok && !e.touched[i] {
			e.body = slices.Delete(e.body, i, i+1)
			e.touched = slices.Delete(e.touched, i, i+1)
			e.msg, e.changed = "option changed", true
		}
	}
}

// insertMissing adds what is still missing behind the last line of the section
// that is neither blank nor a comment.
func (e *iniEdit) insertMissing(bareDone bool) {
	var add []string
	for _, v := range e.values {
		add = append(add, e.assignment(v))
	}
	if len(e.values) == 0 && e.noValue && !bareDone {
		add = []string{e.option + "\n"}
	}
	if len(add) == 0 {
		return
	}
	at := 0
	for i, l := range e.body {
		t := strings.TrimLeft(strings.TrimSuffix(l, "\n"), " \t")
		if t != "" && t[0] != '#' && t[0] != ';' {
			at = i + 1
		}
	}
	e.body = slices.Insert(e.body, at, add...)
	e.msg, e.changed = "option added", true
}

func (e *iniEdit) remove() {
	if !e.hasOption {
		if len(e.body) > 0 {
			e.body, e.msg, e.changed = nil, "section removed", true
		}
		return
	}
	n := len(e.body)
	e.body = slices.DeleteFunc(e.body, func(l string) bool {
		v, ok := iniValue(l, e.option, false)
		return ok && (e.exclusive || slices.Contains(e.values, v))
	})
	if len(e.body) < n {
		e.msg, e.changed = "option changed", true
	}
}
