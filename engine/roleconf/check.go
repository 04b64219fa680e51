package roleconf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Problem is one thing that is wrong with a configuration. Option is empty when
// it is about a whole section.
type Problem struct {
	File, Section, Option string
	// Unknown: the reader of the file does not know the section or option; it
	// is for the caller to say how bad that is. Anything else is an error.
	Unknown   bool
	Msg, Hint string
}

// String is the problem on one line, with the file and the section.
func (p Problem) String() string {
	s := p.File + ", section " + p.Section + ": " + p.Msg
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Check says what is wrong with the sections of a role's file, given as section
// to option to value. Unknown values are taken to be right.
func (r *Role) Check(sections value.Value) []Problem {
	var out []Problem
	if sections.IsUnknown() {
		return nil
	}
	if sections.Kind() != value.KindMap {
		return []Problem{{File: r.File, Section: "-", Msg: "the sections are " + sections.TypeName() + ", no mapping of sections"}}
	}
	for name, options := range sections.Map().All() {
		out = append(out, r.CheckSection(name.Text(), options)...)
	}
	return out
}

// CheckSection says what is wrong with the options of one section, in their
// order.
func (r *Role) CheckSection(name string, options value.Value) []Problem {
	if options.IsUnknown() || options.Kind() == value.KindMap && options.Len() == 0 {
		return nil
	}
	if options.Kind() != value.KindMap {
		return []Problem{{File: r.File, Section: name, Msg: "it is " + options.TypeName() + ", no mapping of options"}}
	}
	sec := r.Section(name)
	switch {
	case sec == nil && r.Open:
		return nil
	case sec == nil, sec.Foreign:
		p := Problem{File: r.File, Section: name, Unknown: true, Msg: "there is no such section"}
		if near := diag.Nearest(name, r.known()); near != "" && sec == nil {
			p.Hint = "did you mean " + near + "?"
		}
		return []Problem{p}
	}
	var out []Problem
	for k, v := range options.Map().All() {
		if p, bad := sec.check(k.Text(), v); bad {
			p.File = r.File
			out = append(out, p)
		}
	}
	return out
}

// CheckVariable says what is wrong with the value of a variable that goes into
// the section.
func (r *Role) CheckVariable(sec *Section, v value.Value) []Problem {
	if sec.First && v.Kind() == value.KindList {
		if v.Len() == 0 {
			return nil
		}
		v = v.Items()[0]
	}
	out := r.CheckSection(sec.Name, v)
	if sec.Picks {
		out = slices.DeleteFunc(out, func(p Problem) bool { return p.Unknown })
	}
	return out
}

// known are the sections that the reader of the file knows.
func (r *Role) known() []string {
	var out []string
	for _, s := range r.Sections {
		if !s.Foreign {
			out = append(out, s.Name)
		}
	}
	return out
}

func (s *Section) check(name string, v value.Value) (p Problem, bad bool) {
	p = Problem{Section: s.Name, Option: name}
	o, ok := s.option(strings.ToLower(name)) // names are read in lower case
	if !ok {
		if s.Open {
			return p, false
		}
		p.Unknown, p.Msg = true, "there is no option "+name
		names := make([]string, len(s.Options))
		for i, o := range s.Options {
			names[i] = o.Name
		}
		if near := diag.Nearest(name, names); near != "" {
			p.Hint = "did you mean " + near + "?"
		}
		return p, true
	}
	if v.IsUnknown() {
		return p, false
	}
	got := read(v)
	switch {
	case len(o.Choices) > 0 && !slices.Contains(o.Choices, strings.TrimSpace(v.Text())):
		p.Msg = fmt.Sprintf("%s is %s", name, shown(v))
		p.Hint = "it is one of " + strings.Join(o.Choices, ", ")
	case len(o.Choices) > 0 || got == o.Type:
		return p, false
	default:
		p.Msg = fmt.Sprintf("%s is %s, which is read as %s", name, shown(v), words[got])
		p.Hint = "it takes " + words[o.Type]
	}
	return p, true
}

var words = map[string]string{"str": "text", "bool": "a boolean (True or False)", "list": "a list", "dict": "a dict"}

// read is the type that contrailctl finds in what is written for a value: all
// is text there, and what looks like a list, a dict or a boolean becomes one.
func read(v value.Value) string {
	switch v.Kind() {
	case value.KindMap:
		return "dict"
	case value.KindList:
		return "list"
	case value.KindBool:
		return "bool"
	case value.KindNull:
		return "str" // written as an empty text
	}
	text := strings.TrimSpace(v.Text())
	switch {
	case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
		return "list"
	case strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}"):
		return "dict"
	}
	switch strings.ToLower(text) {
	case "yes", "true", "no", "false":
		return "bool"
	}
	return "str"
}

// shown is a value for a message; secrets stay hidden.
func shown(v value.Value) string {
	switch {
	case v.IsNull() || v.IsString() && v.Str() == "":
		return "empty"
	case v.IsSecret():
		return "a secret"
	}
	text := []rune(v.Repr())
	if len(text) > 60 {
		text = append(text[:57], []rune("...")...)
	}
	return string(text)
}
