package files

import (
	"path"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type tempArgs struct {
	State  string `arg:"state"`
	Path   string `arg:"path"`
	Prefix string `arg:"prefix"`
	Suffix string `arg:"suffix"`
}

var tempSpec = module.Spec{
	Name:    "tempfile",
	Summary: "Make a new file or folder with a name of its own",
	Doc: "Makes an empty file (mode 0600) or folder (0700) whose name nobody has. Nobody removes it. " +
		"In check mode the result is predicted, where Ansible skips the task.",
	Args: []module.Arg{
		{Name: "state", Choices: []string{"file", "directory"}, Default: "file", Doc: "What to make."},
		{Name: "path", Type: module.Path, Doc: "The folder to make it in; /tmp without it."},
		{Name: "prefix", Default: "ansible.", Doc: "How its name starts."},
		{Name: "suffix", Default: "", Doc: "How its name ends."},
	},
	Order:    [][]string{{"changed", "path", "uid", "gid", "owner", "group", "mode", "state", "size"}},
	Returns:  append([]module.Return{{Name: "path", Type: "str", When: "always", Doc: "What was made."}}, fileReturns...),
	Examples: "- tempfile: {state: directory, suffix: build}\n  register: tmp\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachPaths},
}

// Tempfile is the module tempfile.
func Tempfile() module.Module { return module.New(tempSpec, planTemp) }

func planTemp(a tempArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	dir := "/tmp"
	if a.Path != "" {
		dir = trim(g.Path(a.Path))
	}
	kind, mode := state.TypeFile, uint32(0o600)
	if a.State == "directory" {
		kind, mode = state.TypeDir, 0o700
	}
	if in.Before != "" { // made by an attempt that was cut off
		f := g.File(in.Before, 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if f.Exists() {
			c := module.OK("path", in.Before)
			module.PathInfo(c.Result, f.Stat)
			return c, nil
		}
	}
	const tries = 100
	for try := range tries {
		p := path.Join(dir, a.Prefix+tempName(in.Seed, try)+a.Suffix)
		f := g.File(p, 0)
		parent := g.File(path.Dir(p), 0).Followed
		s := g.NewStat(parent, kind)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		switch {
		case f.Exists():
			continue
		case parent.Type == state.TypeNone:
			return module.Change{}, module.Fail("[Errno 2] No such file or directory: '" + p + "'")
		case parent.Type != state.TypeDir:
			return module.Change{}, module.Fail("[Errno 20] Not a directory: '" + p + "'")
		}
		s.Mode = mode | s.Mode&0o2000
		c := module.Change{Result: value.M("changed", true, "path", p), Mark: p}
		attrs := state.Attrs{Mode: &mode}
		if kind == state.TypeDir {
			s.Size = -1
			mode = s.Mode
			c.Ops = []state.Op{state.Mkdir{Path: p, Attrs: attrs}}
		} else {
			c.Ops = []state.Op{state.WriteFile{Path: p, Content: state.Bytes(nil), Attrs: attrs}}
		}
		module.PathInfo(c.Result, s)
		if s.Size < 0 {
			c.Then = measured(p, c.Result)
		}
		return c, nil
	}
	return module.Change{}, module.Fail("there is no free name in " + dir)
}

// tempName is the random part of a name; each try gives another one.
func tempName(seed [32]byte, try int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	b := make([]byte, 8)
	for i := range b {
		n := int(seed[i]) | int(seed[i+8])<<8
		b[i] = letters[(n+try)%len(letters)]
		try /= len(letters)
	}
	return string(b)
}
