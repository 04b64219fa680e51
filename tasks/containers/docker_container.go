package containers

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// known is what a plan of docker_container is made from.
type known struct {
	w     *want
	have  state.ContainerInfo
	image state.ImageInfo // that is wanted; zero without the argument
	// defaults are what the compared image brings.
	defaults *state.ContainerConfig
	warnings []string
	// networkIDs are the ids of the networks that are named.
	networkIDs map[string]string
}

// pulled is what a pull before this stage changed.
type pulled struct {
	done, changed bool
}

func planContainer(a containerArgs, in module.Inputs, v state.View) (module.Change, error) {
	a.Name = plainName(a.Name)
	if a.State == "absent" {
		return planAbsent(&a, in, v)
	}
	return planPresent(a, in, v, pulled{})
}

// planPresent plans one stage: it is called again after a pull.
func planPresent(a containerArgs, in module.Inputs, v state.View, p pulled) (module.Change, error) {
	g := &gather{v: v}
	k, err := learn(g, &a)
	if err != nil || len(g.need) > 0 {
		return module.Need(g.need...), err
	}
	if a.Image != "" {
		pull, err := wantsPull(&a, k.image, p)
		if err != nil {
			return module.Change{}, err
		}
		if pull {
			return planPull(g, a, in, k)
		}
	}
	all := fields()
	how, err := methods(&a, all)
	if err != nil {
		return module.Change{}, err
	}
	s := &steps{a: &a, in: in, k: k, how: how, changed: p.changed}
	if in.Before != "" && in.Before != containerMark(k.have) { // an attempt that was cut off did that
		a.Recreate, a.Restart = false, false
		s.resumed = true
	}
	if p.changed {
		s.act("pulled_image", value.String(fullRef(a.Image)))
	}
	if !k.have.Exists || k.have.State.Status == "removing" {
		err = s.create(all)
	} else {
		err = s.adjust(all)
	}
	if err != nil {
		return module.Change{}, err
	}
	return s.change(all), nil
}

// learn gathers all that the plan depends on, as much as possible at once.
func learn(g *gather, a *containerArgs) (*known, error) {
	k := &known{}
	var err error
	ok := true
	get := func(known bool, e error) {
		ok = ok && known
		if e != nil && err == nil {
			err = e
		}
	}
	var done bool
	var e error
	k.have, done, e = ask[state.ContainerInfo](g, state.Container{Name: a.Name})
	get(done, e)
	if a.Image != "" {
		k.image, done, e = ask[state.ImageInfo](g, state.Image{Ref: fullRef(a.Image)})
		get(done, e)
	}
	paths := module.Gathering(g.v)
	volumes := homeVolumes(paths, a.Volumes)
	if a.EnvFile != "" {
		a.EnvFile = paths.Path(a.EnvFile)
	}
	if c, missing, e := paths.Missing(); missing {
		g.need = append(g.need, c.Need...)
		get(e == nil, e)
		return k, err
	}
	a.Volumes = volumes
	var envFile []byte
	if a.EnvFile != "" {
		f, known, e := g.file(a.EnvFile)
		get(known, e)
		if known && !f.IsRegular() {
			return nil, module.Fail("env_file " + a.EnvFile + " is no file on the host")
		}
		envFile = f.Content
	}
	if err == nil {
		err = k.references(g, a, get)
	}
	if err != nil || !ok {
		return k, err
	}
	k.have.Spec.Host.Mounts = spelledOut(k.have.Spec.Host.Mounts)
	if k.have.MacIn() != "" && k.have.Spec.Config.MacAddress == "" {
		k.have.Spec.Config.MacAddress = k.have.MacIn()
	}
	if k.w, err = wanted(a, envFile); err != nil {
		return k, err
	}
	k.warnings = append(k.warnings, k.w.warnings...)
	if a.ImageLabels == "fail" {
		k.w.given["labels only"] = true
	}
	return k, k.compareWith(g, a)
}

