package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/tasks/all"
)

func newInventory(std streams) *cobra.Command {
	var f inventoryFlags
	var asList, graph bool
	var host string
	c := &cobra.Command{
		Use:   "inventory [PATTERN]",
		Short: "Show the hosts, groups and variables of an inventory",
		Example: `  fairlead inventory -i hosts.ini                list the hosts
  fairlead inventory -i hosts.ini --graph        groups as a tree
  fairlead inventory -i hosts.ini --host web1    the variables of one host, as JSON
  fairlead inventory -i hosts.ini 'web:!old'     what a pattern selects`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			red := event.NewRedactor()
			req, err := f.request(nil, red)
			if err != nil {
				return err
			}
			cfg, warnings, err := run.Prepare(req, all.Registry())
			for _, w := range warnings {
				printDiagnostic(std.err, w, plainPaint(std.errColor))
			}
			if err != nil {
				return err
			}
			switch {
			case graph:
				showGroup(std.out, cfg.Inventory, cfg.Inventory.Group("all"), 0)
				return nil
			case host != "":
				return showHost(std.out, cfg, host, red)
			case asList:
				return showList(std.out, cfg, red)
			}
			pattern := "all"
			if len(args) == 1 {
				pattern = args[0]
			}
			hosts, err := cfg.Inventory.Match(pattern, diag.Pos{})
			if err == nil && f.limit != "" {
				hosts, err = cfg.Inventory.Limit(hosts, f.limit)
			}
			for _, h := range hosts {
				fmt.Fprintln(std.out, h.Name)
			}
			return err
		},
	}
	f.add(c)
	c.Flags().BoolVar(&asList, "list", false, "everything as JSON, in the form of ansible-inventory --list")
	c.Flags().BoolVar(&graph, "graph", false, "groups and hosts as a tree")
	c.Flags().StringVar(&host, "host", "", "the variables of one host as JSON")
	return c
}

func showGroup(w io.Writer, inv *inventory.Inventory, g *inventory.Group, depth int) {
	bar := strings.Repeat("  |", depth)
	fmt.Fprintf(w, "%s%s@%s:\n", bar, dashes(depth), g.Name)
	for _, c := range inv.Children(g) {
		showGroup(w, inv, c, depth+1)
	}
	for _, h := range inv.DirectHosts(g) {
		fmt.Fprintf(w, "%s  |--%s\n", bar, h.Name)
	}
}

func dashes(depth int) string {
	if depth == 0 {
		return ""
	}
	return "--"
}

// noRun is the world of variables outside a run.
type noRun struct{ inv *inventory.Inventory }

func (n noRun) HostState(name string) (*vars.Host, bool) {
	h := n.inv.Host(name)
	if h == nil {
		return nil, false
	}
	return vars.NewHost(h), true
}
func (noRun) PlayHosts() ([]string, bool) { return nil, true }
func (noRun) Batch() ([]string, bool)     { return nil, true }
func (noRun) AllPlayHosts() []string      { return nil }

// hostVars are a host's variables as they are written, secrets hidden.
func hostVars(cfg run.Config, h *inventory.Host, red *event.Redactor) *value.Map {
	s := cfg.Vars.Scope(noRun{cfg.Inventory}, vars.NewHost(h), nil, nil, vars.Moment{Now: time.Now()})
	m := value.NewMap()
	for _, n := range s.Names() {
		if node := s.Source(n); node != nil {
			v := node.Value()
			if isPassword(n) {
				v = v.WithMarks(value.Secret)
			}
			m.Set(n, v)
		}
	}
	return red.Map(m)
}

func isPassword(name string) bool {
	return strings.Contains(name, "password") || strings.HasSuffix(name, "_pass")
}

func showHost(w io.Writer, cfg run.Config, name string, red *event.Redactor) error {
	h := cfg.Inventory.Host(name)
	if h == nil {
		return diag.New(diag.NotFound, diag.Pos{}, "no-host", "there is no host named %q in the inventory", name).
			WithHint("list them with: fairlead inventory")
	}
	return printJSON(w, hostVars(cfg, h, red))
}

func showList(w io.Writer, cfg run.Config, red *event.Redactor) error {
	inv := cfg.Inventory
	out, hostvars := value.NewMap(), value.NewMap()
	for _, h := range inv.Hosts() {
		hostvars.Set(h.Name, value.FromMap(hostVars(cfg, h, red)))
	}
	out.Set("_meta", value.FromMap(value.M("hostvars", hostvars)))
	for _, g := range inv.Groups() {
		m := value.NewMap()
		var hosts, children []string
		for _, h := range inv.DirectHosts(g) {
			hosts = append(hosts, h.Name)
		}
		for _, c := range inv.Children(g) {
			children = append(children, c.Name)
		}
		if len(children) > 0 {
			m.Set("children", value.Strings(children...))
		}
		if len(hosts) > 0 {
			m.Set("hosts", value.Strings(hosts...))
		}
		if m.Len() > 0 {
			out.Set(g.Name, value.FromMap(m))
		}
	}
	return printJSON(w, out)
}
