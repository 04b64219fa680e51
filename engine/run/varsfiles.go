package run

import (
	"os"
	"slices"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// varsFile reads one entry of vars_files: a name, or a list of which the first that
// exists counts. The error is of an undefined variable where a name needs one.
func (r *runner) varsFile(s *vars.Scope, n *yaml.Node, p *playbook.Play) (*yaml.Vars, error) {
	v, err := s.Eval(n)
	if err != nil {
		return nil, err
	}
	candidates := []value.Value{v}
	if v.Kind() == value.KindList {
		candidates = v.Items()
	}
	var firstErr error
	for _, c := range candidates {
		if c.IsUndefined() {
			return nil, diag.Errorf(n.Pos, jinja.CodeUndefined, "a variable in the name of this file is not defined")
		}
		files := playbook.FindFile(&p.Scope, "vars", c.Text())
		file := orElse(playbook.First(files, exists), files[len(files)-1])
		vs, err := r.Loader.LoadPlayVars(file, n.Pos)
		if err == nil {
			return vs, nil
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, firstErr
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// hostFiles are the vars_files of a play whose names are each host's own, such as
// those that name a fact. As in ansible-core 2.14, such a file is left out until the
// host's facts are known; from then on a name that cannot be told is an error.
type hostFiles struct {
	r  *runner
	pv *vars.PlayVars
}

// get evaluates the name anew each time: facts come, and may be taken back with a plan
// that was wrong. What is read of a file, the loader keeps.
func (f *hostFiles) get(h *vars.Host, entry int) (*yaml.Vars, error) {
	// It sees the entries before it.
	before := &vars.PlayVars{Play: f.pv.Play, Files: f.pv.Files[:entry], HostFile: f.pv.HostFile, Prompted: f.pv.Prompted}
	s := f.r.Vars.Scope(f.r.world(nil), h, before, &playbook.Scope{}, vars.Moment{Now: f.r.Now()})
	n := f.pv.Play.VarsFiles[entry]
	found, err := f.r.varsFile(s, n, f.pv.Play)
	switch {
	case !vars.IsUndefined(err):
		return found, err
	case h.Facts.Mark() == 0:
		return nil, nil
	}
	return nil, diag.Errorf(n.Pos, "vars-files", "an undefined variable was found when attempting to template the vars_files item '%s': %w", n.Value().Text(), err)
}

// warnReserved warns, once of each, of variables of a play that have reserved names.
func (r *runner) warnReserved(pv *vars.PlayVars) {
	names := r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()}).Names()
	for _, n := range slices.Sorted(slices.Values(names)) {
		if !playbook.Reserved(n) || r.warned[n] {
			continue
		}
		if r.warned == nil {
			r.warned = map[string]bool{}
		}
		r.warned[n] = true
		r.notice("warn", "Found variable using reserved name: "+n)
	}
}
