package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// body is the result as text, and whether it is wanted: failures, debug, -v.
func (t *Terminal) body(e *event.Event) (text string, wanted bool) {
	if e.Res == nil || e.Status == event.Unknown {
		return "", false
	}
	bad := e.Status == event.Failed || e.Status == event.Unreachable
	whole := e.Verbose && !e.NoLog
	if !bad && !(whole && e.Status != event.Skipped) && t.o.Verbosity == 0 {
		return "", false
	}
	if !bad && !whole && (e.Module == "setup" || e.Module == "gather_facts") {
		return "", false // as many lines as a host has facts
	}
	m := without(e.Res, "failed", "skipped", "warnings") // the line says so, and the lines before it
	if e.NoLog && e.Module == "debug" {
		m = without(m, "changed") // debug itself says nothing of it
	}
	if e.Loop && e.Status == event.Skipped {
		m = without(m, "results") // each was shown
	}
	if t.o.Verbosity < 3 && !whole {
		m = without(m, "diff") // shown above, when wanted
	}
	if e.Module == "debug" && (whole || bad || e.Status == event.Skipped) {
		m = debugShows(m)
	}
	switch {
	case t.o.Results.Headed != nil:
		return headed(m, t.o.Results.Headed), true
	case t.o.Results.Apart:
		return apart(m), true
	}
	return t.written(m, t.o.Verbosity >= 3 || whole && e.Status != event.Skipped), true
}

// headed is a result as the callback yaml of community.general writes it: what changed in
// the line of the host, the rest as YAML below.
func headed(m *value.Map, yaml func(value.Value) (string, error)) string {
	m = linesOmitted(without(m, "exception"))
	var b strings.Builder
	for _, k := range []string{"changed", "skipped"} {
		if v, ok := m.Get(k); ok {
			b.WriteString(k + "=" + strings.ToLower(v.Text()) + " ")
			m.Delete(k)
		}
	}
	if m.Len() > 0 {
		text, err := yaml(value.FromMap(m))
		if err != nil {
			return oneLine(m)
		}
		b.WriteString("\n" + event.Printable(text))
	}
	return strings.TrimRight(strings.ReplaceAll(b.String(), "\n", "\n  "), " \n")
}

// apart is a result as the callback debug of ansible.posix writes it: texts behind the rest,
// as they are.
func apart(m *value.Map) string {
	texts := []string{"stdout", "stderr", "msg", "module_stdout", "module_stderr"}
	var b strings.Builder
	b.WriteString(indented(without(m, append(texts, "stdout_lines", "stderr_lines")...)))
	for _, k := range texts {
		if v, ok := m.Get(k); ok && v.Truthy() {
			b.WriteString("\n\n" + strings.ToUpper(k) + ":\n\n" + event.Printable(v.Text()) + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n") // which ends the line anyway
}

// Results is how the results of tasks are written, as Ansible's settings
// callback_result_format and callback_format_pretty say.
type Results struct {
	// YAML writes a result as YAML with that indentation, lossy for the sake of
	// people; nil for JSON.
	YAML func(v value.Value, indent int, lossy bool) (string, error)
	// Pretty and Compact are what was asked for, if anything was: several lines, or
	// one (in YAML: less indentation, and nothing lost).
	Pretty, Compact bool
	// Headed writes results as the callback yaml does, Apart as the callback debug does;
	// nil and false for the default.
	Headed func(v value.Value) (string, error)
	Apart  bool
}

// written is a result as text; wide where the task or -vvv asks for several lines.
func (t *Terminal) written(m *value.Map, wide bool) string {
	how := t.o.Results
	wide = !how.Compact && (wide || how.Pretty || how.YAML != nil)
	switch {
	case how.YAML != nil:
		return inYAML(m, how, wide)
	case wide:
		return indented(m)
	}
	return oneLine(m)
}

// inYAML begins on a line of its own.
func inYAML(m *value.Map, how Results, wide bool) string {
	indent := 2
	if wide {
		indent = 4
	}
	if !how.Compact {
		m = linesOmitted(m.Clone())
	}
	text, err := how.YAML(value.FromMap(m), indent, !how.Compact)
	if err != nil {
		return oneLine(m)
	}
	lines := strings.SplitAfter(event.Printable(text), "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) != "" {
			lines[i] = "    " + l
		}
	}
	return "\n" + strings.TrimSuffix(strings.Join(lines, ""), "\n")
}

// linesOmitted says nothing twice, in a copy of a result.
func linesOmitted(m *value.Map) *value.Map {
	for _, k := range []string{"stdout", "stderr"} {
		if m.Has(k) && m.Has(k+"_lines") {
			m.Set(k+"_lines", value.String("<omitted>"))
		}
	}
	return m
}

// debugShows is what Ansible shows of debug's result: the message alone, or the
// variable that was asked for.
func debugShows(m *value.Map) *value.Map {
	if msg, ok := m.Get("msg"); ok {
		return value.M("msg", msg)
	}
	return without(m, "changed", "skipped", "invocation", "skip_reason")
}

func without(m *value.Map, names ...string) *value.Map {
	c := m.Clone()
	for _, n := range names {
		c.Delete(n)
	}
	return c
}

// sorted puts the keys of a value in order, as Ansible shows results.
func sorted(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindList:
		items := slices.Clone(v.Items())
		for i := range items {
			items[i] = sorted(items[i])
		}
		return value.List(items...).WithMarks(v.Marks())
	case value.KindMap:
		keys := slices.SortedFunc(slices.Values(v.Map().Keys()), func(a, b value.Value) int { return strings.Compare(a.Text(), b.Text()) })
		m := value.NewMap()
		for _, k := range keys {
			x, _ := v.Map().GetKey(k)
			m.SetKey(k, sorted(x))
		}
		return value.FromMap(m).WithMarks(v.Marks())
	}
	return v
}

func oneLine(m *value.Map) string {
	data, err := sorted(value.FromMap(m)).MarshalJSON()
	if err != nil {
		return "{}"
	}
	var out strings.Builder
	inString, escaped := false, false
	for _, r := range string(data) { // Python's separators: ", " and ": "
		out.WriteRune(r)
		switch {
		case escaped:
			escaped = false
		case r == '\\' && inString:
			escaped = true
		case r == '"':
			inString = !inString
		case !inString && (r == ',' || r == ':'):
			out.WriteByte(' ')
		}
	}
	return event.PrintableLine(out.String())
}

func indented(m *value.Map) string {
	data, err := sorted(value.FromMap(m)).MarshalJSON()
	if err != nil {
		return "{}"
	}
	var b bytes.Buffer
	if json.Indent(&b, data, "", "    ") != nil {
		return "{}"
	}
	return event.Printable(b.String())
}
