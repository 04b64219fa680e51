package containers

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// step is one task of a walk and what is to come of it.
type step struct {
	args    []any
	changed bool
	ops     []string
}

func TestRealNetwork(t *testing.T) {
	h := realHost(t)
	realImage(t, h)
	const name = "fairlead-test-net"
	m := newNetwork()
	gone := func() {
		h.run(newContainer(), false, "name", realName, "state", "absent", "force_kill", true)
		h.run(m, false, "name", name, "state", "absent")
	}
	gone()
	t.Cleanup(func() {
		if t.Context().Err() == nil {
			gone()
		}
	})
	pool := func(gateway string) []any {
		return []any{value.M("subnet", "10.213.77.0/24", "gateway", gateway)}
	}
	again := []string{"NetworkRemove", "NetworkCreate"}
	for i, s := range []step{
		{nil, true, []string{"NetworkCreate"}},
		{nil, false, nil},
		{[]any{"labels", value.M("a", "1")}, true, again},
		{[]any{"labels", value.M("a", "1")}, false, nil},
		{[]any{"ipam_config", pool("10.213.77.1"), "internal", true}, true, again},
		{[]any{"ipam_config", pool("10.213.77.1"), "internal", true}, false, nil},
		{[]any{"ipam_config", pool("10.213.77.2")}, true, again},
		{[]any{"force", true, "driver_options", value.M("com.docker.network.bridge.enable_icc", false)}, true, again},
		{[]any{"driver_options", value.M("com.docker.network.bridge.enable_icc", false)}, false, nil},
	} {
		args := append([]any{"name", name}, s.args...)
		changed(t, h.run(m, true, args...), s.changed)
		r := changed(t, h.run(m, false, args...), s.changed)
		if !slices.Equal(h.ops, s.ops) {
			t.Fatalf("step %d: operations %v, want %v", i, h.ops, s.ops)
		}
		if n, _ := r.Get("network"); n.IsNull() || !n.IsUnsafe() {
			t.Errorf("step %d: network %s", i, n.Text())
		}
	}
	testConnected(t, h, name)
	changed(t, h.run(m, true, "name", name, "state", "absent"), true)
	changed(t, h.run(m, false, "name", name, "state", "absent"), true)
	changed(t, h.run(m, false, "name", name, "state", "absent"), false)
}

// testConnected connects a container, by both modules.
func testConnected(t *testing.T, h *host, name string) {
	m := newNetwork()
	container := func(more ...any) []any {
		return append([]any{"name", realName, "image", realRef, "networks", []any{value.M("name", name, "aliases", []string{"web"})}}, more...)
	}
	r := changed(t, h.run(newContainer(), false, container()...), true)
	c, _ := r.Get("container")
	settings, _ := c.Get("NetworkSettings")
	if nets, _ := settings.Get("Networks"); !strings.Contains(nets.Text(), "'web'") {
		t.Errorf("networks %s", nets.Text())
	}
	changed(t, h.run(newContainer(), false, container()...), false)
	changed(t, h.run(m, false, "name", name, "connected", []string{realName}), false)
	r = changed(t, h.run(m, false, "name", name, "labels", value.M("b", "2")), true)
	if !slices.Equal(h.ops, []string{"ContainerDisconnect", "NetworkRemove", "NetworkCreate", "ContainerConnect"}) {
		t.Errorf("a network with a container: %v", h.ops)
	}
	if n, _ := r.Get("network"); !strings.Contains(n.Text(), realName) {
		t.Errorf("the container was not connected again: %s", n.Text())
	}
	changed(t, h.run(newNetworkInfo(), false, "name", name), false)
}

func TestRealVolume(t *testing.T) {
	h := realHost(t)
	const name = "fairlead-test-vol"
	m := newVolume()
	h.run(m, false, "name", name, "state", "absent")
	opts := func(o string) value.Value {
		return value.FromMap(value.M("type", "tmpfs", "device", "tmpfs", "o", o))
	}
	for i, s := range []step{
		{nil, true, []string{"VolumeCreate"}},
		{nil, false, nil},
		{[]any{"driver_options", opts("size=1m")}, false, nil},
		{[]any{"driver_options", opts("size=1m"), "recreate", "options-changed"}, true, []string{"VolumeRemove", "VolumeCreate"}},
		{[]any{"driver_options", opts("size=1m"), "recreate", "options-changed"}, false, nil},
		{[]any{"labels", value.M("a", "b"), "recreate", "options-changed"}, true, []string{"VolumeRemove", "VolumeCreate"}},
		{[]any{"labels", value.M("a", "b"), "recreate", "always"}, true, []string{"VolumeRemove", "VolumeCreate"}},
		{[]any{"state", "absent"}, true, []string{"VolumeRemove"}},
		{[]any{"state", "absent"}, false, nil},
	} {
		args := append([]any{"name", name}, s.args...)
		changed(t, h.run(m, true, args...), s.changed)
		changed(t, h.run(m, false, args...), s.changed)
		if !slices.Equal(h.ops, s.ops) {
			t.Fatalf("step %d: operations %v, want %v", i, h.ops, s.ops)
		}
	}
	r := h.run(m, false, "name", name, "driver", "fairlead-none")
	if msg, _ := r.Get("msg"); !strings.Contains(msg.Text(), "fairlead-none") {
		t.Errorf("a driver that is not there: %s", msg.Text())
	}
	r = changed(t, h.run(newVolumeInfo(), false, "name", name), false)
	if e, _ := r.Get("exists"); e.Truthy() {
		t.Error("the volume is still there")
	}
}

func TestRealPrune(t *testing.T) {
	h := realHost(t)
	const label = "fairlead-test-prune"
	changed(t, h.run(newVolume(), false, "name", label, "labels", value.M(label, "1")), true)
	changed(t, h.run(newNetwork(), false, "name", label, "labels", value.M(label, "1")), true)
	only := []any{"label", label}
	args := []any{"volumes", true, "volumes_filters", value.M(only...), "networks", true, "networks_filters", value.M("label", []string{label})}
	if c, _ := h.run(newPrune(), true, args...).Get("changed"); !c.IsUnknown() {
		t.Errorf("a dry run: %v", c)
	}
	r := changed(t, h.run(newPrune(), false, args...), true)
	for _, kind := range []string{"volumes", "networks"} {
		if d, _ := r.Get(kind); len(d.Items()) != 1 || d.Items()[0].Text() != label {
			t.Errorf("%s: %s", kind, d.Text())
		}
	}
	changed(t, h.run(newPrune(), false, args...), false)
	changed(t, h.run(newPrune(), false), false)
}
