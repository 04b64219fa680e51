package containers

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// kind is how a field is compared.
type kind uint8

const (
	scalar     kind = iota
	ordered         // a list whose order matters
	bag             // a list whose order does not matter
	bagOfDicts      // the same, of dicts of which only the wanted keys matter
	dictionary
)

// field is one argument that says something about a container. of reads it from
// a spec, the wanted one or the one that is there, in one normal form.
type field struct {
	name    string
	aliases []string
	kind    kind
	of      func(*state.ContainerSpec) value.Value
	// live fields can be changed without a new container.
	live bool
	// ignored fields are compared only when asked.
	ignored bool
}

func text(f func(*state.ContainerSpec) string) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.String(f(s)) }
}

func number(f func(*state.ContainerSpec) int64) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.Int(f(s)) }
}

func flag(f func(*state.ContainerSpec) bool) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.Bool(f(s)) }
}

func texts(f func(*state.ContainerSpec) []string) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.Strings(f(s)...) }
}

func table(f func(*state.ContainerSpec) map[string]string) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.FromGo(f(s)) }
}

func names(f func(*state.ContainerSpec) map[string]struct{}) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value { return value.Strings(keys(f(s))...) }
}

func each[T any](f func(*state.ContainerSpec) []T, dict func(T) *value.Map) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value {
		var out []value.Value
		for _, t := range f(s) {
			out = append(out, value.FromMap(dict(t)))
		}
		return value.List(out...)
	}
}

func mapped(f func(*state.ContainerSpec) []string, one func(string) string) func(*state.ContainerSpec) value.Value {
	return func(s *state.ContainerSpec) value.Value {
		var out []string
		for _, x := range f(s) {
			out = append(out, one(x))
		}
		return value.Strings(out...)
	}
}

func is(p *bool) bool { return p != nil && *p }

func capability(s string) string {
	s = strings.ToUpper(s)
	if s == "ALL" || strings.HasPrefix(s, "CAP_") {
		return s
	}
	return "CAP_" + s
}

type spec = state.ContainerSpec

// fields are all arguments that are compared.
func fields() []field {
	out := append(configFields(), hostFields()...)
	return append(append(out, namespaceFields()...), limitFields()...)
}

func configFields() []field {
	return []field{
		{name: "command", kind: ordered, of: texts(func(s *spec) []string { return s.Config.Cmd })},
		{name: "entrypoint", kind: ordered, of: texts(func(s *spec) []string { return s.Config.Entrypoint })},
		{name: "env", kind: bag, of: texts(func(s *spec) []string { return s.Config.Env })},
		{name: "labels", kind: dictionary, of: table(func(s *spec) map[string]string { return s.Config.Labels })},
		{name: "tty", of: flag(func(s *spec) bool { return s.Config.Tty })},
		{name: "interactive", of: flag(func(s *spec) bool { return s.Config.OpenStdin })},
		{name: "detach", of: flag(func(s *spec) bool { return !s.Config.AttachStdout || !s.Config.AttachStderr })},
		{name: "hostname", of: text(func(s *spec) string { return s.Config.Hostname })},
		{name: "domainname", of: text(func(s *spec) string { return s.Config.Domainname })},
		{name: "user", of: text(func(s *spec) string { return s.Config.User })},
		{name: "working_dir", of: text(func(s *spec) string { return s.Config.WorkingDir })},
		{name: "mac_address", of: text(func(s *spec) string { return strings.ToLower(s.Config.MacAddress) })},
		{name: "stop_signal", of: text(func(s *spec) string { return s.Config.StopSignal })},
		{name: "stop_timeout", ignored: true, of: func(s *spec) value.Value {
			if s.Config.StopTimeout == nil {
				return value.Null
			}
			return value.Int(int64(*s.Config.StopTimeout))
		}},
		{name: "exposed_ports", aliases: []string{"exposed", "expose"}, kind: bag,
			of: names(func(s *spec) map[string]struct{} { return s.Config.ExposedPorts })},
		{name: "healthcheck", kind: dictionary, of: healthOf},
		{name: "platform", of: text(func(s *spec) string {
			// The engine tells the system only.
			system, _, more := strings.Cut(s.Platform, "/")
			if !more && system != "windows" {
				system = "linux"
			}
			return system
		})},
	}
}

func healthOf(s *spec) value.Value {
	h := s.Config.Healthcheck
	if h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		return value.FromMap(value.M("Test", []string{"NONE"}))
	}
	m := value.M("Test", h.Test)
	for _, t := range []struct {
		name string
		n    int64
	}{{"Interval", h.Interval}, {"Timeout", h.Timeout}, {"StartPeriod", h.StartPeriod},
		{"StartInterval", h.StartInterval}, {"Retries", int64(h.Retries)}} {
		if t.n != 0 {
			m.Set(t.name, value.Int(t.n))
		}
	}
	return value.FromMap(m)
}

