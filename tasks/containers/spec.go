package containers

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// newContainer is docker_container.
func newContainer() module.Module {
	return module.New(module.Spec{
		Name: "docker_container", Aliases: aliases("docker_container"),
		Summary: "Keeps a container as described",
		Doc: `Compares the container with the arguments given, field by field. One that is as
described is left alone; one that differs in limits or restart policy only is
updated; any other is replaced: the new container is made beside the old one and
takes its place only when it can, and the old one is put back when the new one
does not start. Arguments not given, and what the image brings, make no
difference.`,
		Args:       slices.Concat(taskArgs(), configSpec(), hostSpec(), deviceSpec(), limitSpec(), withoutDebug(connection())),
		RequiredIf: [][]string{{"state", "present", "image"}},
		RequiredBy: map[string][]string{"log_options": {"log_driver"}, "restart_retries": {"restart_policy"}},
		Returns: []module.Return{
			{Name: "container", Type: "dict", When: "the container exists", Doc: "What the engine says of it; Output holds what it wrote when detach is false."},
			{Name: "status", Type: "int", When: "detach is false", Doc: "Exit code of the container."},
			{Name: "differences", Type: "list", When: "something differed", Doc: "The arguments that differed, each with the wanted and the found value."},
			{Name: "actions", Type: "list", When: "in a plan, or with debug", Doc: "What is done, in order."},
		},
		Examples: `- docker_container:
    name: controller
    image: "{{ controller_image }}"
    network_mode: host
    privileged: true
    restart_policy: unless-stopped
    volumes:
      - /etc/contrailctl:/etc/contrailctl
      - /var/log/contrail/controller:/var/log/contrail
`,
		Traits: module.Traits{Reach: state.ReachHost},
	}, planContainer)
}

func withoutDebug(args []module.Arg) []module.Arg {
	return slices.DeleteFunc(args, func(a module.Arg) bool { return a.Name == "debug" })
}

func taskArgs() []module.Arg {
	return []module.Arg{
		{Name: "name", Required: true, Doc: "Name of the container, or its id."},
		{Name: "state", Default: "started", Choices: []string{"absent", "present", "started", "stopped", "healthy"},
			Doc: "absent: stopped and removed. present: there, as described. started, stopped: that too. healthy: started, and its health check is good."},
		{Name: "image", Doc: "Image, by name[:tag], name@digest or id. Needed to create the container."},
		{Name: "pull", Default: "missing", Choices: []string{"missing", "always", "never", "true", "false"},
			Doc: "When to pull the image: when it is missing (also false), always (also true), never."},
		{Name: "pull_check_mode_behavior", Choices: []string{"image_not_present", "always"}, Doc: "Accepted; a plan says unknown when only a pull can tell."},
		{Name: "recreate", Type: module.Bool, Default: false, Doc: "Replace the container even when nothing differs."},
		{Name: "restart", Type: module.Bool, Default: false, Doc: "Restart a running container that need not be replaced."},
		{Name: "comparisons", Type: module.Dict, Elem: module.Str,
			Doc: "How to compare an argument: ignore, strict, or allow_more_present for lists and dicts; '*' for all."},
		{Name: "force_kill", Aliases: []string{"forcekill"}, Type: module.Bool, Default: false, Doc: "Kill instead of stopping."},
		{Name: "kill_signal", Doc: "Signal to kill with; KILL when not given."},
		{Name: "keep_volumes", Type: module.Bool, Default: true, Doc: "Keep the anonymous volumes of a removed container."},
		{Name: "cleanup", Type: module.Bool, Default: false, Doc: "With detach false: remove the container when it ended."},
		{Name: "output_logs", Type: module.Bool, Default: false, Doc: "Accepted; the output is in the result."},
		{Name: "paused", Type: module.Bool, Doc: "Whether a started container is paused."},
		{Name: "purge_networks", Type: module.Bool, Default: false, Doc: "Disconnect from networks that are not named."},
		{Name: "networks_cli_compatible", Type: module.Bool, Default: true, Doc: "The first of networks takes the place of the default network."},
		{Name: "container_default_behavior", Default: "no_defaults", Choices: []string{"compatibility", "no_defaults"},
			Doc: "compatibility: arguments not given have the defaults of old versions (detach true, tty false, memory 0 ...)."},
		{Name: "command_handling", Default: "correct", Choices: []string{"compatibility", "correct"}, Doc: "How lists in command and entrypoint are read."},
		{Name: "default_host_ip", Doc: "Address for published ports that name none."},
		{Name: "ignore_image", Type: module.Bool, Default: false, Doc: "Do not replace a container because its image is another one."},
		{Name: "image_comparison", Default: "desired-image", Choices: []string{"desired-image", "current-image"}, Doc: "The image whose defaults make no difference."},
		{Name: "image_name_mismatch", Default: "ignore", Choices: []string{"ignore", "recreate"}, Doc: "What to do when the image is the same under another name."},
		{Name: "image_label_mismatch", Default: "ignore", Choices: []string{"ignore", "fail"}, Doc: "Whether labels of the image count, with labels compared strictly."},
		{Name: "healthy_wait_timeout", Type: module.Float, Default: 300.0, Doc: "Seconds to wait for state healthy; 0 or less: without limit."},
		{Name: "removal_wait_timeout", Type: module.Float, Doc: "Accepted; a removal is waited for."},
		{Name: "trust_image_content", Type: module.Bool, Doc: "Accepted and not used.", Deprecated: "it never did anything"},
		{Name: "debug", Type: module.Bool, Default: false, Doc: "Give the actions in the result."},
	}
}

