package files

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pycodec"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type replaceArgs struct {
	module.FileAttrs
	Path     string      `arg:"path"`
	Regexp   string      `arg:"regexp"`
	Replace  value.Value `arg:"replace"`
	After    string      `arg:"after"`
	Before   string      `arg:"before"`
	Backup   bool        `arg:"backup"`
	Validate string      `arg:"validate"`
	Encoding string      `arg:"encoding"`
}

var replaceSpec = module.Spec{
	Name:    "replace",
	Summary: "Replace all that a pattern finds in a text file",
	Doc: "Puts a text in place of every match of a regular expression of Python, in the whole file or between two patterns. " +
		"^ and $ match at each line; the part between after and before may span lines.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "The file."},
		{Name: "regexp", Required: true, Doc: "What is looked for."},
		{Name: "replace", Default: "", Doc: "What is put in its place; may refer to groups (\\1, \\g<name>). Without it matches are removed."},
		{Name: "after", Doc: "Only what stands behind the first match of this is looked at."},
		{Name: "before", Doc: "Only what stands before the first match of this is looked at."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
		{Name: "encoding", Default: "utf-8", Doc: "How characters are written in the file: such as utf-8, latin-1 or utf-16."},
	}, module.FileArgs()...),
	Order: [][]string{{"rc", "diff", "backup_file", "msg", "changed"}},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "How many replacements were made."},
		{Name: "rc", Type: "int", When: "always", Doc: "0, or why it failed."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	},
	Examples: "- replace: {path: /etc/hosts, regexp: '\\bold\\.example\\b', replace: new.example}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// Replace is the module replace.
func Replace() module.Module { return module.New(replaceSpec, planReplace) }

func planReplace(a replaceArgs, in module.Inputs, v state.View) (module.Change, error) {
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v), backup: a.Backup, validate: a.Validate, marks: a.Replace.DeepMarks()}
	if c, done, err := e.open(a.Path); done {
		return c, err
	}
	if !e.exists() {
		return module.Change{}, module.Fail("Path "+e.path+" does not exist !", "rc", 257)
	}
	old, err := a.read(e.old)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	before, section, behind, outside, err := a.section(old)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	if outside != "" {
		return module.OK("msg", "Pattern for before/after params did not match the given file: "+outside, "rc", 0), nil
	}
	re, err := compileFor(old, "(?m)"+a.Regexp)
	if err != nil {
		return module.Change{}, module.Fail("regexp " + strconv.Quote(a.Regexp) + ": " + err.Error())
	}
	done, n, err := re.Replace(section, a.Replace.Text())
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	text := a.write(bytes.Join([][]byte{before, done, behind}, nil))
	write := n > 0 && !bytes.Equal(done, section)
	msg := ""
	if write {
		msg = strconv.Itoa(n) + " replacements made"
	}
	c, err := e.done(text, write, msg)
	if err != nil || len(c.Need) > 0 {
		return c, err
	}
	c.Result.Set("rc", value.Int(0))
	if write && e.in.Diff {
		shown := state.DiffEntry{BeforeHeader: e.path, AfterHeader: e.path, Before: string(e.old), After: string(text)}
		c.Result.Set("diff", state.Diff{shown}.Registered(false))
	}
	for i := range c.Diff {
		c.Diff[i].BeforeHeader = strings.TrimSuffix(c.Diff[i].BeforeHeader, " (content)")
		c.Diff[i].AfterHeader = strings.TrimSuffix(c.Diff[i].AfterHeader, " (content)")
	}
	return c, nil
}

// isUTF8 tells whether the file's encoding is the one that we work in.
func (a replaceArgs) isUTF8() bool {
	enc := strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(a.Encoding))
	return enc == "utf8"
}

// read is the file's content in UTF-8, and write is a text as the file has it.
func (a replaceArgs) read(content []byte) ([]byte, error) {
	if a.isUTF8() {
		return content, nil
	}
	text, err := pycodec.Decode(string(content), a.Encoding)
	return []byte(text), err
}

// A character that the encoding lacks becomes a question mark, as in Ansible.
func (a replaceArgs) write(text []byte) []byte {
	if a.isUTF8() {
		return text
	}
	if content, err := pycodec.Encode(string(text), a.Encoding); err == nil {
		return []byte(content)
	}
	var out []byte
	for _, r := range string(text) {
		one, err := pycodec.Encode(string(r), a.Encoding)
		if err != nil {
			one = "?"
		}
		out = append(out, one...)
	}
	return out
}

// compileFor makes a pattern for the characters of the text, or for its bytes
// where they are none.
func compileFor(text []byte, pattern string) (*pyre.Regexp, error) {
	if utf8.Valid(text) {
		return pyre.CompileText(pattern)
	}
	return pyre.Compile(pattern)
}

// section is the part of the text to look at, and what stands before and
// behind it; outside is the pattern when nothing matches.
func (a replaceArgs) section(text []byte) (before, section, behind []byte, outside string, err error) {
	const group = "(?P<subsection>"
	pattern := ""
	switch {
	case a.After != "" && a.Before != "":
		pattern = a.After + group + ".*?)" + a.Before
	case a.After != "":
		pattern = a.After + group + ".*)"
	case a.Before != "":
		pattern = group + ".*)" + a.Before
	default:
		return nil, text, nil, "", nil
	}
	re, err := compileFor(text, "(?s)"+pattern)
	if err != nil {
		return nil, nil, nil, "", err
	}
	m, err := re.Search(text)
	if err != nil {
		return nil, nil, nil, "", err
	}
	if m == nil {
		return nil, nil, nil, pattern, nil
	}
	before, behind, err = re.Around(m, "subsection", text)
	return before, text[len(before) : len(text)-len(behind)], behind, "", err
}