func hostFields() []field {
	rate := func(r state.DeviceRate) *value.Map { return value.M("path", r.Path, "rate", r.Rate) }
	return []field{
		{name: "volumes", kind: bag, of: names(func(s *spec) map[string]struct{} { return s.Config.Volumes })},
		{name: "volume_binds", kind: bag, of: mapped(func(s *spec) []string { return s.Host.Binds }, sameBind)},
		{name: "mounts", kind: bagOfDicts, of: each(func(s *spec) []state.Mount { return s.Host.Mounts }, mountDict)},
		{name: "volumes_from", kind: bag, of: texts(func(s *spec) []string { return s.Host.VolumesFrom })},
		{name: "volume_driver", of: text(func(s *spec) string { return s.Host.VolumeDriver })},
		{name: "tmpfs", kind: dictionary, of: table(func(s *spec) map[string]string { return s.Host.Tmpfs })},
		{name: "published_ports", aliases: []string{"ports"}, kind: dictionary, of: portsOf},
		{name: "publish_all_ports", of: flag(func(s *spec) bool { return s.Host.PublishAllPorts })},
		{name: "devices", kind: bagOfDicts, of: each(func(s *spec) []state.Device { return s.Host.Devices },
			func(d state.Device) *value.Map {
				return value.M("path_on_host", d.PathOnHost, "path_in_container", d.PathInContainer, "permissions", d.CgroupPermissions)
			})},
		{name: "device_requests", kind: bagOfDicts, of: each(func(s *spec) []state.DeviceRequest { return s.Host.DeviceRequests }, requestDict)},
		{name: "device_cgroup_rules", kind: bag, of: texts(func(s *spec) []string { return s.Host.DeviceCgroupRules })},
		{name: "device_read_bps", kind: bagOfDicts, of: each(func(s *spec) []state.DeviceRate { return s.Host.BlkioDeviceReadBps }, rate)},
		{name: "device_write_bps", kind: bagOfDicts, of: each(func(s *spec) []state.DeviceRate { return s.Host.BlkioDeviceWriteBps }, rate)},
		{name: "device_read_iops", kind: bagOfDicts, of: each(func(s *spec) []state.DeviceRate { return s.Host.BlkioDeviceReadIOps }, rate)},
		{name: "device_write_iops", kind: bagOfDicts, of: each(func(s *spec) []state.DeviceRate { return s.Host.BlkioDeviceWriteIOps }, rate)},
		{name: "log_driver", of: text(func(s *spec) string { return s.Host.LogConfig.Type })},
		{name: "log_options", aliases: []string{"log_opt"}, kind: dictionary,
			of: table(func(s *spec) map[string]string { return s.Host.LogConfig.Config })},
		{name: "restart_policy", live: true, of: text(func(s *spec) string { return s.Host.RestartPolicy.Name })},
		{name: "restart_retries", live: true, of: number(func(s *spec) int64 { return int64(s.Host.RestartPolicy.MaximumRetryCount) })},
		{name: "auto_remove", of: flag(func(s *spec) bool { return s.Host.AutoRemove })},
		{name: "init", of: flag(func(s *spec) bool { return is(s.Host.Init) })},
		{name: "read_only", of: flag(func(s *spec) bool { return s.Host.ReadonlyRootfs })},
		{name: "runtime", of: text(func(s *spec) string { return s.Host.Runtime })},
		{name: "shm_size", of: number(func(s *spec) int64 { return s.Host.ShmSize })},
		{name: "storage_opts", kind: dictionary, of: table(func(s *spec) map[string]string { return s.Host.StorageOpt })},
	}
}

func mountDict(m state.Mount) *value.Map {
	out := value.M("target", m.Target, "type", m.Type)
	if m.Source != "" {
		out.Set("source", value.String(m.Source))
	}
	if m.ReadOnly != nil {
		out.Set("read_only", value.Bool(*m.ReadOnly))
	}
	if m.Consistency != "" {
		out.Set("consistency", value.String(m.Consistency))
	}
	if m.BindOptions != nil && m.BindOptions.Propagation != "" {
		out.Set("propagation", value.String(m.BindOptions.Propagation))
	}
	if v := m.VolumeOptions; v != nil {
		if v.NoCopy != nil {
			out.Set("no_copy", value.Bool(*v.NoCopy))
		}
		if len(v.Labels) > 0 {
			out.Set("labels", value.FromGo(v.Labels))
		}
		if v.DriverConfig != nil {
			out.Set("volume_driver", value.String(v.DriverConfig.Name))
			if len(v.DriverConfig.Options) > 0 {
				out.Set("volume_options", value.FromGo(v.DriverConfig.Options))
			}
		}
	}
	if t := m.TmpfsOptions; t != nil {
		if t.SizeBytes != 0 {
			out.Set("tmpfs_size", value.Int(t.SizeBytes))
		}
		if t.Mode != 0 {
			out.Set("tmpfs_mode", value.Int(int64(t.Mode)))
		}
	}
	return out
}

func requestDict(r state.DeviceRequest) *value.Map {
	out := value.M("driver", r.Driver, "count", r.Count, "device_ids", r.DeviceIDs, "options", r.Options)
	var alternatives []value.Value
	for _, c := range r.Capabilities {
		alternatives = append(alternatives, value.Strings(c...))
	}
	out.Set("capabilities", value.List(alternatives...))
	return out
}

