package files

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type fileArgs struct {
	module.FileAttrs
	Path             string             `arg:"path"`
	State            module.Opt[string] `arg:"state"`
	Src              module.Opt[string] `arg:"src"`
	Recurse          bool               `arg:"recurse"`
	Force            bool               `arg:"force"`
	Follow           bool               `arg:"follow"`
	ModificationTime string             `arg:"modification_time"`
	MTimeFormat      string             `arg:"modification_time_format"`
	AccessTime       string             `arg:"access_time"`
	ATimeFormat      string             `arg:"access_time_format"`
	OriginalBasename string             `arg:"_original_basename"`
	DiffPeek         string             `arg:"_diff_peek"`
}

var fileSpec = module.Spec{
	Name:    "file",
	Summary: "Make, change or remove files, folders and links",
	Doc: "Sets attributes of what exists, makes folders with all missing folders above them, symbolic and hard links " +
		"and empty files, and removes trees. Contents are the business of copy and template.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Doc: "The path to manage."},
		{Name: "state", Choices: []string{"absent", "directory", "file", "hard", "link", "touch"}, Doc: "What the path must be. Without it, what is there keeps its kind; what is not there must be a file."},
		{Name: "src", Type: module.Path, Doc: "What a link points to; a symbolic link keeps a relative one."},
		{Name: "recurse", Type: module.Bool, Default: false, Doc: "Set the attributes on everything in the folder too."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Make a link even if its target is missing or a file is in its place."},
		{Name: "follow", Type: module.Bool, Default: true, Doc: "Set the attributes on what a link leads to."},
		{Name: "modification_time", Doc: "\"preserve\", \"now\", or a time in modification_time_format."},
		{Name: "modification_time_format", Default: "%Y%m%d%H%M.%S", Doc: "How modification_time is written, as strptime takes it."},
		{Name: "access_time", Doc: "\"preserve\", \"now\", or a time in access_time_format."},
		{Name: "access_time_format", Default: "%Y%m%d%H%M.%S", Doc: "How access_time is written."},
		{Name: "_original_basename", Doc: "Internal."},
		{Name: "_diff_peek", Doc: "Internal: only tell whether the file looks like a binary one."},
	}, module.FileArgs()...),
	Order: [][]string{{"path", "dest", "src", "changed", "diff", "uid", "gid", "owner", "group", "mode", "state", "size"}},
	Returns: append([]module.Return{
		{Name: "path", Type: "str", When: "state is file, directory or absent", Doc: "The path."},
		{Name: "dest", Type: "str", When: "state is touch, link or hard", Doc: "The path."},
		{Name: "src", Type: "str", When: "state is link or hard", Doc: "What the link points to."},
	}, fileReturns...),
	Examples: "- file: {path: /srv/app, state: directory, owner: app, mode: \"0750\"}\n" +
		"- file: {path: /srv/app/current, src: releases/7, state: link}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// File is the module file.
func File() module.Module { return module.New(fileSpec, planFile) }

// filePlan is the work on one file task.
type filePlan struct {
	fileArgs
	in           module.Inputs
	g            *module.Gather
	plain, given string // a path that ends with a slash: where it is, and as it is told
	mtime, atime stamp
	diff         sides
	change       module.Change
	fresh        bool // what is touched is not there yet
}

// stamp is one time to set: none, now, or a given one.
type stamp struct {
	now bool
	at  *time.Time
}

// or is the time to set: the given one, or with now that.
func (s stamp) or(now time.Time) *time.Time {
	if s.now {
		return &now
	}
	return s.at
}

func planFile(a fileArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := &filePlan{fileArgs: a, in: in, g: module.Gathering(v)}
	p.change.Warnings = a.Warnings()
	at := p.g.Path(a.Path)
	p.Path = trim(at)
	f := p.g.File(p.Path, 0)
	if st := a.State.Or(""); at != p.Path {
		if f.IsLink() && f.IsDir() && st != "absent" && st != "link" && st != "hard" { // behind the slash is the folder
			p.Path = f.Resolved
			f = p.g.File(p.Path, 0)
		}
		p.plain, p.given = p.Path, at
	}
	p.g.Login()
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	if a.DiffPeek != "" {
		return p.peek(f)
	}
	if err := p.additional(&f); err != nil {
		return module.Change{}, p.asIs(err)
	}
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	p.warnUnknown()
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	var result *value.Map
	err := p.times()
	if err == nil {
		switch p.State.Or("") {
		case "directory":
			result, err = p.directory(f)
		case "link":
			result, err = p.link(f)
		case "hard":
			result, err = p.hard(f)
		case "touch":
			result, err = p.touch(f)
		case "absent":
			result, err = p.absent(f)
		default:
			result, err = p.file(f)
		}
	}
	if c, missing, gerr := p.g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{Warnings: p.change.Warnings}, p.asIs(err)
	}
	result.Set("changed", value.Bool(len(p.change.Ops) > 0))
	if len(p.change.Ops) > 0 || p.State.Or("") != "absent" {
		result.Set("diff", p.diff.registered())
	}
	p.change.Result = result
	if len(p.change.Ops) > 0 {
		p.change.Failed = p.refused
	}
	if len(p.change.Ops) > 0 && p.in.Diff {
		if e, ok := p.diff.entry(); ok {
			p.change.Diff = state.Diff{e}
		}
	}
	return p.change, nil
}

