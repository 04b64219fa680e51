package containers

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// tracker notes what differs, and tells it in the forms a result has.
type tracker struct {
	diffs []difference
}

func (t *tracker) add(name string, want, have value.Value) {
	t.diffs = append(t.diffs, difference{name: name, want: want, have: have})
}

// names lists the arguments that differ.
func namesOf(diffs []difference) []string {
	out := make([]string, 0, len(diffs))
	for _, d := range diffs {
		out = append(out, d.name)
	}
	return out
}

// sides are the registered before and after.
func sides(diffs []difference) (before, after *value.Map) {
	before, after = value.NewMap(), value.NewMap()
	for _, d := range diffs {
		before.Set(d.name, d.have)
		after.Set(d.name, d.want)
	}
	return before, after
}

// put adds to a result what somebody asked to see: actions in a dry run or
// with debug, and the difference.
func (t *tracker) put(res *value.Map, in module.Inputs, debug, absent bool, actions []string) {
	if in.Check || debug {
		res.Set("actions", value.Strings(actions...))
	}
	if !in.Check && !debug && !in.Diff {
		return
	}
	d := value.NewMap()
	var named []difference
	for _, x := range t.diffs {
		if x.name != "exists" && !strings.HasPrefix(x.name, "connected.") {
			named = append(named, x)
		}
	}
	if !absent {
		d.Set("differences", value.Strings(namesOf(named)...))
	}
	if in.Diff {
		before, after := sides(t.diffs)
		d.Set("before", value.FromMap(before))
		d.Set("after", value.FromMap(after))
	}
	res.Set("diff", value.FromMap(d))
}

// diff shows the notes; nil when nothing differs.
func (t *tracker) diff() state.Diff { return shown(sides(t.diffs)) }

// shown is a registered difference as it is shown, nil when there is none. Secret values
// are left out.
func shown(before, after *value.Map) state.Diff {
	text := func(m *value.Map) string {
		plain := value.FromMap(m).Walk(func(x value.Value) value.Value {
			if x.Marks()&value.Secret != 0 && x.IsString() {
				key, _, _ := strings.Cut(x.Str(), "=")
				return value.String(key + "=(secret)")
			}
			return x
		})
		return module.DiffJSON(plain.Map())
	}
	e := state.DiffEntry{Before: text(before), After: text(after)}
	if e.Before == e.After {
		return nil
	}
	return state.Diff{e}
}

// apiText is a value as the engine's API wants it in a table of texts.
func apiText(v value.Value) string {
	if v.Kind() == value.KindBool {
		return inline(v)
	}
	return v.Text()
}

func apiTexts(m map[string]value.Value) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = apiText(v)
	}
	return out
}

// lacking notes the entries of want that have does not hold alike: all of them
// under one name when it holds none.
func (t *tracker) lacking(name string, want, have map[string]string) {
	if len(want) == 0 {
		return
	}
	if len(have) == 0 {
		t.add(name, value.FromGo(want), value.FromGo(have))
		return
	}
	for _, k := range keys(want) {
		got, ok := have[k]
		if ok && got == want[k] {
			continue
		}
		v := value.Null
		if ok {
			v = value.String(got)
		}
		t.add(name+"."+k, value.String(want[k]), v)
	}
}
