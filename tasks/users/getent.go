package users

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type getentArgs struct {
	Database string             `arg:"database"`
	Key      string             `arg:"key"`
	Service  string             `arg:"service"`
	Split    module.Opt[string] `arg:"split"`
	FailKey  bool               `arg:"fail_key"`
}

var getentSpec = module.Spec{
	Name:    "getent",
	Summary: "Read a database of the host: passwd, group, hosts, services ...",
	Doc:     "Runs getent and sets what it prints as the fact getent_DATABASE: a dict from the first field of a line to the list of the others.",
	Args: []module.Arg{
		{Name: "database", Required: true, Doc: "The database, as getent names it."},
		{Name: "key", Default: "", Doc: "Only the entry of this key."},
		{Name: "service", Doc: "Ask only this service (files, sss ...)."},
		{Name: "split", Doc: "What separates fields; a colon for passwd, shadow, group and gshadow, else blanks."},
		{Name: "fail_key", Type: module.Bool, Default: true, Doc: "A key that is not found is a failure; else its value is none."},
	},
	Order: [][]string{{"ansible_facts"}},
	Returns: []module.Return{
		{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The fact getent_DATABASE."},
		{Name: "msg", Type: "str", When: "a key was not found", Doc: "Says so."},
	},
	Examples: "- getent: {database: passwd, key: root}\n- debug: var=getent_passwd.root[4]\n",
	Traits:   module.Traits{Reads: true},
}

// Getent is the module getent.
func Getent() module.Module { return module.New(getentSpec, planGetent) }

const noKey = "One or more supplied key could not be found in the database."

func planGetent(a getentArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	argv := []string{"getent", a.Database}
	if a.Key != "" {
		argv = append(argv, a.Key)
	}
	if a.Service != "" {
		argv = append(argv, "-s", a.Service)
	}
	return module.Change{
		Ops:    []state.Op{state.Exec{Argv: argv, Env: english, Read: true}},
		Result: value.M("changed", false, "ansible_facts", module.Later()),
		Do:     []module.Directive{module.SetFacts{Facts: value.M("getent_"+a.Database, module.Later()), Plain: true}},
		Looks:  true,
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			return a.read(did[len(did)-1])
		},
	}, nil
}

func (a getentArgs) read(r state.OpResult) (module.Change, error) {
	name := "getent_" + a.Database
	switch r.RC {
	case 0:
	case 1:
		return module.Change{}, module.Fail("Missing arguments, or database unknown.")
	case 2:
		if a.FailKey {
			return module.Change{}, module.Fail(noKey)
		}
		c := facts(name, value.M(a.Key, nil))
		c.Result.Set("msg", value.String(noKey))
		return c, nil
	case 3:
		return module.Change{}, module.Fail("Enumeration not supported on this database.")
	default:
		return module.Change{}, module.Fail("Unexpected failure!", "rc", r.RC, "stderr", string(r.Stderr))
	}
	entries := value.NewMap()
	for line := range strings.Lines(string(r.Stdout)) {
		fields := a.fields(strings.TrimRight(line, "\n"))
		if len(fields) == 0 {
			continue
		}
		entries.Set(fields[0], value.Strings(fields[1:]...).MarkDeep(value.Unsafe))
	}
	return facts(name, entries), nil
}

// fields takes a line apart.
func (a getentArgs) fields(line string) []string {
	by, ok := a.Split.Get()
	if !ok {
		switch a.Database {
		case "passwd", "shadow", "group", "gshadow":
			by = ":"
		default:
			return strings.Fields(line)
		}
	}
	if by == "" {
		return strings.Fields(line)
	}
	return strings.Split(line, by)
}

func facts(name string, entries *value.Map) module.Change {
	set := value.M(name, entries)
	c := module.OK("ansible_facts", set)
	c.Do = []module.Directive{module.SetFacts{Facts: set.Clone(), Plain: true}}
	return c
}
