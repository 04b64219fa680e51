package files

import (
	"path"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type patchArgs struct {
	Src        string `arg:"src"`
	Dest       string `arg:"dest"`
	Basedir    string `arg:"basedir"`
	Strip      int    `arg:"strip"`
	RemoteSrc  bool   `arg:"remote_src"`
	Backup     bool   `arg:"backup"`
	Binary     bool   `arg:"binary"`
	Whitespace bool   `arg:"ignore_whitespace"`
	State      string `arg:"state"`
}

var patchSpec = module.Spec{
	Name:    "patch",
	Aliases: []string{"ansible.posix.patch"},
	Summary: "Apply a patch to files of a host, or take it back",
	Doc:     "Runs the host's program patch. What it would do is tried first, so that a patch that does not fit changes nothing.",
	Args: []module.Arg{
		{Name: "src", Aliases: []string{"patchfile"}, Type: module.Path, Required: true, Doc: "The patch, looked for in files/ of the role and beside the playbook."},
		{Name: "dest", Aliases: []string{"originalfile"}, Type: module.Path, Doc: "The file to patch; the patch's own names do not count then."},
		{Name: "basedir", Type: module.Path, Doc: "The folder in which the names in the patch are; default that of dest."},
		{Name: "strip", Type: module.Int, Default: 0, Doc: "How many folders to take off the names in the patch."},
		{Name: "remote_src", Type: module.Bool, Default: false, Doc: "The patch is on the host."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep old files under numbered names."},
		{Name: "binary", Type: module.Bool, Default: false, Doc: "Leave line ends as they are."},
		{Name: "ignore_whitespace", Type: module.Bool, Default: false, Doc: "Blanks need not fit."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be applied, or taken back."},
	},
	RequiredOneOf: [][]string{{"dest", "basedir"}},
	Examples:      "- patch: {src: fix.patch, basedir: /srv/app, strip: 1}\n",
	Traits:        module.Traits{Reach: state.ReachHost},
}

// Patch is the module patch.
func Patch() module.Module { return module.New(patchSpec, planPatch) }

// What tryPatch returns besides what patch itself does.
const (
	patchIsThere = 100
	noPatch      = 127
)

// tryPatch tells whether the patch, the text $1 or the file $2, is applied
// already (100), or could be (0). $3 takes back what is applied, $4 what is to be
// done; the others are options.
const tryPatch = `text=$1 file=$2 undo=$3 do=$4
shift 4
command -v patch >/dev/null 2>&1 || exit 127
feed() { if [ "$file" ]; then cat -- "$file"; else printf %s "$text"; fi; }
if feed | patch --quiet --forward --dry-run "$@" $undo >/dev/null 2>&1; then exit 100; fi
feed | patch --quiet --forward --batch --reject-file=- --dry-run "$@" $do`

func planPatch(a patchArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	dest, dir := g.Path(a.Dest), trim(g.Path(a.Basedir))
	if dir == "" {
		dir = path.Dir(dest)
	}
	text, src := "", ""
	if a.RemoteSrc {
		src = g.Path(a.Src)
		if f := g.File(src, state.WantAccess); g.Complete() && !f.Readable {
			return module.Change{}, module.Fail("src " + src + " doesn't exist or not readable")
		}
	} else {
		var err error
		if text, err = a.read(in); err != nil {
			return module.Change{}, err
		}
	}
	if a.Dest != "" {
		if f := g.File(dest, state.WantAccess); g.Complete() && !f.Writable {
			return module.Change{}, module.Fail("dest " + dest + " doesn't exist or not writable")
		}
	}
	if f := g.File(dir, 0); a.Basedir != "" && g.Complete() && !f.Exists() {
		return module.Change{}, module.Fail("basedir " + dir + " doesn't exist")
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	options := a.options(dest, dir)
	undo, do := "--reverse", ""
	if a.State == "absent" {
		undo, do = do, undo
	}
	try := g.Output(tryPatch, append([]string{text, src, undo, do}, options...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch try.RC {
	case 0:
	case patchIsThere:
		return module.OK(), nil
	case noPatch:
		return module.Change{}, module.Fail("patch command not found")
	default:
		return module.Change{}, patchFailed(try.Stdout, try.Stderr)
	}
	argv := append([]string{"patch", "--quiet", "--forward", "--batch", "--reject-file=-"}, options...)
	if do != "" {
		argv = append(argv, do)
	}
	if a.Backup {
		argv = append(argv, "--backup", "--version-control=numbered")
	}
	run := state.Exec{Argv: argv, Env: []string{"LC_ALL=C"}}
	if src != "" {
		run.Argv = append(run.Argv, "--input="+src)
	} else {
		run.Stdin, run.HasStdin = []byte(text), true
	}
	result := value.M("changed", true)
	return module.Change{Ops: []state.Op{run}, Result: result, Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, patchFailed(string(r.Stdout), string(r.Stderr))
		}
		return module.Change{Result: result}, nil
	}}, nil
}

// read gives the patch of the controller.
func (a patchArgs) read(in module.Inputs) (string, error) {
	found, err := in.Sources.Find("files", a.Src)
	if err != nil {
		return "", module.Fail(err.Error())
	}
	f, err := in.Sources.File(found)
	if err != nil {
		return "", err
	}
	if f.IsDir {
		return "", module.Fail("src " + found + " is a directory")
	}
	text, err := readAll(f.Content)
	return string(text), err
}

func (a patchArgs) options(dest, dir string) []string {
	options := []string{"--strip=" + strconv.Itoa(a.Strip), "--directory=" + dir}
	if a.Binary {
		options = append(options, "--binary")
	}
	if a.Whitespace {
		options = append(options, "--ignore-whitespace")
	}
	if dest != "" {
		options = append(options, dest)
	}
	return options
}

func patchFailed(stdout, stderr string) *module.Failure {
	if stderr != "" {
		return module.Fail(stderr)
	}
	return module.Fail(stdout)
}
