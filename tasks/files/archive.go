package files

import (
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type archiveArgs struct {
	module.FileAttrs
	Path       []string `arg:"path"`
	Format     string   `arg:"format"`
	Dest       string   `arg:"dest"`
	Exclude    []string `arg:"exclude_path"`
	Exclusions []string `arg:"exclusion_patterns"`
	Force      bool     `arg:"force_archive"`
	Remove     bool     `arg:"remove"`
}

var archiveSpec = module.Spec{
	Name:    "archive",
	Aliases: []string{"community.general.archive"},
	Summary: "Pack files of a host into an archive there",
	Doc: "Packs files and folders with the host's own programs: tar, gzip, bzip2, xz, zip (or python3 in place of the last). " +
		"A single file is compressed, unless force_archive makes an archive of it. An archive that has the same content already stays as it is.",
	Args: append([]module.Arg{
		{Name: "path", Type: module.List, Elem: module.Path, Required: true, Doc: "What to pack; patterns of the shell are taken."},
		{Name: "format", Default: "gz", Choices: []string{"bz2", "gz", "tar", "xz", "zip"}, Doc: "How to pack; gz, bz2 and xz compress a tar archive."},
		{Name: "dest", Type: module.Path, Doc: "The archive; for a single file its name with the format behind it."},
		{Name: "exclude_path", Type: module.List, Elem: module.Path, Default: []string{}, Doc: "Paths (or patterns) of path to leave out."},
		{Name: "exclusion_patterns", Type: module.List, Elem: module.Path, Doc: "Patterns of names in the archive to leave out."},
		{Name: "force_archive", Type: module.Bool, Default: false, Doc: "Make an archive of a single file, too."},
		{Name: "remove", Type: module.Bool, Default: false, Doc: "Remove what was packed."},
	}, module.FileArgs()...),
	Returns: append([]module.Return{
		{Name: "archived", Type: "list", When: "success", Doc: "What was packed."},
		{Name: "arcroot", Type: "str", When: "always", Doc: "The folder that names in the archive are relative to."},
		{Name: "dest", Type: "str", When: "always", Doc: "The archive."},
		{Name: "dest_state", Type: "str", When: "success", Doc: "absent, archive, compress, or incomplete: something was missing."},
		{Name: "missing", Type: "list", When: "success", Doc: "What was not there."},
		{Name: "expanded_paths", Type: "list", When: "always", Doc: "path with its patterns put in."},
		{Name: "expanded_exclude_paths", Type: "list", When: "always", Doc: "exclude_path with its patterns put in."},
	}, fileReturns...),
	Examples: "- archive: {path: /srv/app/logs, dest: /srv/app/logs.tgz, remove: true}\n",
	Traits:   module.Traits{Reach: state.ReachHost, Reads: true},
}

// Archive is the module archive.
func Archive() module.Module { return module.New(archiveSpec, planArchive) }

// member is one thing that is packed.
type member struct {
	path, name string
	dir, empty bool
}

// packing is one run of archive.
type packing struct {
	archiveArgs
	in                      module.Inputs
	expanded, excluded      []string
	paths, targets, missing []string
	root, dest              string
	must                    bool
	members                 []member
	destThere               bool
}

func planArchive(a archiveArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := &packing{archiveArgs: a, in: in}
	g := module.Gathering(v)
	if err := p.find(g); err != nil || !g.Complete() {
		c, missing, gerr := g.Missing()
		if missing {
			return c, gerr
		}
		return module.Change{}, err
	}
	dest, folder := g.File(trim(p.dest), 0), g.File(path.Dir(trim(p.dest)), 0)
	p.collect(g)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	later := value.Unknown(&value.Origin{What: "an archive that would be written"})
	p.destThere = dest.Followed.Type != state.TypeNone
	switch {
	case len(p.targets) == 0:
		return p.finished(v, false, "absent")
	case dest.IsDir():
		return module.Change{}, module.Fail("dest "+p.dest+" is a directory", "dest", p.dest)
	case !folder.IsDir():
		return module.Change{}, module.Fail("Error when writing "+p.formatName()+" archive at "+p.dest+": no such folder", "dest", p.dest)
	case in.Check:
		m := p.result(true, "absent")
		m.Set("dest_state", later)
		if p.destThere {
			m.Set("changed", later)
		}
		for _, k := range []string{"uid", "gid", "owner", "group", "mode", "state", "size"} {
			m.Set(k, later)
		}
		return module.Change{Ops: []state.Op{p.pack()}, Result: m}, nil
	}
	kind := "archive"
	if len(p.missing) > 0 {
		kind = "incomplete"
	}
	op := p.pack()
	if !p.must && p.Format != "zip" && p.Format != "tar" {
		kind, op = "compress", p.compress()
	}
	return module.Change{Ops: []state.Op{op}, Result: p.result(false, kind), Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		if r.RC != 0 && r.RC != rcSame {
			return module.Change{}, module.Fail("Error when writing "+p.formatName()+" archive at "+p.dest+": "+strings.TrimSpace(string(r.Stderr)), "dest", p.dest)
		}
		return p.finished(v, r.RC == 0, kind)
	}}, nil
}

