package inventory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// adjacentDir is a folder beside which group_vars and host_vars may lie. Their
// names are read once, so that 50,000 hosts cost no file system calls each.
type adjacentDir struct {
	index         int
	dir           string
	playbook      bool
	groups, hosts map[string]bool
}

// varExtensions are tried in this order; the first that exists counts.
var varExtensions = []string{"", ".yml", ".yaml", ".json"}

func (inv *Inventory) newDir(dir string, playbook bool) *adjacentDir {
	d := &adjacentDir{index: len(inv.dirs), dir: dir, playbook: playbook}
	if !inv.rules.NoFolders {
		d.groups, d.hosts = listNames(filepath.Join(dir, "group_vars")), listNames(filepath.Join(dir, "host_vars"))
	}
	return d
}

func listNames(dir string) map[string]bool {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // no such folder, or not ours to read: no variables
	}
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}

// AddPlaybookDir makes group_vars and host_vars of dir apply. A folder that
// was added before is not read again.
func (inv *Inventory) AddPlaybookDir(dir string) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	return inv.addDir(absolute(dir), true)
}

func (inv *Inventory) addDir(dir string, playbook bool) error {
	for _, d := range inv.dirs {
		if d.dir == dir && d.playbook == playbook {
			return nil
		}
	}
	d := inv.newDir(dir, playbook)
	inv.dirs = append(inv.dirs, d)
	var problems diag.List
	if len(d.groups) > 0 {
		for _, g := range inv.gorder {
			g.layers = append(g.layers, d.groupLayers(inv.opts, g.Name, &problems)...)
		}
	}
	if len(d.hosts) > 0 {
		hosts := inv.order
		if inv.localhost != nil && inv.localhost.Implicit {
			hosts = append(hosts[:len(hosts):len(hosts)], inv.localhost)
		}
		for _, h := range hosts {
			h.layers = append(h.layers, d.hostLayers(inv.opts, h.Name, &problems)...)
		}
	}
	return problems.Err()
}

func (d *adjacentDir) groupLayers(opts yaml.Options, name string, problems *diag.List) []Layer {
	level := GroupInventoryDir
	switch {
	case name == "all" && d.playbook:
		level = AllPlaybookDir
	case name == "all":
		level = AllInventoryDir
	case d.playbook:
		level = GroupPlaybookDir
	}
	return d.layers(opts, filepath.Join(d.dir, "group_vars"), d.groups, d.layer(level, name), problems)
}

// layer begins a layer of the folder.
func (d *adjacentDir) layer(level Level, owner string) Layer {
	l := Layer{Level: level, Owner: owner, dir: d.index}
	if d.playbook {
		l.PlaybookDir = d.dir
	}
	return l
}

func (d *adjacentDir) hostLayers(opts yaml.Options, name string, problems *diag.List) []Layer {
	level := HostInventoryDir
	if d.playbook {
		level = HostPlaybookDir
	}
	return d.layers(opts, filepath.Join(d.dir, "host_vars"), d.hosts, d.layer(level, name), problems)
}

// layers reads the files for one group or host; of several forms of the name
// the first counts, a folder brings all files in it.
func (d *adjacentDir) layers(opts yaml.Options, dir string, names map[string]bool, proto Layer, problems *diag.List) []Layer {
	if len(names) == 0 || strings.HasPrefix(proto.Owner, "/") {
		return nil
	}
	for _, ext := range varExtensions {
		first, _, _ := strings.Cut(proto.Owner+ext, "/")
		if !names[first] {
			continue
		}
		path := filepath.Join(dir, proto.Owner+ext)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		files := []string{path}
		if info.IsDir() {
			files = dirFiles(path)
		}
		var layers []Layer
		for _, f := range files {
			vars, err := readVars(f, opts)
			if err != nil && problems != nil {
				problems.Add(err)
			}
			if vars.Len() > 0 {
				l := proto
				l.File, l.Vars = f, vars
				layers = append(layers, l)
			}
		}
		return layers
	}
	return nil
}

// dirFiles are the variable files of a folder, sorted, folders without a dot in
// their name included; hidden files and backups are not.
func dirFiles(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var files []string
	for _, e := range entries { // ReadDir sorts
		name := e.Name()
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		path, ext := filepath.Join(dir, name), filepath.Ext(name)
		info, err := os.Stat(path)
		switch {
		case err != nil:
		case info.IsDir() && ext == "":
			files = append(files, dirFiles(path)...)
		case info.Mode().IsRegular() && (ext == "" || ext == ".yml" || ext == ".yaml" || ext == ".json"):
			files = append(files, path)
		}
	}
	return files
}

// readVars reads a file of variables: a mapping, or nothing.
func readVars(file string, opts yaml.Options) (*yaml.Vars, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fileProblem(file, err)
	}
	n, err := yaml.ParseOne(file, data, opts)
	switch {
	case err != nil:
		return nil, err
	case n.IsNull():
		return nil, nil
	case n.Kind != yaml.Mapping:
		return nil, diag.Errorf(n.Pos, "vars-file", "a file of variables must be a mapping from names to values, but this is %s", n.Describe())
	}
	return yaml.VarsOf(n), nil
}

func fileProblem(file string, err error) *diag.Diagnostic {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	return diag.Errorf(diag.Pos{File: file}, "file", "cannot read: %w", err)
}
