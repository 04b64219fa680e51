package packages

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSnap(t *testing.T) {
	t.Parallel()
	const head = "Name  Version  Rev  Tracking  Publisher  Notes\n"
	const has, off, none = "@a\n" + head + "a 1 2 latest/stable x classic\n", "@a\n" + head + "a 1 2 latest/stable x disabled,classic\n", "@a\n"
	for name, c := range map[string]struct {
		out  string
		args *value.Map
		said []state.OpResult
		want string // behind the look
	}{
		"installed":      {none, value.M("classic", true, "channel", "edge"), nil, "snap install --classic --channel edge a"},
		"there":          {has, value.M(), nil, ""},
		"two":            {"@a\n@b\n", value.M("name", "a,b"), nil, "snap install a b"},
		"two by one":     {"@a\n@b\n", value.M("name", "a,b", "classic", true), nil, "snap install --classic a|snap install --classic b"},
		"removed":        {has, value.M("state", "absent"), nil, "snap remove a"},
		"not there":      {none, value.M("state", "absent"), nil, ""},
		"enabled":        {off, value.M("state", "enabled"), nil, "snap enable a"},
		"is enabled":     {has, value.M("state", "enabled"), nil, ""},
		"disabled":       {has, value.M("state", "disabled"), nil, "snap disable a"},
		"is disabled":    {off, value.M("state", "disabled"), nil, ""},
		"options":        {has + "@@\n{\n\t\"x\": {\"y\": true, \"z\": 5}\n}\n", value.M("options", "x.y=True,a:x.z=6,q = 1"), nil, "snap set a x.z=6 q=1"},
		"as they are":    {has + "@@\n{\"k\": 1}\n", value.M("options", "k=1"), nil, ""},
		"no options":     {has + "@@\n", value.M("options", "k=1"), nil, "snap set a k=1"},
		"a new one's":    {none, value.M("options", "k=1"), nil, "snap install a|snap set a k=1"},
		"bad option":     {has, value.M("options", "k"), nil, "! Cannot parse set option 'k'"},
		"another's":      {has, value.M("options", "b:k=1"), nil, "! Snap option 'b:k=1' refers to snap which is not in the list"},
		"classic only":   {none, value.M(), []state.OpResult{moduletest.Ended(1, "", "error: This revision of snap \"a\" was published using classic confinement and\n")}, "! Couldn't install a because it requires classic confinement"},
		"it fails":       {none, value.M(), []state.OpResult{moduletest.Ended(1, "", "no")}, "! Ooops! Snap installation failed while executing 'snap install a'"},
		"not set":        {has, value.M("options", "k=1"), []state.OpResult{moduletest.Ended(1, "", "bad")}, "! Cannot set options 'k=1' for snap 'a': error=bad"},
		"nothing to set": {has, value.M("options", "k=1"), []state.OpResult{moduletest.Ended(1, "", "error: snap \"a\" has no \"configure\" hook")}, "! Snap 'a' does not have any configurable options"},
		"odd":            {"@a\nx\n", value.M(), nil, "! Unable to parse 'snap list a' output"},
		"odd options":    {has + "@@\n{x\n", value.M("options", "k=1"), nil, "! Parsing option map returned by 'snap get a'"},
	} {
		h := &moduletest.Host{Said: append([]state.OpResult{moduletest.Ended(0, c.out, "")}, c.said...)}
		if len(c.said) == 0 {
			h.Said = append(h.Said, state.OpResult{OK: true})
		}
		if _, given := c.args.Get("name"); !given {
			c.args.Set("name", value.String("a"))
		}
		h.Then = func(string) {
			if len(h.Ran) == 1 { // the look itself is not compared
				h.Ran, h.Then = nil, nil
			}
		}
		h.Expect(t, name, Snap(), c.args, c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(127, "", "Failed to find required executable \"snap\"\n")}}
	h.Expect(t, "no snap", Snap(), value.M("name", "a"), `! Failed to find required executable "snap"`)
}
