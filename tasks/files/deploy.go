package files

import (
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type deployArgs struct {
	module.FileAttrs
	Path       string             `arg:"path"`
	State      string             `arg:"state"`
	Release    module.Opt[string] `arg:"release"`
	Releases   string             `arg:"releases_path"`
	Shared     string             `arg:"shared_path"`
	Current    string             `arg:"current_path"`
	Unfinished string             `arg:"unfinished_filename"`
	Clean      bool               `arg:"clean"`
	Keep       int                `arg:"keep_releases"`
}

var deploySpec = module.Spec{
	Name:    "deploy_helper",
	Aliases: []string{"community.general.deploy_helper"},
	Summary: "Keep the folders, releases and current link of a deployed project",
	Doc: "A project is a folder with a folder of releases, a shared folder, and a link to the current release. The module says where " +
		"they are, makes them, makes a release the current one, and removes old and unfinished releases. A release that nobody named gets " +
		"the controller's time; the original takes the host's.",
	Args: append([]module.Arg{
		{Name: "path", Aliases: []string{"dest"}, Type: module.Path, Required: true, Doc: "The project's folder."},
		{Name: "state", Choices: []string{"present", "finalize", "absent", "clean", "query"}, Default: "present",
			Doc: "query only says the facts; present makes the folders; finalize makes the release the current one; clean removes old and unfinished releases; absent removes everything."},
		{Name: "release", Doc: "The release's name, needed to finalize. Without it, a new one is made of the time (query, present)."},
		{Name: "releases_path", Default: "releases", Doc: "The folder of the releases, in the project's or absolute."},
		{Name: "shared_path", Type: module.Path, Default: "shared", Doc: "The folder of what releases share, in the project's or absolute; none when it is empty."},
		{Name: "current_path", Type: module.Path, Default: "current", Doc: "The link to the current release, in the project's folder or absolute."},
		{Name: "unfinished_filename", Default: "DEPLOY_UNFINISHED", Doc: "The file by which an unfinished release is known."},
		{Name: "clean", Type: module.Bool, Default: true, Doc: "Whether finalize removes old and unfinished releases."},
		{Name: "keep_releases", Type: module.Int, Default: 5, Doc: "How many finished releases stay, those that changed last, beside the one named."},
	}, module.FileArgs()...),
	RequiredIf: [][]string{{"state", "finalize", "release"}},
	Order:      [][]string{{"changed", "state", "ansible_facts"}},
	Returns: []module.Return{
		{Name: "state", Type: "str", When: "always", Doc: "The state that was asked for."},
		{Name: "ansible_facts", Type: "dict", When: "state is query or present", Doc: "The fact deploy_helper: project_path, current_path, releases_path, shared_path, " +
			"previous_release, previous_release_path, new_release, new_release_path, unfinished_filename. With absent, an empty list."},
	},
	Examples: "- deploy_helper: {path: /srv/app}\n- git: {repo: https://git.example.com/app.git, dest: \"{{ deploy_helper.new_release_path }}\"}\n" +
		"- deploy_helper: {path: /srv/app, release: \"{{ deploy_helper.new_release }}\", state: finalize}\n",
	Traits: module.Traits{Reach: state.ReachPaths},
}

// DeployHelper is the module deploy_helper.
func DeployHelper() module.Module { return module.New(deploySpec, planDeploy) }

// deployPlan is the work on one project. Its paths are as they are registered: a relative
// one stays so, and at makes it absolute.
type deployPlan struct {
	deployArgs
	g                                    *module.Gather
	project, current, releases, shared   string
	previous, previousPath, release, dir string // "" for none
	ops                                  []state.Op
}

func planDeploy(a deployArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := &deployPlan{deployArgs: a, g: module.Gathering(v), release: a.Release.Or("")}
	err := p.plan(in)
	if c, missing, gerr := p.g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	c := module.Change{Warnings: a.Warnings(), Ops: p.ops, Result: value.M("changed", len(p.ops) > 0, "state", a.State)}
	fact := value.List() // what absent leaves of it
	switch a.State {
	case "finalize", "clean":
		return c, nil
	case "query", "present":
		fact = value.FromMap(p.facts())
	}
	facts := value.M("deploy_helper", fact)
	c.Result.Set("ansible_facts", value.FromMap(facts))
	c.Do = []module.Directive{module.SetFacts{Facts: facts.Clone(), Plain: true}}
	return c, nil
}

func (p *deployPlan) plan(in module.Inputs) error {
	p.project = p.g.Expand(p.Path)
	p.current, p.releases = joined(p.project, p.g.Expand(p.Current)), joined(p.project, p.Releases)
	if p.Shared != "" {
		p.shared = joined(p.project, p.g.Expand(p.Shared))
	}
	current := p.file(p.current)
	if current.Exists() {
		p.previousPath, p.previous = current.Resolved, path.Base(current.Resolved)
	}
	if p.release == "" && (p.State == "query" || p.State == "present") {
		p.release = in.Now.Format("20060102150405")
	}
	if p.release != "" {
		p.dir = joined(p.releases, p.release)
	}
	switch p.State {
	case "present":
		return p.present(current)
	case "finalize":
		if p.Keep <= 0 {
			return module.Fail("'keep_releases' should be at least 1")
		}
		if err := p.finalize(current); err != nil || !p.Clean {
			return err
		}
		return p.clean()
	case "clean":
		return p.clean()
	case "absent":
		return p.remove(p.project)
	}
	return nil
}

func (p *deployPlan) present(current state.File) error {
	if current.Exists() && !current.IsLink() {
		return module.Fail(p.current + " exists but is not a symbolic link")
	}
	made := map[string]state.Stat{}
	for _, dir := range []string{p.project, p.releases, p.shared} {
		if dir == "" {
			continue
		}
		if err := p.folder(dir, made); err != nil {
			return err
		}
	}
	return nil
}

// folder makes a folder and those above it that are missing, and sets its own attributes;
// made are the folders that the task made before it.
func (p *deployPlan) folder(name string, made map[string]state.Stat) error {
	at := p.at(name)
	if _, ok := made[at]; ok {
		return nil
	}
	f := p.g.File(at, 0)
	if f.Exists() && !f.IsDir() {
		return module.Fail(name + " exists but is not a directory")
	}
	if f.Exists() {
		w, err := p.Want(p.g, f.Followed)
		if attrs := w.Changes(f.Followed); err == nil && !attrs.IsZero() {
			p.ops = append(p.ops, state.SetAttrs{Path: f.Resolved, Attrs: attrs})
		}
		return err
	}
	todo, above := []string{at}, state.Stat{Type: state.TypeDir}
	for _, d := range append(ancestors(at), "/") {
		s, ok := made[d]
		if !ok {
			s = p.g.File(d, 0).Followed
		}
		if above = s; s.Type != state.TypeNone || !p.g.Complete() {
			break
		}
		todo = append(todo, d)
	}
	if p.g.Complete() && above.Type != state.TypeDir {
		return module.Fail("[Errno 20] Not a directory: '" + name + "'")
	}
	for _, d := range slices.Backward(todo) {
		above = p.g.NewStat(above, state.TypeDir)
		op := state.Mkdir{Path: d}
		if d == at {
			w, err := p.Want(p.g, above)
			if err != nil {
				return err
			}
			op.Attrs, above = w.Make(above), w.Apply(above)
		}
		p.ops, made[d] = append(p.ops, op), above
	}
	return nil
}

// finalize makes the release the current one.
func (p *deployPlan) finalize(current state.File) error {
	release := p.file(p.dir)
	if mark := joined(p.dir, p.Unfinished); p.file(mark).Exists() {
		p.ops = append(p.ops, state.Remove{Path: p.at(mark)})
	}
	if current.IsLink() {
		if current.Resolved == release.Resolved {
			return nil
		}
		if !release.Exists() {
			return module.Fail("the symlink target " + p.dir + " doesn't exists")
		}
	} else if current.Exists() {
		return module.Fail("[Errno 17] File exists: '" + p.dir + "' -> '" + p.current + "'")
	} else if current.Parent.Type != state.TypeDir {
		return module.Fail("[Errno 2] No such file or directory: '" + p.dir + "' -> '" + p.current + "'")
	}
	p.ops = append(p.ops, state.Symlink{Path: p.at(p.current), Target: p.dir, Replace: current.IsLink()})
	return nil
}

// releasesScript lists the folders of $1 (links to folders too), a slash behind each, and one
// more behind those that hold the file $2. It returns 3 when there is no $1.
const releasesScript = `[ -d "$1" ] || exit 3
for d in "$1"/* "$1"/.[!.]* "$1"/..?*; do
	[ -d "$d" ] || continue
	u=; [ ! -f "$d/$2" ] || u=/
	printf '%s/%s' "${d##*/}" "$u"
done`

// clean removes the link that an attempt to finalize left behind, unfinished releases, and the
// oldest ones of the others.
func (p *deployPlan) clean() error {
	if p.release != "" {
		if left := joined(p.project, p.release+"."+p.Unfinished); p.file(left).Followed.Type != state.TypeNone {
			p.ops = append(p.ops, state.Remove{Path: p.at(left)})
		}
	}
	out := p.g.Output(releasesScript, p.at(p.releases), p.Unfinished)
	if out.RC == 3 {
		return module.Fail("[Errno 2] No such file or directory: '" + p.releases + "'")
	}
	type release struct {
		name string
		stat state.Stat
	}
	var finished []release
	words := strings.Split(strings.TrimSuffix(out.Stdout, "/"), "/")
	for i, name := range words {
		unfinished := i+1 < len(words) && words[i+1] == ""
		at := joined(p.releases, name)
		switch {
		case name == "" || unfinished && name == p.release && p.State == "finalize": // no longer
		case unfinished:
			if err := p.remove(at); err != nil {
				return err
			}
		case name != p.release:
			finished = append(finished, release{name, p.file(at).Followed})
		}
	}
	slices.SortStableFunc(finished, func(a, b release) int { return b.stat.CTime.Compare(a.stat.CTime) })
	keep := p.Keep
	if keep < 0 { // clean takes a negative number as Python's slices do
		keep = max(0, len(finished)+keep)
	}
	for _, r := range finished[min(keep, len(finished)):] {
		if err := p.remove(joined(p.releases, r.name)); err != nil {
			return err
		}
	}
	return nil
}

// remove removes a folder with everything in it.
func (p *deployPlan) remove(name string) error {
	f := p.file(name)
	switch {
	case !f.Exists():
		return nil
	case !f.IsDir():
		return module.Fail(name + " exists but is not a directory")
	case f.IsLink():
		return module.Fail("rmtree failed: Cannot call rmtree on a symbolic link")
	}
	p.ops = append(p.ops, state.Remove{Path: p.at(name), Recursive: true})
	return nil
}

func (p *deployPlan) facts() *value.Map {
	text := func(s string) value.Value {
		if s == "" {
			return value.Null
		}
		return value.String(s)
	}
	return value.M("project_path", p.project, "current_path", p.current, "releases_path", p.releases, "shared_path", text(p.shared),
		"previous_release", text(p.previous).WithMarks(value.Unsafe), "previous_release_path", text(p.previousPath).WithMarks(value.Unsafe),
		"new_release", text(p.release), "new_release_path", text(p.dir), "unfinished_filename", p.Unfinished)
}

func (p *deployPlan) file(name string) state.File { return p.g.File(p.at(name), 0) }

// at is where a path is on the host.
func (p *deployPlan) at(name string) string { return trim(path.Clean(p.g.Path(name))) }

// joined is name in dir, as Python's os.path.join has it: an absolute name stays.
func joined(dir, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return strings.TrimSuffix(dir, "/") + "/" + name
}
