package containers

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// ownSockets are the ways in which Docker's clients name the host's own engine:
// what is meant for another one must not happen to this one.
var ownSockets = []string{"unix:///var/run/docker.sock", "unix:///run/docker.sock", "unix://var/run/docker.sock"}

const elsewhere = "make its machine a host of the inventory, or name a socket of the host with the variable ansible_docker_host"

// ownEngine refuses to work where the task's environment names another engine
// than the host's own. The argument docker_host has ownSockets as its choices.
type ownEngine struct{ module.Module }

func (m ownEngine) Plan(args any, in module.Inputs, v state.View) (module.Change, error) {
	for _, e := range in.Env {
		named, ok := strings.CutPrefix(e, "DOCKER_HOST=")
		if ok && named != "" && !slices.Contains(ownSockets, named) {
			return module.Change{}, &diag.Diagnostic{Class: diag.Usage, Code: "other-engine", Pos: in.Pos, Hint: elsewhere,
				Msg: "the environment's DOCKER_HOST names the container engine " + named + ", and Fairlead works with the host's own"}
		}
	}
	return m.Module.Plan(args, in, v)
}
