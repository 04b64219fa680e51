package lint

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
)

// pluginFolders are where Ansible looks for plug-ins beside a playbook and in a role.
var pluginFolders = map[string]string{jinja.CodeFilter: "filter_plugins", jinja.CodeTest: "test_plugins", CodeLookup: "lookup_plugins"}

// foreign says of a filter, test or lookup that is not there which plug-in in Python has
// it: one beside the playbook, or in a role or a folder around the file that names it.
func (c *checker) foreign(d *diag.Diagnostic, playbookDir string) *diag.Diagnostic {
	folder := pluginFolders[d.Code]
	_, rest, _ := strings.Cut(d.Msg, "'")
	name, _, quoted := strings.Cut(rest, "'")
	if folder == "" || !quoted || name == "" {
		return d
	}
	name = name[strings.LastIndexByte(name, '.')+1:]
	dirs := []string{playbookDir}
	for dir := filepath.Dir(d.Pos.File); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for _, dir := range dirs {
		for _, f := range c.disk.plugins(filepath.Join(dir, folder)) {
			has := strings.Contains(f.text, "'"+name+"'") || strings.Contains(f.text, `"`+name+`"`)
			if d.Code == CodeLookup {
				has = filepath.Base(f.path) == name+".py"
			}
			if has {
				told := *d
				return told.WithHint("%s is a plug-in in Python, which Fairlead does not run", f.path)
			}
		}
	}
	return d
}

// pluginFile is a file with plug-ins in Python.
type pluginFile struct{ path, text string }

// plugins are the Python files in a folder.
func (d *disk) plugins(folder string) []pluginFile {
	if list, ok := d.python[folder]; ok {
		return list
	}
	var list []pluginFile
	files, _ := filepath.Glob(filepath.Join(folder, "*.py")) // the only error is of a pattern
	for _, f := range files {
		if data, err := os.ReadFile(f); err == nil {
			list = append(list, pluginFile{f, string(data)})
		}
	}
	if d.python == nil {
		d.python = map[string][]pluginFile{}
	}
	d.python[folder] = list
	return list
}
