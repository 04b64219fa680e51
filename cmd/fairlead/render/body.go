package render

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// body is the result as text, where it is wanted: failures, debug, -v.
func (t *Terminal) body(e *event.Event) string {
	if e.Res == nil || e.Status == event.Unknown {
		return ""
	}
	bad := e.Status == event.Failed || e.Status == event.Unreachable
	whole := e.Verbose && !e.NoLog
	if !bad && !(whole && e.Status != event.Skipped) && t.o.Verbosity == 0 {
		return ""
	}
	if !bad && !whole && (e.Module == "setup" || e.Module == "gather_facts") {
		return "" // as many lines as a host has facts
	}
	m := without(e.Res, "failed", "skipped", "warnings") // the line says so, and the lines before it
	if t.o.Verbosity < 3 && !whole {
		m = without(m, "diff") // shown above, when wanted
	}
	if e.Module == "debug" && (whole || bad || e.Status == event.Skipped) {
		m = debugShows(m)
	}
	return t.written(m, t.o.Verbosity >= 3 || whole && e.Status != event.Skipped)
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
		m = m.Clone()
		for _, k := range []string{"stdout", "stderr"} {
			if m.Has(k) && m.Has(k+"_lines") {
				m.Set(k+"_lines", value.String("<omitted>"))
			}
		}
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
