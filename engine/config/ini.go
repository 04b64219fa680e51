package config

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Entry names an entry of a file.
type Entry struct{ Section, Key string }

type iniEntry struct {
	Entry
	value string
	pos   diag.Pos
	used  bool
}

// iniFile is a file as Python's configparser reads it, without interpolation.
type iniFile struct {
	entries []*iniEntry
	index   map[Entry]*iniEntry
}

func (f *iniFile) get(e Entry) *iniEntry { return f.index[e] }

// parse reads the text: sections, "key = value" or "key: value", values that go
// on in indented lines, comments of whole lines with # or ;, and behind a blank
// with ; only.
func parse(file, text string) (*iniFile, error) {
	f := &iniFile{index: map[Entry]*iniEntry{}}
	var problems diag.List
	section, started := "", false
	var last *iniEntry
	n := 0
	for raw := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		n++
		pos := diag.Pos{File: file, Line: n, Col: 1}
		line := strings.TrimRight(raw, " \t\r")
		word := strings.TrimLeft(line, " \t")
		if word == "" || word[0] == '#' || word[0] == ';' {
			continue
		}
		if i := inlineComment(line); i >= 0 {
			line = strings.TrimRight(line[:i], " \t")
		}
		if last != nil && word != line && len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
			last.value += "\n" + strings.TrimSpace(line)
			continue
		}
		line = strings.TrimSpace(line)
		if line[0] == '[' && strings.Contains(line, "]") {
			section, started, last = line[1:strings.Index(line, "]")], true, nil
			continue
		}
		i := strings.IndexAny(line, "=:")
		switch {
		case i <= 0:
			problems.Add(diag.Errorf(pos, "ansible-cfg", "expected [section] or key = value, but found %q", line))
			continue
		case !started:
			problems.Add(diag.Errorf(pos, "ansible-cfg", "%q stands before the first [section]", line).WithHint("begin the file with [defaults]"))
			continue
		}
		e := &iniEntry{Entry: Entry{section, strings.ToLower(strings.TrimSpace(line[:i]))}, value: strings.TrimSpace(line[i+1:]), pos: pos}
		if old := f.index[e.Entry]; old != nil {
			problems.Add(diag.Errorf(pos, "ansible-cfg", "[%s] %s was set before, in line %d", section, e.Key, old.pos.Line).WithHint("leave one of the two"))
			continue
		}
		f.index[e.Entry] = e
		f.entries = append(f.entries, e)
		last = e
	}
	return f, problems.Err()
}

// inlineComment finds a ; behind a blank.
func inlineComment(line string) int {
	for i := 1; i < len(line); i++ {
		if line[i] == ';' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return i
		}
	}
	return -1
}
