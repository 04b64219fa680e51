package control

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// vars evaluates what it has been told.
type vars map[string]value.Value

func (v vars) Eval(expr string) (value.Value, error) {
	x, ok := v[expr]
	if !ok {
		return value.Null, diag.Errorf(diag.Pos{}, "undefined-variable", "'%s' is undefined", expr)
	}
	return x, nil
}

// Render knows templates that are a variable's name and nothing else.
func (v vars) Render(x value.Value) (value.Value, error) {
	name, ok := strings.CutPrefix(x.Text(), "{{ ")
	if !ok {
		return x, nil
	}
	return v.Eval(strings.TrimSuffix(name, " }}"))
}

func (v vars) Lookup(name string) (value.Value, bool, error) {
	x, ok := v[name]
	return x, ok, nil
}

func TestControl(t *testing.T) {
	t.Parallel()
	in := module.Inputs{Vars: vars{"a": value.Int(1), "name": value.String("a"), "ok": value.Bool(true), "no": value.Bool(false),
		"later": module.Later(), "list": value.FromGo([]any{"ok", "no"}), "theirs": value.String("ok").WithMarks(value.Unsafe)}}
	for _, c := range []struct {
		m    module.Module
		args *value.Map
		want string // the result, or "! message"
	}{
		{Debug(), value.M(), "{'changed': False, 'msg': 'Hello world!'}"},
		{Debug(), value.M("msg", []any{1, "x"}), "{'changed': False, 'msg': [1, 'x']}"},
		{Debug(), value.M("msg", nil), "{'changed': False, 'msg': None}"},
		{Debug(), value.M("var", "a"), "{'changed': False, 'a': 1}"},
		{Debug(), value.M("var", "{{ name }}"), "{'changed': False, 'a': 1}"},
		{Debug(), value.M("var", "none.x"), "{'changed': False, 'none.x': 'VARIABLE IS NOT DEFINED!'}"},
		{Debug(), value.M("msg", "x", "verbosity", 2), "{'changed': False, 'skipped_reason': 'Verbosity threshold not met.'}"},
		{Debug(), value.M("msg", "x", "var", "a"), "! 'msg' and 'var' are incompatible options"},
		{Assert(), value.M("that", []any{"ok", true}), "{'changed': False, 'msg': 'All assertions passed'}"},
		{Assert(), value.M("that", "ok", "success_msg", "fine"), "{'changed': False, 'msg': 'fine'}"},
		{Assert(), value.M("that", []any{"ok", "no"}), "! Assertion failed"},
		{Assert(), value.M("that", "no", "msg", "bad"), "! bad"},
		{Assert(), value.M("that", []any{"{{ name }}"}), "{'changed': False, 'msg': 'All assertions passed'}"},
		{Assert(), value.M("that", "{{ list }}"), "! Assertion failed"},
		{Assert(), value.M("that", []any{"{{ theirs }}"}), "! The conditional check '{{ theirs }}' failed. The error was: Conditional is marked as unsafe, and cannot be evaluated."},
		{Assert(), value.M("that", "none"), "! The conditional check 'none' failed."},
		{Assert(), value.M("that", "later"), "! not known before this was applied"},
		{Fail(), value.M(), "! Failed as requested from task"},
		{Fail(), value.M("msg", "no"), "! no"},
		{SetFact(), value.M("a", 1, "b", "yes", "cacheable", "no"), "{'changed': False, 'ansible_facts': {'a': 1, 'b': True}}"},
		{SetFact(), value.M("1a", 1), "! The variable name '1a' is not valid."},
		{SetFact(), value.M(), "! No key/value pairs provided"},
		{AddHost(), value.M("name", "h:22", "groups", "x, y", "foo", "bar"),
			"{'changed': True, 'add_host': {'groups': ['x', 'y'], 'host_name': 'h', 'host_vars': {'foo': 'bar', 'ansible_ssh_port': '22'}}}"},
		{GroupBy(), value.M("key", "a b", "parents", "p"), "{'changed': True, 'add_group': 'a-b', 'parent_groups': ['p']}"},
		{SetStats(), value.M("data", map[string]any{"x": 1}), "{'changed': False, 'ansible_stats': {'data': {'x': 1}, 'per_host': False, 'aggregate': True}}"},
		{SetStats(), value.M("data", nil), "! The 'data' option needs to be a dictionary/hash"},
		{SetStats(), value.M("per_host", "maybe", "aggregate", "yes"), "{'changed': False, 'ansible_stats': {'data': {}, 'per_host': False, 'aggregate': True}}"},
		{SetStats(), value.M(), "{'changed': False, 'ansible_stats': {'data': {}, 'per_host': False, 'aggregate': True}}"},
		{Pause(), value.M("minutes", "x"), "! argument 'minutes' is of type <class 'str'> and we were unable to convert to int: invalid literal for int() with base 10: 'x'"},
		{Meta(), value.M("_raw_params", "noop"), "{'changed': False, 'msg': 'noop'}"},
	} {
		got := result(t, c.m, in, c.args)
		if got != c.want && !(strings.HasPrefix(c.want, "! ") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.m.Spec().Name, value.FromMap(c.args).Repr(), got, c.want)
		}
	}
}

func TestPauseReadsWholeNumbers(t *testing.T) {
	t.Parallel()
	for want, args := range map[string]*value.Map{
		"Paused for 90.0 seconds": value.M("seconds", 90),
		"Paused for 2.0 seconds":  value.M("seconds", "2"),
		"Paused for 1.0 seconds":  value.M("seconds", 0),
		"Paused for 1.0 minutes":  value.M("minutes", 1.9),
		"Paused for 0.02 minutes": value.M("minutes", 0.5),
	} {
		if got := result(t, Pause(), module.Inputs{}, args); !strings.Contains(got, "'"+want+"'") {
			t.Errorf("%s: got %s", want, got)
		}
	}
}

func result(t *testing.T, m module.Module, in module.Inputs, args *value.Map) string {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Plan(a, in, nil)
	if err != nil {
		return "! " + err.Error()
	}
	return value.FromMap(c.Result).Repr()
}

func TestPingAsksTheHost(t *testing.T) {
	t.Parallel()
	m := Ping()
	a, err := m.Decode(value.M(), diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	v := state.NewHostView()
	c, err := m.Plan(a, module.Inputs{}, v)
	if err != nil || len(c.Need) != 1 {
		t.Fatalf("ping asks %v, %v", c.Need, err)
	}
	v.Learn(state.Answer{Query: state.Login{}, Value: state.LoginInfo{}})
	if c, err = m.Plan(a, module.Inputs{}, v); err != nil || value.FromMap(c.Result).Repr() != "{'changed': False, 'ping': 'pong'}" {
		t.Errorf("ping = %v, %v", c.Result, err)
	}
}

func TestNotYetIsTyped(t *testing.T) {
	t.Parallel()
	err := module.NotYet(module.Later())
	if _, ok := errors.AsType[*module.NotYetError](err); !ok {
		t.Errorf("NotYet = %v", err)
	}
	if module.NotYet(value.Int(1)) != nil {
		t.Error("a known value is not yet known")
	}
}
