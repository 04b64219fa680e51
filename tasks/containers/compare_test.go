package containers

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/google/go-cmp/cmp"
)

var (
	testImage = state.ImageInfo{Exists: true, ID: "sha256:" + strings.Repeat("1", 64), Config: state.ContainerConfig{
		Env: []string{"PATH=/bin", "A=image"}, Labels: map[string]string{"from": "image"}, Cmd: []string{"serve"},
		Entrypoint: []string{"/init"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}, Volumes: map[string]struct{}{"/data": {}},
		Healthcheck: &state.Healthcheck{Test: []string{"CMD", "ok"}},
	}}
	no    = false
	three = 3
	forty = int64(40)
)

// running is a container as the engine describes one made from the image with
// nothing but its name.
func running(change func(*state.ContainerSpec)) state.ContainerInfo {
	s := state.ContainerSpec{Config: testImage.Config, Platform: "linux"}
	s.Config.Hostname, s.Config.Image = "0123456789ab", "web:1"
	s.Host = state.HostConfig{NetworkMode: "default", IpcMode: "private", CgroupnsMode: "private", Runtime: "runc",
		RestartPolicy: state.RestartPolicy{Name: "no"}, LogConfig: state.LogConfig{Type: "json-file"}, ShmSize: 64 << 20}
	if change != nil {
		change(&s)
	}
	return state.ContainerInfo{Exists: true, ID: strings.Repeat("c", 64), Name: "web", Image: testImage.ID,
		State: state.ContainerState{Status: "running", Running: true}, Spec: s,
		Networks: map[string]state.Endpoint{"bridge": {}},
		Inspect:  value.FromMap(value.M("Id", "c", "Config", value.M("Env", []string{"A=x"})))}
}

// plan plans docker_container against a container.
func plan(t *testing.T, have state.ContainerInfo, args ...any) (module.Change, error) {
	t.Helper()
	return planWith(t, have, testImage, args...)
}

