package control

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type assertArgs struct {
	That       value.Value             `arg:"that"`
	FailMsg    module.Opt[value.Value] `arg:"fail_msg"`
	SuccessMsg module.Opt[value.Value] `arg:"success_msg"`
	Quiet      bool                    `arg:"quiet"`
}

// Assert is the module assert.
func Assert() module.Module {
	return module.New(module.Spec{
		Name: "assert", Missing: `conditional required in "that" string`, Controls: true, Summary: "Fail unless conditions hold",
		Doc: "Evaluates conditions in order and fails at the first that does not hold, naming it.",
		Args: []module.Arg{
			{Name: "that", Type: module.Raw, Required: true, Doc: "A condition, or a list of conditions, without braces."},
			{Name: "fail_msg", Aliases: []string{"msg"}, Type: module.Raw, Doc: "What to say when one does not hold: a text or a list of texts."},
			{Name: "success_msg", Type: module.Raw, Doc: "What to say when all hold."},
			{Name: "quiet", Type: module.Bool, Default: false, Doc: "Say less."},
		},
		Returns: []module.Return{
			{Name: "assertion", Type: "str", When: "failure", Doc: "The condition that does not hold."},
			{Name: "evaluated_to", Type: "bool", When: "failure", Doc: "What it evaluated to."},
		},
		Traits: module.Traits{Control: true, RawArgs: []string{"that"}},
	}, planAssert)
}

func planAssert(a assertArgs, in module.Inputs, _ state.View) (module.Change, error) {
	for i, m := range []module.Opt[value.Value]{a.FailMsg, a.SuccessMsg} {
		what := []string{"fail_msg or msg", "success_msg"}[i]
		if v, ok := m.Get(); ok && v.Kind() != value.KindString && v.Kind() != value.KindList {
			return module.Change{}, module.Fail("Incorrect type for " + what + ", expected a string or list and got <class '" + v.TypeName() + "'>")
		}
	}
	that := a.That
	if that.IsString() {
		var err error
		if that, err = in.Vars.Render(that); err != nil {
			return module.Change{}, unevaluated(err, "", "The task includes an option with an undefined variable. The error was: ")
		}
	}
	conditions := []value.Value{that}
	if that.Kind() == value.KindList {
		conditions = that.Items()
	}
	var unknown error
	for _, c := range conditions {
		v, err := holds(c, in)
		if err != nil {
			return module.Change{}, err
		}
		if e := module.NotYet(v); e != nil {
			unknown = e
			continue
		}
		if v.Truthy() {
			continue
		}
		if unknown != nil {
			break // an earlier one may fail first
		}
		msg := a.FailMsg.Or(value.String("Assertion failed"))
		f := module.Fail(msg.Text())
		f.Result = value.M("changed", false, "evaluated_to", false, "assertion", c, "msg", msg)
		return module.Change{}, f
	}
	if unknown != nil && in.Check {
		return module.OK("msg", value.Unknown(&value.Origin{What: unknown.Error()})), nil
	}
	if unknown != nil {
		return module.Change{}, unknown
	}
	return module.OK("msg", a.SuccessMsg.Or(value.String("All assertions passed"))), nil
}

// holds evaluates one condition: templates inside a text are rendered first, the
// text that comes out is an expression; anything else is taken as it is
// (ansible-core 2.14, Conditional._check_conditional).
func holds(c value.Value, in module.Inputs) (value.Value, error) {
	if !c.IsString() {
		return value.Bool(c.Truthy()), nil
	}
	if strings.TrimSpace(c.Str()) == "" {
		return value.Bool(true), nil
	}
	failed := func(err error) error {
		return unevaluated(err, "The conditional check '"+c.Str()+"' failed. The error was: ", "error while evaluating conditional ("+c.Str()+"): ")
	}
	x, err := in.Vars.Render(c)
	switch {
	case err != nil:
		return x, failed(err)
	case x.IsUnknown():
		return x, nil
	case x.IsUndefined():
		return x, failed(notDefined(x))
	case !x.IsString() || x.Str() == "":
		return value.Bool(x.Truthy()), nil
	case x.IsUnsafe():
		//lint:ignore ST1005 it is Ansible's sentence
		return x, failed(errors.New("Conditional is marked as unsafe, and cannot be evaluated."))
	}
	v, err := in.Vars.Eval(x.Str())
	switch {
	case err != nil:
		return v, failed(err)
	case v.IsUndefined():
		return v, failed(notDefined(v))
	}
	return v, nil
}

func notDefined(v value.Value) error {
	return &diag.Diagnostic{Code: diag.CodeUndefined, Msg: v.Undef().Message()}
}

// unevaluated is the failure of a task one of whose conditions cannot be evaluated; the
// second intro is for what is not defined alone.
func unevaluated(err error, intro, ofUndefined string) error {
	why := err.Error()
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		why = d.Msg
		if d.Code == diag.CodeUndefined {
			why = ofUndefined + why
		}
	}
	f := module.Fail(intro+why, "changed", false)
	f.Unrun, f.Err = true, err
	return f
}
