package run

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// ErrQuit says that somebody ended the run at the debugger.
var ErrQuit = errors.New("user interrupted execution")

// debugging is what was changed at the debugger of a play.
type debugging struct {
	args map[*playbook.Task]*value.Map // of tasks, for all hosts
	vars map[*host]map[string]value.Value
	task map[*host]*playbook.Task // for which vars hold
}

// overrideArgs puts arguments that were set at the debugger into a task's.
func (d *debugging) overrideArgs(t *playbook.Task, args *value.Map) *value.Map {
	if set := d.args[t]; set != nil {
		return set.Clone()
	}
	return args
}

// locals are the variables that were set at the debugger for a host's task.
func (d *debugging) locals(h *host, t *playbook.Task) map[string]value.Value {
	if d.task[h] != t {
		return nil
	}
	return d.vars[h]
}

// debugs tells whether a result wants the debugger, as ansible-core 2.14 decides it
// (TaskResult.needs_debugger).
func (pl *play) debugs(h *host, t *playbook.Task, status event.Status, ignored bool) bool {
	if pl.Debug == nil || pl.Check {
		return false
	}
	failed := status == event.Failed && (!ignored || !pl.Settings.DebuggerForgives)
	s := pl.scope(h, t)
	mode, err := keyword(s, nearest(s, &t.Scope, func(k *playbook.Keywords) *yaml.Node { return k.Debugger }))
	if err != nil {
		return false
	}
	switch mode {
	case "always":
		return true
	case "never":
		return false
	case "on_failed":
		return failed
	case "on_unreachable":
		return status == event.Unreachable
	case "on_skipped":
		return status == event.Skipped
	}
	return pl.debugAll && (failed || status == event.Unreachable)
}

