package inventory

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

var nullValue = value.Null

// Options say what to load.
type Options struct {
	// Sources are inventory files, folders, or comma lists ("a,b,"), in order.
	Sources []string
	// Sections is server-manager's JSON inventory: a dict from complete INI
	// section headers to lists, dicts or text. Null when there is none.
	Sections value.Value
	// SectionsName is how messages call the JSON inventory ("inventory" if empty).
	SectionsName string
	// PlaybookDir is the folder whose group_vars and host_vars apply too; see
	// also AddPlaybookDir.
	PlaybookDir string
	// YAML are the options for YAML files: vault decryption, warnings.
	YAML  yaml.Options
	Rules Rules
	// Evaluator makes what evaluates the templates of inventory plugins; nil
	// refuses files that name one.
	Evaluator func(*Inventory) Evaluator
}

// Rules say how sources are read. The zero value holds Ansible's defaults,
// except that a source that cannot be read is an error.
type Rules struct {
	// IgnoreExtensions are endings of names, IgnorePatterns regular expressions
	// of names, that are no inventory in a folder; nil means the usual endings.
	IgnoreExtensions, IgnorePatterns []string
	// Tolerant makes a source that cannot be read a warning; NoneIsFailed makes
	// it an error all the same when no source could be read.
	Tolerant, NoneIsFailed bool
	// UseExtraVars lets the plugin constructed see extra variables where its
	// file does not say.
	UseExtraVars bool
	// Ranges lets a list of hosts with commas hold ranges, as the plugin
	// advanced_host_list does.
	Ranges bool
	// GroupNames says what becomes of characters in names of groups that could
	// not stand in a variable's name: "always" and "silently" make them _, the
	// first with a warning; "never" only warns; anything else takes them as they are.
	GroupNames string
	// Precedence is the order of the variables of groups, lowest first, by Ansible's
	// names; nil means the usual one.
	Precedence []string
	// NoFolders leaves group_vars and host_vars unread.
	NoFolders bool
}

// Load reads all sources into one inventory. All problems found are reported
// together as a diag.List; warnings go to Options.YAML.Warn. The inventory is
// returned also with problems, as far as it could be read.
func Load(opts Options) (*Inventory, error) {
	inv := newInventory(opts.YAML)
	inv.rules, inv.evaluator, inv.loaded = opts.Rules, opts.Evaluator, opts
	inv.orderLevels() // before sources that look at variables are read
	for _, s := range opts.Sources {
		if s != "" && !isHostList(s) {
			s = absolute(s)
		}
		inv.sources = append(inv.sources, s)
	}
	problems := inv.readSources(opts.Sources)
	if !opts.Sections.IsNull() {
		name := opts.SectionsName
		if name == "" {
			name = "inventory"
		}
		problems = append(problems, inv.readSections(name, opts.Sections)...)
	}
	inv.reconcile()
	for _, s := range opts.Sources {
		if dir := adjacentTo(s); dir != "" {
			problems.Add(inv.addDir(dir, false))
		}
	}
	if opts.PlaybookDir != "" {
		problems.Add(inv.addDir(absolute(opts.PlaybookDir), true))
	}
	inv.warnOfNames()
	for _, g := range inv.gorder {
		if h := inv.hosts[g.Name]; h != nil {
			inv.opts.Warning(diag.Errorf(h.Pos, "group-and-host", "%q is the name of a group and of a host", g.Name))
		}
	}
	return inv, problems.Err()
}

// Sources are the files, folders and lists that the inventory was read from.
func (inv *Inventory) Sources() []string { return inv.sources }

// readSources reads the sources in order.
func (inv *Inventory) readSources(sources []string) (problems diag.List) {
	tried, failed := 0, 0
	for _, s := range sources {
		if s == "" {
			continue
		}
		p := inv.readSource(s)
		if tried++; len(p) > 0 {
			failed++
		}
		problems = append(problems, p...)
	}
	if inv.rules.Tolerant && (failed < tried || !inv.rules.NoneIsFailed) {
		for _, d := range problems {
			inv.opts.Warning(d)
		}
		return nil
	}
	return problems
}