func list(name, doc string, al ...string) module.Arg {
	return module.Arg{Name: name, Aliases: al, Type: module.List, Elem: module.Str, Doc: doc}
}

func dict(name, doc string, al ...string) module.Arg {
	return module.Arg{Name: name, Aliases: al, Type: module.Dict, Elem: module.Str, Doc: doc}
}

func configSpec() []module.Arg {
	return []module.Arg{
		{Name: "command", Type: module.Raw, Doc: "Command, as a list or as text that is split as a shell splits words."},
		list("entrypoint", "Takes the place of the image's entry point."),
		{Name: "env", Type: module.Dict, Doc: "Environment variables. Values must be text: quote numbers and yes/no."},
		{Name: "env_file", Type: module.Path, Doc: "A file on the host with NAME=value lines; env wins."},
		dict("labels", "Labels."),
		{Name: "tty", Type: module.Bool, Doc: "Give it a terminal."},
		{Name: "interactive", Type: module.Bool, Doc: "Keep its standard input open."},
		{Name: "detach", Type: module.Bool, Doc: "false: wait for its end; a code other than 0 fails the task."},
		{Name: "hostname", Doc: "Host name inside."},
		{Name: "domainname", Doc: "Domain name inside."},
		{Name: "user", Doc: "User, or user:group, that runs the command."},
		{Name: "working_dir", Doc: "Folder in which the command runs."},
		{Name: "mac_address", Doc: "MAC address."},
		{Name: "stop_signal", Doc: "Signal that stops it."},
		{Name: "stop_timeout", Type: module.Int, Doc: "Seconds before a stop becomes a kill. Not compared unless asked."},
		list("exposed_ports", "Ports it listens on: 80, 80/udp, 8000-8010.", "exposed", "expose"),
		{Name: "platform", Doc: "Platform of the image, such as linux/amd64."},
		{Name: "healthcheck", Type: module.Dict, Doc: "How the engine checks its health.", Options: []module.Arg{
			{Name: "test", Type: module.Raw, Doc: "A list that begins with CMD, CMD-SHELL or NONE, or text for CMD-SHELL."},
			{Name: "interval", Doc: "Time between checks: 30s, 1m30s."},
			{Name: "timeout", Doc: "Time after which a check failed."},
			{Name: "start_period", Doc: "Time in which failures do not count."},
			{Name: "start_interval", Doc: "Time between checks in the start period."},
			{Name: "retries", Type: module.Int, Doc: "Failures in a row that make it unhealthy."},
		}},
	}
}

func hostSpec() []module.Arg {
	return []module.Arg{
		list("volumes", "source:target[:mode], name:target[:mode], or target for an anonymous volume."),
		{Name: "mounts", Type: module.List, Elem: module.Dict, Doc: "Mounts, spelled out.", Options: mountSpec()},
		list("volumes_from", "Containers whose volumes it gets."),
		{Name: "volume_driver", Doc: "Driver of its volumes."},
		list("tmpfs", "Memory file systems: target[:options]."),
		{Name: "network_mode", Doc: "host, bridge, none, default, container:NAME or a network."},
		{Name: "networks", Type: module.List, Elem: module.Dict, Doc: "Networks to connect to.", Options: []module.Arg{
			{Name: "name", Required: true, Doc: "Network."}, {Name: "ipv4_address", Doc: "Address."},
			{Name: "ipv6_address", Doc: "Address."}, {Name: "mac_address", Doc: "MAC address."},
			list("aliases", "Names of the container in the network."), list("links", "container[:alias] it reaches by name."),
		}},
		list("links", "container[:alias] it reaches by name."),
		list("published_ports", "[[address:]port:]port[/protocol], ranges too.", "ports"),
		{Name: "publish_all_ports", Type: module.Bool, Doc: "Publish every exposed port."},
		list("dns_servers", "Name servers."), list("dns_opts", "Options of the resolver."),
		list("dns_search_domains", "Domains to search."),
		dict("etc_hosts", "Names and addresses for its /etc/hosts."),
		{Name: "pid_mode", Doc: "host or container:NAME."},
		{Name: "ipc_mode", Doc: "host, private, shareable, none or container:NAME."},
		{Name: "uts", Doc: "host."}, {Name: "userns_mode", Doc: "host."},
		{Name: "cgroupns_mode", Choices: []string{"private", "host"}, Doc: "Its cgroup namespace."},
		{Name: "privileged", Type: module.Bool, Doc: "All rights of the host."},
		list("capabilities", "Capabilities to add.", "cap_add", "cap"), list("cap_drop", "Capabilities to drop."),
		list("groups", "More groups of its user."),
		list("security_opts", "Security options."), dict("storage_opts", "Options of the storage driver."),
		dict("sysctls", "Kernel settings of its namespaces."), list("ulimits", "name:soft[:hard]."),
		{Name: "log_driver", Doc: "Logging driver."}, {Name: "log_options", Aliases: []string{"log_opt"}, Type: module.Dict, Doc: "Its options."},
		{Name: "restart_policy", Choices: []string{"no", "on-failure", "always", "unless-stopped"}, Doc: "When the engine starts it again."},
		{Name: "restart_retries", Type: module.Int, Doc: "Limit for on-failure."},
		{Name: "auto_remove", Type: module.Bool, Doc: "The engine removes it when it ends."},
		{Name: "init", Type: module.Bool, Doc: "Run a small init inside."},
		{Name: "read_only", Type: module.Bool, Doc: "Its file system cannot be written."},
		{Name: "runtime", Doc: "OCI runtime."}, {Name: "shm_size", Doc: "Size of /dev/shm: 64M."},
	}
}

