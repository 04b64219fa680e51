package files

import (
	"path"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func (p *filePlan) directory(f state.File) (*value.Map, error) {
	at, cur := p.followed(f)
	prev := module.PathState(cur)
	p.diff = newSides(p.shown(at))
	p.diff.state(prev, "directory")
	switch prev {
	case "absent":
		return p.makeFolders(at)
	case "directory":
	default:
		return nil, p.fail("%s already exists as a %s", at, prev)
	}
	after, err := p.set(at, cur)
	if err != nil {
		return nil, err
	}
	result := p.info(after, "path", p.shown(at))
	if after.Size < 0 {
		p.change.Then = measured(at, result)
	}
	if p.Recurse {
		top := p.diff
		p.diff = newSides(at) // what is shown is the folder itself, as in Ansible
		if err := p.recurse(at, map[string]bool{}); err != nil {
			return nil, err
		}
		p.diff = top
	}
	return result, nil
}

// makeFolders makes a folder with those above it that are missing; each gets
// the attributes.
func (p *filePlan) makeFolders(at string) (*value.Map, error) {
	todo := []string{at}
	above := state.Stat{Type: state.TypeDir}
	for _, d := range append(ancestors(at), "/") {
		f := p.g.File(d, 0)
		if f.Followed.Type != state.TypeNone || !p.g.Complete() {
			above = f.Followed
			break
		}
		todo = append(todo, d)
	}
	if !p.g.Complete() {
		for _, d := range ancestors(at) { // all in one go
			p.g.File(d, 0)
		}
		return nil, nil
	}
	if above.Type != state.TypeDir {
		first := todo[len(todo)-1]
		return nil, p.fail("There was an issue creating %s as requested: [Errno 20] Not a directory: b'%s'", first, first)
	}
	for i := len(todo) - 1; i >= 0; i-- {
		ns := p.g.NewStat(above, state.TypeDir)
		w, err := p.Want(p.g, ns)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.diff.attrs(ns, w.Changes(ns))
		}
		a := w.Make(ns)
		a.MTime, a.ATime = p.mtime.at, p.atime.at
		p.change.Ops = append(p.change.Ops, state.Mkdir{Path: todo[i], Attrs: a})
		above = w.Apply(ns)
	}
	above.Size = -1
	result := p.info(above, "path", p.shown(at))
	p.change.Then = measured(at, result)
	return result, nil
}

// measured adds the size of a new folder to its result once it is there.
func measured(at string, result *value.Map) func(state.View, []state.OpResult) (module.Change, error) {
	return func(v state.View, _ []state.OpResult) (module.Change, error) {
		q := state.Path{Path: at}
		f, known, err := v.File(q)
		if err == nil && !known {
			return module.Change{Need: []state.Query{q}}, nil
		}
		m := result.Clone()
		if err == nil && f.Stat.Type == state.TypeDir && f.Stat.Size >= 0 {
			m.Set("size", value.Int(f.Stat.Size))
		}
		return module.Change{Result: m}, nil
	}
}

// recurse sets the attributes on everything in a folder. Links that lead
// somewhere are followed when follow is set; seen guards against circles.
func (p *filePlan) recurse(dir string, seen map[string]bool) error {
	if seen[dir] {
		return nil
	}
	seen[dir] = true
	for _, e := range p.g.Tree(dir) {
		at := path.Join(dir, e.Rel)
		if _, err := p.set(at, e.Stat); err != nil {
			return err
		}
		if e.Stat.Type != state.TypeLink || !p.Follow {
			continue
		}
		f := p.g.File(at, 0)
		if f.Followed.Type == state.TypeNone {
			continue
		}
		if f.IsDir() {
			if err := p.recurse(f.Resolved, seen); err != nil {
				return err
			}
		} else if seen[f.Resolved] {
			continue
		}
		seen[f.Resolved] = true
		if _, err := p.set(f.Resolved, f.Followed); err != nil {
			return err
		}
	}
	return nil
}
