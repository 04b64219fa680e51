package run

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/lint"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Request is what somebody asks to be run, in files and names.
type Request struct {
	Playbooks []string
	// Inventory are sources as after -i; Sections is server-manager's JSON
	// inventory instead.
	Inventory    []string
	Sections     value.Value
	SectionsName string
	Extra        *yaml.Vars
	RolesPath    []string
	// Settings are those of ansible.cfg and the environment.
	Settings Settings
	// Decrypt opens Ansible Vault texts; nil when no password was given.
	Decrypt func(ciphertext string) (string, error)
	// Warn is told what lookups warn of while the playbook runs; nil for nobody.
	Warn func(text string)
	// HostsOptional: nothing is wrong with plays that match no host, because the
	// inventory is not the one of the run (lint without -i).
	HostsOptional bool
	// EmptyGroups: a playbook for groups that are there and hold no hosts is not wrong, as
	// in Ansible. A request that names servers and reaches none is.
	EmptyGroups bool
	// Tags and SkipTags say what runs; all does when both are empty.
	Tags, SkipTags []string
	// SkipLint leaves the static checks out (they were done before).
	SkipLint bool
	// Warnings are what was noticed when the request was made; Prepare hands them on.
	Warnings diag.List
}

// Prepare reads everything a run needs and checks what can be checked without a
// host. All problems are reported together; warnings are returned beside. The
// returned config lacks what is not in the request: connector, sink, flags.
func Prepare(req Request, mods *module.Registry) (Config, diag.List, error) {
	var problems diag.List
	warnings := slices.Clone(req.Warnings)
	seen := newSourceLog()
	opts := yaml.Options{Written: true, Decrypt: req.Decrypt, Duplicates: req.Settings.DuplicateKeys, Seen: seen.add, Warn: func(d *diag.Diagnostic) { d.Warning = true; warnings = append(warnings, d) }}
	inv, err := inventory.Load(inventory.Options{Sources: req.Inventory, Sections: req.Sections, SectionsName: req.SectionsName, YAML: opts, Rules: req.Settings.Inventory,
		Evaluator: func(inv *inventory.Inventory) inventory.Evaluator { return vars.ForInventory(inv, req.Extra) }})
	problems.Add(err)
	if inv == nil {
		return Config{}, warnings, problems.Err()
	}
	eng := vars.New(inv, req.Extra)
	eng.Decrypt, eng.Seen, eng.Warn = req.Decrypt, seen.add, req.Warn
	eng.PrivateRoles = req.Settings.PrivateRoles
	eng.Native, eng.Merge, eng.HideFacts, eng.Lenient = req.Settings.Native, req.Settings.Merge, req.Settings.HideFacts, req.Settings.Lenient
	eng.Managed, eng.Setting = req.Settings.Managed, req.Settings.Named
	popts := playbook.Options{RolesPath: req.RolesPath, CollectionsPath: req.Settings.CollectionsPath, YAML: opts, Canonical: mods.Canonical,
		IsModule: func(name string) bool { _, ok := mods.Lookup(name); return ok },
		Render:   eng.RenderStatic,
	}
	cfg := Config{Settings: req.Settings, Inventory: inv, Vars: eng, Modules: mods, Loader: playbook.NewLoader(popts), seen: seen, Tags: req.Tags, SkipTags: req.SkipTags}
	for _, file := range req.Playbooks {
		pb, err := playbook.Load(file, popts)
		problems.Add(err)
		if pb == nil {
			continue
		}
		for _, p := range pb.Plays {
			problems.Add(inv.AddPlaybookDir(p.Dir))
		}
		cfg.Playbooks = append(cfg.Playbooks, pb)
	}
	if len(problems) == 0 && !req.SkipLint {
		var hosts []string
		for _, h := range inv.Hosts() {
			hosts = append(hosts, h.Name)
		}
		kept := keptNames(req.Settings.Facts, hosts)
		for i, pb := range cfg.Playbooks {
			lc := lint.Config{Vars: eng, Modules: mods, Inventory: inv, Before: cfg.Playbooks[:i], HostsOptional: req.HostsOptional, EmptyGroups: req.EmptyGroups,
				UnheardIsWarning: req.Settings.UnheardIsWarning, Kept: kept, Texts: &cfg.texts, Tags: req.Tags, SkipTags: req.SkipTags}
			for _, d := range lint.Check(pb, lc) {
				if d.Warning {
					warnings = append(warnings, d)
				} else {
					problems = append(problems, d)
				}
			}
		}
	}
	cfg.texts.Untold = cfg.texts.Untold || req.SkipLint
	problems.Sort()
	return cfg, warnings, problems.Err()
}
