package control

import (
	"cmp"
	"errors"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// varsReader is what Sources offer beyond the contract when they can read
// files of variables.
type varsReader interface {
	// LoadVars reads a found file of variables.
	LoadVars(path string) (*value.Map, error)
	// Existing is the present value of a variable.
	Existing(name string) (value.Value, bool)
}

type includeVarsArgs struct {
	Free       string   `arg:"_raw_params"`
	File       string   `arg:"file"`
	Dir        string   `arg:"dir"`
	Name       string   `arg:"name"`
	Depth      int      `arg:"depth"`
	Matching   string   `arg:"files_matching"`
	Ignore     []string `arg:"ignore_files"`
	Extensions []string `arg:"extensions"`
	Unknown    bool     `arg:"ignore_unknown_extensions"`
	HashMerge  string   `arg:"hash_behaviour"`
}

// IncludeVars is the module include_vars.
func IncludeVars() module.Module {
	return module.New(module.Spec{
		Name: "include_vars", Summary: "Read variables from files of the controller",
		Doc:      "Reads a file, or the files of a folder, into variables of the host.",
		FreeForm: "_raw_params",
		Args: []module.Arg{
			{Name: "_raw_params", Aliases: []string{"free-form"}, Doc: "The file as free text."},
			{Name: "file", Type: module.Path, Doc: "The file."},
			{Name: "dir", Type: module.Path, Doc: "A folder, read in the order of names."},
			{Name: "name", Doc: "A variable to put them into, as a dict."},
			{Name: "depth", Type: module.Int, Default: 0, Doc: "How many folders to read, in the order of their paths, the named one first; 0 is all."},
			{Name: "files_matching", Doc: "Read only files whose names match this regular expression."},
			{Name: "ignore_files", Type: module.List, Elem: module.Str, Doc: "Regular expressions of names to leave out."},
			{Name: "extensions", Type: module.List, Elem: module.Str, Default: []string{"yaml", "yml", "json"}, Doc: "Extensions of files to read in a folder."},
			{Name: "ignore_unknown_extensions", Type: module.Bool, Default: false, Doc: "Pass over files with other extensions."},
			{Name: "hash_behaviour", Choices: []string{"replace", "merge"}, Doc: "Merge dicts into what variables of these names hold now, or replace them (the default)."},
		},
		Order: [][]string{{"message", "ansible_included_var_files", "ansible_facts"}},
		Returns: []module.Return{
			{Name: "ansible_facts", Type: "dict", When: "success", Doc: "The variables."},
			{Name: "ansible_included_var_files", Type: "list", When: "always", Doc: "The files that were read."},
		},
		Traits: module.Traits{Control: true, Controller: true},
	}, planIncludeVars)
}

func planIncludeVars(a includeVarsArgs, in module.Inputs, _ state.View) (module.Change, error) {
	reader, ok := in.Sources.(varsReader)
	if !ok {
		return module.Change{}, module.Fail("include_vars cannot read files here")
	}
	if a.Dir != "" && a.name() != "" {
		return module.Change{}, module.Fail("You are mixing file only and dir only arguments, these are incompatible")
	}
	files, err := a.files(in)
	if err != nil {
		return module.Change{}, notIncluded(err.Error(), err)
	}
	vars := value.NewMap()
	for _, f := range files {
		m, err := reader.LoadVars(f)
		if d, ok := errors.AsType[*diag.Diagnostic](err); ok && d.Code == "vars-file" {
			return module.Change{}, notIncluded(f+" must be stored as a dictionary/hash", err)
		}
		if err != nil {
			return module.Change{}, notIncluded(err.Error(), err)
		}
		for k, v := range m.All() {
			vars.SetKey(k, v)
		}
	}
	if a.Name != "" {
		vars = value.M(a.Name, vars)
	}
	if a.HashMerge == "merge" {
		vars = merged(vars, reader.Existing)
	}
	c := module.OK("ansible_included_var_files", files, "ansible_facts", vars)
	c.Do = []module.Directive{module.IncludeVars{Vars: vars}}
	return c, nil
}

// notIncluded is a failure as Ansible registers it: with message in place of msg.
func notIncluded(msg string, err error) *module.Failure {
	return &module.Failure{Msg: msg, Err: err, OwnMsg: true,
		Result: value.M("changed", false, "ansible_facts", value.NewMap(), "ansible_included_var_files", []string{}, "message", msg)}
}

// name is the file that is named, by its argument or as free text.
func (a includeVarsArgs) name() string { return cmp.Or(a.File, a.Free) }

// merged merges dicts into those that variables of their names hold.
func merged(vars *value.Map, existing func(string) (value.Value, bool)) *value.Map {
	out := value.NewMap()
	for k, v := range vars.All() {
		if old, ok := existing(k.Text()); ok && old.Map() != nil && v.Map() != nil {
			both := old.Map().Clone()
			merge(both, v.Map())
			v = value.FromMap(both)
		}
		out.SetKey(k, v)
	}
	return out
}

func merge(dst, src *value.Map) {
	for k, v := range src.All() {
		if old, ok := dst.GetKey(k); ok && old.Map() != nil && v.Map() != nil {
			both := old.Map().Clone()
			merge(both, v.Map())
			v = value.FromMap(both)
		}
		dst.SetKey(k, v)
	}
}

// folder is the folder that dir names: a role's, or one beside the file of the task,
// not in its vars as where a file is looked for.
func (a includeVarsArgs) folder(in module.Inputs) (string, error) {
	role, inRole, err := in.Vars.Lookup("role_path")
	if err != nil {
		return "", err
	}
	look, dir := a.Dir, a.Dir
	switch {
	case filepath.IsAbs(dir):
	case inRole:
		dir = filepath.Join(role.Text(), "vars", dir)
	default:
		if dir, err = filepath.Abs(filepath.Join(filepath.Dir(in.Pos.File), dir)); err != nil {
			return "", err
		}
		look = dir
	}
	found, err := in.Sources.Find("vars", look)
	if err != nil {
		return "", module.Fail(dir + " directory does not exist")
	}
	return found, nil
}

// files lists what is to be read.
func (a includeVarsArgs) files(in module.Inputs) ([]string, error) {
	src := in.Sources
	if a.Dir == "" {
		if a.name() == "" {
			return nil, module.Fail("Could not find file on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option")
		}
		found, err := src.Find("vars", a.name())
		return []string{found}, err
	}
	match, err := regexp.Compile(a.Matching)
	if err != nil {
		return nil, err
	}
	dir, err := a.folder(in)
	if err != nil {
		return nil, err
	}
	entries, err := src.Walk(dir, true)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, file := range a.byFolder(dir, entries) {
		base := filepath.Base(file)
		ext := strings.TrimPrefix(filepath.Ext(base), ".")
		switch {
		case ignored(base, a.Ignore), !match.MatchString(base):
			continue
		case !slices.Contains(a.Extensions, ext):
			if a.Unknown {
				continue
			}
			return nil, module.Fail(file + " does not have a valid extension: " + strings.Join(a.Extensions, ", "))
		}
		out = append(out, file)
	}
	return out, nil
}

// byFolder lists files as ansible-core 2.14 reads them: the named folder's own first,
// then folder by folder in the order of their paths, as many folders as depth says.
func (a includeVarsArgs) byFolder(dir string, entries []module.SourceFile) []string {
	files := map[string][]string{dir: nil}
	for _, e := range entries {
		path := filepath.Join(dir, e.Rel)
		if e.IsDir {
			if _, ok := files[path]; !ok {
				files[path] = nil // counts, with or without files
			}
			continue
		}
		files[filepath.Dir(path)] = append(files[filepath.Dir(path)], path)
	}
	var out []string
	for i, d := range slices.Sorted(maps.Keys(files)) {
		if a.Depth > 0 && i >= a.Depth {
			break
		}
		slices.Sort(files[d])
		out = append(out, files[d]...)
	}
	return out
}

func ignored(base string, patterns []string) bool {
	for _, p := range patterns {
		if re, err := regexp.Compile(p + "$"); err == nil && re.MatchString(base) {
			return true
		}
	}
	return false
}
