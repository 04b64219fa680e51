package files

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type blockArgs struct {
	module.FileAttrs
	Path         string             `arg:"path"`
	State        string             `arg:"state"`
	Marker       string             `arg:"marker"`
	Begin        string             `arg:"marker_begin"`
	End          string             `arg:"marker_end"`
	Block        value.Value        `arg:"block"`
	InsertAfter  module.Opt[string] `arg:"insertafter"`
	InsertBefore module.Opt[string] `arg:"insertbefore"`
	Create       bool               `arg:"create"`
	Prepend      bool               `arg:"prepend_newline"`
	Append       bool               `arg:"append_newline"`
	Backup       bool               `arg:"backup"`
	Validate     string             `arg:"validate"`
}

var blockSpec = module.Spec{
	Name:    "blockinfile",
	Summary: "Have a block of lines in a text file, or not",
	Doc: "Keeps some lines between two marker lines of a file. What stands between the markers is replaced; " +
		"without markers the block is added where it is asked. An empty block, or state absent, takes block and markers away.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "The file."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the block is to be there."},
		{Name: "marker", Default: "# {mark} ANSIBLE MANAGED BLOCK", Doc: "The marker line; {mark} stands for marker_begin and marker_end."},
		{Name: "marker_begin", Default: "BEGIN", Doc: "What {mark} is in the first marker."},
		{Name: "marker_end", Default: "END", Doc: "What {mark} is in the last marker."},
		{Name: "block", Aliases: []string{"content"}, Default: "", Doc: "The lines between the markers."},
		{Name: "insertafter", Doc: "Where there are no markers: behind the last line that matches this, or EOF. With (?m) it is looked for in the whole text."},
		{Name: "insertbefore", Doc: "Where there are no markers: before the last line that matches this, or BOF."},
		{Name: "create", Type: module.Bool, Default: false, Doc: "Make the file when it is missing."},
		{Name: "prepend_newline", Type: module.Bool, Default: false, Unlisted: true, Doc: "Have an empty line before the block, unless it is at the start."},
		{Name: "append_newline", Type: module.Bool, Default: false, Unlisted: true, Doc: "Have an empty line behind the block, unless it is at the end."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
	}, module.FileArgs()...),
	MutuallyExclusive: [][]string{{"insertbefore", "insertafter"}},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	},
	Examples: "- blockinfile:\n    path: /etc/hosts\n    block: |\n      192.0.2.1 db1\n      192.0.2.2 db2\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// BlockInFile is the module blockinfile.
func BlockInFile() module.Module { return module.New(blockSpec, planBlock) }

func planBlock(a blockArgs, in module.Inputs, v state.View) (module.Change, error) {
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v), backup: a.Backup, validate: a.Validate, marks: a.Block.DeepMarks()}
	if c, done, err := e.open(a.Path); done {
		return c, err
	}
	if !e.exists() {
		if !a.Create {
			return module.Change{}, module.Fail("Path "+e.path+" does not exist !", "rc", 257)
		}
		if a.State == "absent" {
			return module.OK("msg", "File "+e.path+" not present"), nil
		}
	}
	block := a.Block.Text()
	if a.State == "absent" {
		block = ""
	}
	text, err := a.edit(e.old, block)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	write := !e.exists() || !bytes.Equal(text, e.old)
	msg := ""
	switch {
	case !e.exists():
		msg = "File created"
	case write && block == "":
		msg = "Block removed"
	case write:
		msg = "Block inserted"
	}
	c, err := e.done(text, write, msg)
	if err != nil || len(c.Need) > 0 {
		return c, err
	}
	c.Result.Set("diff", e.diffList())
	return c, nil
}

// edit gives the text with the block in it, or without it when it is empty.
func (a blockArgs) edit(old []byte, block string) ([]byte, error) {
	mark := func(word string) string { return strings.ReplaceAll(a.Marker, "{mark}", word) + "\n" }
	begin, end := mark(a.Begin), mark(a.End)
	lines := strings.SplitAfter(string(old), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	first, last := -1, -1
	for i, l := range lines {
		switch l {
		case begin:
			first = i
		case end:
			last = i
		}
	}
	if begin == end {
		last = first
	}
	var at int
	if first >= 0 && last >= 0 {
		at = min(first, last)
		lines = append(lines[:at:at], lines[max(first, last)+1:]...)
	} else {
		var err error
		if at, err = a.place(lines, old); err != nil {
			return nil, err
		}
	}
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") { // also where no block comes behind it, as in Ansible
		lines[at-1] += "\n"
	}
	if block == "" {
		return []byte(strings.Join(lines, "")), nil
	}
	if !strings.HasSuffix(block, "\n") {
		block += "\n"
	}
	before := strings.Join(lines[:at], "")
	after := strings.Join(lines[at:], "")
	if a.Prepend && before != "" && lines[at-1] != "\n" {
		before += "\n"
	}
	if a.Append && after != "" && lines[at] != "\n" {
		after = "\n" + after
	}
	return []byte(before + begin + block + end + after), nil
}

// place is the index of the line that the block is to stand before.
func (a blockArgs) place(lines []string, text []byte) (int, error) {
	pattern, before := a.InsertBefore.Get()
	if !before {
		pattern = a.InsertAfter.Or("EOF")
	}
	switch {
	case before && pattern == "BOF":
		return 0, nil
	case !before && pattern == "EOF":
		return len(lines), nil
	}
	re, err := pyre.Compile(pattern)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", pattern, err)
	}
	if multiline(pattern) {
		m, err := re.Search(text)
		switch {
		case err != nil || m == nil:
			return len(lines), err
		case before:
			return bytes.Count(text[:m.Start()], []byte("\n")), nil
		}
		return min(bytes.Count(text[:m.End()], []byte("\n"))+1, len(lines)), nil
	}
	at := len(lines)
	for i, l := range lines {
		m, err := re.Search([]byte(l))
		switch {
		case err != nil:
			return 0, err
		case m != nil && before:
			at = i
		case m != nil:
			at = i + 1
		}
	}
	return at, nil
}

// multiline tells whether a pattern starts with flags that hold m.
func multiline(pattern string) bool {
	flags, _, ok := strings.Cut(strings.TrimPrefix(pattern, "(?"), ")")
	return ok && strings.HasPrefix(pattern, "(?") && strings.Trim(flags, "aiLmsux") == "" && strings.Contains(flags, "m")
}
