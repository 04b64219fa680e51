package system

import (
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type setupArgs struct {
	GatherSubset []string `arg:"gather_subset"`
	Filter       []string `arg:"filter"`
	FactPath     string   `arg:"fact_path"`
}

// Setup gathers facts.
func Setup() module.Module {
	return module.New(module.Spec{
		Name:    "setup",
		Aliases: []string{"gather_facts", "ansible.builtin.gather_facts"},
		Summary: "Gathers facts about a host",
		Doc: `Registers what is known of the host and sets it as facts. No Python is needed there:
one short shell script reads files and asks the few programs that know more.`,
		Args: []module.Arg{
			{Name: "gather_subset", Type: module.List, Elem: module.Str, Default: []string{"all"},
				Doc: "What to gather: all, min, hardware, network, virtual, or the name of any family or fact; ! before a name leaves it out."},
			{Name: "filter", Type: module.List, Elem: module.Str, Default: []string{},
				Doc: "Only facts whose names match one of these patterns (*, ?, [ab]), with or without ansible_ in front."},
			{Name: "parallel", Type: module.Bool, Doc: "Of gather_facts; accepted, there is one module to run."},
			{Name: "gather_timeout", Type: module.Int, Default: 10, Doc: "Accepted; file systems that do not answer are given up after five seconds."},
			{Name: "fact_path", Type: module.Path, Default: "/etc/ansible/facts.d", Doc: "Folder on the host with its own facts: *.fact files of JSON or INI, or programs that print them."},
		},
		Order: [][]string{{"ansible_facts"}},
		Returns: []module.Return{
			{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The facts, with ansible_ before their names."},
		},
		Examples: `- setup:
    gather_subset: [network]
- setup:
    filter: ansible_distribution*`,
		Traits: module.Traits{Reach: state.ReachNone, Reads: true},
	}, planSetup)
}

func planSetup(a setupArgs, in module.Inputs, v state.View) (module.Change, error) {
	if strings.ContainsAny(a.FactPath, ",\n") {
		return module.Change{}, module.Fail("fact_path must not hold commas or newlines: " + a.FactPath)
	}
	q := state.Facts{Families: families(a)}
	facts, known, err := state.AskAs[*value.Map](v, q)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	if !known {
		return module.Need(q), nil
	}
	all := facts.Clone()
	if env, ok := all.Get("env"); ok && len(in.Env) > 0 {
		all.Set("env", withEnv(env, in.Env))
	}
	said := a.GatherSubset
	if slices.Contains(said, state.FactsAlone) { // of everything what is used
		said = []string{"all"}
	}
	all.Set("gather_subset", value.Strings(said...))
	all.Set("module_setup", value.Bool(true))
	shown, set := value.NewMap(), value.NewMap()
	for k, f := range all.All() {
		name := k.Str()
		if name != "gather_subset" && name != "module_setup" {
			name = "ansible_" + name
		}
		if matches(a.Filter, name) {
			shown.Set(name, f)
			set.SetKey(k, f)
		}
	}
	c := module.OK("ansible_facts", shown)
	if local, ok := set.Get("local"); ok {
		c.Warnings = brokenFacts(local.Map())
	}
	c.Do = []module.Directive{module.SetFacts{Facts: set, Gathered: true}}
	return c, nil
}

// brokenFacts are the facts of the host's own that say why they could not be read.
func brokenFacts(local *value.Map) []string {
	var out []string
	for _, f := range local.All() {
		for _, begins := range []string{"Could not stat fact (", "Failure executing fact script (", "error loading fact - output", "error loading facts as JSON or ini - "} {
			if f.IsString() && strings.HasPrefix(f.Str(), begins) {
				out = append(out, f.Str())
			}
		}
	}
	return out
}

// withEnv is the login's environment as the task's own changes it.
func withEnv(env value.Value, own []string) value.Value {
	m := env.Map().Clone()
	for _, e := range own {
		name, text, _ := strings.Cut(e, "=")
		m.Set(name, value.String(text))
	}
	return value.FromMap(m)
}

// families writes the arguments as a query: the subset, narrowed to what the
// filters can match where they are plain enough to tell.
func families(a setupArgs) string {
	parts := []string{"local=" + a.FactPath}
	for _, s := range a.GatherSubset {
		for name := range strings.SplitSeq(s, ",") {
			parts = append(parts, "subset:"+strings.TrimSpace(name))
		}
	}
	if len(a.GatherSubset) == 0 {
		parts = append(parts, "subset:all")
	}
	var only []string
	for _, f := range a.Filter {
		if f == "" || strings.ContainsAny(strings.TrimSuffix(f, "*"), "*?[,") {
			return strings.Join(parts, ",")
		}
		if !strings.HasPrefix(f, "ansible_") {
			f = "ansible_" + f
		}
		only = append(only, "only:"+f)
	}
	return strings.Join(append(parts, only...), ",")
}

func matches(filters []string, name string) bool {
	for _, f := range filters {
		if f == "" || glob(f, name) || !strings.HasPrefix(f, "ansible_") && glob("ansible_"+f, name) {
			return true
		}
	}
	return len(filters) == 0
}

// glob matches as fnmatch does; names hold no slash.
func glob(pattern, name string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return ok && err == nil
}
