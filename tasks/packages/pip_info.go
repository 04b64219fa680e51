package packages

import (
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pipInfoArgs struct {
	Clients []string `arg:"clients"`
}

var pipInfoSpec = module.Spec{
	Name:    "pip_package_info",
	Aliases: []string{"community.general.pip_package_info"},
	Summary: "List the Python packages that pip installed",
	Doc:     "Asks each pip for its list.",
	Args: []module.Arg{
		{Name: "clients", Type: module.List, Elem: module.Path, Default: []string{"pip"}, Doc: "The pips to ask: names, or paths as that in a virtual environment."},
	},
	Returns:  []module.Return{{Name: "packages", Type: "dict", When: "always", Doc: "By client and package a list of name, version and source."}},
	Examples: "- pip_package_info: {clients: [pip, /opt/app/bin/pip]}\n  register: pips\n",
	Traits:   module.Traits{Reach: state.ReachNone},
}

// PipPackageInfo is the module pip_package_info.
func PipPackageInfo() module.Module { return module.New(pipInfoSpec, planPipInfo) }

// scriptPipInfo prints what a pip lists; 127: there is no such program.
const scriptPipInfo = `p=$(PATH=$PATH:/sbin:/usr/sbin:/usr/local/sbin; command -v -- "$1") && [ -x "$p" ] || exit 127
"$p" list -l --format=json`

func planPipInfo(a pipInfoArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	var warnings []string
	packages, found := value.NewMap(), 0
	for _, name := range a.Clients {
		client := g.Expand(name)
		if !strings.HasPrefix(path.Base(client), "pip") {
			warnings = append(warnings, "Skipping invalid pip client: "+client)
			continue
		}
		out := g.Output(scriptPipInfo, client)
		if !g.Complete() || out.RC == 127 {
			continue
		}
		found++
		listed, err := pipListed(client, out)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("Failed to retrieve packages with %s: %s", client, err))
			continue
		}
		packages.Set(client, listed)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if found == 0 {
		f := module.Fail("Unable to use any of the supplied pip clients: " + value.Strings(a.Clients...).Repr())
		f.Warnings = warnings
		return module.Change{}, f
	}
	c := module.OK("packages", value.FromMap(packages).MarkDeep(value.Unsafe))
	c.Warnings = warnings
	return c, nil
}

// pipListed reads a pip's list: by name what is told of each.
func pipListed(client string, out state.OutputInfo) (value.Value, error) {
	if out.RC != 0 {
		//lint:ignore ST1005 Ansible's words
		return value.Null, fmt.Errorf("Unable to list packages rc=%d : %s", out.RC, out.Stderr)
	}
	all, err := value.ParseJSON([]byte(out.Stdout))
	if err != nil {
		return value.Null, err
	}
	m := value.NewMap()
	for _, p := range all.Items() {
		if p.Kind() != value.KindMap {
			continue
		}
		one := p.Map().Clone()
		one.Set("source", value.String(client))
		name, _ := one.Get("name")
		before, _ := m.Get(name.Text())
		m.Set(name.Text(), value.List(append(before.Items(), value.FromMap(one))...))
	}
	return value.FromMap(m), nil
}
