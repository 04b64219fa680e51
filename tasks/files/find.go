package files

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type findArgs struct {
	Paths         []string           `arg:"paths"`
	Patterns      []string           `arg:"patterns"`
	Excludes      []string           `arg:"excludes"`
	Contains      string             `arg:"contains"`
	ReadWholeFile bool               `arg:"read_whole_file"`
	FileType      string             `arg:"file_type"`
	Age           module.Opt[string] `arg:"age"`
	AgeStamp      string             `arg:"age_stamp"`
	Size          module.Opt[string] `arg:"size"`
	Recurse       bool               `arg:"recurse"`
	Depth         int                `arg:"depth"`
	Hidden        bool               `arg:"hidden"`
	Follow        bool               `arg:"follow"`
	GetChecksum   bool               `arg:"get_checksum"`
	UseRegex      bool               `arg:"use_regex"`
	Mode          module.FileMode    `arg:"mode"`
	ExactMode     bool               `arg:"exact_mode"`
	Limit         module.Opt[int]    `arg:"limit"`
}

var findSpec = module.Spec{
	Name:    "find",
	Summary: "Say which files of some folders are as asked",
	Doc: "Lists what is in folders of a host by name, type, age, size or content. All that is asked must hold. " +
		"Entries are listed in the order of their names, those of a folder before what is in its folders.",
	Args: []module.Arg{
		{Name: "paths", Aliases: []string{"name", "path"}, Type: module.List, Elem: module.Str, Required: true, Doc: "The folders to look in."},
		{Name: "patterns", Aliases: []string{"pattern"}, Type: module.List, Elem: module.Str, Default: []string{}, Doc: "What the name may be: shell patterns, or Python's regular expressions with use_regex (which match from the start of the name)."},
		{Name: "excludes", Aliases: []string{"exclude"}, Type: module.List, Elem: module.Str, Doc: "What the name must not be; written as patterns are."},
		{Name: "contains", Doc: "A regular expression that must match a line from its start; with read_whole_file, match anywhere in the text. Only files are looked into, up to 8 MiB."},
		{Name: "read_whole_file", Type: module.Bool, Default: false, Doc: "Look for contains in the whole text instead of in each line."},
		{Name: "file_type", Default: "file", Choices: []string{"any", "directory", "file", "link"}, Doc: "What kind of entry."},
		{Name: "age", Doc: "At least so old, or at most with a minus: seconds, or with s, m, h, d, w."},
		{Name: "age_stamp", Default: "mtime", Choices: []string{"atime", "ctime", "mtime"}, Doc: "The time that age is counted from."},
		{Name: "size", Doc: "At least so big, or at most with a minus: bytes, or with b, k, m, g, t."},
		{Name: "recurse", Type: module.Bool, Default: false, Doc: "Look into folders below, too."},
		{Name: "depth", Type: module.Int, Doc: "How many levels of folders to look into; 1 is the folder itself."},
		{Name: "hidden", Type: module.Bool, Default: false, Doc: "List names that start with a dot, too."},
		{Name: "follow", Type: module.Bool, Default: false, Doc: "Look into folders that links lead to."},
		{Name: "get_checksum", Type: module.Bool, Default: false, Doc: "Add the SHA-1 of each file."},
		{Name: "use_regex", Type: module.Bool, Default: false, Doc: "patterns and excludes are regular expressions."},
		{Name: "mode", Type: module.Mode, Unlisted: true, Doc: "The permissions, in octal or symbolic."},
		{Name: "exact_mode", Type: module.Bool, Default: true, Unlisted: true, Doc: "All of mode and nothing else; without it one of its bits is enough."},
		{Name: "limit", Type: module.Int, Unlisted: true, Doc: "How many entries are enough."},
	},
	Order: [][]string{{"files", "changed", "msg", "matched", "examined", "skipped_paths"}},
	Returns: []module.Return{
		{Name: "files", Type: "list", When: "always", Doc: "What was found: path, mode, size, mtime and the rest, named as by stat."},
		{Name: "matched", Type: "int", When: "always", Doc: "How many were found."},
		{Name: "examined", Type: "int", When: "always", Doc: "How many entries were looked at."},
		{Name: "skipped_paths", Type: "dict", When: "always", Doc: "Paths that could not be looked into, and why."},
		{Name: "msg", Type: "str", When: "always", Doc: "Whether all paths were looked into."},
	},
	Examples: "- find: {paths: /var/log, patterns: '*.gz', age: 4w, recurse: true}\n  register: old\n",
	Traits:   module.Traits{Reads: true},
}

