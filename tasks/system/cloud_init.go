package system

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type cloudInitArgs struct {
	Filter string `arg:"filter"`
}

var cloudInitSpec = module.Spec{
	Name:    "cloud_init_data_facts",
	Aliases: []string{"community.general.cloud_init_data_facts"},
	Summary: "Says how far cloud-init is on a host, as facts",
	Doc:     "Reads status.json and result.json below /var/lib/cloud/data; what is missing is empty.",
	Args:    []module.Arg{{Name: "filter", Choices: []string{"result", "status"}, Doc: "Read only one of them."}},
	Order:   [][]string{{"changed", "ansible_facts", "cloud_init_data_facts"}},
	Returns: []module.Return{
		{Name: "cloud_init_data_facts", Type: "dict", When: "always", Doc: "result and status, as cloud-init wrote them. It is a fact, too."},
	},
	Examples: "- cloud_init_data_facts: {filter: status}\n  register: c\n  until: c.cloud_init_data_facts.status.v1.stage is defined and not c.cloud_init_data_facts.status.v1.stage\n",
	Traits:   module.Traits{Reach: state.ReachNone, Reads: true},
}

// CloudInitDataFacts is the module cloud_init_data_facts.
func CloudInitDataFacts() module.Module { return module.New(cloudInitSpec, planCloudInit) }

func planCloudInit(a cloudInitArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	data := value.NewMap()
	for _, name := range []string{"result", "status"} {
		if a.Filter != "" && a.Filter != name {
			continue
		}
		p := "/var/lib/cloud/data/" + name + ".json"
		text := string(g.File(p, state.WantContent).Content)
		got := value.FromMap(value.NewMap())
		if text != "" {
			var err error
			if got, err = value.ParseJSON([]byte(strings.TrimSpace(text))); err != nil {
				return module.Change{}, module.Fail(fmt.Sprintf("%s is no JSON: %s", p, err))
			}
		}
		data.Set(name, got)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	all := value.FromMap(data).MarkDeep(value.Unsafe)
	facts := value.M("cloud_init_data_facts", all)
	c := module.OK("ansible_facts", facts, "cloud_init_data_facts", all)
	c.Do = []module.Directive{module.SetFacts{Facts: facts.Clone(), Plain: true}}
	return c, nil
}