// peek tells whether the start of a file has a byte 0, as those who show differences ask.
func (p *filePlan) peek(f state.File) (module.Change, error) {
	binary := false
	if f.IsRegular() {
		head := p.g.OutputAbout(p.Path, `head -c 8192 -- "$1" | tr -dc '\000' | wc -c`, p.Path).Stdout
		if c, missing, err := p.g.Missing(); missing {
			return c, err
		}
		binary = strings.TrimSpace(head) != "0"
	}
	r := p.info(f.Stat, "path", p.Path, "changed", false, "appears_binary", binary)
	return module.Change{Result: r}, nil
}

// warnUnknown says in check mode which owner and group there are not yet.
func (p *filePlan) warnUnknown() {
	if !p.in.Check || p.State.Or("") == "absent" {
		return
	}
	warn := func(kind, id, name string) {
		if _, err := strconv.Atoi(name); err == nil {
			name = fmt.Sprintf("with %s %s", id, name)
		}
		p.change.Warnings = append(p.change.Warnings,
			fmt.Sprintf("failed to look up %[1]s %[2]s. Create %[1]s up to this point in real play", kind, name))
	}
	if p.Owner != "" && !p.g.User(p.Owner).Exists {
		warn("user", "uid", p.Owner)
	}
	if p.Group != "" && !p.g.Group(p.Group).Exists {
		warn("group", "gid", p.Group)
	}
}

// withPath names the path whose attributes cannot be set.
func withPath(err error, at string) error {
	var f *module.Failure
	if errors.As(err, &f) {
		f.Result.Set("path", value.String(at))
	}
	return err
}

// asIs adds to a failure that names a path what is there, as Ansible does.
func (p *filePlan) asIs(err error) error {
	var f *module.Failure
	if !errors.As(err, &f) {
		return err
	}
	for _, k := range []string{"path", "dest"} {
		at, ok := f.Result.Get(k)
		if !ok || !at.IsString() {
			continue
		}
		there := p.g.File(trim(at.Str()), 0)
		if !p.g.Complete() || there.Followed.Type == state.TypeNone { // of a link to nowhere nothing is told
			return err
		}
		info := value.NewMap()
		if strings.HasSuffix(at.Str(), "/") {
			there.Stat = there.Followed
		}
		module.PathInfo(info, there.Stat)
		for k, v := range info.All() {
			if !f.Result.Has(k.Str()) {
				f.Result.SetKey(k, v)
			}
		}
		return err
	}
	return err
}

// additional settles the path and the state as far as they follow from what
// is there.
func (p *filePlan) additional(f *state.File) error {
	st := p.State.Or("")
	if st != "link" && st != "absent" && f.IsDir() {
		base := p.OriginalBasename
		if src, ok := p.Src.Get(); ok && base == "" {
			base = path.Base(src)
		}
		if base != "" {
			p.Path = path.Join(p.Path, base)
			*f = p.g.File(p.Path, 0)
		}
	}
	if !p.State.Given() {
		switch {
		case f.Exists():
			st = module.PathState(f.Stat)
		case p.Recurse:
			st = "directory"
		default:
			st = "file"
		}
		p.State = module.Some(st)
	}
	if p.Recurse && st != "directory" {
		return module.Fail("recurse option requires state to be 'directory'", "path", p.Path)
	}
	if p.Src.Given() && st != "link" && st != "hard" {
		return module.Fail("src option requires state to be 'link' or 'hard'", "path", p.Path)
	}
	return nil
}

func (p *filePlan) times() error {
	var err error
	if p.mtime, err = p.stamp(p.ModificationTime, p.MTimeFormat); err != nil {
		return err
	}
	p.atime, err = p.stamp(p.AccessTime, p.ATimeFormat)
	return err
}

func (p *filePlan) stamp(text, format string) (stamp, error) {
	switch {
	case text == "now", text == "" && p.State.Or("") == "touch":
		return stamp{now: true}, nil
	case text == "" || text == "preserve":
		return stamp{}, nil
	}
	t, err := strptime(text, format, p.in.Now.Location())
	if err != nil {
		return stamp{}, module.Fail(fmt.Sprintf("Error while obtaining timestamp for time %s using format %s: %s", text, format, err))
	}
	return stamp{at: &t}, nil
}

// fail makes a failure that names the path.
func (p *filePlan) fail(format string, args ...any) error {
	return module.Fail(fmt.Sprintf(format, args...), "path", p.Path)
}

// shown is a path as results tell it: as it was given, with a slash at its end.
func (p *filePlan) shown(at string) string {
	if p.given != "" && at == p.plain {
		return p.given
	}
	return at
}