// homeVolumes writes out sources that begin with a dot or a tilde: they are
// below the home of who acts.
func homeVolumes(paths *module.Gather, volumes []string) []string {
	out := slices.Clone(volumes)
	for i, v := range out {
		if source, rest, ok := strings.Cut(v, ":"); ok && (v[0] == '.' || v[0] == '~') {
			out[i] = path.Clean(paths.Path(source)) + ":" + rest
		}
	}
	return out
}

// references resolves what the arguments name on the host: containers whose
// namespaces are shared, and networks.
func (k *known) references(g *gather, a *containerArgs, get func(bool, error)) error {
	for _, mode := range []**string{&a.NetworkMode, &a.PidMode, &a.IpcMode} {
		if *mode == nil {
			continue
		}
		name, ok := strings.CutPrefix(**mode, "container:")
		if !ok {
			continue
		}
		c, known, err := ask[state.ContainerInfo](g, state.Container{Name: name})
		get(known, err)
		if known && c.Exists {
			id := "container:" + c.ID
			*mode = &id
		} else if known {
			k.warnings = append(k.warnings, fmt.Sprintf("Cannot find a container with name or ID %q", name))
		}
	}
	for _, n := range a.Networks {
		net, known, err := ask[state.DockerNetworkInfo](g, state.DockerNetwork{Name: n.Name})
		get(known, err)
		if known && !net.Exists {
			return module.Fail(fmt.Sprintf("Parameter error: network named %s could not be found. Does it exist?", n.Name))
		}
		if k.networkIDs == nil {
			k.networkIDs = map[string]string{}
		}
		k.networkIDs[n.Name] = net.ID
		if ip := net.Options["com.docker.network.bridge.host_binding_ipv4"]; ip != "" && a.DefaultHostIP == nil {
			a.DefaultHostIP = &ip
		}
	}
	return nil
}

// compareWith finds the image whose defaults make no difference.
func (k *known) compareWith(g *gather, a *containerArgs) error {
	if a.Image != "" && a.ImageComparison == "desired-image" || !k.have.Exists {
		if k.image.Exists {
			k.defaults = &k.image.Config
		}
		return nil
	}
	own, known, err := ask[state.ImageInfo](g, state.Image{Ref: k.have.Image})
	if known && own.Exists {
		k.defaults = &own.Config
	}
	return err
}

// steps are the operations of one stage in the making.
type steps struct {
	a       *containerArgs
	in      module.Inputs
	k       *known
	how     map[string]method
	changed bool
	ops     []state.Op
	diffs   []difference
	actions []value.Value
	started bool // the container is started here
	fresh   bool // and is a new one
	resumed bool // the container was made or started by an attempt that was cut off
}

// containerMark tells a container from one that was made in its place, and from
// itself before it was started again.
func containerMark(c state.ContainerInfo) string { return "id " + c.ID + " started " + startedAt(c) }

// startedAt is when a container was started last; "" when it never was.
func startedAt(c state.ContainerInfo) string {
	s, _ := c.Inspect.Get("State")
	at, _ := s.Get("StartedAt")
	if strings.HasPrefix(at.Text(), "0001-") {
		return ""
	}
	return at.Text()
}

func (s *steps) act(name string, v value.Value) {
	s.actions = append(s.actions, value.FromMap(value.M(name, v)))
}

func (s *steps) do(op state.Op, action string, v value.Value) {
	s.ops = append(s.ops, op)
	s.act(action, v)
	s.changed = true
}

func (s *steps) runs() bool { return s.a.State == "started" || s.a.State == "healthy" }

// create makes a container that is not there.
func (s *steps) create(all []field) error {
	if s.a.Image == "" {
		return module.Fail("Cannot create container when image is not specified!")
	}
	s.fresh = true
	name := value.String(s.a.Name)
	if s.k.have.Exists {
		s.do(state.ContainerRemove{Name: s.k.have.ID, Force: true}, "removed", value.String(s.k.have.ID))
	}
	s.diffs = append(s.diffs, difference{name: "exists", want: value.Bool(true), have: value.Bool(false)},
		difference{name: "image", want: value.String(s.a.Image), have: value.Null})
	for _, f := range all {
		v := f.of(&s.k.w.spec)
		if compared(s.k.w, f.name) && v.Len() != 0 {
			s.diffs = append(s.diffs, difference{name: f.name, want: v, have: value.Null})
		}
	}
	s.do(state.ContainerCreate{Name: s.a.Name, Spec: s.k.w.spec}, "created", name)
	if s.runs() {
		s.started = true
		s.diffs = append(s.diffs, difference{name: "running", want: value.Bool(true), have: value.Bool(false)})
		s.do(state.ContainerStart{Name: s.a.Name}, "started", name)
	}
	s.pause(false)
	return nil
}

