package containers

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// want is the container that the arguments describe: a spec, and which
// arguments were given at all. Only those are compared.
type want struct {
	spec  state.ContainerSpec
	given map[string]bool
	// secret are names of environment variables whose values are secret.
	secret map[string]bool
	// warnings are what is odd about the arguments.
	warnings []string
}

// set copies one given argument.
func set[T any](w *want, name string, from *T, to *T) {
	if from != nil {
		*to, w.given[name] = *from, true
	}
}

// setSlice and setMap copy a given list or dict; an empty one is given too.
func setSlice[T any](w *want, name string, from []T, to *[]T) {
	if from != nil {
		*to, w.given[name] = from, true
	}
}

func setMap(w *want, name string, from map[string]string, to *map[string]string) {
	if from != nil {
		*to, w.given[name] = from, true
	}
}

// setPtr is set for a field that is itself a pointer.
func setPtr[T any](w *want, name string, from *T, to **T) {
	if from != nil {
		*to, w.given[name] = from, true
	}
}

// wanted turns arguments into a want. envFile is the content of env_file.
func wanted(a *containerArgs, envFile []byte) (*want, error) {
	if a.DefaultBehavior == "compatibility" {
		compatibility(a)
	}
	w := &want{given: map[string]bool{}, secret: map[string]bool{}}
	w.spec.Config.Image = a.Image
	w.plain(a)
	w.limits(a)
	for _, step := range []func(*containerArgs) error{
		w.commands, func(a *containerArgs) error { return w.env(a, envFile) },
		w.labels, w.health, w.sizes, w.devices, w.ulimits, w.mounts, w.networks, w.ports, w.logging, w.terminal,
	} {
		if err := step(a); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// compatibility fills in what old versions of the module had as defaults.
func compatibility(a *containerArgs) {
	no, yes, zero := false, true, "0"
	for _, p := range []**bool{&a.AutoRemove, &a.Init, &a.Interactive, &a.Paused, &a.Privileged, &a.ReadOnly, &a.Tty} {
		if *p == nil {
			*p = &no
		}
	}
	if a.Detach == nil {
		a.Detach = &yes
	}
	if a.Memory == nil {
		a.Memory = &zero
	}
}

// onlyTexts are the values of a dict that must be texts: what YAML read as a
// number or a boolean may not be what was meant.
func onlyTexts(option string, given map[string]value.Value) (map[string]string, error) {
	if given == nil {
		return nil, nil
	}
	out := make(map[string]string, len(given))
	for _, name := range keys(given) {
		if !given[name].IsString() {
			return nil, module.Fail("Non-string value found for " + option + " option. Ambiguous " + option + " options must be " +
				"wrapped in quotes to avoid them being interpreted. Key: " + name)
		}
		out[name] = given[name].Str()
	}
	return out, nil
}

// labels reads the labels.
func (w *want) labels(a *containerArgs) error {
	texts, err := onlyTexts("labels", a.Labels)
	setMap(w, "labels", texts, &w.spec.Config.Labels)
	return err
}

// plain are the arguments that mean what they say.
func (w *want) plain(a *containerArgs) {
	c, h := &w.spec.Config, &w.spec.Host
	set(w, "hostname", a.Hostname, &c.Hostname)
	set(w, "domainname", a.Domainname, &c.Domainname)
	set(w, "user", a.User, &c.User)
	set(w, "working_dir", a.WorkingDir, &c.WorkingDir)
	set(w, "stop_signal", a.StopSignal, &c.StopSignal)
	setPtr(w, "stop_timeout", a.StopTimeout, &c.StopTimeout)
	set(w, "tty", a.Tty, &c.Tty)
	set(w, "platform", a.Platform, &w.spec.Platform)
	set(w, "volume_driver", a.VolumeDriver, &h.VolumeDriver)
	setSlice(w, "volumes_from", a.VolumesFrom, &h.VolumesFrom)
	set(w, "publish_all_ports", a.PublishAll, &h.PublishAllPorts)
	setSlice(w, "dns_servers", a.DNS, &h.DNS)
	setSlice(w, "dns_opts", a.DNSOpts, &h.DNSOptions)
	setSlice(w, "dns_search_domains", a.DNSSearch, &h.DNSSearch)
	set(w, "pid_mode", a.PidMode, &h.PidMode)
	set(w, "ipc_mode", a.IpcMode, &h.IpcMode)
	set(w, "uts", a.UTS, &h.UTSMode)
	set(w, "userns_mode", a.UsernsMode, &h.UsernsMode)
	set(w, "cgroupns_mode", a.CgroupNS, &h.CgroupnsMode)
	set(w, "privileged", a.Privileged, &h.Privileged)
	setSlice(w, "capabilities", a.Capabilities, &h.CapAdd)
	setSlice(w, "cap_drop", a.CapDrop, &h.CapDrop)
	setSlice(w, "device_cgroup_rules", a.DeviceRules, &h.DeviceCgroupRules)
	setSlice(w, "groups", a.Groups, &h.GroupAdd)
	setSlice(w, "security_opts", a.SecurityOpts, &h.SecurityOpt)
	setMap(w, "storage_opts", a.StorageOpts, &h.StorageOpt)
	setMap(w, "sysctls", a.Sysctls, &h.Sysctls)
	set(w, "restart_policy", a.RestartPolicy, &h.RestartPolicy.Name)
	set(w, "restart_retries", a.RestartRetries, &h.RestartPolicy.MaximumRetryCount)
	set(w, "auto_remove", a.AutoRemove, &h.AutoRemove)
	setPtr(w, "init", a.Init, &h.Init)
	set(w, "read_only", a.ReadOnly, &h.ReadonlyRootfs)
	set(w, "runtime", a.Runtime, &h.Runtime)
	if a.MacAddress != nil {
		mac := strings.ReplaceAll(*a.MacAddress, "-", ":")
		set(w, "mac_address", &mac, &c.MacAddress)
	}
	if a.EtcHosts != nil {
		w.given["etc_hosts"] = true
		for _, name := range keys(a.EtcHosts) {
			h.ExtraHosts = append(h.ExtraHosts, name+":"+a.EtcHosts[name])
		}
	}
}

func (w *want) limits(a *containerArgs) {
	h := &w.spec.Host
	setPtr(w, "memory_swappiness", a.MemorySwappiness, &h.MemorySwappiness)
	set(w, "cpu_period", a.CPUPeriod, &h.CPUPeriod)
	set(w, "cpu_quota", a.CPUQuota, &h.CPUQuota)
	set(w, "cpu_shares", a.CPUShares, &h.CPUShares)
	set(w, "cpuset_cpus", a.CpusetCpus, &h.CpusetCpus)
	set(w, "cpuset_mems", a.CpusetMems, &h.CpusetMems)
	set(w, "blkio_weight", a.BlkioWeight, &h.BlkioWeight)
	set(w, "cgroup_parent", a.CgroupParent, &h.CgroupParent)
	setPtr(w, "oom_killer", a.OomKiller, &h.OomKillDisable)
	set(w, "oom_score_adj", a.OomScoreAdj, &h.OomScoreAdj)
	setPtr(w, "pids_limit", a.PidsLimit, &h.PidsLimit)
	if a.CPUs != nil {
		nano := int64(math.Round(*a.CPUs * 1e9))
		set(w, "cpus", &nano, &h.NanoCPUs)
	}
}

func (w *want) sizes(a *containerArgs) error {
	h := &w.spec.Host
	for _, s := range []struct {
		name string
		from *string
		to   *int64
	}{
		{"memory", a.Memory, &h.Memory}, {"memory_reservation", a.MemoryReservation, &h.MemoryReservation},
		{"memory_swap", a.MemorySwap, &h.MemorySwap}, {"shm_size", a.ShmSize, &h.ShmSize},
	} {
		if s.from == nil {
			continue
		}
		w.given[s.name] = true
		if s.name == "memory_swap" && (*s.from == "unlimited" || *s.from == "-1") {
			*s.to = -1
			continue
		}
		n, err := size(*s.from)
		if err != nil {
			return module.Fail(fmt.Sprintf("Failed to convert %s to bytes: %s", s.name, err))
		}
		*s.to = n
	}
	return nil
}

func (w *want) commands(a *containerArgs) error {
	c := &w.spec.Config
	if a.Command != nil && !a.Command.IsNull() {
		cmd, err := words(*a.Command)
		if err != nil {
			return module.Fail("command: " + err.Error())
		}
		w.given["command"], c.Cmd = true, cmd
	}
	if a.Entrypoint != nil {
		w.given["entrypoint"], c.Entrypoint = true, a.Entrypoint
	}
	if a.CommandHandling == "correct" {
		return nil
	}
	// The old way: a list is joined and split again, and an empty one is none.
	for name, p := range map[string]*[]string{"command": &c.Cmd, "entrypoint": &c.Entrypoint} {
		if name == "command" && a.Command != nil && a.Command.Kind() != value.KindList {
			w.given[name] = len(c.Cmd) > 0 // a text was split already
			continue
		}
		again, err := split(strings.Join(*p, " "))
		if err != nil {
			return module.Fail(name + ": " + err.Error())
		}
		*p, w.given[name] = again, len(again) > 0
	}
	return nil
}

func words(v value.Value) ([]string, error) {
	items := v.Items()
	if items == nil && v.Kind() != value.KindList {
		return split(v.Text())
	}
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.Text()
	}
	return out, nil
}

func (w *want) env(a *containerArgs, file []byte) error {
	if a.Env == nil && a.EnvFile == "" {
		return nil
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, val, ok := strings.Cut(line, "=")
		if !ok {
			return module.Fail(fmt.Sprintf("env_file %s: a line is not NAME=value: %s", a.EnvFile, name))
		}
		vars[name] = val
	}
	given, err := onlyTexts("env", a.Env)
	if err != nil {
		return err
	}
	for name, text := range given {
		vars[name] = text
		w.secret[name] = a.Env[name].IsSecret()
	}
	w.given["env"] = true
	w.spec.Config.Env = joined(vars, "=")
	return nil
}

// terminal is what interactive and detach mean together for the streams. Those
// of a container that nothing is said about are attached, as in the original:
// detach true, said later, differs from that.
func (w *want) terminal(a *containerArgs) error {
	c := &w.spec.Config
	w.given["interactive"], w.given["detach"] = a.Interactive != nil, a.Detach != nil
	c.OpenStdin = is(a.Interactive)
	if !is(a.Detach) {
		c.AttachStdout, c.AttachStderr = true, true
		c.AttachStdin, c.StdinOnce = c.OpenStdin, c.OpenStdin
	}
	return nil
}

func (w *want) logging(a *containerArgs) error {
	if a.LogDriver == nil {
		return nil
	}
	w.given["log_driver"] = true
	w.spec.Host.LogConfig.Type = *a.LogDriver
	if a.LogOptions == nil {
		return nil
	}
	w.given["log_options"] = true
	w.spec.Host.LogConfig.Config = map[string]string{}
	for _, name := range keys(a.LogOptions) {
		v := a.LogOptions[name]
		if !v.IsString() {
			w.warnings = append(w.warnings, fmt.Sprintf("Non-string value found for log_options option '%s'. The value is automatically "+
				"converted to '%s'. If this is not correct, or you want to avoid such warnings, please quote the value.", name, v.Text()))
		}
		w.spec.Host.LogConfig.Config[name] = v.Text()
	}
	return nil
}

func keys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func joined(m map[string]string, sep string) []string {
	out := make([]string, 0, len(m))
	for _, k := range keys(m) {
		out = append(out, k+sep+m[k])
	}
	return out
}