func mountSpec() []module.Arg {
	return []module.Arg{
		{Name: "target", Required: true, Doc: "Where in the container."},
		{Name: "source", Doc: "Path on the host, or name of a volume."},
		{Name: "type", Default: "volume", Choices: []string{"bind", "npipe", "tmpfs", "volume"}, Doc: "Kind of mount."},
		{Name: "read_only", Type: module.Bool, Doc: "Cannot be written."},
		{Name: "consistency", Choices: []string{"cached", "consistent", "default", "delegated"}, Doc: "For engines on other systems."},
		{Name: "propagation", Choices: []string{"private", "rprivate", "shared", "rshared", "slave", "rslave"}, Doc: "Of a bind mount."},
		{Name: "no_copy", Type: module.Bool, Doc: "A new volume does not get the image's files."},
		dict("labels", "Labels of the volume."),
		{Name: "volume_driver", Doc: "Driver of the volume."}, dict("volume_options", "Options of the driver."),
		{Name: "tmpfs_size", Doc: "Size of a memory file system."}, {Name: "tmpfs_mode", Doc: "Its mode, octal."},
	}
}

func deviceSpec() []module.Arg {
	rate := func(name, doc string) module.Arg {
		return module.Arg{Name: name, Type: module.List, Elem: module.Dict, Doc: doc, Options: []module.Arg{
			{Name: "path", Required: true, Doc: "Device."}, {Name: "rate", Required: true, Doc: "Limit."}}}
	}
	return []module.Arg{
		list("devices", "path[:path inside[:rwm]]."), list("device_cgroup_rules", "Rules such as c 42:* rwm."),
		{Name: "device_requests", Type: module.List, Elem: module.Dict, Doc: "Devices of a driver, such as GPUs.", Options: []module.Arg{
			{Name: "capabilities", Type: module.List, Elem: module.List, Doc: "Alternatives of capabilities."},
			{Name: "count", Type: module.Int, Doc: "How many; -1 for all."}, list("device_ids", "Which."),
			{Name: "driver", Doc: "Driver."}, dict("options", "Its options."),
		}},
		rate("device_read_bps", "Bytes read per second: 10M."), rate("device_write_bps", "Bytes written per second."),
		rate("device_read_iops", "Reads per second."), rate("device_write_iops", "Writes per second."),
	}
}

func limitSpec() []module.Arg {
	return []module.Arg{
		{Name: "memory", Doc: "Limit of memory: 512M, 0 for none."},
		{Name: "memory_reservation", Doc: "Soft limit of memory."},
		{Name: "memory_swap", Doc: "Limit of memory and swap together; unlimited or -1 for none."},
		{Name: "memory_swappiness", Type: module.Int, Doc: "0 to 100."},
		{Name: "kernel_memory", Doc: "Accepted and not used.", Deprecated: "engines no longer have it"},
		{Name: "cpus", Type: module.Float, Doc: "How many processors it may use: 1.5."},
		{Name: "cpu_period", Type: module.Int, Doc: "Period of the scheduler, microseconds."},
		{Name: "cpu_quota", Type: module.Int, Doc: "Quota in a period, microseconds."},
		{Name: "cpu_shares", Type: module.Int, Doc: "Relative weight."},
		{Name: "cpuset_cpus", Doc: "Processors: 0,2 or 0-3."}, {Name: "cpuset_mems", Doc: "Memory nodes."},
		{Name: "blkio_weight", Type: module.Int, Doc: "Weight of block input and output, 10 to 1000."},
		{Name: "cgroup_parent", Doc: "Parent cgroup."},
		{Name: "oom_killer", Type: module.Bool, Doc: "true: the kernel does not kill it when memory runs out (the name is the original's)."},
		{Name: "oom_score_adj", Type: module.Int, Doc: "Preference of that killer."},
		{Name: "pids_limit", Type: module.Int, Doc: "Limit of processes; -1 for none."},
	}
}
