package probe

import (
	"sort"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// All is the name of all families.
const All = "all"

// family is one group of facts that are gathered together.
type family struct {
	name string
	// subset is the name under which Ansible's gather_subset knows it.
	subset string
	// facts are the names it gives, without the prefix ansible_; a name that
	// ends in * is a prefix.
	facts string
	// uses are families whose raw data it reads too.
	uses string
	// files are read whole (shell patterns, separated by blanks), exists are
	// only looked for, dirs are folders whose real name is wanted.
	files, exists, dirs string
	// script prints more, in sections; its fragments run in table order.
	script string
	parse  func(r *raw, out *value.Map)
}

// families are all of them. A play that names facts gets those families only:
//
//	family        facts (ansible_ in front)                             forks
//	platform      system kernel kernel_version machine architecture
//	              userspace_* hostname nodename machine_id              0
//	fqdn          fqdn domain                                           0 to 2 (getent)
//	distribution  distribution* os_family                               0
//	lsb           lsb                                                   1 (lsb_release)
//	selinux, apparmor, fips, cmdline, loadavg, dns, ssh_pub_keys,
//	iscsi, nvme, fibre_channel_wwn, uptime, memory, dmi, pkg_mgr,
//	service_mgr   facts of the same names                               0
//	chroot        is_chroot                                             0 to 2
//	python        python python_version                                 1 where there is a python3
//	caps          system_capabilities*                                  1 where there is a capsh
//	date_time     date_time                                             2
//	env           env                                                   1
//	user          user_* real_* effective_*                             1
//	virtual       virtualization_*                                      1 or 2
//	cpu           processor*                                            1
//	devices       devices device_links                                  1 or 2
//	mounts        mounts                                                2
//	lvm           lvm                                                   0, or 3 with LVM's tools
//	network       interfaces default_ipv4 default_ipv6 all_ipv4_addresses
//	              all_ipv6_addresses and one fact per interface         1
//	local         local                                                 0, or 2 per executable .fact
//
// One more fork, of grep, reads the files of all families together.
var families = []*family{
	{name: "platform", subset: "platform", parse: platformFacts,
		facts: "system kernel kernel_version machine architecture userspace_bits userspace_architecture hostname nodename machine_id",
		files: "/proc/sys/kernel/ostype /proc/sys/kernel/osrelease /proc/sys/kernel/version /proc/sys/kernel/hostname " +
			"/proc/sys/kernel/arch /proc/self/stat /var/lib/dbus/machine-id /etc/machine-id",
		script: "[ -r /proc/sys/kernel/arch ] || { printf '@fairlead machine\\n'; uname -m; }"},
	{name: "fqdn", subset: "platform", facts: "fqdn domain", parse: fqdnFacts,
		files: "/proc/sys/kernel/hostname /etc/hosts", script: scriptFQDN},
	{name: "distribution", subset: "distribution", facts: "distribution distribution_* os_family", parse: distributionFacts,
		files: distributionFiles, exists: "/etc/arch-release /etc/vmware-release " + pythonDistro},
	{name: "lsb", subset: "lsb", facts: "lsb", parse: lsbFacts, files: "/etc/lsb-release",
		script: "command -v lsb_release >/dev/null && { printf '@fairlead lsb\\n'; lsb_release -a 2>/dev/null; }"},
	{name: "selinux", subset: "selinux", facts: "selinux selinux_python_present", parse: selinuxFacts,
		files: "/sys/fs/selinux/enforce /sys/fs/selinux/policyvers /etc/selinux/config"},
	{name: "apparmor", subset: "apparmor", facts: "apparmor", parse: apparmorFacts, exists: "/sys/kernel/security/apparmor"},
	{name: "chroot", subset: "chroot", facts: "is_chroot", parse: chrootFacts, script: scriptChroot},
	{name: "fips", subset: "fips", facts: "fips", parse: fipsFacts, files: "/proc/sys/crypto/fips_enabled"},
	{name: "python", subset: "python", facts: "python python_version", parse: pythonFacts, script: scriptPython},
	{name: "caps", subset: "caps", facts: "system_capabilities system_capabilities_enforced", parse: capsFacts,
		script: "command -v capsh >/dev/null && { printf '@fairlead caps\\n'; capsh --print 2>/dev/null; }"},
	{name: "pkg_mgr", subset: "pkg_mgr", facts: "pkg_mgr", uses: "distribution", parse: pkgMgrFacts, exists: pkgMgrPaths()},
	{name: "service_mgr", subset: "service_mgr", facts: "service_mgr", uses: "distribution", parse: serviceMgrFacts,
		files: "/proc/1/comm", exists: "/run/systemd/system /dev/.run/systemd /dev/.systemd /etc/init /sbin/openrc /etc/init.d",
		script: scriptServiceMgr},
	{name: "cmdline", subset: "cmdline", facts: "cmdline proc_cmdline", parse: cmdlineFacts, files: "/proc/cmdline"},
	{name: "date_time", subset: "date_time", facts: "date_time", parse: dateFacts,
		script: "printf '@fairlead date\\n'; date '+%s %z %Z %N'; tail -n 1 /etc/localtime 2>/dev/null; echo"},
	{name: "loadavg", subset: "loadavg", facts: "loadavg", parse: loadavgFacts, files: "/proc/loadavg"},
	{name: "ssh_pub_keys", subset: "ssh_pub_keys", facts: "ssh_host_key_*", parse: sshKeyFacts,
		files: "/etc/ssh/ssh_host_*_key.pub /etc/openssh/ssh_host_*_key.pub /etc/ssh_host_*_key.pub"},
	{name: "user", subset: "user", parse: userFacts, script: scriptUser,
		facts: "user_id user_uid user_gid user_gecos user_dir user_shell real_user_id effective_user_id real_group_id effective_group_id"},
	{name: "virtual", subset: "virtual", facts: "virtualization_*", parse: virtualFacts, script: scriptVirtual + scriptCPU,
		files: "/proc/1/cgroup /run/systemd/container /proc/xen/capabilities /proc/self/status /proc/modules " +
			"/sys/devices/virtual/dmi/id/product_name /sys/devices/virtual/dmi/id/product_family " +
			"/sys/devices/virtual/dmi/id/sys_vendor /sys/devices/virtual/dmi/id/bios_vendor",
		exists: "/proc/vz /proc/lve /proc/bc /.dockerenv /.dockerinit /proc/xen /dev/kvm /rhev"},
	{name: "cpu", subset: "hardware", facts: "processor processor_*", parse: cpuFacts, script: scriptCPU,
		files: "/proc/self/status /sys/hypervisor/type /proc/sys/kernel/arch", exists: "/proc/xen"},
	{name: "memory", subset: "hardware", facts: "memtotal_mb memfree_mb swaptotal_mb swapfree_mb memory_mb", parse: memoryFacts,
		files: "/proc/meminfo"},
	{name: "dmi", subset: "hardware", parse: dmiFacts, files: "/sys/devices/virtual/dmi/id/*",
		facts: "bios_* board_* chassis_* form_factor product_* system_vendor"},
	{name: "devices", subset: "hardware", facts: "devices device_links", parse: deviceFacts, files: deviceFiles,
		exists: "/sys/block/* /sys/block/*/slaves/* /sys/block/*/holders/* /sys/block/*/*/holders/*", dirs: "/sys/block/*", script: scriptDevices},
	{name: "uptime", subset: "hardware", facts: "uptime_seconds", parse: uptimeFacts, files: "/proc/uptime"},
	{name: "mounts", subset: "hardware", facts: "mounts", parse: mountFacts, files: "/proc/mounts /proc/self/mountinfo", script: scriptMounts},
	{name: "lvm", subset: "hardware", facts: "lvm", parse: lvmFacts, script: scriptLVM},
	{name: "dns", subset: "dns", facts: "dns", parse: dnsFacts, files: "/etc/resolv.conf"},
	{name: "fibre_channel_wwn", subset: "fibre_channel_wwn", facts: "fibre_channel_wwn", parse: fcFacts, files: "/sys/class/fc_host/*/port_name"},
	{name: "network", subset: "network", parse: networkFacts, files: networkFiles,
		facts:  "interfaces default_ipv4 default_ipv6 all_ipv4_addresses all_ipv6_addresses",
		exists: "/sys/class/net/*/brif/*", dirs: "/sys/class/net/*/device /sys/class/net/*/device/driver/module", script: scriptNetwork},
	{name: "iscsi", subset: "iscsi", facts: "iscsi_iqn", parse: iscsiFacts, files: "/etc/iscsi/initiatorname.iscsi"},
	{name: "nvme", subset: "nvme", facts: "hostnqn", parse: nvmeFacts, files: "/etc/nvme/hostnqn"},
	{name: "local", subset: "local", facts: "local", parse: localFacts, script: scriptLocal},
	// The last one: its section holds whatever the environment does.
	{name: "env", subset: "env", facts: "env", parse: envFacts,
		script: scriptEnv},
}

func familyNamed(name string) *family {
	for _, f := range families {
		if f.name == name {
			return f
		}
	}
	return nil
}

// gives tells whether the family gives a fact.
func (f *family) gives(fact string) bool {
	for _, n := range strings.Fields(f.facts) {
		if prefix, open := strings.CutSuffix(n, "*"); n == fact || open && strings.HasPrefix(fact, prefix) {
			return true
		}
	}
	return false
}

// FamiliesFor gives the families that a play needs which reads these variables:
// what state.Facts asks. Names are variables as expressions name them, such as
// "ansible_os_family" or "ansible_facts.os_family"; a name that ends in "*"
// stands for all that begin so, and "ansible_facts" or "ansible_*" for
// everything. A name with the prefix ansible_ that is no fact of a fixed name
// may be an interface (ansible_eth0), unless it is one of the variables that
// Ansible itself defines (ansible_host, ansible_check_mode). "" means that no
// fact is needed.
func FamiliesFor(names []string) string {
	want := map[string]bool{}
	for _, n := range names {
		for _, f := range familiesOf(n) {
			want[f] = true
		}
	}
	if want[All] {
		return All
	}
	return joinSorted(want)
}

func familiesOf(name string) []string {
	fact, ok := strings.CutPrefix(name, "ansible_facts")
	switch {
	case ok && (fact == "" || fact == ".*"):
		return []string{All}
	case ok && fact[0] == '.':
		fact = strings.TrimPrefix(fact[1:], "ansible_")
	default:
		if fact, ok = strings.CutPrefix(name, "ansible_"); !ok {
			return nil
		}
	}
	if fact == "*" {
		return []string{All}
	}
	prefix, open := strings.CutSuffix(fact, "*")
	var out []string
	for _, f := range families {
		if f.gives(fact) || open && f.begins(prefix) {
			out = append(out, f.name)
		}
	}
	if open || len(out) == 0 && !isMagic(fact) {
		out = append(out, "network")
	}
	return out
}

func (f *family) begins(prefix string) bool {
	for _, n := range strings.Fields(f.facts) {
		n = strings.TrimSuffix(n, "*")
		if strings.HasPrefix(n, prefix) || strings.HasPrefix(prefix, n) {
			return true
		}
	}
	return false
}

// magic are variables of Ansible's own with the prefix ansible_ that are no
// facts; those that end in _ are prefixes.
var magic = strings.Fields(`host port user password connection pass private_key_file pipelining timeout
	check_mode diff_mode forks inventory_sources limit run_tags skip_tags verbosity version
	config_file search_path index_var collection_name facts_parallel parent_role_ dependent_role_names
	delegated_vars async_dir remote_tmp common_remote_ system_tmpdirs executable item_label playbook_python
	python_interpreter perl_interpreter ruby_interpreter no_log failed_ play_ role_ loop become shell_
	ssh_ssh_args ssh_ sftp_ scp_ winrm_ paramiko_ docker_ connection_ network_os host_key_checking sudo_ su_ aliases skipped`)

func isMagic(fact string) bool {
	for _, m := range magic {
		if fact == m || (strings.HasSuffix(m, "_") || m == "become" || m == "loop") && strings.HasPrefix(fact, m) {
			return true
		}
	}
	return false
}

func joinSorted(set map[string]bool) string {
	out := make([]string, 0, len(set))
	for n := range set {
		out = append(out, n)
	}
	sort.Strings(out)
	return strings.Join(out, ",")
}