func planWith(t *testing.T, have state.ContainerInfo, img state.ImageInfo, args ...any) (module.Change, error) {
	t.Helper()
	m := newContainer()
	a, err := m.Decode(value.M(append([]any{"name", "web"}, args...)...), diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	v := &view{known: map[state.Query]any{
		state.Container{Name: "web"}: have, state.Image{Ref: "web:1"}: img, state.Image{Ref: testImage.ID}: testImage,
		state.Container{Name: "other"}:  state.ContainerInfo{Exists: true, ID: strings.Repeat("d", 64)},
		state.DockerNetwork{Name: "n1"}: state.DockerNetworkInfo{Exists: true}, state.DockerNetwork{Name: "none"}: state.DockerNetworkInfo{},
		state.Login{}: state.LoginInfo{Home: "/root"},
	}, files: map[string]state.File{"/env": file("# c\nX=1\nA=file\n")}}
	c, err := m.Plan(a, module.Inputs{Diff: true, Check: true}, v)
	if len(c.Need) > 0 {
		t.Fatalf("asks for %v", c.Need)
	}
	return c, err
}

func names2(c module.Change) []string {
	var out []string
	d, _ := c.Result.Get("differences")
	for _, it := range d.Items() {
		out = append(out, it.Map().Keys()[0].Str())
	}
	return out
}

func opNames(ops []state.Op) string {
	var out []string
	for _, op := range ops {
		out = append(out, strings.Fields(op.String())[0])
	}
	return strings.Join(out, " ")
}

// TestCompare: for each argument, a container that is as described and one
// that is not.
func TestCompare(t *testing.T) {
	t.Parallel()
	type spec = state.ContainerSpec
	list := func(s ...string) []string { return s }
	yes := true
	for name, tt := range map[string]struct {
		arg   any
		alike func(*spec)
		other func(*spec) // nil: the bare container differs
		live  bool
	}{
		"command":       {"run -x 'a b'", func(s *spec) { s.Config.Cmd = list("run", "-x", "a b") }, nil, false},
		"entrypoint":    {list("/x"), func(s *spec) { s.Config.Entrypoint = list("/x") }, nil, false},
		"env":           {value.M("B", "2"), func(s *spec) { s.Config.Env = list("PATH=/bin", "B=2", "A=image", "MORE=1") }, nil, false},
		"env_file":      {"/env", func(s *spec) { s.Config.Env = list("PATH=/bin", "X=1", "A=file") }, nil, false},
		"labels":        {value.M("b", "2"), func(s *spec) { s.Config.Labels = map[string]string{"from": "image", "b": "2", "more": "1"} }, nil, false},
		"tty":           {true, func(s *spec) { s.Config.Tty = true }, nil, false},
		"interactive":   {true, func(s *spec) { s.Config.OpenStdin = true }, nil, false},
		"detach":        {false, func(s *spec) { s.Config.AttachStdout, s.Config.AttachStderr = true, true }, nil, false},
		"hostname":      {"h", func(s *spec) { s.Config.Hostname = "h" }, nil, false},
		"domainname":    {"d", func(s *spec) { s.Config.Domainname = "d" }, nil, false},
		"user":          {"u:g", func(s *spec) { s.Config.User = "u:g" }, nil, false},
		"working_dir":   {"/w", func(s *spec) { s.Config.WorkingDir = "/w" }, nil, false},
		"mac_address":   {"02-42-AC-11-00-02", func(s *spec) { s.Config.MacAddress = "02:42:ac:11:00:02" }, nil, false},
		"stop_signal":   {"SIGINT", func(s *spec) { s.Config.StopSignal = "SIGINT" }, nil, false},
		"exposed_ports": {list("90", "91/udp", "92-93"), func(s *spec) { s.Config.ExposedPorts = ports("80/tcp", "90/tcp", "91/udp", "92/tcp", "93/tcp") }, nil, false},
		"platform":      {"linux/amd64", func(*spec) {}, func(s *spec) { s.Platform = "windows" }, false},
		"healthcheck": {value.M("test", "true", "interval", "1m30s"), func(s *spec) {
			s.Config.Healthcheck = &state.Healthcheck{Test: list("CMD-SHELL", "true"), Interval: 90e9, Retries: 3}
		}, nil, false},
		"volumes": {list("/a:/b/", "/c:/d:z,ro", "v:/v:rw", "/anon"), func(s *spec) {
			s.Host.Binds = list("/a:/b", "/c:/d:ro,z", "v:/v", "/x:/y")
			s.Config.Volumes = ports("/data", "/anon")
		}, nil, false},
		"mounts": {[]any{value.M("target", "/m", "source", "v", "no_copy", true)}, func(s *spec) {
			s.Host.Mounts = []state.Mount{{Type: "volume", Source: "v", Target: "/m", ReadOnly: &yes, VolumeOptions: &state.VolumeOptions{NoCopy: &yes}}}
		}, nil, false},
		"volumes_from":  {list("x"), func(s *spec) { s.Host.VolumesFrom = list("x", "y") }, nil, false},
		"volume_driver": {"x", func(s *spec) { s.Host.VolumeDriver = "x" }, nil, false},
		"tmpfs":         {list("/t:size=1m"), func(s *spec) { s.Host.Tmpfs = map[string]string{"/t": "size=1m", "/u": ""} }, nil, false},
		"network_mode":  {"host", func(s *spec) { s.Host.NetworkMode = "host" }, nil, false},
		"links":         {list("a", "b:c"), func(s *spec) { s.Host.Links = list("/a:/web/a", "/b:/web/c") }, nil, false},
		"published_ports": {list("80", "127.0.0.1:81:8081", "82-83:90-91/udp", "[::1]:84:84"), func(s *spec) {
			s.Host.PortBindings = bindings
			s.Config.ExposedPorts = ports("80/tcp", "8081/tcp", "90/udp", "91/udp", "84/tcp")
		}, func(s *spec) { s.Config.ExposedPorts = ports("80/tcp", "8081/tcp", "90/udp", "91/udp", "84/tcp") }, false},
		"publish_all_ports":  {true, func(s *spec) { s.Host.PublishAllPorts = true }, nil, false},
		"dns_servers":        {list("192.0.2.1"), func(s *spec) { s.Host.DNS = list("192.0.2.1") }, nil, false},
		"dns_opts":           {list("ndots:1"), func(s *spec) { s.Host.DNSOptions = list("ndots:1") }, nil, false},
		"dns_search_domains": {list("a", "b"), func(s *spec) { s.Host.DNSSearch = list("a", "b") }, func(s *spec) { s.Host.DNSSearch = list("b", "a") }, false},
		"etc_hosts":          {value.M("a", "192.0.2.1"), func(s *spec) { s.Host.ExtraHosts = list("a:192.0.2.1", "b:192.0.2.2") }, nil, false},
		"pid_mode":           {"container:other", func(s *spec) { s.Host.PidMode = "container:" + strings.Repeat("d", 64) }, nil, false},
		"ipc_mode":           {"host", func(s *spec) { s.Host.IpcMode = "host" }, nil, false},
		"uts":                {"host", func(s *spec) { s.Host.UTSMode = "host" }, nil, false},
		"userns_mode":        {"host", func(s *spec) { s.Host.UsernsMode = "host" }, nil, false},
		"cgroupns_mode":      {"host", func(s *spec) { s.Host.CgroupnsMode = "host" }, nil, false},
		"privileged":         {true, func(s *spec) { s.Host.Privileged = true }, nil, false},
		"capabilities":       {list("AUDIT_WRITE", "cap_sys_admin"), func(s *spec) { s.Host.CapAdd = list("CAP_SYS_ADMIN", "AUDIT_WRITE", "CAP_NET_RAW") }, nil, false},
		"cap_drop":           {list("ALL"), func(s *spec) { s.Host.CapDrop = list("all") }, nil, false},
		"groups":             {list("5"), func(s *spec) { s.Host.GroupAdd = list("5") }, nil, false},
		"security_opts":      {list("x"), func(s *spec) { s.Host.SecurityOpt = list("y", "x") }, nil, false},
		"storage_opts":       {value.M("size", "1G"), func(s *spec) { s.Host.StorageOpt = map[string]string{"size": "1G"} }, nil, false},
		"sysctls":            {value.M("net.a", 1), func(s *spec) { s.Host.Sysctls = map[string]string{"net.a": "1", "net.b": "2"} }, nil, false},
		"ulimits":            {list("nofile:1:2", "core:0"), func(s *spec) { s.Host.Ulimits = []state.Ulimit{{Name: "core"}, {Name: "nofile", Soft: 1, Hard: 2}} }, nil, false},
		"log_driver":         {"syslog", func(s *spec) { s.Host.LogConfig.Type = "syslog" }, nil, false},
		"auto_remove":        {true, func(s *spec) { s.Host.AutoRemove = true }, nil, false},
		"init":               {true, func(s *spec) { s.Host.Init = &yes }, func(s *spec) { s.Host.Init = &no }, false},
		"read_only":          {true, func(s *spec) { s.Host.ReadonlyRootfs = true }, nil, false},
		"runtime":            {"x", func(s *spec) { s.Host.Runtime = "x" }, nil, false},
		"shm_size":           {"1.5M", func(s *spec) { s.Host.ShmSize = 3 << 19 }, nil, false},
		"devices": {list("/dev/a", "/dev/b:/dev/c:r"), func(s *spec) {
			s.Host.Devices = []state.Device{{PathOnHost: "/dev/b", PathInContainer: "/dev/c", CgroupPermissions: "r"}, {PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm"}}
		}, nil, false},
		"device_cgroup_rules": {list("c 1:1 r"), func(s *spec) { s.Host.DeviceCgroupRules = list("c 1:1 r") }, nil, false},
		"device_requests": {[]any{value.M("count", -1, "capabilities", []any{list("gpu")})}, func(s *spec) {
			s.Host.DeviceRequests = []state.DeviceRequest{{Count: -1, Capabilities: [][]string{{"gpu"}}}}
		}, nil, false},
		"device_read_bps":    {[]any{value.M("path", "/dev/a", "rate", "1M")}, func(s *spec) { s.Host.BlkioDeviceReadBps = []state.DeviceRate{{Path: "/dev/a", Rate: 1 << 20}} }, nil, false},
		"device_write_bps":   {[]any{value.M("path", "/dev/a", "rate", "1M")}, func(s *spec) { s.Host.BlkioDeviceWriteBps = []state.DeviceRate{{Path: "/dev/a", Rate: 1 << 20}} }, nil, false},
		"device_read_iops":   {[]any{value.M("path", "/dev/a", "rate", 9)}, func(s *spec) { s.Host.BlkioDeviceReadIOps = []state.DeviceRate{{Path: "/dev/a", Rate: 9}} }, nil, false},
		"device_write_iops":  {[]any{value.M("path", "/dev/a", "rate", 9)}, func(s *spec) { s.Host.BlkioDeviceWriteIOps = []state.DeviceRate{{Path: "/dev/a", Rate: 9}} }, nil, false},
		"restart_policy":     {"always", func(s *spec) { s.Host.RestartPolicy.Name = "always" }, nil, true},
		"memory":             {"1G", func(s *spec) { s.Host.Memory = 1 << 30 }, nil, true},
		"memory_reservation": {"1G", func(s *spec) { s.Host.MemoryReservation = 1 << 30 }, nil, true},
		"memory_swap":        {"unlimited", func(s *spec) { s.Host.MemorySwap = -1 }, nil, true},
		"memory_swappiness":  {40, func(s *spec) { s.Host.MemorySwappiness = &forty }, nil, false},
		"cpus":               {1.5, func(s *spec) { s.Host.NanoCPUs = 1.5e9 }, nil, false},
		"cpu_period":         {9, func(s *spec) { s.Host.CPUPeriod = 9 }, nil, true},
		"cpu_quota":          {9, func(s *spec) { s.Host.CPUQuota = 9 }, nil, true},
		"cpu_shares":         {9, func(s *spec) { s.Host.CPUShares = 9 }, nil, true},
		"cpuset_cpus":        {"0,1", func(s *spec) { s.Host.CpusetCpus = "0,1" }, nil, true},
		"cpuset_mems":        {"0", func(s *spec) { s.Host.CpusetMems = "0" }, nil, true},
		"blkio_weight":       {9, func(s *spec) { s.Host.BlkioWeight = 9 }, nil, true},
		"cgroup_parent":      {"/p", func(s *spec) { s.Host.CgroupParent = "/p" }, nil, false},
		"oom_killer":         {true, func(s *spec) { s.Host.OomKillDisable = &yes }, nil, false},
		"oom_score_adj":      {9, func(s *spec) { s.Host.OomScoreAdj = 9 }, nil, false},
		"pids_limit":         {40, func(s *spec) { s.Host.PidsLimit = &forty }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := plan(t, running(tt.alike), "image", "web:1", name, tt.arg)
			if err != nil || len(c.Ops) > 0 {
				t.Errorf("as described: %s %v: %v %v", opNames(c.Ops), names2(c), c.Result, err)
			}
			c, err = plan(t, running(tt.other), "image", "web:1", name, tt.arg)
			want, field := "replace", strings.Replace(name, "env_file", "env", 1)
			if tt.live {
				want = "update"
			}
			if name == "detach" {
				want = "replace wait"
			}
			if err != nil || opNames(c.Ops) != want || !cmp.Equal(names2(c), []string{field}) && name != "volumes" {
				t.Errorf("otherwise: %s, differences %v, %v", opNames(c.Ops), names2(c), err)
			}
			if c, err = plan(t, running(tt.other), "image", "web:1", name, tt.arg, "comparisons", value.M("*", "ignore")); err != nil || c.Diff != nil {
				t.Errorf("ignored: %s %v", opNames(c.Ops), err)
			}
		})
	}
}

func ports(names ...string) map[string]struct{} {
	m := map[string]struct{}{}
	for _, n := range names {
		m[n] = struct{}{}
	}
	return m
}

var bindings = map[string][]state.PortBinding{
	"80/tcp": {{HostIP: "0.0.0.0"}}, "8081/tcp": {{HostIP: "127.0.0.1", HostPort: "81"}},
	"90/udp": {{HostIP: "0.0.0.0", HostPort: "82"}}, "91/udp": {{HostIP: "0.0.0.0", HostPort: "83"}}, "84/tcp": {{HostIP: "::1", HostPort: "84"}},
}

// TestUnchanged: what costs nothing.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]any{
		"nothing given":     {"image", "web:1"},
		"no image":          {},
		"empty command":     {"image", "web:1", "command", []string{}},
		"bridge is default": {"image", "web:1", "network_mode", "bridge"},
		"no init":           {"image", "web:1", "init", false},
		"no limit":          {"image", "web:1", "pids_limit", -1, "memory", "0"},
		"no restart":        {"image", "web:1", "restart_policy", "no"},
		"old defaults":      {"image", "web:1", "container_default_behavior", "compatibility"},
		"stop_timeout":      {"image", "web:1", "stop_timeout", three},
		"present":           {"image", "web:1", "state", "present"},
		"pull false":        {"image", "web:1", "pull", false},
		"paused":            {"image", "web:1", "paused", false},
		"image ignored":     {"image", "web:1", "comparisons", value.M("image", "ignore")},
	} {
		c, err := plan(t, running(nil), args...)
		if err != nil || len(c.Ops) > 0 || c.Then != nil {
			t.Errorf("%s: %s %v %v", name, opNames(c.Ops), names2(c), err)
			continue
		}
		if ch, _ := c.Result.Get("changed"); ch.AsBool() {
			t.Errorf("%s: changed", name)
		}
	}
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	more := running(func(s *state.ContainerSpec) {
		s.Config.Env = append([]string{"EXTRA=1", "B=2"}, s.Config.Env...)
		s.Config.Cmd = []string{"a", "b", "c"}
	})
	for name, tt := range map[string]struct {
		args []any
		want string
		fail string
	}{
		"more env":         {[]any{"env", value.M("B", "2")}, "", ""},
		"more env, strict": {[]any{"env", value.M("B", "2"), "comparisons", value.M("env", "strict")}, "env", ""},
		"some of command":  {[]any{"command", []string{"a", "c"}, "comparisons", value.M("command", "allow_more_present")}, "", ""},
		"order of command": {[]any{"command", []string{"c", "a"}, "comparisons", value.M("command", "allow_more_present")}, "command", ""},
		"all strict":       {[]any{"env", value.M("B", "2"), "comparisons", value.M("*", "strict")}, "env", ""},
		"all strict but":   {[]any{"env", value.M("B", "2"), "comparisons", value.M("*", "strict", "env", "ignore")}, "", ""},
		"stop_timeout":     {[]any{"stop_timeout", 5, "comparisons", value.M("stop_timeout", "strict")}, "stop_timeout", ""},
		"an alias":         {[]any{"cap", []string{"X"}, "comparisons", value.M("cap_add", "ignore")}, "", ""},
		"another image":    {[]any{"image", "web:2"}, "image", ""},
		"it is ignored":    {[]any{"image", "web:2", "ignore_image", true}, "", ""},
		"unknown":          {[]any{"comparisons", value.M("colour", "strict")}, "", "Unknown module option 'colour'"},
		"unknown mode":     {[]any{"comparisons", value.M("env", "loose")}, "", "Unknown comparison mode"},
		"value":            {[]any{"comparisons", value.M("tty", "allow_more_present")}, "", "is a value and not a set/list/dict"},
		"wildcard":         {[]any{"comparisons", value.M("*", "allow_more_present")}, "", "wildcard"},
		"twice":            {[]any{"comparisons", value.M("ports", "strict", "published_ports", "strict")}, "", "Both"},
	} {
		m := newContainer()
		a, err := m.Decode(value.M(append([]any{"name", "web"}, tt.args...)...), diag.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		other := testImage
		other.ID = "sha256:" + strings.Repeat("2", 64)
		c, err := m.Plan(a, module.Inputs{}, &view{known: map[state.Query]any{state.Container{Name: "web"}: more,
			state.Image{Ref: testImage.ID}: testImage, state.Image{Ref: "web:2"}: other}})
		switch {
		case tt.fail != "":
			var f *module.Failure
			if !errors.As(err, &f) || !strings.Contains(f.Msg, tt.fail) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.Join(names2(c), " ") != tt.want:
			t.Errorf("%s: differences %v", name, names2(c))
		}
	}
}