// adjust makes a container that is there as described.
func (s *steps) adjust(all []field) error {
	have := s.k.have
	s.diffs = differences(s.k.w, &have.Spec, s.k.defaults, s.how, all)
	if err := s.keepsImageLabels(); err != nil {
		return err
	}
	if s.how["image"] == strict && s.a.Image != "" {
		if s.k.image.ID != have.Image {
			s.diffs = append(s.diffs, difference{name: "image", want: value.String(s.k.image.ID), have: value.String(have.Image)})
		}
		if s.a.ImageNameMismatch == "recreate" && s.a.Image != have.Spec.Config.Image {
			s.diffs = append(s.diffs, difference{name: "image_name", want: value.String(s.a.Image), have: value.String(have.Spec.Config.Image)})
		}
	}
	if s.a.Recreate || slices.ContainsFunc(s.diffs, func(d difference) bool { return !d.live }) {
		s.replace()
	} else {
		if len(s.diffs) > 0 {
			s.update()
		}
		s.reconnect()
		s.run()
	}
	s.pause(have.State.Paused && !s.fresh)
	return nil
}

// keepsImageLabels fails where labels of the image should go and cannot.
func (s *steps) keepsImageLabels() error {
	labels := slices.ContainsFunc(s.diffs, func(d difference) bool { return d.name == "labels" })
	if !labels || s.how["labels"] != strict || s.a.ImageLabels != "fail" || s.k.defaults == nil {
		return nil
	}
	var stay []string
	for _, name := range keys(s.k.defaults.Labels) {
		if _, asked := s.a.Labels[name]; !asked {
			stay = append(stay, strconv.Quote(name))
		}
	}
	if len(stay) == 0 {
		return nil
	}
	return module.Fail("Some labels should be removed but are present in the base image. You can set image_label_mismatch to " +
		"'ignore' to ignore this error. Labels: " + strings.Join(stay, ", "))
}

func (s *steps) replace() {
	have := s.k.have
	s.fresh = true
	if s.a.Recreate && len(s.diffs) == 0 {
		s.diffs = append(s.diffs, difference{name: "recreate", want: value.Bool(true), have: value.Bool(false)})
	}
	made := s.k.w.spec
	if made.Config.Image == "" {
		made.Config.Image = have.Image
	}
	if s.runs() && !have.State.Running {
		s.diffs = append(s.diffs, difference{name: "running", want: value.Bool(true), have: value.Bool(false)})
	}
	s.started = s.runs()
	s.do(state.ContainerReplace{Name: have.Name, Old: have.ID, Spec: made, Stop: s.stop(), Start: s.started,
		Volumes: !s.a.KeepVolumes}, "recreated", value.String(have.Name))
}

func (s *steps) stop() state.ContainerStop {
	return state.ContainerStop{Name: s.k.have.ID, Timeout: s.a.StopTimeout, Kill: s.a.ForceKill, Signal: s.a.KillSignal}
}

// update changes what can be changed while the container runs.
func (s *steps) update() {
	op := state.ContainerUpdate{Name: s.k.have.ID}
	h := s.k.w.spec.Host
	var names []string
	for _, d := range s.diffs {
		names = append(names, d.name)
		if d.name == "restart_policy" || d.name == "restart_retries" {
			r := h.RestartPolicy
			op.Restart = &r
		}
	}
	// All limits that were given go along: the engine checks them together.
	op.Limits = h.ContainerLimits
	if now := s.k.have.Spec.Host; h.Memory > now.MemorySwap && !s.k.w.given["memory_swap"] && now.MemorySwap == 2*now.Memory {
		op.Limits.MemorySwap = 2 * h.Memory // as the engine does for a new container; it would refuse otherwise
	}
	s.do(op, "updated", value.Strings(names...))
}