func portsOf(s *spec) value.Value {
	m := value.NewMap()
	for _, port := range keys(s.Host.PortBindings) {
		var out []value.Value
		for _, b := range s.Host.PortBindings[port] {
			out = append(out, value.String(b.HostIP+":"+b.HostPort))
		}
		m.Set(port, value.List(out...))
	}
	return value.FromMap(m)
}

func namespaceFields() []field {
	return []field{
		{name: "network_mode", of: text(func(s *spec) string {
			if m := s.Host.NetworkMode; m != "" && m != "bridge" {
				return m
			}
			return "default" // which is the bridge
		})},
		{name: "links", kind: bag, of: mapped(func(s *spec) []string { return s.Host.Links }, sameLink)},
		{name: "dns_servers", kind: ordered, of: texts(func(s *spec) []string { return s.Host.DNS })},
		{name: "dns_opts", kind: bag, of: texts(func(s *spec) []string { return s.Host.DNSOptions })},
		{name: "dns_search_domains", kind: ordered, of: texts(func(s *spec) []string { return s.Host.DNSSearch })},
		{name: "etc_hosts", kind: bag, of: texts(func(s *spec) []string { return s.Host.ExtraHosts })},
		{name: "pid_mode", of: text(func(s *spec) string { return s.Host.PidMode })},
		{name: "ipc_mode", of: text(func(s *spec) string { return s.Host.IpcMode })},
		{name: "uts", of: text(func(s *spec) string { return s.Host.UTSMode })},
		{name: "userns_mode", of: text(func(s *spec) string { return s.Host.UsernsMode })},
		{name: "cgroupns_mode", of: text(func(s *spec) string { return s.Host.CgroupnsMode })},
		{name: "privileged", of: flag(func(s *spec) bool { return s.Host.Privileged })},
		{name: "capabilities", aliases: []string{"cap_add", "cap"}, kind: bag,
			of: mapped(func(s *spec) []string { return s.Host.CapAdd }, capability)},
		{name: "cap_drop", kind: bag, of: mapped(func(s *spec) []string { return s.Host.CapDrop }, capability)},
		{name: "groups", kind: bag, of: texts(func(s *spec) []string { return s.Host.GroupAdd })},
		{name: "security_opts", kind: bag, of: texts(func(s *spec) []string { return s.Host.SecurityOpt })},
		{name: "sysctls", kind: dictionary, of: table(func(s *spec) map[string]string { return s.Host.Sysctls })},
		{name: "ulimits", kind: bagOfDicts, of: each(func(s *spec) []state.Ulimit { return s.Host.Ulimits },
			func(u state.Ulimit) *value.Map { return value.M("name", u.Name, "soft", u.Soft, "hard", u.Hard) })},
	}
}

// sameLink writes container:alias and the engine's /container:/name/alias alike.
func sameLink(l string) string {
	from, to, _ := strings.Cut(strings.TrimPrefix(l, "/"), ":")
	return from + ":" + to[strings.LastIndexByte(to, '/')+1:]
}

func limitFields() []field {
	return []field{
		{name: "memory", live: true, of: number(func(s *spec) int64 { return s.Host.Memory })},
		{name: "memory_reservation", live: true, of: number(func(s *spec) int64 { return s.Host.MemoryReservation })},
		{name: "memory_swap", live: true, of: number(func(s *spec) int64 { return s.Host.MemorySwap })},
		{name: "memory_swappiness", of: func(s *spec) value.Value {
			if n := s.Host.MemorySwappiness; n != nil {
				return value.Int(*n)
			}
			return value.Int(-1)
		}},
		{name: "cpus", of: number(func(s *spec) int64 { return s.Host.NanoCPUs })},
		{name: "cpu_period", live: true, of: number(func(s *spec) int64 { return s.Host.CPUPeriod })},
		{name: "cpu_quota", live: true, of: number(func(s *spec) int64 { return s.Host.CPUQuota })},
		{name: "cpu_shares", live: true, of: number(func(s *spec) int64 { return s.Host.CPUShares })},
		{name: "cpuset_cpus", live: true, of: text(func(s *spec) string { return s.Host.CpusetCpus })},
		{name: "cpuset_mems", live: true, of: text(func(s *spec) string { return s.Host.CpusetMems })},
		{name: "blkio_weight", live: true, of: number(func(s *spec) int64 { return int64(s.Host.BlkioWeight) })},
		{name: "cgroup_parent", of: text(func(s *spec) string { return s.Host.CgroupParent })},
		{name: "oom_killer", of: flag(func(s *spec) bool { return is(s.Host.OomKillDisable) })},
		{name: "oom_score_adj", of: number(func(s *spec) int64 { return int64(s.Host.OomScoreAdj) })},
		{name: "pids_limit", of: number(func(s *spec) int64 {
			if n := s.Host.PidsLimit; n != nil && *n > 0 {
				return *n
			}
			return -1
		})},
	}
}
