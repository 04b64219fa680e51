package run

import (
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
)

// checkStart finds out before a host is touched whether --start-at-task names
// a task. Where dynamic includes may bring more tasks, the run will tell.
func (r *runner) checkStart() error {
	if r.StartAt == "" {
		return nil
	}
	var names []string
	for _, pb := range r.Playbooks {
		for _, p := range pb.Plays {
			found, titles := r.startIn(p)
			if found {
				return nil
			}
			names = append(names, titles...)
		}
	}
	return r.noStart(names)
}

// startIn tells whether the task to start at may be in a play: it is, or dynamic
// includes may bring it. titles are the names of the tasks.
func (r *runner) startIn(p *playbook.Play) (found bool, titles []string) {
	var look func(items []playbook.Item)
	look = func(items []playbook.Item) {
		for _, it := range items {
			switch x := it.(type) {
			case *playbook.Block:
				look(x.Block)
			case *playbook.Task:
				found = found || r.startsAt(x) || x.Include != nil
				titles = append(titles, taskTitle(x), x.Keywords.Name.Str())
			}
		}
	}
	pre, roles, main, post := p.Items()
	for _, items := range [][]playbook.Item{pre, roles, main, post} {
		look(items)
	}
	return found, titles
}

// startsAt tells whether a task is the one to start at.
func (r *runner) startsAt(t *playbook.Task) bool {
	for _, s := range []string{taskTitle(t), t.Keywords.Name.Str()} {
		if s == r.StartAt || globMatch(r.StartAt, s) {
			return true
		}
	}
	return false
}

func (r *runner) noStart(names []string) error {
	d := diag.Errorf(diag.Pos{}, "start-at-task", "no task is named %q: nothing was run", r.StartAt)
	if near := diag.Nearest(r.StartAt, names); near != "" {
		return d.WithHint("did you mean %q?", near)
	}
	return d.WithHint("--list-tasks lists the names")
}
