package module

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// hiddenArgument stands for a secret argument in what is registered, as in Ansible.
const hiddenArgument = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

// actionOnly are the modules that are nothing but an action of the controller in
// Ansible: no module was invoked on the host.
var actionOnly = []string{"raw", "script", "fetch", "reboot", "wait_for_connection"}

// Invocation is what Ansible registers as invocation of each item of a loop: all
// arguments of the module as it understood them, those that were not given with their
// defaults or none, and aliases beside the names they stand for. It is nil for modules
// that do not run on the host.
func Invocation(s *Spec, args *value.Map) *value.Map {
	if args == nil || s.Controls || s.Traits.Control || s.AnyArgs || slices.Contains(actionOnly, s.Name) {
		return nil
	}
	var given []Given
	for k, v := range args.All() {
		name := k.Text()
		if name == "cmd" && s.FreeForm != "" {
			name = s.FreeForm
		}
		given = append(given, Given{Name: name, Value: v})
	}
	d := &decoder{spec: s, partial: true}
	got := d.collect(given, s.Args, diag.Pos{}, "")
	m := value.NewMap()
	set := func(a *Arg, name string) {
		if x, ok := got[a.Name]; ok {
			m.Set(name, invoked(a, x))
		}
	}
	// What was given comes first, then the names that aliases stand for, the defaults,
	// and what there is not.
	for _, g := range given {
		if a := findArg(s.Args, g.Name); a != nil {
			set(a, g.Name)
		} else {
			m.Set(g.Name, g.Value)
		}
	}
	if findArg(s.Args, "_uses_shell") != nil { // its action gives it
		m.Set("_uses_shell", value.Bool(s.Name == "shell"))
	}
	for _, assumed := range []bool{false, true} {
		for i := range s.Args {
			a := &s.Args[i]
			if x, ok := got[a.Name]; ok && x.assumed == assumed && !(assumed && a.Unlisted) && !m.Has(a.Name) {
				set(a, a.Name)
			}
		}
	}
	for i := range s.Args {
		a := &s.Args[i]
		if hidden := a.Unlisted || a.Deprecated != "" || a.Name == "cmd" && s.FreeForm != ""; !hidden && !m.Has(a.Name) {
			m.Set(a.Name, value.Null)
		}
	}
	return value.M("module_args", value.FromMap(m))
}

// invoked is the value of one argument as it is registered: modes stay as they were given.
func invoked(a *Arg, x arg) value.Value {
	switch {
	case a.Secret && !x.assumed && !x.value.IsNull():
		return value.String(hiddenArgument)
	case a.Type == Mode && !x.assumed:
		return x.given.Value
	}
	return x.value
}
