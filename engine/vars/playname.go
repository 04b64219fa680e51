package vars

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
)

// PlayTitle is the name of a play, or the pattern of its hosts, with what is a
// template in it evaluated; what cannot be evaluated stays as it is written.
func (e *Engine) PlayTitle(pv *PlayVars) string {
	p := pv.Play
	name := p.Keywords.Name
	switch {
	case name.Str() == "":
		return strings.Join(e.PlayPatterns(pv), ",")
	case !name.HasTemplate() || strings.Contains(name.Str(), "ansible_play_name"):
		return name.Str()
	}
	v, err := e.ofPlay(pv).Eval(name)
	if err != nil || v.HasUnknown() || v.IsSecret() {
		return name.Str()
	}
	return v.Text()
}

// PlayPatterns are the patterns of a play's hosts; see PlayTitle.
func (e *Engine) PlayPatterns(pv *PlayVars) []string {
	hosts := pv.Play.Hosts
	v := hosts.Value()
	if hosts.HasTemplate() {
		if x, err := e.ofPlay(pv).Eval(hosts); err == nil && !x.HasUnknown() {
			v = x
		}
	}
	items := v.Items()
	if v.Kind() != value.KindList {
		items = []value.Value{v}
	}
	patterns := make([]string, len(items))
	for i, it := range items {
		patterns[i] = it.Text()
	}
	return patterns
}

// Written are the variables of a play as far as they are known before a run.
func Written(p *playbook.Play) *PlayVars { return &PlayVars{Play: p, Files: p.PlainFiles()} }

// ofPlay is what a play knows without a host.
func (e *Engine) ofPlay(pv *PlayVars) *Scope {
	s := &Scope{eng: e, world: noWorld{}, play: pv}
	s.add(e.Extra)
	s.build()
	return s
}
