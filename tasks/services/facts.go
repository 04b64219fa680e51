package services

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Facts lists the services of a host.
func Facts() module.Module {
	return module.New(module.Spec{
		Name:    "service_facts",
		Summary: "Lists a host's services as facts",
		Doc:     `Sets the fact services: a dict of services by name, each with name, state, status and source.`,
		Order:   [][]string{{"ansible_facts"}},
		Returns: []module.Return{{Name: "ansible_facts", Type: "dict", When: "always", Doc: "The dict services."}},
		Traits:  module.Traits{Reach: state.ReachNone, Reads: true, Facts: []string{"services"}},
	}, planFacts)
}

func planFacts(_ struct{}, _ module.Inputs, v state.View) (module.Change, error) {
	list, known, err := state.AskAs[[]state.ServiceEntry](v, state.Services{})
	if err != nil {
		return module.Change{}, err
	}
	if !known {
		return module.Need(state.Services{}), nil
	}
	if len(list) == 0 {
		return module.Change{Skip: true, Result: value.M("changed", false, "skipped", true,
			"msg", "Failed to find any services. This can be due to privileges or some other configuration issue.")}, nil
	}
	services := value.NewMap()
	for _, e := range list {
		m := value.M("name", e.Name, "state", e.State, "source", e.Source)
		if e.Status != "" {
			m.Set("status", value.String(e.Status))
		}
		services.Set(e.Name, value.FromMap(m))
	}
	facts := value.FromMap(value.M("services", services)).MarkDeep(value.Unsafe).Map()
	c := module.OK("ansible_facts", facts)
	c.Do = []module.Directive{module.SetFacts{Facts: facts, Plain: true}}
	return c, nil
}