// Find is the module find.
func Find() module.Module { return module.New(findSpec, planFind) }

// finding is one run of find.
type finding struct {
	findArgs
	names, not func(string) bool
	age, size  func(int64) bool // nil: not asked
	mode       func(uint32) bool
	inside     func([]byte) (bool, error)
	now        time.Time
	g          *module.Gather
	examined   int
	files      []value.Value
	skipped    *value.Map // folders that cannot be looked into, and why
	warnings   []string
	err        error
}

func planFind(a findArgs, in module.Inputs, v state.View) (module.Change, error) {
	f := &finding{findArgs: a, skipped: value.NewMap(), g: module.Gathering(v), now: in.Now}
	if err := f.filters(); err != nil {
		return module.Change{}, err
	}
	for _, asked := range a.Paths {
		p := asked
		if strings.HasPrefix(p, "~") || strings.Contains(p, "$") || path.IsAbs(p) {
			p = f.g.Path(p)
		}
		dir := state.File{}
		if path.IsAbs(p) {
			dir = f.g.File(trim(p), 0)
		}
		if !f.g.Complete() {
			continue
		}
		if !dir.IsDir() {
			f.skip(p, "'"+p+"' is not a directory")
			continue
		}
		if !f.mayLook(dir.Followed) {
			f.skip(p, denied(p))
			continue
		}
		f.walk(p, dir.Resolved, nil)
	}
	if c, missing, err := f.g.Missing(); missing {
		return c, err
	}
	if f.err != nil {
		return module.Change{}, module.Fail(f.err.Error())
	}
	msg := "All paths examined"
	if f.skipped.Len() > 0 {
		msg = "Not all paths examined, check warnings for details"
	}
	c := module.OK("files", value.List(f.files...), "matched", len(f.files), "examined", f.examined, "skipped_paths", f.skipped, "msg", msg)
	c.Warnings = f.warnings
	return c, nil
}

// walk looks into a folder: shown is its name for people, real its own; above
// are the folders that links led through.
func (f *finding) walk(shown, real string, above []string) {
	entries := f.g.TreeTo(real, f.levels())
	children := map[string][]state.TreeEntry{}
	for _, e := range entries {
		children[path.Dir(e.Rel)] = append(children[path.Dir(e.Rel)], e)
	}
	for _, c := range children { // the original finds them as the host lists its folders
		slices.SortStableFunc(c, func(a, b state.TreeEntry) int { return a.Listed - b.Listed })
	}
	f.folder(shown, real, ".", 1, children, append(above[:len(above):len(above)], real))
}

// levels is how far down it looks; 0 is all the way. Of the folders at the last level
// it still counts what is in them.
func (f *finding) levels() int {
	switch {
	case !f.Recurse:
		return 1
	case f.Depth > 0:
		return f.Depth + 1
	}
	return 0
}

// folder looks at what is in one folder, then into its folders.
func (f *finding) folder(shown, real, rel string, level int, children map[string][]state.TreeEntry, above []string) {
	f.examined += len(children[rel])
	if f.Depth > 0 && level > f.Depth {
		return
	}
	var leaves, dirs []state.TreeEntry
	linked := map[string]string{}
	for _, e := range children[rel] {
		isDir := e.Stat.Type == state.TypeDir
		if e.Stat.Type == state.TypeLink {
			if to := f.g.File(path.Join(real, e.Rel), 0); to.IsDir() {
				isDir, linked[e.Rel] = true, to.Resolved
			}
		}
		if isDir {
			dirs = append(dirs, e)
		} else {
			leaves = append(leaves, e)
		}
	}
	for _, e := range append(leaves, dirs...) {
		f.look(join(shown, e.Rel), path.Join(real, e.Rel), e.Stat)
	}
	if !f.Recurse {
		return
	}
	for _, e := range dirs {
		to, isLink := linked[e.Rel]
		switch {
		case !isLink && len(children[e.Rel]) == 0 && !f.mayLook(e.Stat):
			f.skip(join(shown, e.Rel), denied(join(shown, e.Rel)))
		case !isLink:
			f.folder(shown, real, e.Rel, level+1, children, above)
		case f.Follow && !contains(above, to):
			sub := *f
			if f.Depth > 0 {
				sub.Depth -= level
			}
			if f.Depth == 0 || sub.Depth > 0 {
				sub.walk(join(shown, e.Rel), to, above)
				f.examined, f.files, f.warnings, f.err = sub.examined, sub.files, sub.warnings, sub.err
			}
		}
	}
}