// isHostList tells whether a source is a comma list of hosts.
func isHostList(source string) bool {
	if !strings.Contains(source, ",") {
		return false
	}
	_, err := os.Stat(source)
	return err != nil
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// adjacentTo is the folder beside which group_vars of a source lie.
func adjacentTo(source string) string {
	if source == "" || isHostList(source) {
		return ""
	}
	source = absolute(source)
	if info, err := os.Stat(source); err == nil && info.IsDir() {
		return source
	}
	return filepath.Dir(source)
}

var ignoredSuffixes = []string{".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".ini", ".cfg", ".retry"}

// ignored tells whether a file of an inventory folder is no inventory.
func (r *Rules) ignored(name string) bool {
	if strings.HasPrefix(name, ".") || name == "host_vars" || name == "group_vars" || name == "vars_plugins" {
		return true
	}
	suffixes := r.IgnoreExtensions
	if suffixes == nil {
		suffixes = ignoredSuffixes
	}
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	for _, p := range r.IgnorePatterns {
		if re, err := regexp.Compile(p); err == nil && re.MatchString(name) {
			return true
		}
	}
	return false
}

func (inv *Inventory) readSource(source string) diag.List {
	if isHostList(source) {
		inv.readHostList(source)
		return nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return diag.List{fileProblem(source, err).WithHint("give an inventory file, a folder of them, or hosts separated by commas such as 'web1,web2,'")}
	}
	if !info.IsDir() {
		return inv.readFile(source, info.Mode())
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return diag.List{fileProblem(source, err)}
	}
	var problems diag.List
	for _, e := range entries { // sorted by name
		if !inv.rules.ignored(e.Name()) {
			problems = append(problems, inv.readSource(filepath.Join(source, e.Name()))...)
		}
	}
	return problems
}

func (inv *Inventory) readHostList(source string) {
	for name := range strings.SplitSeq(source, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if inv.rules.Ranges {
			if hosts, port, err := expandPattern(name); err == nil {
				for _, host := range hosts {
					inv.populate(host, diag.Pos{File: "-i " + source}, source, inv.ungrouped, port, nil)
				}
				continue
			}
		}
		host, port, err := parseAddress(name)
		if err != nil || strings.Contains(host, "[") {
			host, port = name, 0
		}
		if inv.hosts[host] == nil {
			inv.populate(host, diag.Pos{File: "-i " + source}, source, inv.ungrouped, port, nil)
		}
	}
}

// readFile reads one file: YAML by its extension, INI else; a file without
// extension is YAML when it holds a mapping.
func (inv *Inventory) readFile(file string, mode os.FileMode) diag.List {
	data, err := os.ReadFile(file)
	if err != nil {
		return diag.List{fileProblem(file, err)}
	}
	if inv.opts.Seen != nil {
		inv.opts.Seen(file, data)
	}
	text := string(data)
	if mode&0o111 != 0 && strings.HasPrefix(text, "#!") {
		return inv.readScript(file)
	}
	if filepath.Ext(file) == ".toml" {
		return diag.List{diag.Errorf(diag.Pos{File: file, Line: 1, Col: 1}, "inventory-toml", "inventories in TOML are not supported").
			WithHint("write it as YAML: ansible-inventory -i %s --list -y", file)}
	}
	source := absolute(file)
	ext := filepath.Ext(file)
	isYAML := ext == ".yml" || ext == ".yaml" || ext == ".json" || ext == ".config"
	if isYAML || ext == "" {
		n, err := yaml.ParseOne(file, data, inv.opts)
		switch {
		case err == nil && n.Kind == yaml.Mapping:
			return inv.readYAML(source, n)
		case isYAML && err != nil, strings.HasPrefix(text, "---"):
			var problems diag.List
			problems.Add(err)
			if err == nil {
				problems.Add(notGroups(n))
			}
			return problems
		case isYAML:
			return diag.List{notGroups(n)}
		}
	}
	if strings.HasPrefix(text, "$ANSIBLE_VAULT;") {
		clear, d := inv.decrypt(file, text)
		if d != nil {
			return diag.List{d}
		}
		text = clear
	}
	r := inv.newINI(file, source)
	r.readText(text)
	return r.problems
}

func (inv *Inventory) decrypt(file, text string) (string, *diag.Diagnostic) {
	pos := diag.Pos{File: file, Line: 1, Col: 1}
	if inv.opts.Decrypt == nil {
		return "", diag.Errorf(pos, "vault-password", "the inventory is encrypted with Ansible Vault, and no vault password was given")
	}
	clear, err := inv.opts.Decrypt(text)
	if err != nil {
		return "", diag.Errorf(pos, "vault-decrypt", "cannot decrypt: %w", err)
	}
	return clear, nil
}

func notGroups(n *yaml.Node) *diag.Diagnostic {
	return diag.Errorf(n.Pos, "inventory-structure", "a YAML inventory must be a mapping from groups to their hosts, but this is %s", n.Describe()).
		WithHint("for instance 'all: {hosts: {web1: }}'")
}
