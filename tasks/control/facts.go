package control

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type setFactArgs struct {
	Cacheable bool       `arg:"cacheable"`
	All       *value.Map `arg:"*"`
}

var identifier = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)

// isVariable tells whether a variable can have this name: a word of Python is none.
func isVariable(name string) bool {
	switch name {
	case "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally",
		"for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield":
		return false
	}
	return identifier().MatchString(name)
}

func badName(name string) error {
	return module.Fail("The variable name '" + name + "' is not valid. Variables must start with a letter or underscore character, " +
		"and contain only letters, numbers and underscores.")
}

// SetFact is the module set_fact.
func SetFact() module.Module {
	return module.New(module.Spec{
		Name: "set_fact", Summary: "Set variables of the host",
		Doc:     "Sets variables that stay for the rest of the run.",
		AnyArgs: true,
		Args: []module.Arg{
			{Name: "cacheable", Type: module.Bool, Default: false, Doc: "Keep them as gathered facts too."},
		},
		Returns: []module.Return{{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The variables."}},
		Traits:  module.Traits{Control: true, Unknown: true},
	}, planSetFact)
}

func planSetFact(a setFactArgs, in module.Inputs, _ state.View) (module.Change, error) {
	facts := value.NewMap()
	for k, v := range a.All.All() {
		name := k.Text()
		if name == "cacheable" {
			continue
		}
		if !isVariable(name) {
			return module.Change{}, badName(name)
		}
		if !in.Native {
			v = boolean(v)
		}
		facts.Set(name, v)
	}
	if facts.Len() == 0 {
		return module.Change{}, module.Fail("No key/value pairs provided, at least one is required for this action to succeed")
	}
	c := module.OK("ansible_facts", facts)
	c.Do = []module.Directive{module.SetFacts{Facts: facts, Cacheable: a.Cacheable}}
	return c, nil
}

// boolean makes the texts of truth booleans, as Ansible's set_fact does where
// templates give texts.
func boolean(v value.Value) value.Value {
	if !v.IsString() {
		return v
	}
	switch strings.ToLower(v.Str()) {
	case "true", "yes":
		return value.Bool(true).WithMarks(v.Marks())
	case "false", "no":
		return value.Bool(false).WithMarks(v.Marks())
	}
	return v
}

type setStatsArgs struct {
	Given     *value.Map `arg:"*"`        // null is not the same as nothing
	PerHost   string     `arg:"per_host"` // what is no boolean is false, as in Ansible
	Aggregate string     `arg:"aggregate"`
}

// SetStats is the module set_stats.
func SetStats() module.Module {
	return module.New(module.Spec{
		Name: "set_stats", Controls: true, Summary: "Add to the statistics of the run",
		Doc: "Keeps values that are shown when the run ends, where the setting show_custom_stats ($ANSIBLE_SHOW_CUSTOM_STATS) asks for it.",
		Args: []module.Arg{
			{Name: "data", Type: module.Raw, Doc: "Names and values."},
			{Name: "per_host", Default: "false", Doc: "Keep them for each host."},
			{Name: "aggregate", Default: "true", Doc: "Add to what is there rather than replace it."},
		},
		Traits: control,
	}, func(a setStatsArgs, _ module.Inputs, _ state.View) (module.Change, error) {
		data := value.NewMap()
		if v, given := a.Given.Get("data"); given {
			if data = v.Map(); data == nil {
				return module.Change{}, module.Fail("The 'data' option needs to be a dictionary/hash")
			}
		}
		for _, k := range data.Keys() {
			if !isVariable(k.Text()) {
				return module.Change{}, badName(k.Text())
			}
		}
		perHost, _ := module.BoolWord(a.PerHost)
		aggregate, _ := module.BoolWord(a.Aggregate)
		c := module.OK("ansible_stats", value.M("data", data, "per_host", perHost, "aggregate", aggregate))
		c.Do = []module.Directive{module.SetStats{Data: data, PerHost: perHost, Aggregate: aggregate}}
		return c, nil
	})
}
