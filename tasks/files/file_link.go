package files

import (
	"path"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func (p *filePlan) link(f state.File) (*value.Map, error) {
	prev := module.PathState(f.Stat)
	src, given := p.Src.Get()
	src = p.g.Expand(src)
	if !given && p.Follow && f.IsLink() && f.Followed.Type != state.TypeNone {
		src, given = f.Target, true
	}
	target, err := p.linkTarget(f, src, given)
	if err != nil || !p.g.Complete() {
		return nil, err
	}
	if err := p.mayReplace(f, prev); err != nil {
		return nil, err
	}
	if !given && prev != "link" {
		return nil, p.fail("src is required for creating new symlinks")
	}
	p.diff = newSides(p.Path)
	p.diff.state(prev, "link")
	self := f.Stat
	if prev != "link" || given && src != f.Target {
		if prev == "link" {
			p.diff.set("src", f.Target, src)
		}
		if f.Parent.Type != state.TypeDir {
			return nil, p.fail("Error while linking: [Errno 2] No such file or directory: b'%s' -> b'%s'", src, p.Path)
		}
		if prev == "directory" {
			p.change.Ops = append(p.change.Ops, state.Remove{Path: p.Path, Recursive: false})
		}
		p.change.Ops = append(p.change.Ops, state.Symlink{Path: p.Path, Target: src, Replace: prev != "absent" && prev != "directory"})
		self = p.g.NewStat(f.Parent, state.TypeLink)
		self.Size = int64(len(src))
	} else if f.IsLink() {
		target = state.File{Resolved: f.Resolved, Followed: f.Followed}
	}
	if err := p.linkAttrs(&self, target); err != nil {
		return nil, err
	}
	var shown any
	if given {
		shown = unsafe(src, p.Src.Given())
	}
	if prev == "directory" && given { // relative to it no more
		if target, err = p.linkTarget(state.File{}, src, true); err != nil {
			return nil, err
		}
	}
	if target.Followed.Type == state.TypeNone && p.g.Complete() {
		return value.M("dest", p.Path, "src", shown), nil // nothing is told of a link to nowhere
	}
	return p.info(self, "dest", p.Path, "src", shown), nil
}

// unsafe marks text that came from the host.
func unsafe(s string, ours bool) value.Value {
	if ours {
		return value.String(s)
	}
	return value.String(s).WithMarks(value.Unsafe)
}

// linkTarget looks at where the link will lead.
func (p *filePlan) linkTarget(f state.File, src string, given bool) (state.File, error) {
	if !given {
		return state.File{}, nil
	}
	dir := path.Dir(p.Path)
	if f.Stat.Type == state.TypeDir {
		dir = p.Path
	}
	at := src
	if !path.IsAbs(src) {
		at = path.Join(dir, src)
	}
	t := p.g.File(trim(path.Clean(at)), 0)
	if p.g.Complete() && t.Followed.Type == state.TypeNone && !p.Force {
		return t, module.Fail("src file does not exist, use \"force=yes\" if you really want to create the link: "+at,
			"path", p.Path, "src", src)
	}
	return t, nil
}

func (p *filePlan) mayReplace(f state.File, prev string) error {
	switch {
	case prev == "directory" && !p.Force, (prev == "file" || prev == "hard") && !p.Force:
		return p.fail("refusing to convert from %s to symlink for %s", prev, p.Path)
	case prev == "directory":
		if len(p.g.TreeTo(p.Path, 1)) > 0 {
			return p.fail("the directory %s is not empty, refusing to convert it", p.Path)
		}
	}
	return nil
}

// linkAttrs sets attributes on the link, or with follow on what it leads to.
func (p *filePlan) linkAttrs(self *state.Stat, target state.File) error {
	if !p.Follow {
		after, err := p.set(p.Path, *self)
		*self = after
		return err
	}
	if target.Followed.Type == state.TypeNone {
		p.change.Warnings = append(p.change.Warnings,
			"Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.")
		return nil
	}
	_, err := p.set(target.Resolved, target.Followed)
	return err
}

func (p *filePlan) hard(f state.File) (*value.Map, error) {
	prev := module.PathState(f.Stat)
	src, given := p.Src.Get()
	if !given && prev != "hard" {
		return nil, module.Fail("src is required for creating new hardlinks")
	}
	p.diff = newSides(p.Path)
	p.diff.state(prev, "hard")
	if !given {
		after, err := p.set(p.Path, f.Stat)
		return p.info(after, "dest", p.Path, "src", nil), err
	}
	src = p.g.Path(src)
	s := p.g.File(trim(src), 0)
	if !p.g.Complete() {
		return nil, nil
	}
	fail := func(msg string) error { return module.Fail(msg, "dest", p.Path, "src", src) }
	if s.Followed.Type == state.TypeNone {
		return nil, fail("src does not exist")
	}
	if prev == "link" && f.Target == src { // a symbolic link to it will do
		after, err := p.set(p.Path, f.Stat)
		return p.info(after, "dest", p.Path, "src", src), err
	}
	same := f.Followed.Ino != 0 && f.Followed.Ino == s.Followed.Ino && f.Followed.Dev == s.Followed.Dev
	switch {
	case prev == "hard" && same:
		after, err := p.set(p.Path, f.Stat)
		return p.info(after, "dest", p.Path, "src", src), err
	case prev == "hard" && !p.Force:
		return nil, fail("Cannot link, different hard link exists at destination")
	case prev == "file" && !p.Force:
		return nil, fail("Cannot link, file exists at destination")
	case prev == "directory":
		return nil, fail("Cannot link: different hard link exists at destination")
	case prev == "absent" && f.Parent.Type != state.TypeDir:
		return nil, fail("Error while linking: [Errno 2] No such file or directory: b'" + src + "' -> b'" + p.Path + "'")
	}
	p.change.Ops = append(p.change.Ops, state.HardLink{Path: p.Path, Target: s.Resolved, Replace: prev != "absent"})
	cur := s.Followed
	cur.Nlink++
	after, err := p.set(p.Path, cur)
	return p.info(after, "dest", p.Path, "src", src), err
}