func (f *finding) skip(p, why string) {
	f.skipped.Set(p, value.String(why))
	f.warnings = append(f.warnings, "Skipped '"+p+"' path due to this access issue: "+why+"\n")
}

func denied(p string) string { return "[Errno 13] Permission denied: '" + p + "'" }

// mayLook tells whether the bits of a folder let who acts list it.
func (f *finding) mayLook(s state.Stat) bool {
	l := f.g.Login()
	bits := s.Mode
	switch {
	case !f.g.Complete() || l.UID == 0:
		return true
	case s.UID == l.UID:
		bits >>= 6
	case s.GID == l.GID || slices.Contains(l.Groups, s.GID):
		bits >>= 3
	}
	return bits&5 == 5
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s || strings.HasPrefix(x, strings.TrimSuffix(s, "/")+"/") {
			return true
		}
	}
	return false
}

// join is os.path.join: a closing slash is kept as it is.
func join(dir, rel string) string {
	if strings.HasSuffix(dir, "/") {
		return dir + rel
	}
	return dir + "/" + rel
}

// look takes an entry when it is as asked.
func (f *finding) look(shown, real string, s state.Stat) {
	name := path.Base(real)
	types := map[string]state.FileType{"file": state.TypeFile, "directory": state.TypeDir, "link": state.TypeLink}
	switch {
	case f.err != nil,
		!f.Hidden && strings.HasPrefix(name, "."),
		f.FileType != "any" && types[f.FileType] != s.Type,
		!f.names(name) || f.not(name),
		f.age != nil && !f.age(f.seconds(s)),
		f.size != nil && s.Type == state.TypeFile && !f.size(s.Size),
		f.mode != nil && !f.mode(s.Mode),
		f.enough():
		return
	}
	regular := s.Type == state.TypeFile
	if f.inside != nil && regular && f.FileType == "file" {
		file, err := f.g.TryFile(real, state.WantContent)
		if err != nil || !f.g.Complete() {
			return
		}
		hit, err := f.inside(file.Content)
		if err != nil {
			f.err = err
		}
		if !hit {
			return
		}
	}
	m := findMap(s, shown)
	if f.GetChecksum && regular {
		m.Set("checksum", value.String(f.g.File(real, state.WantSHA1).SHA1))
	}
	f.files = append(f.files, value.FromMap(m))
}

// enough tells that no more entries are wanted.
func (f *finding) enough() bool {
	limit, ok := f.Limit.Get()
	return ok && len(f.files) >= limit
}

// seconds is how old an entry is.
func (f *finding) seconds(s state.Stat) int64 {
	t := map[string]time.Time{"atime": s.ATime, "mtime": s.MTime, "ctime": s.CTime}[f.AgeStamp]
	return int64(f.now.Sub(t) / time.Second)
}

// findMap is what is registered of an entry.
func findMap(s state.Stat, p string) *value.Map {
	m := value.M("path", value.String(p).WithMarks(value.Unsafe), "mode", fmt.Sprintf("%04o", s.Mode))
	all := statMap(s, p, state.File{})
	for k, v := range all.All() {
		switch k.Text() {
		case "exists", "path", "mode", "blocks", "block_size", "device_type", "readable", "writeable", "executable":
		default:
			m.SetKey(k, v)
		}
		if k.Text() == "ctime" { // the original asks for the names before it looks at the mode
			for _, name := range []string{"gr_name", "pw_name"} {
				if n, ok := all.Get(name); ok {
					m.Set(name, n)
				}
			}
		}
	}
	return m
}