// debugged shows a result and lets somebody look into it, where that is wanted. It
// tells whether the task is to be done again.
func (pl *play) debugged(h *host, t *playbook.Task, o *outcome, e *event.Event) (redo bool, err error) {
	pl.releaseOf([]*host{h}, nil)
	shown := *e
	shown.Kind = event.Debugged
	pl.tellTask(&shown)
	pl.emit(&shown)
	e.Told = true
	d := &debugger{pl: pl, h: h, t: t, o: o}
	for {
		line, err := pl.Debug(pl.ctx, fmt.Sprintf("[%s] TASK: %s (debug)> ", h.Name, h.title(t)), true)
		if errors.Is(err, io.EOF) && line == "" {
			line, err = "quit", nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		switch word, rest, _ := strings.Cut(strings.TrimSpace(line), " "); word {
		case "":
		case "q", "quit", "EOF":
			pl.notice("info", "User interrupted execution")
			return false, ErrQuit
		case "c", "continue":
			return false, nil
		case "r", "redo":
			return true, nil
		case "u", "update_task": // the task is evaluated anew with each redo
		case "p", "pprint":
			pl.notice("info", d.print(strings.TrimSpace(rest)))
		case "h", "help", "?":
			pl.notice("info", "p EXPRESSION  print task, task.args, task_vars, host or result\n"+
				"task.args[KEY] = VALUE, task_vars[KEY] = VALUE, del task.args[KEY]  change them\n"+
				"u  evaluate the task with them    r  do the task again\nc  go on    q  end the run")
		default:
			if err := d.execute(line); err != nil {
				pl.notice("info", "***"+err.Error())
			}
		}
	}
}

// debugger is one stop at the debugger.
type debugger struct {
	pl *play
	h  *host
	t  *playbook.Task
	o  *outcome
}

// args are the task's arguments as they will be the next time: as written, but for what
// was set here.
func (d *debugger) args() *value.Map {
	if m := d.pl.debugging.args[d.t]; m != nil {
		return m
	}
	m := value.NewMap()
	for _, p := range d.t.Args.Pairs {
		m.Set(p.Key.Value().Text(), p.Value.Value().WithMarks(value.Unsafe))
	}
	if d.t.Raw != nil {
		m.Set("_raw_params", d.t.Raw.Value())
	}
	return m
}

// scope sees what Ansible's debugger shows.
func (d *debugger) scope() *vars.Scope {
	s := d.pl.scope(d.h, d.t)
	all := value.NewMap()
	for _, n := range s.Names() {
		if v, ok, err := s.Variable(n); ok && err == nil {
			all.Set(n, v)
		}
	}
	result := value.M("_result", value.FromMap(d.o.result), "_host", d.h.Name, "_task", "TASK: "+d.h.title(d.t))
	task := value.M("args", value.FromMap(d.args()), "name", d.t.Keywords.Name.Str(), "action", d.t.Action)
	return s.With(map[string]value.Value{"task": value.FromMap(task), "task_vars": value.FromMap(all),
		"result": value.FromMap(result), "host": value.String(d.h.Name)})
}

func (d *debugger) eval(expr string) (value.Value, error) {
	v, err := d.scope().Expr(expr, diag.Pos{File: "debugger"})
	if err == nil && v.IsUndefined() {
		err = vars.Undefined(v, diag.Pos{})
	}
	return v, err
}

func (d *debugger) print(expr string) string {
	switch expr {
	case "task":
		return "TASK: " + d.h.title(d.t)
	case "host":
		return d.h.Name
	case "result":
		expr = "result._result"
	}
	v, err := d.eval(expr)
	switch {
	case err != nil:
		return "***" + err.Error()
	case v.DeepMarks()&value.Secret != 0:
		return "'" + event.Hidden + "'"
	}
	return v.Repr()
}

var (
	reAssign = lazyregexp.New(`^(task\.args|task_vars)\s*((?:\[[^\[\]]+\])*)\s*=\s*([^=].*)$`)
	reDelete = lazyregexp.New(`^del\s+(task\.args)\s*((?:\[[^\[\]]+\])+)$`)
	reKey    = lazyregexp.New(`\[([^\[\]]+)\]`)
)

// execute carries out an assignment to what task.args or task_vars hold, or a deletion.
func (d *debugger) execute(line string) error {
	line = strings.TrimSpace(line)
	var target, path string
	set := value.Undefined("")
	if m := reAssign().FindStringSubmatch(line); m != nil {
		v, err := d.eval(m[3])
		if err != nil {
			return err
		}
		target, path, set = m[1], m[2], v
	} else if m := reDelete().FindStringSubmatch(line); m != nil {
		target, path = m[1], m[2]
	} else {
		return errors.New("SyntaxError: what can be changed are task.args[KEY] = VALUE, task_vars[KEY] = VALUE and del task.args[KEY]")
	}
	var keys []value.Value
	for _, m := range reKey().FindAllStringSubmatch(path, -1) {
		k, err := d.eval(m[1])
		if err != nil {
			return err
		}
		keys = append(keys, k)
	}
	return d.assign(target, keys, set)
}

func (d *debugger) assign(target string, keys []value.Value, v value.Value) error {
	d.pl.shared = sharedTasks{} // what was evaluated for other hosts holds no more
	x := &d.pl.debugging
	if target == "task.args" {
		changed, err := put(value.FromMap(d.args()), keys, v)
		if err != nil || changed.Map() == nil {
			return cmp.Or(err, errors.New("TypeError: the arguments are a dict"))
		}
		if x.args == nil {
			x.args = map[*playbook.Task]*value.Map{}
		}
		x.args[d.t] = changed.Map()
		return nil
	}
	if len(keys) == 0 {
		return errors.New("TypeError: give one variable: task_vars[NAME] = VALUE")
	}
	name := keys[0].Text()
	old, _, _ := d.pl.scope(d.h, d.t).Variable(name)
	changed, err := put(old, keys[1:], v)
	if err != nil {
		return err
	}
	if x.vars == nil {
		x.vars, x.task = map[*host]map[string]value.Value{}, map[*host]*playbook.Task{}
	}
	if x.task[d.h] != d.t {
		x.vars[d.h], x.task[d.h] = map[string]value.Value{}, d.t
	}
	x.vars[d.h][name] = changed
	return nil
}

// put gives in with what keys lead to replaced by v, or taken out where v is undefined.
func put(in value.Value, keys []value.Value, v value.Value) (value.Value, error) {
	if len(keys) == 0 {
		return v, nil
	}
	if items := in.Items(); in.Kind() == value.KindList {
		i, ok := keys[0].AsInt()
		if !ok || i < 0 || int(i) >= len(items) {
			return in, fmt.Errorf("IndexError: %s", keys[0].Text())
		}
		changed, err := put(items[i], keys[1:], v)
		items = slices.Clone(items)
		items[i] = changed
		return value.List(items...), err
	}
	if in.Map() == nil {
		return in, fmt.Errorf("TypeError: a %s has no %s", in.TypeName(), keys[0].Text())
	}
	m := in.Map().Clone()
	old, _ := m.GetKey(keys[0])
	if len(keys) == 1 && v.IsUndefined() {
		m.DeleteKey(keys[0])
		return value.FromMap(m), nil
	}
	changed, err := put(old, keys[1:], v)
	m.SetKey(keys[0], changed)
	return value.FromMap(m), err
}
