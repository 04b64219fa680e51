package module

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestInvocation(t *testing.T) {
	t.Parallel()
	spec := Spec{Name: "m", FreeForm: "_raw_params", Args: []Arg{
		{Name: "_raw_params"}, {Name: "cmd"}, {Name: "path", Aliases: []string{"dest"}}, {Name: "force", Type: Bool, Default: false},
		{Name: "password", Secret: true}, {Name: "mode", Type: Mode}, {Name: "old", Deprecated: "gone"}, {Name: "names", Type: List, Elem: Str}, {Name: "newer", Default: "x", Unlisted: true},
	}}
	control := spec
	control.Traits.Control = true
	for _, x := range []struct {
		name string
		spec Spec
		args *value.Map
		want string
	}{
		{"defaults and none", spec, value.M("path", "/a"), `{'path': '/a', 'force': False, '_raw_params': None, 'password': None, 'mode': None, 'names': None}`},
		{"an alias stays", spec, value.M("dest", "/a", "force", "yes"), `{'dest': '/a', 'force': True, 'path': '/a', '_raw_params': None, 'password': None, 'mode': None, 'names': None}`},
		{"secrets are hidden, modes are as given", spec, value.M("password", "x", "mode", 420, "names", "a,b"),
			`{'password': 'VALUE_SPECIFIED_IN_NO_LOG_PARAMETER', 'mode': 420, 'names': ['a', 'b'], 'force': False, '_raw_params': None, 'path': None}`},
		{"a command has one name", spec, value.M("cmd", "echo"), `{'_raw_params': 'echo', 'force': False, 'path': None, 'password': None, 'mode': None, 'names': None}`},
		{"what there is not stays", spec, value.M("nosuch", 1), `{'nosuch': 1, 'force': False, '_raw_params': None, 'path': None, 'password': None, 'mode': None, 'names': None}`},
		{"no module ran", control, value.M("path", "/a"), ""},
	} {
		got := Invocation(&x.spec, x.args)
		text := ""
		if got != nil {
			v, _ := got.Get("module_args")
			text = v.Repr()
		}
		if text != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.name, text, x.want)
		}
	}
}
