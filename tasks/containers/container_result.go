package containers

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// change puts the stage together: operations, difference and result.
func (s *steps) change(all []field) module.Change {
	s.waits()
	c := module.Change{Ops: s.ops, Warnings: s.k.warnings, Result: s.result(), Mark: containerMark(s.k.have)}
	if len(s.ops) == 0 {
		c.Result.Set("container", s.hide(s.k.have.Inspect))
		return c
	}
	c.Result.Set("container", module.Later())
	if s.k.have.Exists {
		c.Still = value.M("container", s.hide(s.k.have.Inspect))
	}
	if s.changed {
		c.Diff = s.diff()
	}
	if s.fresh && s.a.Detach != nil && !*s.a.Detach {
		c.Result.Set("status", module.Later())
	}
	c.Then = s.finish
	ops := s.ops
	c.Failed = func(op int, r state.OpResult) *module.Failure { return opFailed(ops[op], r) }
	return c
}

// opFailed says which step of a task failed; nil leaves that to the engine.
func opFailed(op state.Op, r state.OpResult) *module.Failure {
	what := ""
	switch op := op.(type) {
	case state.ContainerCreate:
		what = "Error creating container"
	case state.ContainerReplace:
		what = "Error replacing container " + op.Name
	case state.ContainerStart:
		what = "Error starting container " + op.Name
	case state.ContainerStop:
		what = "Error stopping container " + op.Name
	case state.ContainerRestart:
		what = "Error restarting container " + op.Name
	case state.ContainerRemove:
		what = "Error removing container " + op.Name
	case state.ContainerUpdate:
		what = "Error updating container " + op.Name
	case state.ContainerConnect:
		what = "Error connecting container to network " + op.Network
	case state.ContainerDisconnect:
		what = "Error disconnecting container from network " + op.Network
	case state.ImagePull:
		what = "Error pulling image " + op.Ref
	default:
		return nil
	}
	f := module.Fail(what + ": " + r.Msg)
	f.Err = r.Err
	return f
}

func (s *steps) result() *value.Map {
	m := value.M("changed", s.changed)
	if len(s.diffs) > 0 {
		var out []value.Value
		for _, d := range s.diffs {
			d = s.masked(d)
			out = append(out, value.FromMap(value.M(d.name, value.M("parameter", d.want, "container", d.have))))
		}
		m.Set("differences", value.List(out...))
	}
	if s.in.Check || s.a.Debug {
		m.Set("actions", value.List(s.actions...))
	}
	if s.in.Diff || s.a.Debug {
		m.Set("diff", s.registered())
	}
	return m
}

// registered is the difference as a result holds it.
func (s *steps) registered() value.Value {
	d := value.NewMap()
	shown := make([]difference, 0, len(s.diffs))
	var named, nets []value.Value
	for _, x := range s.diffs {
		x = s.masked(x)
		if s.fresh && !s.k.have.Exists && x.name != "exists" && x.name != "running" && x.name != "paused" {
			continue // all of a new container would differ from none
		}
		if net, ok := strings.CutPrefix(x.name, "network."); ok {
			var of value.Value
			x, of = s.registeredNetwork(net, x)
			shown, nets = append(shown, x), append(nets, of)
			continue
		}
		shown = append(shown, x)
		switch {
		case x.name == "image":
			d.Set("image_different", value.Bool(true))
		case x.name != "exists" && x.name != "running" && x.name != "restarted" && x.name != "paused" && x.name != "recreate":
			named = append(named, value.FromMap(value.M(x.name, value.M("parameter", x.want, "container", x.have))))
		}
	}
	if len(named) > 0 && s.fresh {
		d.Set("differences", value.List(named...))
	}
	named = append(named, nets...)
	if len(nets) > 0 {
		d.Set("differences", value.List(named...))
	}
	if s.fresh && s.started && s.k.have.State.Running && !s.in.Check {
		// A new container in the place of one that ran is started.
		shown = append(shown, difference{name: "running", want: value.Bool(true), have: value.Bool(true)})
	}
	before, after := sides(shown)
	d.Set("before", value.FromMap(before))
	d.Set("after", value.FromMap(after))
	return value.FromMap(d)
}

// registeredNetwork is the difference in one network in the words of the
// original: for before and after, and for the list of differences.
func (s *steps) registeredNetwork(net string, x difference) (difference, value.Value) {
	at := s.k.have.Networks[net]
	if x.want.IsNull() {
		extra := value.FromMap(value.M("name", net, "id", at.NetworkID))
		return difference{name: x.name, want: value.Null, have: extra}, value.FromMap(value.M("purge_networks", []value.Value{extra}))
	}
	side := func(e state.Endpoint) *value.Map {
		m := value.M("name", net)
		for _, f := range []struct {
			name string
			v    value.Value
		}{{"ipv4_address", orNull(e.IPv4Address)}, {"ipv6_address", orNull(e.IPv6Address)}, {"aliases", listOrNull(e.Aliases)}, {"links", listOrNull(e.Links)}} {
			m.Set(f.name, f.v)
		}
		return m
	}
	want := side(s.k.w.spec.Networks[net])
	want.Set("id", value.String(s.k.networkIDs[net]))
	have := value.Null
	if !x.have.IsNull() {
		have = value.FromMap(side(at))
	}
	both := value.FromMap(value.M("parameter", want, "container", have))
	return difference{name: x.name, want: value.FromMap(want), have: have}, value.FromMap(value.M("network_differences", []value.Value{both}))
}

