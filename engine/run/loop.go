package run

import (
	"strconv"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// looping is what loop_control says, evaluated once before the loop begins.
type looping struct {
	loopVar, indexVar  string
	extended, allItems bool
	pause              time.Duration
}

func loopControl(s *vars.Scope, l *playbook.Loop) (looping, error) {
	c := looping{loopVar: l.LoopVar, indexVar: l.IndexVar}
	var err error
	if l.LoopVarNode.HasTemplate() {
		if c.loopVar, err = keyword(s, l.LoopVarNode); err != nil {
			return c, err
		}
	}
	if l.IndexVarNode.HasTemplate() {
		if c.indexVar, err = keyword(s, l.IndexVarNode); err != nil {
			return c, err
		}
	}
	if c.extended, err = flag(s, l.Extended, false); err != nil {
		return c, err
	}
	if c.allItems, err = flag(s, l.ExtendedAllItems, true); err != nil {
		return c, err
	}
	text, err := keyword(s, l.Pause)
	if err != nil || text == "" {
		return c, err
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return c, diag.Errorf(l.Pause.Pos, "pause", "pause is %q, not a number of seconds", text)
	}
	c.pause = time.Duration(seconds * float64(time.Second))
	return c, nil
}

// loopVars are the variables of the present item.
func (pl *play) loopVars(in *instance, t *playbook.Task) map[string]value.Value {
	c := in.control
	locals := map[string]value.Value{c.loopVar: in.items[in.idx], "ansible_loop_var": value.String(c.loopVar)}
	if c.indexVar != "" {
		locals[c.indexVar] = value.Int(int64(in.idx))
		locals["ansible_index_var"] = value.String(c.indexVar)
	}
	if c.extended {
		locals["ansible_loop"] = extendedLoop(in)
	}
	return locals
}

func extendedLoop(in *instance) value.Value {
	n, i := len(in.items), in.idx
	m := value.M("index", i+1, "index0", i, "first", i == 0, "last", i == n-1,
		"length", n, "revindex", n-i, "revindex0", n-i-1)
	if in.control.allItems {
		m.Set("allitems", value.List(in.items...))
	}
	if i > 0 {
		m.Set("previtem", in.items[i-1])
	}
	if i < n-1 {
		m.Set("nextitem", in.items[i+1])
	}
	return value.FromMap(m)
}

// itemBefore is the result of the last item that was not left out by its condition: what
// the later ones see under the name that the task registers.
func (i *instance) itemBefore() (value.Value, bool) {
	for n := min(i.idx, len(i.results)) - 1; n >= 0; n-- {
		if m := i.results[n].Map(); !m.Has("skip_reason") {
			return i.results[n].MarkDeep(value.Unsafe), true
		}
	}
	return value.Null, false
}
