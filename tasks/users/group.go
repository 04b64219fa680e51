package users

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type groupArgs struct {
	Name      string          `arg:"name"`
	State     string          `arg:"state"`
	GID       module.Opt[int] `arg:"gid"`
	System    bool            `arg:"system"`
	NonUnique bool            `arg:"non_unique"`
	Local     bool            `arg:"local"`
}

var groupSpec = module.Spec{
	Name:    "group",
	Summary: "Have a group, or not",
	Doc:     "Makes, changes and removes groups with groupadd, groupmod and groupdel, or with what busybox has.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The group."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "gid", Type: module.Int, Doc: "Its number."},
		{Name: "system", Type: module.Bool, Default: false, Doc: "A new group gets a number of the system's."},
		{Name: "non_unique", Type: module.Bool, Default: false, Doc: "The number may be another group's too."},
		{Name: "local", Type: module.Bool, Default: false, Doc: "Accepted; groups are always made in the host's own files."},
	},
	Order: [][]string{{"name", "state", "changed", "system", "gid"}},
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The group."},
		{Name: "state", Type: "str", When: "always", Doc: "Whether it is there."},
		{Name: "gid", Type: "int", When: "it is there", Doc: "Its number."},
		{Name: "system", Type: "bool", When: "it is there", Doc: "As asked."},
	},
	Examples: "- group: {name: app, gid: 2000}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Group is the module group.
func Group() module.Module { return module.New(groupSpec, planGroup) }

func planGroup(a groupArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.NonUnique && !a.GID.Given() {
		return module.Change{}, module.Fail("non_unique is True but all of the following are missing: gid")
	}
	g := module.Gathering(v)
	cur := g.Group(a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	cur.Exists = cur.Exists && cur.Name == a.Name
	c, err := a.plan(g, cur)
	if a.Local && len(c.Need) == 0 {
		c.Warnings = notLocal(cur.Exists, a.State == "absent", in.Check,
			"'local: true' specified and group was not found in /etc/group. The local group may already exist "+
				"if the local group database exists somewhere other than /etc/group.")
	}
	return c, err
}

// plan is what is to be done of a group that is as cur says.
func (a groupArgs) plan(g *module.Gather, cur state.GroupInfo) (module.Change, error) {
	fail := func(r state.OpResult) *module.Failure { return module.Fail(string(r.Stderr), "name", a.Name) }
	if a.State == "absent" {
		c := module.Change{Result: value.M("changed", cur.Exists, "name", a.Name, "state", "absent")}
		if !cur.Exists {
			return c, nil
		}
		done := c
		return inOrder([]state.Exec{either([]string{"groupdel", a.Name}, []string{"delgroup", a.Name})}, c, fail,
			func(state.View, output) (module.Change, error) { return done, nil }), nil
	}
	gid, asked := a.GID.Get()
	if cur.Exists && (!asked || gid == cur.GID) {
		return module.Change{Result: a.result(module.IDValue(cur.GID), false)}, nil
	}
	step, tool := a.make(), "groupadd"
	if cur.Exists {
		step, tool = a.modify(), "groupmod"
	}
	if why, missing := a.refused(g); why != "" {
		return module.Change{}, module.Fail(tool+": "+why+"\n", "name", a.Name)
	} else if missing {
		c, _, err := g.Missing()
		return c, err
	}
	shown := module.Later()
	if asked {
		shown = value.Int(int64(gid))
	}
	will := state.GroupInfo{Exists: true, Name: a.Name, GID: a.GID.Or(state.ToCome(a.Name))}
	foretold := &state.Foretold{Groups: []state.GroupInfo{will}, Unsure: state.Accounts}
	return inOrder([]state.Exec{step}, module.Change{Result: a.result(shown, true), Foretold: foretold}, fail, a.end), nil
}

// refused says, as the tools of shadow do, why the host would not have the group:
// a name that none of them takes, or a number that is another group's.
func (a groupArgs) refused(g *module.Gather) (why string, missing bool) {
	if !nameFits(a.Name) {
		return "'" + a.Name + "' is not a valid group name", false
	}
	gid, asked := a.GID.Get()
	if !asked || a.NonUnique {
		return "", false
	}
	other := g.Group(strconv.Itoa(gid))
	if !g.Complete() {
		return "", true
	}
	if other.Exists && other.GID == gid && other.Name != a.Name {
		return "GID '" + strconv.Itoa(gid) + "' already exists", false
	}
	return "", false
}

// nameFits tells whether some host could have a user or group of that name:
// what Debian's tools refuse, which take more than others.
func nameFits(name string) bool {
	return name != "" && !strings.ContainsAny(name, ":,/\n\t ") && !strings.ContainsAny(name[:1], "-+~")
}

func (a groupArgs) result(gid value.Value, changed bool) *value.Map {
	return value.M("changed", changed, "name", a.Name, "state", "present", "gid", gid, "system", a.System)
}

// end reads the number of the group that was made.
func (a groupArgs) end(v state.View, _ output) (module.Change, error) {
	g := module.Gathering(v)
	now := g.Group(a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	return module.Change{Result: a.result(value.Int(int64(now.GID)), true)}, nil
}

func (a groupArgs) make() state.Exec {
	add, box := []string{"groupadd"}, []string{"addgroup"}
	if gid, ok := a.GID.Get(); ok {
		add, box = append(add, "-g", strconv.Itoa(gid)), append(box, "-g", strconv.Itoa(gid))
		if a.NonUnique {
			add = append(add, "-o")
		}
	}
	if a.System {
		add, box = append(add, "-r"), append(box, "-S")
	}
	return either(append(add, a.Name), append(box, a.Name))
}

func (a groupArgs) modify() state.Exec {
	argv := []string{"groupmod", "-g", strconv.Itoa(a.GID.Or(0))}
	if a.NonUnique {
		argv = append(argv, "-o")
	}
	return either(append(argv, a.Name), nil)
}
