// Package inventory reads hosts, groups and their variables from INI and YAML
// files, folders, comma lists and server-manager's JSON sections, as
// ansible-core 2.14 reads them, and selects hosts by patterns.
//
// Variables are kept as they were written, with their places: nothing is
// evaluated here. Layers lists them for a host in ascending precedence.
package inventory

import (
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Inventory is a set of hosts and groups. Reading it is safe from many
// goroutines, also while AddHost and AddToGroup change it.
type Inventory struct {
	mu     sync.RWMutex
	hosts  map[string]*Host
	groups map[string]*Group
	order  []*Host  // in order of definition
	gorder []*Group // in order of definition; "all" first, "ungrouped" second

	all, ungrouped *Group

	sources   []string       // what was read, as Sources gives it
	dirs      []*adjacentDir // where group_vars and host_vars lie
	opts      yaml.Options
	rules     Rules
	levels    []Level // of the variables of groups, lowest first
	evaluator func(*Inventory) Evaluator
	renamed   bool       // Rules.GroupNames changed the name of a group
	localhost *Host      // an explicit one, or the implicit one once it was named
	loaded    Options    // to load it again
	added     []addition // by tasks, in order

	cache struct { // of GroupHosts; cleared by every change
		sync.Mutex
		hosts map[*Group][]*Host
	}
}

// Host is one host. Its variables are what the inventory sources say about the
// host itself; see Inventory.Layers for all that apply to it.
type Host struct {
	Name string
	// Pos is where the host was first named.
	Pos diag.Pos
	// Index is the place in the order of the inventory.
	Index int
	// Implicit marks the localhost that no source names.
	Implicit bool

	vars   *yaml.Vars
	groups []*Group // direct ones
	layers []Layer  // of host_vars
}

// Group is one group of hosts. Every group but "all" is below "all".
type Group struct {
	Name string
	Pos  diag.Pos
	// Priority orders groups of equal depth (ansible_group_priority, 1 if unset).
	Priority int

	depth    int
	vars     *yaml.Vars
	hosts    []*Host
	hostSet  map[*Host]bool
	children []*Group
	parents  []*Group
	layers   []Layer // of group_vars
}

// Level says from which kind of source a layer of variables comes. The order
// is that of precedence (the numbers of Ansible's documentation are beside).
type Level uint8

// The levels, lowest first.
const (
	AllInventory      Level = iota // variables of "all" in inventory sources (3)
	GroupInventory                 // variables of other groups in inventory sources (3)
	AllInventoryDir                // group_vars/all beside the inventory (4)
	AllPlaybookDir                 // group_vars/all beside the playbook (5)
	GroupInventoryDir              // group_vars/* beside the inventory (6)
	GroupPlaybookDir               // group_vars/* beside the playbook (7)
	HostInventory                  // variables of the host in inventory sources (8)
	HostInventoryDir               // host_vars/* beside the inventory (9)
	HostPlaybookDir                // host_vars/* beside the playbook (10)
)

var levelNames = [...]string{
	"inventory variables of all", "inventory variables of a group", "inventory group_vars/all", "playbook group_vars/all",
	"inventory group_vars", "playbook group_vars", "inventory variables of the host", "inventory host_vars", "playbook host_vars",
}

// String describes the level for people.
func (l Level) String() string { return levelNames[l] }

// Layer is one set of variables that applies to a host. Layers are shared
// between hosts: two layers with the same Vars pointer are the same.
type Layer struct {
	Level Level
	// Owner is the name of the group or host the variables are for.
	Owner string
	// File is the file they come from; empty for inventory sources, whose
	// variables each carry their own place.
	File string
	Vars *yaml.Vars
	// PlaybookDir is the folder of playbooks that group_vars and host_vars lie
	// beside: they are for its plays alone. Empty for those beside an inventory.
	PlaybookDir string

	dir int // which of the folders
}
