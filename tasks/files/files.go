// Package files has the modules that work on files and folders of a host.
package files

import (
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{File(), Copy(), Template(), LineInFile(), IniFile(), Htpasswd(), Stat(), Slurp(), BlockInFile(), Replace(), Assemble(), Tempfile(), Find(),
		Fetch(), Unarchive(), Archive(), ReadCSV(), InterfacesFile(), Synchronize(), XML(), Patch(), DeployHelper(), PgHba()}
}

// maxDiff bounds what is shown of a file in a diff, as in Ansible.
const maxDiff = 104448

var fileReturns = []module.Return{
	{Name: "owner", Type: "str", When: "it exists", Doc: "Name of the owner."},
	{Name: "group", Type: "str", When: "it exists", Doc: "Name of the group."},
	{Name: "uid", Type: "int", When: "it exists", Doc: "Number of the owner."},
	{Name: "gid", Type: "int", When: "it exists", Doc: "Number of the group."},
	{Name: "mode", Type: "str", When: "it exists", Doc: "Permissions as octal digits."},
	{Name: "size", Type: "int", When: "it exists", Doc: "Size in bytes."},
	{Name: "state", Type: "str", When: "always", Doc: "What it is: file, directory, link, hard or absent."},
}

// trim takes closing slashes away.
func trim(p string) string {
	for len(p) > 1 && strings.HasSuffix(p, "/") {
		p = p[:len(p)-1]
	}
	return p
}

// ancestors lists the folders above p, nearest first, without the root.
func ancestors(p string) []string {
	var out []string
	for d := path.Dir(p); d != "/" && d != "."; d = path.Dir(d) {
		out = append(out, d)
	}
	return out
}

// sides is a difference of attributes: what they were and what they become.
type sides struct {
	before, after *value.Map
}

func newSides(p string) sides {
	return sides{value.M("path", p), value.M("path", p)}
}

// set notes something that was one thing and becomes another.
func (s sides) set(what string, before, after any) {
	s.before.Set(what, value.FromGo(before))
	s.after.Set(what, value.FromGo(after))
}

func (s sides) state(before, after string) {
	if before != after {
		s.set("state", before, after)
	}
}

// contents notes what is in a folder that goes away.
func (s sides) contents(dir string, tree []state.TreeEntry) {
	folders, files := []any{}, []any{}
	for _, e := range tree {
		if at := path.Join(dir, e.Rel); e.Stat.Type == state.TypeDir {
			folders = append(folders, at)
		} else {
			files = append(files, at)
		}
	}
	s.before.Set("path_content", value.FromGo(map[string]any{"directories": folders, "files": files}))
}

// attrs notes the attributes that change.
func (s sides) attrs(cur state.Stat, a state.Attrs) {
	if a.Mode != nil && *a.Mode != cur.Mode {
		s.set("mode", module.ModeString(cur.Mode), module.ModeString(*a.Mode))
	}
	if a.Owner != "" {
		s.set("owner", cur.UID, numberOr(a.UID, a.Owner))
	}
	if a.Group != "" {
		s.set("group", cur.GID, numberOr(a.GID, a.Group))
	}
	if a.MTime != nil {
		s.set("mtime", seconds(cur.MTime), seconds(*a.MTime))
	}
	if a.ATime != nil {
		s.set("atime", seconds(cur.ATime), seconds(*a.ATime))
	}
}

// numberOr is the number of a user or group, or the name where the host will choose the
// number (state.ToCome).
func numberOr(id int, name string) any {
	if id < 0 {
		return name
	}
	return id
}

// entry is the difference for people; ok is false when there is none.
func (s sides) entry() (e state.DiffEntry, ok bool) {
	e = state.DiffEntry{Before: module.DiffJSON(s.before), After: module.DiffJSON(s.after)}
	return e, e.Before != e.After
}

// registered is the difference as the module file registers it, changed or not.
func (s sides) registered() value.Value {
	return value.FromMap(value.MRoom(0, "before", s.before, "after", s.after))
}

// seconds is a time as Python's os.stat gives it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// contentDiff is the difference of a file's content.
func contentDiff(beforeHeader string, before []byte, afterHeader string, after []byte, marks value.Marks) state.DiffEntry {
	e := state.DiffEntry{BeforeHeader: beforeHeader, AfterHeader: afterHeader}
	switch {
	case marks&value.Secret != 0:
		e.Note = "secret"
	case len(before) > maxDiff || len(after) > maxDiff:
		e.Note = "too large"
	case isBinary(before) || isBinary(after):
		e.Note = "binary"
	default:
		e.Before, e.After = string(before), string(after)
	}
	return e
}

func isBinary(b []byte) bool { return strings.IndexByte(string(b), 0) >= 0 }

// validateFailed makes the failure of a validation that refused the new file.
func validateFailed(r state.OpResult, kv ...any) *module.Failure {
	f := module.Fail("failed to validate", "exit_status", r.RC, "stdout", string(r.Stdout), "stderr", string(r.Stderr))
	for k, v := range value.M(kv...).All() {
		f.Result.SetKey(k, v)
	}
	for _, k := range []string{"stdout", "stderr"} {
		v, _ := f.Result.Get(k)
		f.Result.Set(k, v.WithMarks(value.Unsafe))
		lines := strings.FieldsFunc(v.Str(), func(r rune) bool { return r == '\n' || r == '\r' })
		f.Result.Set(k+"_lines", value.Strings(lines...).MarkDeep(value.Unsafe))
	}
	return f
}
