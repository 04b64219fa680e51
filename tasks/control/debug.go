package control

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type debugArgs struct {
	Msg       value.Value `arg:"msg"`
	Var       value.Value `arg:"var"`
	All       *value.Map  `arg:"*"` // tells null from nothing
	Verbosity int         `arg:"verbosity"`
}

// Debug is the module debug.
func Debug() module.Module {
	return module.New(module.Spec{
		Name: "debug", Controls: true, Summary: "Print a text or a variable",
		Doc: "Prints a text, or an expression and its value.",
		Args: []module.Arg{
			{Name: "msg", Type: module.Raw, Doc: "What to print; \"Hello world!\" without msg and var."},
			{Name: "var", Type: module.Raw, Doc: "A variable or expression, without braces."},
			{Name: "verbosity", Type: module.Int, Default: 0, Doc: "How many -v must be given for it to print."},
		},
		Traits: module.Traits{Control: true, Unknown: true, RawArgs: []string{"var"}},
	}, planDebug)
}

func planDebug(a debugArgs, in module.Inputs, _ state.View) (module.Change, error) {
	if a.All.Has("msg") && !a.Var.IsNull() {
		return module.Change{}, module.Fail("'msg' and 'var' are incompatible options")
	}
	if verbosity(in) < a.Verbosity {
		return module.Change{Skip: true, Result: value.M("changed", false, "skipped_reason", "Verbosity threshold not met.")}, nil
	}
	if a.Var.IsNull() {
		msg := a.Msg
		if !a.All.Has("msg") {
			msg = value.String("Hello world!")
		}
		return module.OK("msg", msg), nil
	}
	key, v, err := evaluate(a.Var, in)
	if err != nil {
		return module.Change{}, err
	}
	m := value.M("changed", false)
	m.Set(key, v)
	return module.Change{Result: m}, nil
}

// whyUndefined goes on, with -v, to say which part is not defined, twice as Ansible does.
func whyUndefined(v value.Value, err error, in module.Inputs) string {
	if verbosity(in) == 0 {
		return ""
	}
	why := ""
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok {
		why = d.Msg
	} else if u := v.Undef(); u != nil {
		why = u.Message()
	}
	if why == "" {
		return ""
	}
	return ": " + why + ". " + why
}

// verbosity is the number of -v of the run, as far as a variable tells.
func verbosity(in module.Inputs) int {
	if in.Vars == nil {
		return 0
	}
	v, ok, err := in.Vars.Lookup("ansible_verbosity")
	if err != nil || !ok {
		return 0
	}
	n, _ := v.AsInt()
	return int(n)
}

// evaluate gives the name and the value to show for the argument var. Its text
// is an expression; one in braces gives an expression or the value itself.
func evaluate(arg value.Value, in module.Inputs) (string, value.Value, error) {
	expr := arg
	if text := strings.TrimSpace(arg.Str()); arg.IsString() && strings.HasPrefix(text, "{{") && strings.HasSuffix(text, "}}") {
		inner, err := in.Vars.Eval(strings.Trim(strings.TrimSuffix(strings.TrimPrefix(text, "{{"), "}}"), "- "))
		if err != nil {
			return "", value.Null, err
		}
		if inner.IsUnknown() {
			return arg.Str(), inner, nil
		}
		expr = inner
	}
	switch {
	case !expr.IsString():
		return "<class '" + expr.TypeName() + "'>", expr, nil
	case expr.IsUnsafe(): // no expression, as Ansible shows it
		return expr.Str(), value.String("{{" + expr.Str() + "}}").WithMarks(expr.Marks()), nil
	}
	v, err := in.Vars.Eval(expr.Str())
	switch {
	case undefined(v, err):
		return expr.Str(), value.String("VARIABLE IS NOT DEFINED!" + whyUndefined(v, err, in)), nil
	case err != nil:
		return "", value.Null, err
	}
	if v.IsUnknown() || v.Kind() == value.KindList || v.Kind() == value.KindMap {
		return expr.Str(), v, nil
	}
	// As a template has it: text that reads like data is shown as data, a number that is
	// no plain variable as text.
	v, err = in.Vars.Render(value.String("{{ " + expr.Str() + " }}"))
	return expr.Str(), v, err
}
