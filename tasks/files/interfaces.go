package files

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// interfaces is a file of network interfaces (/etc/network/interfaces), line by
// line, so that an edit leaves every other line as it is.
type interfaces struct {
	lines []ifLine
	names []string // of the interfaces, in the file's order
	found map[string]*value.Map
}

// ifLine is one line. Lines that say nothing about an interface have no iface.
type ifLine struct {
	text          string
	iface         string
	family        value.Value // null: none was written
	option, value string      // of an option's line
	head          bool        // it begins the interface
	method        value.Value
}

// same tells whether two lines cannot be told apart.
func (l ifLine) same(o ifLine) bool {
	return l.text == o.text && l.iface == o.iface && l.family.Text() == o.family.Text() && l.option == o.option && l.value == o.value && l.head == o.head
}

// hooks are the options of which an interface may have several.
var hooks = []string{"pre-up", "up", "down", "post-up"}

func isHook(option string) bool { return slices.Contains(hooks, option) }

// parseInterfaces reads the text of a file.
func parseInterfaces(text string) (*interfaces, error) {
	x := &interfaces{found: map[string]*value.Map{}}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	var in ifLine // the head of the interface that options belong to
	within := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		l := ifLine{text: line}
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "iface":
			if len(words) < 2 {
				return nil, fmt.Errorf("iface without a name in line %d", n)
			}
			l.iface, l.head = words[1], true
			if len(words) > 2 {
				l.family = value.String(words[2])
			}
			if len(words) > 3 {
				l.method = value.String(words[3])
			}
			within, in = "iface", l
			x.begin(l)
		case words[0] == "mapping":
			within = "mapping"
		case slices.Contains([]string{"source", "source-dir", "source-directory", "auto", "no-auto-down", "no-scripts"}, words[0]), strings.HasPrefix(words[0], "allow-"):
			within = "other"
		case within == "iface":
			at := strings.Index(line, words[0]) + len(words[0])
			l.iface, l.family, l.option, l.value = in.iface, in.family, words[0], strings.TrimSpace(line[at:])
			x.note(l)
		case within == "":
			return nil, fmt.Errorf("misplaced option %s in line %d", strings.TrimSpace(line), n)
		}
		x.lines = append(x.lines, l)
	}
	return x, nil
}

func (x *interfaces) begin(l ifLine) {
	m := value.NewMap()
	for _, h := range hooks {
		m.Set(h, value.List())
	}
	m.Set("address_family", l.family)
	m.Set("method", l.method)
	if x.found[l.iface] == nil {
		x.names = append(x.names, l.iface)
	}
	x.found[l.iface] = m
}

func (x *interfaces) note(l ifLine) {
	m := x.found[l.iface]
	if !isHook(l.option) {
		m.Set(l.option, value.String(l.value))
		return
	}
	old, _ := m.Get(l.option)
	m.Set(l.option, value.List(append(slices.Clone(old.Items()), value.String(l.value))...))
}

// registered is what is said of the interfaces.
func (x *interfaces) registered() value.Value {
	m := value.NewMap()
	for _, n := range x.names {
		m.Set(n, value.FromMap(x.found[n]))
	}
	return value.FromMap(m).MarkDeep(value.Unsafe)
}

func (x *interfaces) text() string {
	var b strings.Builder
	for _, l := range x.lines {
		b.WriteString(l.text)
	}
	return b.String()
}

// last is where the last line stands that is the same as l.
func (x *interfaces) last(l ifLine) int {
	for i := len(x.lines) - 1; i >= 0; i-- {
		if x.lines[i].same(l) {
			return i
		}
	}
	return -1
}

// ifEdit is what is asked of one option of one interface.
type ifEdit struct {
	iface, option string
	value, family module.Opt[string]
	present       bool
}

// run makes the edit and tells whether it changed anything.
func (e ifEdit) run(x *interfaces) (bool, error) {
	var of, options []ifLine // of the interface; of these, those of the option
	plain := true
	family, asked := e.family.Get()
	for _, l := range x.lines {
		if l.iface != e.iface || l.iface == "" || asked && (l.family.IsNull() || l.family.Text() != family) {
			continue
		}
		of = append(of, l)
		plain = plain && l.option == ""
		if l.option == e.option {
			options = append(options, l)
		}
	}
	if len(of) == 0 {
		return false, module.Fail("Error: interface " + e.iface + " not found")
	}
	if !e.present {
		return e.remove(x, options), nil
	}
	want := e.value.Or("")
	switch {
	case len(options) == 0:
		return e.add(x, of[len(of)-1], plain)
	case isHook(e.option):
		if slices.ContainsFunc(options, func(l ifLine) bool { return l.value == want }) {
			return false, nil
		}
		return e.add(x, options[len(options)-1], plain)
	}
	target := options[len(options)-1]
	if target.value == want {
		return false, nil
	}
	x.lines[x.last(target)].text = target.withValue(want)
	return true, nil
}

func (e ifEdit) remove(x *interfaces, options []ifLine) bool {
	changed := false
	one, given := e.value.Get()
	for _, o := range options {
		if isHook(e.option) && given && one != "None" && o.value != one {
			continue
		}
		changed = true
		x.lines = slices.DeleteFunc(x.lines, o.same)
	}
	return changed
}

// withValue is the line with another value, and with its blanks.
func (l ifLine) withValue(v string) string {
	at := strings.Index(l.text, l.option) + len(l.option)
	words := strings.Fields(l.value)
	for i, w := range words {
		words[i] = regexp.QuoteMeta(w)
	}
	old := regexp.MustCompile(strings.Join(words, `\s+`)).FindStringIndex(l.text[at:])
	return l.text[:at+old[0]] + v + l.text[at+old[1]:]
}

// add puts the option behind a line. The option method stands in the
// interface's first line.
func (e ifEdit) add(x *interfaces, behind ifLine, plain bool) (bool, error) {
	if e.option == "method" {
		return e.setMethod(x)
	}
	words := strings.Fields(behind.text)
	indent := behind.text[:strings.Index(behind.text, words[0])]
	if plain {
		indent += "    "
	}
	w := words[len(words)-1]
	end := behind.text[strings.LastIndex(behind.text, w)+len(w):]
	line := ifLine{text: indent + e.option + " " + e.value.Or("") + end, iface: e.iface, option: e.option, value: e.value.Or("")}
	x.lines = slices.Insert(x.lines, x.last(behind)+1, line)
	return true, nil
}

func (e ifEdit) setMethod(x *interfaces) (bool, error) {
	changed := false
	for i, l := range x.lines {
		if !l.head || l.iface != e.iface || !l.method.IsNull() && l.method.Text() == e.value.Or("") {
			continue
		}
		if l.method.IsNull() {
			return false, fmt.Errorf("interface %s has no method to change", e.iface)
		}
		changed = true
		text := strings.TrimSuffix(l.text, "\n")
		if head, ok := strings.CutSuffix(text, l.method.Text()); ok {
			x.lines[i].text = head + e.value.Or("") + l.text[len(text):]
		}
	}
	return changed, nil
}
