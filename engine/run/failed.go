package run

import (
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// taskValue is what ansible_failed_task tells: the keywords of the task as it
// was when it failed. Its name and arguments are evaluated as far as they can be.
func (pl *play) taskValue(h *host, t *playbook.Task) value.Value {
	name := t.Keywords.Name.Str()
	if v, err := pl.scope(h, t).Eval(t.Keywords.Name); err == nil && v.IsString() && !v.IsSecret() {
		name = v.Str()
	}
	m := value.M("name", name, "action", t.Action, "args", pl.failedArgs(h, t), "uuid", t.ID, "implicit", t.Implicit)
	tags, err := pl.tagsOf(h, t)
	if err == nil {
		m.Set("tags", value.Strings(tags...))
	}
	vs := value.NewMap()
	for v := range t.Vars.All() {
		vs.Set(v.Name, v.Node.Value())
	}
	m.Set("vars", value.FromMap(vs))
	for _, k := range []struct {
		name string
		n    *yaml.Node
	}{
		{"register", t.Register}, {"async", t.Async}, {"poll", t.Poll}, {"retries", t.Retries}, {"delay", t.Delay},
		{"delegate_to", t.DelegateTo}, {"run_once", t.RunOnce}, {"become", t.Become}, {"become_user", t.BecomeUser}, {"become_method", t.BecomeMethod},
		{"ignore_errors", t.IgnoreErrors}, {"ignore_unreachable", t.IgnoreUnreachable}, {"no_log", t.NoLog}, {"check_mode", t.CheckMode},
		{"connection", t.Connection}, {"remote_user", t.RemoteUser}, {"port", t.Port}, {"throttle", t.Throttle}, {"timeout", t.Keywords.Timeout},
	} {
		v := value.Null
		if n := k.n; n != nil {
			v = n.Value()
		}
		m.Set(k.name, v)
	}
	for _, k := range []struct {
		name  string
		nodes []*yaml.Node
	}{
		{"when", t.Keywords.When}, {"notify", t.Keywords.Notify}, {"changed_when", t.ChangedWhen}, {"failed_when", t.FailedWhen}, {"until", t.Until},
		{"environment", t.Environments()},
	} {
		var items []value.Value
		for _, n := range k.nodes {
			items = append(items, n.Value())
		}
		m.Set(k.name, value.List(items...))
	}
	return value.FromMap(m)
}

// failedArgs are the arguments that a task failed with, as evaluated; as
// written where that failed or has secrets.
func (pl *play) failedArgs(h *host, t *playbook.Task) value.Value {
	if in := h.inst; in != nil && in.evaled != nil && in.evaled.raw != nil {
		if v := value.FromMap(in.evaled.raw); v.DeepMarks()&value.Secret == 0 {
			return v
		}
	}
	args := value.NewMap()
	for k, v := range t.Args.Value().Map().All() {
		args.SetKey(k, v)
	}
	if t.Raw != nil {
		args.Set("_raw_params", t.Raw.Value())
	}
	return value.FromMap(args)
}