func (p *packing) formatName() string {
	if p.Format == "zip" || p.Format == "tar" {
		return p.Format
	}
	return "tar." + p.Format
}

// find settles what is packed, and where to.
func (p *packing) find(g *module.Gather) error {
	globs := false
	var full []string
	for _, x := range p.Path {
		x = g.Path(x)
		globs = globs || strings.ContainsAny(x, "*?")
		full = append(full, x)
	}
	p.expanded = expandGlobs(g, full)
	for _, x := range p.archiveArgs.Exclude {
		p.excluded = append(p.excluded, expandGlobs(g, []string{g.Path(x)})...)
	}
	for _, x := range p.expanded {
		if !slices.Contains(p.excluded, x) && !slices.Contains(p.paths, x) {
			p.paths = append(p.paths, x)
		}
	}
	slices.Sort(p.paths)
	if p.Dest != "" {
		p.dest = g.Path(p.Dest)
	}
	if !g.Complete() {
		return nil
	}
	if len(p.paths) == 0 {
		return module.Fail("Error, no source paths were found", "path", strings.Join(p.Path, ", "),
			"expanded_paths", strings.Join(p.expanded, ", "), "expanded_exclude_paths", strings.Join(p.excluded, ", "))
	}
	p.root = commonFolder(p.paths)
	first := g.File(trim(p.paths[0]), 0)
	if !g.Complete() {
		return nil
	}
	p.must = p.Force || globs || first.IsDir() || len(p.paths) > 1
	switch {
	case p.dest == "" && p.must:
		return module.Fail("Error, must specify \"dest\" when archiving multiple files or trees", "path", strings.Join(p.Path, ", "), "dest", nil)
	case p.dest == "":
		p.dest = p.paths[0] + "." + p.Format
	}
	for _, x := range p.paths {
		if p.Remove && strings.HasPrefix(p.dest, strings.TrimRight(x, "/")+"/") && g.File(trim(x), 0).IsDir() {
			return module.Fail("Error, created archive can not be contained in source paths when remove=true", "path", strings.Join(p.paths, ", "))
		}
	}
	return nil
}

