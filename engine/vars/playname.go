package vars

import (
	"errors"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
)

// PlayTitle is the name of a play, or the pattern of its hosts, with what is a
// template in it evaluated; what cannot be evaluated stays as it is written.
func (e *Engine) PlayTitle(pv *PlayVars) string {
	if v := e.playName(pv); !v.IsUndefined() {
		return v.Text()
	}
	return pv.Play.Keywords.Name.Str()
}

// playName is that title as a value: undefined where the name reads what is.
func (e *Engine) playName(pv *PlayVars) value.Value {
	name := pv.Play.Keywords.Name
	switch {
	case name.Str() == "":
		if hosts := pv.Play.Hosts; hosts.IsString() && hosts.HasTemplate() { // a list is shown as such
			if v, err := e.ofPlay(pv).Eval(hosts); err == nil && !v.HasUnknown() {
				return value.String(v.Text())
			}
		}
		return value.String(strings.Join(e.PlayPatterns(pv), ","))
	case !name.HasTemplate() || strings.Contains(name.Str(), "ansible_play_name"):
		return value.String(name.Str())
	}
	v, err := e.ofPlay(pv).Eval(name)
	if d, ok := errors.AsType[*diag.Diagnostic](err); ok && IsUndefined(err) {
		return value.UndefinedOf(&value.Undef{Msg: name.Str() + ": " + d.Msg})
	}
	if err != nil || v.HasUnknown() || v.IsSecret() {
		return value.String(name.Str())
	}
	return value.String(v.Text())
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