// reconnect changes the networks of a container that is kept.
func (s *steps) reconnect() {
	if s.how["networks"] == ignore || s.a.Networks == nil && !s.a.PurgeNetworks {
		return
	}
	name := s.k.have.ID
	for _, d := range networkDifferences(s.k.w, s.k.have.Networks) {
		net := strings.TrimPrefix(d.name, "network.")
		if !d.have.IsNull() {
			s.do(state.ContainerDisconnect{Name: name, Network: net}, "removed_from_network", value.String(net))
		}
		s.do(state.ContainerConnect{Name: name, Network: net, Endpoint: s.k.w.spec.Networks[net]}, "added_to_network", value.String(net))
		s.diffs = append(s.diffs, d)
	}
	if s.how["networks"] != strict {
		return
	}
	for _, d := range extraNetworks(s.k.w, s.k.have.Networks) {
		net := strings.TrimPrefix(d.name, "network.")
		s.do(state.ContainerDisconnect{Name: name, Network: net}, "removed_from_network", value.String(net))
		s.diffs = append(s.diffs, d)
	}
}

// run starts, restarts or stops a container that is kept.
func (s *steps) run() {
	id, running := s.k.have.ID, s.k.have.State.Running
	if s.resumed && s.runs() && s.a.Detach != nil && !*s.a.Detach && startedAt(s.k.have) != "" {
		s.started, s.fresh = true, true // its end is waited for, however long ago that was
		return
	}
	diff := func(to bool) {
		s.diffs = append(s.diffs, difference{name: "running", want: value.Bool(to), have: value.Bool(running)})
	}
	switch {
	case s.runs() && !running:
		diff(true)
		s.started = true
		s.do(state.ContainerStart{Name: id}, "started", value.String(id))
	case s.runs() && s.a.Restart:
		s.diffs = append(s.diffs, difference{name: "restarted", want: value.Bool(true), have: value.Bool(false)})
		s.do(state.ContainerRestart{Name: id, Timeout: s.a.StopTimeout}, "restarted", value.String(id))
	case s.a.State == "stopped" && running:
		diff(false)
		s.do(s.stop(), "stopped", value.String(id))
	}
}

func (s *steps) pause(paused bool) {
	if !s.runs() || s.a.Paused == nil || *s.a.Paused == paused {
		return
	}
	s.diffs = append(s.diffs, difference{name: "paused", want: value.Bool(*s.a.Paused), have: value.Bool(paused)})
	s.do(state.ContainerPause{Name: s.a.Name, Pause: *s.a.Paused}, "set_paused", value.Bool(*s.a.Paused))
}

// waits adds what the task waits for.
func (s *steps) waits() {
	if s.started && s.a.Detach != nil && !*s.a.Detach {
		if last := len(s.ops) - 1; last >= 0 && is(s.a.AutoRemove) {
			if start, ok := s.ops[last].(state.ContainerStart); ok {
				start.Await = true
				s.ops[last] = start
				return
			}
		}
		s.ops = append(s.ops, state.ContainerWait{Name: s.a.Name, For: state.WaitExited, Output: !is(s.a.AutoRemove)})
		if s.a.Cleanup && !is(s.a.AutoRemove) {
			s.do(state.ContainerRemove{Name: s.a.Name, Force: true, Volumes: !s.a.KeepVolumes}, "removed", value.String(s.a.Name))
		}
		return
	}
	if s.a.State == "healthy" && (len(s.ops) > 0 || s.k.have.State.Health != "healthy") {
		w := state.ContainerWait{Name: s.a.Name, For: state.WaitHealthy}
		if s.a.HealthyTimeout > 0 {
			w.Timeout = time.Duration(s.a.HealthyTimeout * float64(time.Second))
		}
		s.ops = append(s.ops, w)
	}
}
