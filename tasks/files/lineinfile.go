package files

import (
	"bytes"
	"fmt"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type lineArgs struct {
	module.FileAttrs
	Path         string             `arg:"path"`
	State        string             `arg:"state"`
	Regexp       module.Opt[string] `arg:"regexp"`
	Search       module.Opt[string] `arg:"search_string"`
	Line         value.Value        `arg:"line"`
	InsertAfter  module.Opt[string] `arg:"insertafter"`
	InsertBefore module.Opt[string] `arg:"insertbefore"`
	Backrefs     bool               `arg:"backrefs"`
	Create       bool               `arg:"create"`
	Backup       bool               `arg:"backup"`
	FirstMatch   bool               `arg:"firstmatch"`
	Validate     string             `arg:"validate"`
}

var lineSpec = module.Spec{
	Name:    "lineinfile",
	Summary: "Have a line in a text file, or not",
	Doc: "Replaces the line that a pattern finds, or adds the line where it belongs when nothing is found; " +
		"with state absent removes what is found. Patterns are Python's regular expressions.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "The file."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the line is to be there."},
		{Name: "regexp", Aliases: []string{"regex"}, Doc: "Finds the line to replace (the last that matches), or the lines to remove."},
		{Name: "search_string", Doc: "Finds lines that hold this text."},
		{Name: "line", Aliases: []string{"value"}, Doc: "The line, without its newline."},
		{Name: "insertafter", Doc: "Where nothing is found: behind the last line that matches this, or EOF, BOF."},
		{Name: "insertbefore", Doc: "Where nothing is found: before the last line that matches this, or BOF."},
		{Name: "backrefs", Type: module.Bool, Default: false, Doc: "line refers to groups of regexp; without a match nothing is done."},
		{Name: "create", Type: module.Bool, Default: false, Doc: "Make the file when it is missing."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "firstmatch", Type: module.Bool, Default: false, Doc: "Take the first match, not the last."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
	}, module.FileArgs()...),
	MutuallyExclusive: [][]string{{"insertbefore", "insertafter"}, {"regexp", "search_string"}}, // backrefs has a default: see check
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
		{Name: "backup", Type: "str", When: "always", Doc: "Where the old file is, or empty."},
		{Name: "found", Type: "int", When: "state is absent", Doc: "How many lines were found."},
	},
	Examples: "- lineinfile: {path: /etc/ssh/sshd_config, regexp: '^#?Port ', line: Port 22}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// emptyPattern is the warning, in Ansible's words, about a pattern that every line has.
func (a lineArgs) emptyPattern() string {
	regexp, byRegexp := a.Regexp.Get()
	search, bySearch := a.Search.Get()
	const text = "The %s is an empty string, which will match every line in the file. " +
		"This may have unintended consequences, such as replacing the last line in the file rather than appending."
	switch {
	case byRegexp && regexp == "":
		return fmt.Sprintf(text, "regular expression") + " If this is desired, use '^' to match every line in the file and avoid this warning."
	case bySearch && search == "":
		return fmt.Sprintf(text, "search string")
	}
	return ""
}

// LineInFile is the module lineinfile.
func LineInFile() module.Module { return module.New(lineSpec, planLine) }

func planLine(a lineArgs, in module.Inputs, v state.View) (module.Change, error) {
	if err := a.check(); err != nil {
		return module.Change{}, err
	}
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v), backup: a.Backup, validate: a.Validate, marks: a.Line.DeepMarks()}
	if c, done, err := e.open(a.Path); done {
		return c, err
	}
	if w := a.emptyPattern(); w != "" {
		e.change.Warnings = append(e.change.Warnings, w)
	}
	if !e.exists() {
		if a.State == "absent" {
			return module.OK("msg", "file not present"), nil
		}
		if !a.Create {
			return module.Change{}, module.Fail("Destination "+e.path+" does not exist !", "rc", 257)
		}
	}
	s := &lineEdit{lineArgs: a, line: []byte(a.Line.Text()), lines: bytes.SplitAfter(e.old, []byte("\n"))}
	if n := len(s.lines); n > 0 && len(s.lines[n-1]) == 0 {
		s.lines = s.lines[:n-1]
	}
	edit := s.present
	if a.State == "absent" {
		edit = s.absent
	}
	if err := edit(); err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	if err := e.finish(bytes.Join(s.lines, nil), s.msg != ""); err != nil && e.g.Complete() {
		return module.Change{}, err
	}
	if c, missing, err := e.g.Missing(); missing {
		return c, err
	}
	changed := s.msg != "" || e.attrsChange
	if e.attrsChange {
		if s.msg != "" {
			s.msg += " and "
		}
		s.msg += "ownership, perms or SE linux context changed"
	}
	e.change.Result = value.M("changed", changed, "msg", s.msg, "backup", "", "diff", e.diffList())
	e.keptAs("backup", value.String(""))
	if a.State == "absent" {
		e.change.Result.Set("found", value.Int(int64(s.found)))
	}
	return e.change, nil
}