// followed gives the path and stat that attributes are for.
func (p *filePlan) followed(f state.File) (string, state.Stat) {
	if p.Follow && f.IsLink() {
		return f.Resolved, f.Followed
	}
	return p.Path, f.Stat
}

// set plans the attributes and times of an existing entry, and gives its stat
// afterwards.
func (p *filePlan) set(at string, cur state.Stat) (state.Stat, error) {
	if cur.MTime.IsZero() { // of a file that the same plan touches
		cur.MTime = p.in.Now
	}
	if cur.ATime.IsZero() {
		cur.ATime = p.in.Now
	}
	w, err := p.Want(p.g, cur)
	if err != nil {
		return cur, withPath(err, at)
	}
	attrs := w.Changes(cur)
	p.diff.attrs(cur, attrs)
	a := attrs
	if t := p.mtime.at; t != nil && !t.Equal(cur.MTime) {
		a.MTime = t
	}
	if t := p.atime.at; t != nil && !t.Equal(cur.ATime) {
		a.ATime = t
	}
	if p.mtime.now || p.atime.now {
		p.change.Ops = append(p.change.Ops, state.Touch{Path: at, Attrs: attrs,
			MTime: p.mtime.at, ATime: p.atime.at, KeepM: !p.mtime.now && p.mtime.at == nil, KeepA: !p.atime.now && p.atime.at == nil})
		p.diff.attrs(cur, state.Attrs{MTime: p.mtime.or(p.in.Now), ATime: p.atime.or(p.in.Now)})
		return w.Apply(cur), nil
	}
	if !a.IsZero() {
		p.diff.attrs(cur, state.Attrs{MTime: a.MTime, ATime: a.ATime})
		p.change.Ops = append(p.change.Ops, state.SetAttrs{Path: at, Attrs: a})
	}
	return w.Apply(cur), nil
}

func (p *filePlan) info(s state.Stat, kv ...any) *value.Map {
	m := value.MRoom(module.InfoRoom, kv...)
	module.PathInfo(m, s)
	return m
}

func (p *filePlan) file(f state.File) (*value.Map, error) {
	at, cur := p.followed(f)
	if prev := module.PathState(cur); cur.Type == state.TypeNone || prev == "directory" || prev == "link" {
		return nil, module.Fail(fmt.Sprintf("file (%s) is %s, cannot continue", p.shown(at), prev), "path", p.shown(at), "state", prev)
	}
	p.diff = newSides(p.shown(at))
	p.diff.state(module.PathState(cur), "file")
	after, err := p.set(at, cur)
	return p.info(after, "path", p.shown(at)), err
}

func (p *filePlan) touch(f state.File) (*value.Map, error) {
	at, cur := p.followed(f)
	p.diff = newSides(p.shown(at))
	p.diff.state(module.PathState(cur), "touch")
	if f.IsLink() && f.Followed.Type == state.TypeNone {
		return nil, withPath(p.fail("Error while updating modification or access time: [Errno 2] No such file or directory: b'%s'", at), at)
	}
	if cur.Type != state.TypeNone {
		after, err := p.set(at, cur)
		if f.IsLink() && cur.Type != state.TypeLink { // what is told is of the path itself
			after = f.Stat
		}
		return p.info(after, "dest", p.shown(p.Path)), err
	}
	parent := f.Parent
	switch parent.Type {
	case state.TypeNone:
		return nil, p.fail("Error, could not touch target: [Errno 2] No such file or directory: b'%s'", p.Path)
	case state.TypeDir:
	default:
		return nil, p.fail("Error, could not touch target: [Errno 20] Not a directory: b'%s'", p.Path)
	}
	ns := p.g.NewStat(parent, state.TypeFile)
	w, err := p.Want(p.g, ns)
	if err != nil {
		return nil, err
	}
	p.fresh = true
	p.diff.attrs(ns, w.Changes(ns))
	p.change.Ops = append(p.change.Ops, state.Touch{Path: at, Attrs: w.Make(ns), MTime: p.mtime.at, ATime: p.atime.at})
	return p.info(w.Apply(ns), "dest", p.Path), nil
}

func (p *filePlan) absent(f state.File) (*value.Map, error) {
	p.diff = newSides(p.shown(p.Path))
	p.diff.state(module.PathState(f.Stat), "absent")
	if p.in.Diff && f.Stat.Type == state.TypeDir {
		p.diff.contents(p.Path, p.g.Tree(p.Path))
	}
	if f.IsLink() && f.IsDir() && p.given != "" && !p.in.Check {
		return nil, module.Fail("rmtree failed: [Errno 20] Not a directory: '" + p.given + "'")
	}
	if f.Exists() {
		p.change.Ops = []state.Op{state.Remove{Path: p.Path, Recursive: f.Stat.Type == state.TypeDir}}
	}
	return value.M("path", p.shown(p.Path), "state", "absent"), nil
}