func orNull(s string) value.Value {
	if s == "" {
		return value.Null
	}
	return value.String(s)
}

func listOrNull(l []string) value.Value {
	if len(l) == 0 {
		return value.Null
	}
	return value.Strings(l...)
}

// engineWarnings are warnings of the engine as they are shown.
func engineWarnings(said []string) []string {
	out := make([]string, 0, len(said))
	for _, s := range said {
		if s != "" {
			out = append(out, "Docker warning: "+s)
		}
	}
	return out
}

// finish makes the true result from what the operations did.
func (s *steps) finish(v state.View, did []state.OpResult) (module.Change, error) {
	c := module.Change{Result: s.result()}
	var end *state.ContainerEnd
	for i, r := range did {
		switch d := r.Data.(type) {
		case state.ContainerEnd:
			if w, ok := s.ops[i].(state.ContainerWait); !ok || w.For == state.WaitExited {
				end = &d
			}
		case state.ContainerMade:
			c.Warnings = append(c.Warnings, engineWarnings(d.Warnings)...)
		}
	}
	g := &gather{v: v}
	info, known, err := ask[state.ContainerInfo](g, state.Container{Name: s.a.Name})
	if !known {
		return module.Need(g.need...), err
	}
	what := s.hide(info.Inspect)
	if !info.Exists {
		what = value.FromMap(nil)
	}
	if end == nil {
		c.Result.Set("container", what)
		return c, nil
	}
	return s.ended(c, what, end)
}

// ended is the result of a container that was waited for.
func (s *steps) ended(c module.Change, what value.Value, end *state.ContainerEnd) (module.Change, error) {
	output := string(end.Output)
	if is(s.a.AutoRemove) {
		output = "Cannot retrieve result as auto_remove is enabled"
	}
	m := what.Map().Clone()
	m.Set("Output", value.String(output).WithMarks(value.Unsafe))
	c.Result.Set("container", value.FromMap(m).WithMarks(value.Unsafe))
	c.Result.Set("status", value.Int(int64(end.ExitCode)))
	if end.Truncated {
		c.Warnings = append(c.Warnings, "the beginning of the container's output was left out")
	}
	if end.ExitCode == 0 {
		return c, nil
	}
	f := module.Fail(output)
	f.Result = c.Result
	return c, f
}

// masked hides the values of secret environment variables.
func (s *steps) masked(d difference) difference {
	if d.name != "env" {
		return d
	}
	d.want, d.have = s.hideEnv(d.want), s.hideEnv(d.have)
	return d
}

func (s *steps) hideEnv(v value.Value) value.Value {
	return v.Walk(func(x value.Value) value.Value {
		if name, _, ok := strings.Cut(x.Str(), "="); ok && s.k.w.secret[name] {
			return x.WithMarks(value.Secret)
		}
		return x
	})
}

// hide marks the secret part of what the engine says about a container.
func (s *steps) hide(inspect value.Value) value.Value {
	config, ok := inspect.Get("Config")
	if !ok || len(s.k.w.secret) == 0 {
		return inspect
	}
	env, _ := config.Get("Env")
	c := config.Map().Clone()
	c.Set("Env", s.hideEnv(env))
	m := inspect.Map().Clone()
	m.Set("Config", value.FromMap(c).WithMarks(config.Marks()))
	return value.FromMap(m).WithMarks(inspect.Marks())
}

// diff shows what is registered as the difference.
func (s *steps) diff() state.Diff {
	d := s.registered().Map()
	before, _ := d.Get("before")
	after, _ := d.Get("after")
	return shown(before.Map(), after.Map())
}

func inline(v value.Value) string {
	if v.IsString() && v.Str() != "" && !strings.ContainsAny(v.Str(), "\n\t") {
		return v.Str()
	}
	raw, err := v.MarshalJSON()
	if err != nil {
		return v.Text()
	}
	return string(raw)
}

// planAbsent stops and removes a container.
func planAbsent(a *containerArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := &gather{v: v}
	have, known, err := ask[state.ContainerInfo](g, state.Container{Name: a.Name})
	if !known {
		return module.Need(g.need...), err
	}
	if !have.Exists {
		c := module.OK()
		if in.Check || a.Debug {
			c.Result.Set("actions", value.List())
		}
		if in.Diff || a.Debug {
			c.Result.Set("diff", value.FromMap(value.M("before", value.NewMap(), "after", value.NewMap())))
		}
		return c, nil
	}
	var c module.Change
	var actions []value.Value
	if have.State.Running {
		c.Ops = append(c.Ops, state.ContainerStop{Name: have.ID, Timeout: a.StopTimeout, Kill: a.ForceKill, Signal: a.KillSignal})
		actions = append(actions, value.FromMap(value.M("stopped", have.ID)))
	}
	c.Ops = append(c.Ops, state.ContainerRemove{Name: have.ID, Force: a.ForceKill || have.State.Paused, Volumes: !a.KeepVolumes})
	actions = append(actions, value.FromMap(value.M("removed", have.ID)))
	before, after := value.M("exists", true), value.M("exists", false)
	if have.State.Running {
		before, after = value.M("running", true, "exists", true), value.M("running", false, "exists", false)
	}
	c.Diff = shown(before, after)
	c.Result = value.M("changed", true)
	if in.Check || a.Debug {
		c.Result.Set("actions", value.List(actions...))
	}
	if in.Diff || a.Debug {
		c.Result.Set("diff", value.FromMap(value.M("before", before, "after", after)))
	}
	return c, nil
}
