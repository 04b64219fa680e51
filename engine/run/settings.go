package run

import (
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Settings are what ansible.cfg and the environment say about how playbooks are
// read and run. The zero value holds Ansible's defaults.
type Settings struct {
	// ConfigFile is the file they come from, "" for none.
	ConfigFile string
	// CollectionsPath are folders of collections; nil means the usual ones.
	CollectionsPath []string
	Inventory       inventory.Rules
	// Native keeps the types of templates' results; Merge merges mappings of
	// one name; HideFacts keeps facts in ansible_facts only; Lenient keeps
	// templates with undefined variables as they are.
	Native, Merge, HideFacts, Lenient bool
	// PrivateRoles keeps the variables of roles (not their defaults) to their own tasks.
	PrivateRoles bool
	// Gathering is "implicit" (or empty), "explicit" or "smart"; GatherSubset
	// holds for plays that say nothing.
	Gathering    string
	Facts        FactCache
	GatherSubset []string
	FactPath     string // the folder on hosts with facts of their own; empty is the module's default
	// AnyErrorsFatal, TaskTimeout and NoLog hold for plays and tasks
	// that say nothing.
	AnyErrorsFatal bool
	// Strategy holds for plays that say none; UnheardIsWarning lets a
	// notification that no handler hears pass with a warning.
	Strategy         string
	UnheardIsWarning bool
	TaskTimeout      time.Duration
	NoLog            bool
	// DuplicateKeys is what a key that stands twice in a mapping is: "warn" (or empty),
	// "error" or "ignore".
	DuplicateKeys string
	// Debugger stops at every task that fails; DebuggerForgives leaves those out whose
	// errors are ignored.
	Debugger, DebuggerForgives bool
	// ShowArgs puts the arguments of tasks into their headings.
	ShowArgs bool
	// Managed is the variable ansible_managed; "" means Ansible's default.
	Managed string
	// Named gives a setting by its name in Ansible, for the lookup config; nil
	// knows none.
	Named func(name string) (v value.Value, origin string, ok bool)
}

// SettingsOf takes the settings that a run obeys out of a configuration.
func SettingsOf(c *config.Config) Settings {
	s := Settings{
		ConfigFile: c.Path, CollectionsPath: c.List(config.CollectionsPaths),
		Inventory: inventory.Rules{
			IgnoreExtensions: c.List(config.InventoryIgnoreExts), IgnorePatterns: c.List(config.InventoryIgnore),
			GroupNames: c.Text(config.GroupNames), Precedence: precedence(c),
			UseExtraVars: c.Bool(config.InventoryExtraVars), Ranges: enables(c, config.InventoryEnabled, "advanced_host_list"),
			NoFolders: !enables(c, config.VarsPlugins, "host_group_vars"),
			Tolerant:  c.IsSet(config.InventoryAnyUnparsed) && !c.Bool(config.InventoryAnyUnparsed), NoneIsFailed: c.Bool(config.InventoryUnparsed),
		},
		Native: c.Bool(config.Native), Merge: c.Text(config.HashBehaviour) == "merge", HideFacts: !c.Bool(config.InjectFacts), PrivateRoles: c.Bool(config.PrivateRoles), Lenient: !c.Bool(config.UndefinedIsError),
		Gathering: c.Text(config.Gathering), GatherSubset: c.List(config.GatherSubset), FactPath: c.Text(config.FactPath), AnyErrorsFatal: c.Bool(config.AnyErrorsFatal),
		Named:    namedSettings(c),
		Strategy: c.Text(config.Strategy), UnheardIsWarning: !c.Bool(config.MissingHandler),
		TaskTimeout: time.Duration(c.Int(config.TaskTimeout)) * time.Second, NoLog: c.Bool(config.NoLog),
		DuplicateKeys: c.Text(config.DuplicateKeys), ShowArgs: c.Bool(config.ShowArgs),
		Debugger: c.Bool(config.TaskDebugger), DebuggerForgives: c.Bool(config.DebuggerForgives),
	}
	s.Facts = FactCache{Plugin: c.Text(config.FactCache), Dir: c.Text(config.FactCacheDir), Prefix: c.Text(config.FactCachePrefix),
		Timeout: time.Duration(c.Int(config.FactCacheTimeout)) * time.Second}
	if c.IsSet(config.Managed) {
		s.Managed = c.Text(config.Managed)
	}
	return s
}

// enables tells whether a list of plug-ins has one of Ansible's own.
func enables(c *config.Config, list config.Key, plugin string) bool {
	return slices.ContainsFunc(c.List(list), func(n string) bool { return strings.TrimPrefix(n, "ansible.builtin.") == plugin })
}

// precedence is the order of the variables of groups where somebody says one.
func precedence(c *config.Config) []string {
	if !c.IsSet(config.Precedence) {
		return nil
	}
	return c.List(config.Precedence)
}

// gathers tells whether plays gather facts that do not say so.
func (s *Settings) gathers() bool { return s.Gathering != "explicit" }

// hasFacts tells whether facts of a host were gathered in this run.
func (h *host) hasFacts() bool {
	_, ok := h.Facts.Get("module_setup")
	return ok
}
