package containers

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type networkTask struct {
	Name              string                 `arg:"name"`
	State             string                 `arg:"state"`
	Connected         []string               `arg:"connected"`
	Appends           bool                   `arg:"appends"`
	Force             bool                   `arg:"force"`
	Driver            string                 `arg:"driver"`
	DriverOptions     map[string]value.Value `arg:"driver_options"`
	IPAMDriver        string                 `arg:"ipam_driver"`
	IPAMDriverOptions map[string]string      `arg:"ipam_driver_options"`
	IPAM              []poolArgs             `arg:"ipam_config"`
	IPv6              *bool                  `arg:"enable_ipv6"`
	Internal          *bool                  `arg:"internal"`
	Attachable        *bool                  `arg:"attachable"`
	Scope             string                 `arg:"scope"`
	GivenLabels       map[string]value.Value `arg:"labels"`
	Labels            map[string]string      // the same, known to be texts
	Debug             bool                   `arg:"debug"`
}

type poolArgs struct {
	Subnet       string            `arg:"subnet"`
	IPRange      string            `arg:"iprange"`
	Gateway      string            `arg:"gateway"`
	AuxAddresses map[string]string `arg:"aux_addresses"`
}

func newNetwork() module.Module {
	return module.New(module.Spec{
		Name: "docker_network", Aliases: aliases("docker_network"),
		Summary: "Keeps a network of the container engine as described",
		Doc: `Compares the network with the arguments given. One that differs is removed and made
anew, with the containers that were in it connected again; its name, containers
and drivers stay as they are otherwise.`,
		Args: slices.Concat([]module.Arg{
			{Name: "name", Aliases: []string{"network_name"}, Required: true, Doc: "Name of the network."},
			{Name: "state", Default: "present", Choices: []string{"present", "absent"}, Doc: "Whether it is there."},
			{Name: "connected", Aliases: []string{"containers"}, Type: module.List, Elem: module.Str, Default: []any{},
				Doc: "Containers to connect. Others are disconnected, unless appends says to keep them; none means those that are connected now."},
			{Name: "appends", Aliases: []string{"incremental"}, Type: module.Bool, Default: false, Doc: "Keep containers connected that are not named."},
			{Name: "force", Type: module.Bool, Default: false, Doc: "Remove it and make it anew in any case."},
			{Name: "driver", Default: "bridge", Doc: "Driver."},
			{Name: "driver_options", Type: module.Dict, Default: map[string]any{}, Doc: "Options of the driver."},
			{Name: "ipam_driver", Doc: "Driver that gives addresses."},
			dict("ipam_driver_options", "Its options."),
			{Name: "ipam_config", Type: module.List, Elem: module.Dict, Doc: "Ranges of addresses.", Options: []module.Arg{
				{Name: "subnet", Doc: "Subnet, such as 192.0.2.0/24."}, {Name: "iprange", Doc: "The part of it that containers get."},
				{Name: "gateway", Doc: "Address of the gateway."}, dict("aux_addresses", "Addresses that are taken, by name."),
			}},
			{Name: "enable_ipv6", Type: module.Bool, Doc: "With IPv6."},
			{Name: "internal", Type: module.Bool, Doc: "No way out of it."},
			{Name: "attachable", Type: module.Bool, Doc: "Containers that no service runs can be connected."},
			{Name: "scope", Choices: []string{"local", "global", "swarm"}, Doc: "How far it reaches."},
			{Name: "labels", Type: module.Dict, Elem: module.Str, Default: map[string]any{}, Doc: "Labels."},
			{Name: "debug", Type: module.Bool, Default: false, Doc: "Give the actions in the result."},
		}, withoutDebug(connection())),
		Returns: []module.Return{
			{Name: "network", Type: "dict", When: "state is present", Doc: "What the engine says of it; null in a dry run that would make it."},
			{Name: "actions", Type: "list", When: "in a dry run, or with debug", Doc: "What is done, in order."},
			{Name: "diff", Type: "dict", When: "with --diff, in a dry run, or with debug", Doc: "The arguments that differ (differences), and with --diff before and after."},
		},
		Examples: `- docker_network:
    name: backend
    ipam_config:
      - subnet: 192.0.2.0/24
        gateway: 192.0.2.1
    connected: [api, db]
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planNetwork)
}

func planNetwork(a networkTask, in module.Inputs, v state.View) (module.Change, error) {
	for _, p := range a.IPAM {
		if !isCIDR(p.Subnet) {
			return module.Change{}, module.Fail(fmt.Sprintf("%q is not a valid CIDR", p.Subnet))
		}
	}
	var err error
	if a.Labels, err = onlyTexts("labels", a.GivenLabels); err != nil {
		return module.Change{}, err
	}
	g := &gather{v: v}
	have, known, err := ask[state.DockerNetworkInfo](g, state.DockerNetwork{Name: a.Name})
	if !known {
		return module.Need(g.need...), err
	}
	s := &networkSteps{a: &a, have: have, track: tracker{}}
	for _, id := range keys(have.Containers) {
		s.inside = append(s.inside, have.Containers[id])
	}
	s.track.add("exists", value.Bool(a.State == "present"), value.Bool(have.Exists))
	mark := "id " + have.ID
	if in.Before != "" && in.Before != mark { // an attempt that was cut off made it anew
		a.Force = false
	}
	if a.State == "absent" {
		s.remove()
	} else {
		s.present()
	}
	c := module.Change{Ops: s.ops, Diff: s.track.diff(), Result: value.M("changed", len(s.ops) > 0), Mark: mark, Foretold: s.foretold()}
	s.track.put(c.Result, in, a.Debug, a.State == "absent", s.actions)
	if a.State == "absent" {
		if !in.Check && !a.Debug {
			c.Result.Set("actions", value.Strings(s.actions...))
		}
		return c, nil
	}
	c.Result.Set("network", networkValue(have))
	if len(s.ops) == 0 {
		return c, nil
	}
	c.Still = value.M("network", networkValue(have))
	c.Result.Set("network", module.Later())
	result := c.Result
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		g := &gather{v: v}
		now, known, err := ask[state.DockerNetworkInfo](g, state.DockerNetwork{Name: a.Name})
		if !known {
			return module.Need(g.need...), err
		}
		done := module.Change{Result: result.Clone()}
		done.Result.Set("network", networkValue(now))
		for _, r := range did {
			if m, ok := r.Data.(state.NetworkMade); ok {
				done.Warnings = append(done.Warnings, engineWarnings(m.Warnings)...)
			}
		}
		return done, nil
	}
	return c, nil
}

func networkValue(n state.DockerNetworkInfo) value.Value {
	if !n.Exists {
		return value.Null
	}
	return n.Inspect
}

func isCIDR(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p.IsValid()
}

// networkSteps are the operations of one task in the making.
type networkSteps struct {
	a       *networkTask
	have    state.DockerNetworkInfo
	inside  []string // containers connected now
	track   tracker
	ops     []state.Op
	actions []string
}

func (s *networkSteps) do(op state.Op, format string, args ...any) {
	s.ops = append(s.ops, op)
	s.actions = append(s.actions, fmt.Sprintf(format, args...))
}

func (s *networkSteps) present() {
	wanted := s.a.Connected
	if len(wanted) == 0 {
		wanted = s.inside
	}
	fresh := !s.have.Exists
	if s.have.Exists {
		before := len(s.track.diffs)
		s.compare()
		if s.a.Force || len(s.track.diffs) > before {
			s.remove()
			fresh = true
		}
	}
	inside := s.inside
	if fresh {
		s.do(state.NetworkCreate{Spec: s.spec()}, "Created network %s with driver %s", s.a.Name, s.a.Driver)
		inside = nil
	}
	for _, c := range wanted {
		if !slices.Contains(inside, c) {
			s.do(state.ContainerConnect{Name: c, Network: s.a.Name}, "Connected container %s", c)
			s.track.add("connected."+c, value.Bool(true), value.Bool(false))
		}
	}
	if s.a.Appends {
		return
	}
	for _, c := range inside {
		if !slices.Contains(wanted, c) {
			s.disconnect(c)
		}
	}
}

// foretold is the network as a plan goes on with it; nil where containers come in or
// go out of it.
func (s *networkSteps) foretold() *state.Foretold {
	if len(s.ops) == 0 || len(s.inside)+len(s.a.Connected) > 0 {
		return nil
	}
	will := state.DockerNetworkInfo{}
	if s.a.State == "present" {
		will = state.DockerNetworkInfo{Exists: true, NetworkSpec: s.spec(), Inspect: module.Later()}
	}
	return &state.Foretold{Answers: []state.Answer{{Query: state.DockerNetwork{Name: s.a.Name}, Value: will}}}
}

func (s *networkSteps) disconnect(c string) {
	s.do(state.ContainerDisconnect{Name: c, Network: s.a.Name}, "Disconnected container %s", c)
	s.track.add("connected."+c, value.Bool(false), value.Bool(true))
}

func (s *networkSteps) remove() {
	if !s.have.Exists {
		return
	}
	for _, c := range s.inside {
		s.disconnect(c)
	}
	s.do(state.NetworkRemove{Name: s.a.Name}, "Removed network %s", s.a.Name)
}

// spec is the network that the arguments describe.
func (s *networkSteps) spec() state.NetworkSpec {
	a := s.a
	spec := state.NetworkSpec{Name: a.Name, Driver: a.Driver, Scope: a.Scope, Options: apiTexts(a.DriverOptions), Labels: a.Labels,
		Internal: is(a.Internal), Attachable: is(a.Attachable), EnableIPv6: is(a.IPv6)}
	if a.IPAMDriver == "" && a.IPAMDriverOptions == nil && len(a.IPAM) == 0 {
		return spec
	}
	spec.IPAM = &state.NetworkIPAM{Driver: a.IPAMDriver, Options: a.IPAMDriverOptions}
	for _, p := range a.IPAM {
		spec.IPAM.Config = append(spec.IPAM.Config, state.NetworkPool{Subnet: p.Subnet, IPRange: p.IPRange,
			Gateway: p.Gateway, AuxiliaryAddresses: p.AuxAddresses})
	}
	return spec
}

// compare notes where the network differs from the arguments that were given.
func (s *networkSteps) compare() {
	a, have, t := s.a, s.have, &s.track
	text := func(name, want, got string) {
		if want != "" && want != got {
			t.add(name, value.String(want), value.String(got))
		}
	}
	flag := func(name string, want *bool, got bool) {
		if want != nil && *want != got {
			t.add(name, value.Bool(*want), value.Bool(got))
		}
	}
	ipam := state.NetworkIPAM{}
	if have.IPAM != nil {
		ipam = *have.IPAM
	}
	text("driver", a.Driver, have.Driver)
	t.lacking("driver_options", apiTexts(a.DriverOptions), have.Options)
	text("ipam_driver", a.IPAMDriver, ipam.Driver)
	if want := value.FromGo(a.IPAMDriverOptions); a.IPAMDriverOptions != nil && !(len(a.IPAMDriverOptions) == 0 && len(ipam.Options) == 0) &&
		!value.Equal(want, value.FromGo(ipam.Options)) {
		t.add("ipam_driver_options", want, value.FromGo(ipam.Options))
	}
	s.comparePools(ipam.Config)
	flag("enable_ipv6", a.IPv6, have.EnableIPv6)
	flag("internal", a.Internal, have.Internal)
	text("scope", a.Scope, have.Scope)
	flag("attachable", a.Attachable, have.Attachable)
	t.lacking("labels", a.Labels, have.Labels)
}

// comparePools looks for each wanted range among those that are there.
func (s *networkSteps) comparePools(have []state.NetworkPool) {
	if len(s.a.IPAM) > 0 && len(have) == 0 {
		var want []value.Value
		for _, p := range s.a.IPAM {
			want = append(want, value.FromMap(poolDict(p)))
		}
		s.track.add("ipam_config", value.List(want...), value.List())
		return
	}
	for i, p := range s.a.IPAM {
		want, got := poolDict(p), value.NewMap()
		for _, h := range have {
			d := poolDict(poolArgs{Subnet: h.Subnet, IPRange: h.IPRange, Gateway: h.Gateway, AuxAddresses: h.AuxiliaryAddresses})
			if sameDict(value.FromMap(want), value.FromMap(d)) {
				got = d
				break
			}
		}
		for k, v := range want.All() {
			h, ok := got.GetKey(k)
			if !ok {
				h = value.Null
			}
			if !value.Equal(v, h) {
				s.track.add(fmt.Sprintf("ipam_config[%d].%s", i, k.Str()), v, h)
			}
		}
	}
}

// poolDict holds what is said of a range; the engine's spelling of addresses
// does not matter.
func poolDict(p poolArgs) *value.Map {
	m := value.NewMap()
	for _, f := range []struct{ name, text string }{{"subnet", p.Subnet}, {"iprange", p.IPRange}, {"gateway", p.Gateway}} {
		if f.text != "" {
			m.Set(f.name, value.String(canonical(f.text)))
		}
	}
	if p.AuxAddresses != nil {
		aux := make(map[string]string, len(p.AuxAddresses))
		for name, text := range p.AuxAddresses {
			aux[name] = canonical(text)
		}
		m.Set("aux_addresses", value.FromGo(aux))
	}
	return m
}

// canonical is an address or a network in the one spelling that an engine may give it.
func canonical(text string) string {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.String()
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return a.String()
	}
	return strings.ToLower(text)
}