// commonFolder is the deepest folder that holds all paths, with its slash.
func commonFolder(paths []string) string {
	prefix := ""
	for i, p := range paths {
		dir := p[:strings.LastIndexByte(p, '/')+1]
		if i == 0 {
			prefix = dir
		}
		for !strings.HasPrefix(dir, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix[:strings.LastIndexByte(prefix, '/')+1]
}

// expandGlobs puts what is there in place of patterns.
func expandGlobs(g *module.Gather, paths []string) []string {
	out := []string{}
	for _, p := range paths {
		if !strings.ContainsAny(p, "*?") {
			out = append(out, p)
			continue
		}
		root, clean := "/", path.Clean(p)
		parts := strings.Split(strings.Trim(clean, "/"), "/")
		for i, part := range parts {
			if strings.ContainsAny(part, "*?[") {
				root = "/" + strings.Join(parts[:i], "/")
				break
			}
		}
		f := g.File(path.Clean(root), 0)
		if !f.IsDir() {
			continue
		}
		for _, e := range g.Tree(f.Resolved) {
			at := path.Join(root, e.Rel)
			hidden := strings.HasPrefix(path.Base(at), ".") && !strings.HasPrefix(parts[len(parts)-1], ".")
			if ok, err := path.Match(clean, at); err == nil && ok && !hidden {
				out = append(out, at)
			}
		}
	}
	return out
}

// collect lists what goes into the archive.
func (p *packing) collect(g *module.Gather) {
	for _, x := range p.paths {
		f := g.File(trim(x), 0)
		switch {
		case !g.Complete():
			continue
		case !f.Exists():
			p.missing = append(p.missing, x)
			continue
		}
		p.targets = append(p.targets, x)
		if !f.IsDir() {
			p.add(x, false, false)
			continue
		}
		entries := g.Tree(f.Resolved)
		full := map[string]bool{}
		for _, e := range entries {
			full[path.Dir(e.Rel)] = true
		}
		for _, e := range entries {
			dir := e.Stat.Type == state.TypeDir
			p.add(strings.TrimRight(x, "/")+"/"+e.Rel, dir, dir && !full[e.Rel])
		}
	}
}

func (p *packing) add(at string, dir, empty bool) {
	name := strings.TrimPrefix(at, p.root)
	tested := name
	if p.Format == "zip" {
		tested = at
	}
	if !matchAny(p.Exclusions, tested, false) {
		p.members = append(p.members, member{at, name, dir, empty})
	}
}

// rcSame is what the scripts return when the archive has that content already.
const rcSame = 100

// packScript packs the names on stdin (each with a NUL behind it; those of folders
// that hold something end with a slash), below the folder $1, into $2 through the
// file $3. $4 is the format.
const packScript = `cd "$1" || exit 1
d=$2 n=$3 f=$4; trap 'rm -f "$n" "$n.zip" "$n.list"' EXIT HUP INT TERM
cat >"$n.list" || exit 1
lines() { tr '\0' '\n' <"$n.list"; }
case $f in
zip)
  if command -v zip >/dev/null 2>&1; then lines | zip -q -X "$n.zip" -@ && mv -f "$n.zip" "$n" || exit 1
  else python3 -c 'import sys, zipfile
z = zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED, True)
for l in open(sys.argv[1], newline="").read().split("\0")[:-1]: z.write(l)
z.close()' "$n.list" "$n" || exit 1; fi
  sums() { unzip -v "$1" 2>/dev/null | sed 's/^ *[0-9]* *[^ ]* *[0-9]* *[^ ]* *[^ ]* *[^ ]* *//' | sort; } ;;
*)
  case $(tar --version 2>/dev/null) in
  *GNU*) pack() { tar -cf - --no-recursion --null -T "$n.list"; } ;;
  *) pack() (set -f; IFS='
'; tar -cf - -- $(lines | grep -v '/$')) ;; # a folder brings what is in it
  esac
  case $f in gz) c=gzip ;; bz2) c=bzip2 ;; xz) c=xz ;; *) c=cat ;; esac
  [ $c = cat ] || command -v $c >/dev/null 2>&1 || { echo "$c: not found" >&2; exit 1; }
  { pack || echo failed >"$n.zip"; } | $c >"$n" || exit 1
  [ ! -e "$n.zip" ] || exit 1
  sums() { $c $([ $c = cat ] || echo -dc) <"$1" 2>/dev/null | tar -tvf - 2>/dev/null | sort; } ;;
esac
if [ -e "$d" ] && [ -r "$d" ] && [ "$(sums "$d")" = "$(sums "$n")" ]; then exit 100; fi
if [ -e "$d" ]; then cat "$n" >"$d"; else mv -f "$n" "$d"; fi`

// compressScript compresses $1 into $2 through the file $3. $4 is the program.
const compressScript = `n=$3 c=$4; trap 'rm -f "$n"' EXIT HUP INT TERM
command -v $c >/dev/null 2>&1 || { echo "$c: not found" >&2; exit 1; }
if [ -e "$2" ] && $c -dc <"$2" 2>/dev/null | cmp -s - "$1"; then exit 100; fi
$c -c <"$1" >"$n" || exit 1
if [ -e "$2" ]; then cat "$n" >"$2"; else mv -f "$n" "$2"; fi`

func (p *packing) tempFile() string {
	return path.Join(path.Dir(p.dest), ".fairlead-"+hex.EncodeToString(p.in.Seed[:8])+"-archive")
}

func (p *packing) pack() state.Op {
	var list strings.Builder
	for _, m := range p.members {
		list.WriteString(m.name)
		if m.dir && !m.empty {
			list.WriteByte('/')
		}
		list.WriteByte(0)
	}
	return state.Exec{Argv: []string{"/bin/sh", "-c", packScript, "sh", p.root, p.dest, p.tempFile(), p.Format},
		Stdin: []byte(list.String()), HasStdin: true, Env: []string{"LC_ALL=C"}, Shown: "archive " + p.dest}
}

func (p *packing) compress() state.Op {
	program := map[string]string{"gz": "gzip", "bz2": "bzip2", "xz": "xz"}[p.Format]
	return state.Exec{Argv: []string{"/bin/sh", "-c", compressScript, "sh", p.paths[0], p.dest, p.tempFile(), program},
		Env: []string{"LC_ALL=C"}, Shown: "compress " + p.paths[0]}
}

// finished sets the attributes of the archive and removes what was packed.
func (p *packing) finished(v state.View, changed bool, kind string) (module.Change, error) {
	g := module.Gathering(v)
	f := g.File(trim(p.dest), 0)
	w, err := p.Want(g, f.Followed)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	var ops []state.Op
	s := f.Followed
	if s.Type != state.TypeNone {
		if len(p.targets) == 0 {
			kind = "compress"
			if isArchiveName(p.dest) {
				kind = "archive"
			}
		}
		if a := w.Changes(s); !a.IsZero() {
			ops = append(ops, state.SetAttrs{Path: f.Resolved, Attrs: a})
			changed = true
		}
		s = w.Apply(s)
	}
	if p.Remove && len(p.targets) > 0 {
		for _, x := range p.targets {
			ops = append(ops, state.Remove{Path: trim(x), Recursive: true})
		}
	}
	m := p.result(changed, kind)
	if s.Type != state.TypeNone {
		module.PathInfo(m, s)
	}
	return module.Change{Ops: ops, Result: m, Warnings: p.Warnings()}, nil
}

func isArchiveName(p string) bool {
	p = strings.ToLower(p)
	return slices.ContainsFunc([]string{".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".zip"}, func(end string) bool { return strings.HasSuffix(p, end) })
}

func (p *packing) result(changed bool, kind string) *value.Map {
	archived := []string{}
	for _, m := range p.members {
		archived = append(archived, m.path)
	}
	return value.M("archived", archived, "dest", p.dest, "dest_state", kind, "changed", changed, "arcroot", p.root,
		"missing", append([]string{}, p.missing...), "expanded_paths", p.expanded, "expanded_exclude_paths", append([]string{}, p.excluded...))
}
