// Package lint says everything that can be said about a playbook without a
// host: unknown modules and arguments, wrong types, unknown filters and tests,
// variables that nothing defines, templates and files that are not there,
// handlers that nobody has, patterns that match nothing.
//
// An error is what would go wrong in every run. What goes wrong only if some
// condition holds, or a loop has elements, is a warning: a playbook that runs
// must never be refused.
package lint

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Config is what a playbook is checked against.
type Config struct {
	Vars    *vars.Engine
	Modules *module.Registry
	// Inventory is what host patterns and variables are checked against; nil
	// leaves those checks out.
	Inventory *inventory.Inventory
	// Before are playbooks of the same run that come before this one: facts
	// and hosts that they make are known.
	Before []*playbook.Playbook
	// HostsOptional: the inventory is not the one of the run, so nothing is said
	// about plays that match no host, nor about what inventory may define.
	HostsOptional bool
	// EmptyGroups: a play for groups that are there and hold no hosts is meant so.
	EmptyGroups bool
	// UnheardIsWarning: a notification that no handler hears stops nothing.
	UnheardIsWarning bool
	// Tags and SkipTags are those of the run: what they leave out stops nothing.
	Tags, SkipTags []string
	// Kept are variables that a cache of facts may bring.
	Kept []string
	// Texts receives what the run may evaluate; nil for nobody.
	Texts *Texts
}

// The codes of the diagnostics of this package; those about arguments are the
// codes of module.CheckArgs, those about templates the codes of jinja.
const (
	CodeModule    = "unknown-module"
	CodeFreeForm  = "no-free-form"
	CodeUndefined = diag.CodeUndefined
	CodeLookup    = "unknown-lookup"
	CodeFile      = "no-such-file"
	CodeHandler   = "unknown-handler"
	CodeTwice     = "duplicate-handler"
	CodeSecret    = "secret-on-command-line"
)

// Check reports all problems of a playbook, errors and warnings, in order of
// their places.
func Check(pb *playbook.Playbook, cfg Config) diag.List {
	c := &checker{
		cfg: cfg, eng: cfg.Vars, loader: pb.Loader(), seen: map[string]bool{}, texts: map[*yaml.Node]*text{}, files: map[fileKey]*templateFile{},
		useNames: map[*playbook.RoleUse]map[string][]*yaml.Node{}, global: names{},
		schemas: map[string]*roleconf.Schema{}, configured: map[string]bool{},
	}
	c.inventoryNames()
	for _, n := range cfg.Kept {
		c.global.add(n, nil)
	}
	for _, b := range cfg.Before {
		c.collect(b)
	}
	c.plays = nil // those of other playbooks are checked by themselves
	c.collect(pb)
	c.hosts()
	for _, p := range c.plays {
		c.play(p)
		c.configs(p)
	}
	c.unread()
	c.list.Sort()
	return c.list
}

// checker checks one playbook.
type checker struct {
	cfg    Config
	eng    *vars.Engine
	loader *playbook.Loader
	plays  []*play

	list diag.List
	seen map[string]bool

	texts    map[*yaml.Node]*text
	files    map[fileKey]*templateFile
	useNames map[*playbook.RoleUse]map[string][]*yaml.Node

	// global are variables that are known in all plays: of the inventory,
	// extra ones, and what tasks anywhere set.
	global names

	schemas    map[string]*roleconf.Schema // of roles' configuration files, by path
	configured map[string]bool             // problems of configurations that were reported

	open     bool // variables may come from what cannot be seen
	dynamic  bool // tasks add hosts
	expanded int
	disk     disk
}

// names are variables with the nodes that define them; a nil node is a value
// that only a run can know.
type names map[string][]*yaml.Node

func (n names) add(name string, node *yaml.Node) { n[name] = append(n[name], node) }

func (n names) addVars(vs *yaml.Vars) {
	for v := range vs.All() {
		n.add(v.Name, v.Node)
	}
}

// report adds a diagnostic once.
func (c *checker) report(d *diag.Diagnostic) {
	key := d.Pos.String() + "\x00" + d.Code + "\x00" + d.Msg
	if c.seen[key] {
		if d.Warning {
			return
		}
		// What is wrong without conditions at one use is wrong.
		for i, old := range c.list {
			if old.Warning && old.Pos == d.Pos && old.Code == d.Code && old.Msg == d.Msg {
				c.list[i] = d
			}
		}
		return
	}
	c.seen[key] = true
	c.list = append(c.list, d)
}

// reportAll adds what err holds; warn makes warnings of it.
func (c *checker) reportAll(err error, warn bool) {
	for _, d := range diagnostics(err) {
		if warn && !d.Warning {
			e := *d
			e.Warning = true
			d = &e
		}
		c.report(d)
	}
}

func diagnostics(err error) diag.List {
	if err == nil {
		return nil
	}
	var many diag.List
	if errors.As(err, &many) {
		return many
	}
	var one *diag.Diagnostic
	if errors.As(err, &one) {
		return diag.List{one}
	}
	var l diag.List
	l.Add(err)
	return l
}

// isFalse and isTrue tell what a literal condition or boolean keyword says.
func isFalse(n *yaml.Node) bool { return literal(n, "false", "no", "off", "0", "n", "f") }
func isTrue(n *yaml.Node) bool  { return literal(n, "true", "yes", "on", "1", "y", "t") }

func literal(n *yaml.Node, words ...string) bool {
	if n == nil || n.Kind != yaml.Scalar || n.Problem != nil || n.IsNull() {
		return false
	}
	text := strings.ToLower(strings.TrimSpace(n.Value().Text()))
	for _, w := range words {
		if text == w {
			return true
		}
	}
	return false
}
