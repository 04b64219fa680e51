package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
	"github.com/fairlead-project/fairlead/tasks/all"
)

// inventoryView is what the command was asked to show.
type inventoryView struct {
	inventoryFlags
	list, graph, yaml, export, vars bool
	host, output, playbookDir       string
	verbose                         int
}

func newInventory(std streams) *cobra.Command {
	var f inventoryView
	c := &cobra.Command{
		Use:   "inventory [PATTERN]",
		Short: "Show the hosts, groups and variables of an inventory",
		Long: `Show the hosts, groups and variables of an inventory. --list, --graph and --host
write what ansible-inventory writes. Variables are shown as they are written, not
evaluated, and passwords are hidden.`,
		Example: `  fairlead inventory -i hosts.ini                list the hosts
  fairlead inventory -i hosts.ini --graph        groups as a tree
  fairlead inventory -i hosts.ini --host web1    the variables of one host, as JSON
  fairlead inventory -i hosts.ini 'web:!old'     what a pattern selects`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return f.execute(args, std) },
	}
	f.add(c)
	fl := c.Flags()
	fl.BoolVar(&f.list, "list", false, "everything as JSON, in the form of ansible-inventory --list")
	fl.BoolVar(&f.graph, "graph", false, "groups and hosts as a tree, from the group that PATTERN names")
	fl.StringVar(&f.host, "host", "", "the variables of one `HOST` as JSON")
	fl.BoolVarP(&f.yaml, "yaml", "y", false, "with --list and --host: as YAML")
	fl.BoolVar(&f.export, "export", false, "with --list: variables where they are set, so that the output is an inventory")
	fl.BoolVar(&f.vars, "vars", false, "with --graph: variables too")
	fl.StringVar(&f.output, "output", "", "write to this `FILE`")
	fl.StringVar(&f.playbookDir, "playbook-dir", "", "`FOLDER` of a playbook, whose group_vars and host_vars count too")
	fl.CountVarP(&f.verbose, "verbose", "v", "accepted, and of no effect")
	_ = fl.MarkHidden("verbose")
	c.MarkFlagsMutuallyExclusive("list", "graph", "host")
	return c
}

func (f *inventoryView) execute(args []string, std streams) error {
	settings, err := loadSettings(&std)
	if err != nil {
		return err
	}
	red := event.NewRedactor()
	req, err := f.request(nil, settings, std, red)
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
	if dir := orElse(f.playbookDir, settings.Text(config.PlaybookDir)); dir != "" {
		if err := cfg.Inventory.AddPlaybookDir(expand(dir)); err != nil {
			return err
		}
	}
	f.export = f.export || settings.Bool(config.InventoryExport)
	var b bytes.Buffer
	if err := f.show(&b, args, cfg, red); err != nil {
		return err
	}
	if f.output != "" {
		if err := os.WriteFile(expand(f.output), b.Bytes(), 0o666); err != nil {
			return diag.Errorf(diag.Pos{}, "output", "write what was asked for: %w", err)
		}
		return nil
	}
	_, err = std.out.Write(b.Bytes())
	return err
}

func (f *inventoryView) show(w io.Writer, args []string, cfg run.Config, red *event.Redactor) error {
	pattern := "all"
	if len(args) == 1 {
		pattern = args[0]
	}
	show := &inventoryWriter{cfg: cfg, inv: cfg.Inventory, red: red, export: f.export, vars: f.vars, seen: map[string]bool{}}
	if f.limit != "" {
		hosts, err := cfg.Inventory.Limit(cfg.Inventory.Hosts(), f.limit)
		if err != nil {
			return err
		}
		show.only = map[string]bool{}
		for _, h := range hosts {
			show.only[h.Name] = true
		}
	}
	switch {
	case f.graph:
		g := cfg.Inventory.Group(pattern)
		if g == nil {
			return diag.New(diag.NotFound, diag.Pos{}, "no-group", "Pattern must be valid group name when using --graph: there is no group named %q in the inventory", pattern)
		}
		show.graph(w, g, 0)
		return nil
	case f.host != "":
		h := cfg.Inventory.Host(f.host)
		if h == nil {
			return diag.New(diag.NotFound, diag.Pos{}, "no-host", "Could not match supplied host pattern, ignoring: %s. You must pass a single valid host to --host parameter", f.host).
				WithHint("list them with: fairlead inventory")
		}
		return f.dump(w, show.hostVars(h))
	case f.list && f.yaml:
		return f.dump(w, show.tree(cfg.Inventory.Group("all")))
	case f.list:
		return f.dump(w, show.document())
	}
	hosts, err := cfg.Inventory.Match(pattern, diag.Pos{})
	if err == nil && f.limit != "" {
		hosts, err = cfg.Inventory.Limit(hosts, f.limit)
	}
	for _, h := range hosts {
		fmt.Fprintln(w, h.Name)
	}
	return err
}

// dump writes a mapping with sorted keys.
func (f *inventoryView) dump(w io.Writer, m *value.Map) error {
	if f.yaml {
		s, err := jinja.NiceYAML(value.FromMap(m))
		if err == nil {
			_, err = io.WriteString(w, s)
		}
		return err
	}
	data, err := m.MarshalJSON()
	if err != nil {
		return err
	}
	var x any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&x); err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "    ")
	return enc.Encode(x)
}

// inventoryWriter writes the forms of ansible-inventory.
type inventoryWriter struct {
	cfg          run.Config
	inv          *inventory.Inventory
	red          *event.Redactor
	export, vars bool
	seen         map[string]bool
	only         map[string]bool // hosts that --limit leaves; nil for all
}