func (a lineArgs) check() error {
	switch {
	case a.Backrefs && a.Search.Given():
		return module.Fail("parameters are mutually exclusive: backrefs|search_string")
	case a.State == "present" && a.Backrefs && !a.Regexp.Given():
		return module.Fail("regexp is required with backrefs=true")
	case a.State == "present" && a.Line.IsNull():
		return module.Fail("line is required with state=present")
	case a.State == "absent" && a.Line.IsNull() && !a.Regexp.Given() && !a.Search.Given():
		return module.Fail("one of line, search_string, or regexp is required with state=absent")
	}
	return nil
}

// lineEdit is the text on its way.
type lineEdit struct {
	lineArgs
	line  []byte
	lines [][]byte // each with its newline
	found int
	msg   string // "" when nothing was done
}

func bare(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }

// finder tells whether a line is meant by regexp or search_string; nil when
// neither was given.
func (s *lineEdit) finder() (func([]byte) (*pyre.Match, bool, error), error) {
	if text, ok := s.Search.Get(); ok {
		return func(l []byte) (*pyre.Match, bool, error) { return nil, bytes.Contains(l, []byte(text)), nil }, nil
	}
	pattern, ok := s.Regexp.Get()
	if !ok {
		return nil, nil
	}
	re, err := pyre.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("regexp %q: %w", pattern, err)
	}
	return func(l []byte) (*pyre.Match, bool, error) {
		m, err := re.Search(l)
		return m, m != nil, err
	}, nil
}

func (s *lineEdit) absent() error {
	find, err := s.finder()
	if err != nil {
		return err
	}
	var kept [][]byte
	for _, l := range s.lines {
		hit := find == nil && bytes.Equal(s.line, bare(l))
		if find != nil {
			if _, hit, err = find(l); err != nil {
				return err
			}
		}
		if hit {
			s.found++
		} else {
			kept = append(kept, l)
		}
	}
	if s.found > 0 {
		s.lines, s.msg = kept, fmt.Sprintf("%d line(s) removed", s.found)
	}
	return nil
}

func (s *lineEdit) present() error {
	find, err := s.finder()
	if err != nil {
		return err
	}
	at := -1
	var match *pyre.Match
	for i, l := range s.lines {
		if find == nil {
			break
		}
		m, hit, err := find(l)
		if err != nil {
			return err
		}
		if hit {
			at, match = i, m
			if s.FirstMatch {
				break
			}
		}
	}
	place := -1
	if at < 0 {
		if at, place, err = s.whereElse(); err != nil {
			return err
		}
	}
	if at >= 0 {
		return s.replace(at, match)
	}
	if !s.Backrefs {
		s.insert(place)
	}
	return nil
}

// whereElse looks for the line as it is, and for the place to insert it: the
// index it is to have, -1 when there is none.
func (s *lineEdit) whereElse() (exact, place int, err error) {
	exact, place = -1, -1
	pattern, after := s.InsertAfter.Get()
	if !after || pattern == "EOF" || pattern == "BOF" {
		pattern, after = s.InsertBefore.Or("BOF"), false
	}
	var re *pyre.Regexp
	if after || pattern != "BOF" {
		if re, err = pyre.Compile(pattern); err != nil {
			return exact, place, fmt.Errorf("%q: %w", pattern, err)
		}
	}
	for i, l := range s.lines {
		if bytes.Equal(s.line, bare(l)) {
			exact = i
			continue
		}
		if re == nil {
			continue
		}
		m, err := re.Search(l)
		if err != nil {
			return exact, place, err
		}
		if m != nil {
			place = i
			if after {
				place = i + 1
			}
			if s.FirstMatch {
				break
			}
		}
	}
	return exact, place, nil
}

func (s *lineEdit) replace(at int, m *pyre.Match) error {
	text := string(s.line)
	if s.Backrefs && m != nil {
		var err error
		if text, err = m.Expand(text); err != nil {
			return err
		}
	}
	if len(text) == 0 || text[len(text)-1] != '\n' {
		text += "\n"
	}
	if string(s.lines[at]) != text {
		s.lines[at], s.msg = []byte(text), "line replaced"
	}
	return nil
}

// insert adds the line at an index, or where the arguments say when there is none.
func (s *lineEdit) insert(place int) {
	line := append(bytes.Clone(s.line), '\n')
	n := len(s.lines)
	switch {
	case s.InsertBefore.Or("") == "BOF" || s.InsertAfter.Or("") == "BOF":
		place = 0
	case place < 0:
		if n > 0 && !bytes.HasSuffix(s.lines[n-1], []byte("\n")) && !bytes.HasSuffix(s.lines[n-1], []byte("\r")) {
			s.lines = append(s.lines, []byte("\n"))
		}
		place = len(s.lines)
	case s.InsertAfter.Given():
		next := min(place, n-1)
		if bytes.Equal(bare(s.lines[next]), s.line) {
			return
		}
	}
	s.msg = "line added"
	rest := append([][]byte{line}, s.lines[place:]...)
	s.lines = append(s.lines[:place:place], rest...)
}