// limited are the hosts among some that --limit leaves.
func (w *inventoryWriter) limited(hosts []*inventory.Host) []*inventory.Host {
	if w.only == nil {
		return hosts
	}
	return slices.DeleteFunc(slices.Clone(hosts), func(h *inventory.Host) bool { return !w.only[h.Name] })
}

func (w *inventoryWriter) graph(out io.Writer, g *inventory.Group, depth int) {
	name := func(s string, depth int) {
		if depth > 0 {
			s = strings.Repeat("  |", depth) + "--" + s
		}
		fmt.Fprintln(out, event.PrintableLine(s))
	}
	variables := func(m *value.Map, depth int) {
		if !w.vars {
			return
		}
		var lines []string
		for k, v := range m.All() {
			lines = append(lines, "{"+k.Text()+" = "+v.Text()+"}")
		}
		sort.Strings(lines)
		for _, l := range lines {
			name(l, depth)
		}
	}
	name("@"+g.Name+":", depth)
	for _, c := range w.inv.Children(g) {
		w.graph(out, c, depth+1)
	}
	if g.Name != "all" {
		for _, h := range w.limited(w.inv.DirectHosts(g)) {
			name(h.Name, depth+1)
			variables(w.hostVars(h), depth+2)
		}
	}
	variables(w.groupVars(g), depth+1)
}

// document is the form of --list: groups beside each other, variables in _meta.
func (w *inventoryWriter) document() *value.Map {
	out := value.NewMap()
	w.groups(out, w.inv.Group("all"))
	hostvars := value.NewMap()
	for _, h := range w.limited(w.inv.Hosts()) {
		if m := w.hostVars(h); m.Len() > 0 {
			hostvars.Set(h.Name, value.FromMap(m))
		}
	}
	out.Set("_meta", value.FromMap(value.M("hostvars", hostvars)))
	return out
}

func (w *inventoryWriter) groups(out *value.Map, g *inventory.Group) {
	m := value.NewMap()
	var hosts, children []string
	if g.Name != "all" {
		for _, h := range w.limited(w.inv.DirectHosts(g)) {
			hosts = append(hosts, h.Name)
		}
	}
	for _, c := range w.inv.Children(g) {
		children = append(children, c.Name)
		if !w.seen[c.Name] {
			w.seen[c.Name] = true
			w.groups(out, c)
		}
	}
	if len(children) > 0 {
		m.Set("children", value.Strings(children...))
	}
	if len(hosts) > 0 {
		m.Set("hosts", value.Strings(hosts...))
	}
	if w.export {
		if vs := w.groupVars(g); vs.Len() > 0 {
			m.Set("vars", value.FromMap(vs))
		}
	}
	if m.Len() > 0 {
		out.Set(g.Name, value.FromMap(m))
	}
}

// tree is the form of --list --yaml: groups inside their parents.
func (w *inventoryWriter) tree(g *inventory.Group) *value.Map {
	m, children, hosts := value.NewMap(), value.NewMap(), value.NewMap()
	for _, c := range w.inv.Children(g) {
		for k, v := range w.tree(c).All() {
			children.SetKey(k, v)
		}
	}
	if g.Name != "all" {
		for _, h := range w.limited(w.inv.DirectHosts(g)) {
			vs := value.NewMap()
			if !w.seen[h.Name] {
				w.seen[h.Name] = true
				vs = w.hostVars(h)
			}
			hosts.Set(h.Name, value.FromMap(vs))
		}
	}
	if children.Len() > 0 {
		m.Set("children", value.FromMap(children))
	}
	if hosts.Len() > 0 {
		m.Set("hosts", value.FromMap(hosts))
	}
	if w.export {
		if vs := w.groupVars(g); vs.Len() > 0 {
			m.Set("vars", value.FromMap(vs))
		}
	}
	return value.M(g.Name, m)
}

// hostVars are a host's variables as they are written, secrets hidden; with
// --export those of the host itself only.
func (w *inventoryWriter) hostVars(h *inventory.Host) *value.Map {
	m := value.NewMap()
	if w.export {
		for _, l := range w.inv.Layers(h) {
			if l.Level >= inventory.HostInventory {
				addVars(m, l.Vars)
			}
		}
		return w.red.Map(m)
	}
	s := w.cfg.Vars.Scope(vars.Outside{Inventory: w.inv}, vars.NewHost(h), nil, nil, vars.Moment{Now: time.Now()})
	vs := &yaml.Vars{}
	for _, n := range s.Names() {
		if node := s.Source(n); node != nil {
			vs.Set(yaml.Var{Name: n, Node: node})
		}
	}
	addVars(m, vs)
	return w.red.Map(m)
}

func (w *inventoryWriter) groupVars(g *inventory.Group) *value.Map {
	m := value.NewMap()
	for _, l := range w.inv.GroupLayers(g) {
		addVars(m, l.Vars)
	}
	if g.Priority != 1 {
		m.Set("ansible_group_priority", value.Int(int64(g.Priority)))
	}
	return w.red.Map(m)
}

func addVars(m *value.Map, vs *yaml.Vars) {
	for x := range vs.All() {
		if x.Name == "inventory_dir" || x.Name == "inventory_file" {
			continue
		}
		v := x.Node.Value()
		if isPassword(x.Name) {
			v = v.WithMarks(value.Secret)
		}
		m.Set(x.Name, v)
	}
}

func isPassword(name string) bool {
	return strings.Contains(name, "password") || strings.HasSuffix(name, "_pass")
}
