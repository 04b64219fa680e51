package probe

import (
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// factsOfText reads what a script printed and gives the facts of families.
func factsOfText(t testing.TB, names, text string) map[string]any {
	t.Helper()
	chosen, _, err := choose(names)
	if err != nil {
		t.Fatal(err)
	}
	r, out := parseRaw([]byte(text)), value.NewMap()
	for _, f := range chosen {
		f.parse(r, out)
	}
	return goFacts(t, out)
}

// checks are what must stand at paths of names, joined by blanks.
type checks map[string]any

func (c checks) run(t *testing.T, got map[string]any) {
	t.Helper()
	for path, want := range c {
		var have any = got
		for _, p := range strings.Fields(path) {
			m, _ := have.(map[string]any)
			have = m[p]
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %#v, want %#v", path, have, want)
		}
	}
}

const netDevices = `/sys/class/net/eth0/address:52:54:00:12:34:56
/sys/class/net/eth0/mtu:1500
/sys/class/net/eth0/operstate:up
/sys/class/net/eth0/type:1
/sys/class/net/eth0/flags:0x1103
/sys/class/net/br-0/address:02:42:00:00:00:01
/sys/class/net/br-0/mtu:1500
/sys/class/net/br-0/operstate:down
/sys/class/net/br-0/type:1
/sys/class/net/br-0/bridge/bridge_id:8000.0242
/sys/class/net/br-0/bridge/stp_state:0
/sys/class/net/bond0/mtu:9000
/sys/class/net/bond0/type:1
/sys/class/net/bond0/bonding/mode:802.3ad 4
/sys/class/net/bond0/bonding/slaves:eth1 eth2
/sys/class/net/bond0/bonding/miimon:100
/sys/class/net/bond0/bonding/lacp_rate:fast 1
/sys/class/net/lo/address:00:00:00:00:00:00
/sys/class/net/lo/mtu:65536
/sys/class/net/lo/operstate:unknown
/sys/class/net/lo/type:772
+/sys/class/net/br-0/brif/veth1
=/sys/class/net/eth0/device /sys/devices/pci0000:00/0000:00:03.0/virtio0
=/sys/class/net/eth0/device/driver/module /sys/module/virtio_net
`

func TestNetwork(t *testing.T) {
	t.Parallel()
	got := factsOfText(t, "network", netDevices+`@fairlead ip
1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \       valid_lft forever
2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\       valid_lft 100sec
2: eth0    inet 10.0.0.6/24 brd 10.0.0.255 scope global secondary eth0\       valid_lft forever
2: eth0    inet 10.1.0.6/16 scope global eth0:1\       valid_lft forever
2: eth0    inet6 fe80::5054:ff:fe12:3456/64 scope link \       valid_lft forever
3: br-0    inet 172.17.0.1/16 brd 172.17.255.255 scope global br-0\       valid_lft forever
4: bond0@if3    inet 10.9.0.1 peer 10.9.0.2/32 scope global bond0\       valid_lft forever
8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5 uid 0 \    cache
`)
	checks{
		"interfaces":         []any{"eth0", "eth0_1", "br-0", "bond0", "lo"},
		"all_ipv4_addresses": []any{"10.0.0.5", "10.1.0.6", "10.0.0.6", "172.17.0.1", "10.9.0.1"},
		"all_ipv6_addresses": []any{"fe80::5054:ff:fe12:3456"},
		"default_ipv4": map[string]any{"address": "10.0.0.5", "alias": "eth0", "broadcast": "10.0.0.255", "gateway": "10.0.0.1",
			"interface": "eth0", "macaddress": "52:54:00:12:34:56", "mtu": 1500.0, "netmask": "255.255.255.0", "network": "10.0.0.0",
			"prefix": "24", "type": "ether"},
		"default_ipv6":      map[string]any{},
		"eth0 device":       "eth0",
		"eth0 promisc":      true,
		"eth0 module":       "virtio_net",
		"eth0 pciid":        "virtio0",
		"eth0 ipv4 address": "10.0.0.5",
		"eth0 ipv4_secondaries": []any{map[string]any{"address": "10.0.0.6", "broadcast": "10.0.0.255", "netmask": "255.255.255.0",
			"network": "10.0.0.0", "prefix": "24"}},
		"eth0_1 ipv4 netmask": "255.255.0.0",
		"br_0 type":           "bridge",
		"br_0 interfaces":     []any{"veth1"},
		"br_0 active":         false,
		"br_0 stp":            false,
		"bond0 slaves":        []any{"eth1", "eth2"},
		"bond0 mode":          "802.3ad",
		"bond0 lacp_rate":     "fast",
		"bond0 ipv4 prefix":   "32",
		"lo macaddress":       nil,
		"lo active":           true,
		"lo ipv4 network":     "127.0.0.0",
	}.run(t, got)
}

func TestNetworkWithoutIP(t *testing.T) {
	t.Parallel()
	got := factsOfText(t, "network", netDevices+`@fairlead ip
fib_trie:Main:
fib_trie:  +-- 0.0.0.0/0 3 0 5
fib_trie:     |-- 0.0.0.0
fib_trie:        /0 universe UNICAST
fib_trie:           |-- 10.0.0.5
fib_trie:              /32 host LOCAL
fib_trie:           |-- 10.0.0.255
fib_trie:              /32 link BROADCAST
fib_trie:        |-- 127.0.0.1
fib_trie:           /32 host LOCAL
fib_trie:Local:
fib_trie:           |-- 10.0.0.5
fib_trie:              /32 host LOCAL
route:Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
route:br-0	00000000	010011AC	0003	0	0	200	00000000	0	0	0
route:eth0	00000000	0100000A	0003	0	0	100	00000000	0	0	0
route:eth0	0000000A	00000000	0001	0	0	0	00FFFFFF	0	0	0
if_inet6:00000000000000000000000000000001 01 80 10 80       lo
if_inet6:fd000000000000000000000000000002 02 40 00 80     eth0
ipv6_route:00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
`)
	checks{
		"all_ipv4_addresses":     []any{"10.0.0.5"},
		"all_ipv6_addresses":     []any{"fd00::2"},
		"default_ipv4 address":   "10.0.0.5",
		"default_ipv4 gateway":   "10.0.0.1",
		"default_ipv4 interface": "eth0",
		"default_ipv4 netmask":   "255.255.255.0",
		"default_ipv6 gateway":   "fd00::1",
		"default_ipv6 address":   "fd00::2",
		"default_ipv6 prefix":    "64",
		"eth0 ipv4 broadcast":    "10.0.0.255",
		"lo ipv4 prefix":         "8",
	}.run(t, got)
}

const hardware = `/proc/meminfo:MemTotal:        2048000 kB
/proc/meminfo:MemFree:          1024000 kB
/proc/meminfo:Buffers:            10240 kB
/proc/meminfo:Cached:            102400 kB
/proc/meminfo:SwapTotal:        1048576 kB
/proc/meminfo:SwapFree:         1048576 kB
/proc/self/status:Cpus_allowed_list:	0-1,3
/proc/uptime:1234.56 99.9
/sys/devices/virtual/dmi/id/product_name:KVM
/sys/devices/virtual/dmi/id/chassis_type:1
/sys/block/sda/size:20971520
/sys/block/sda/removable:0
/sys/block/sda/queue/rotational:1
/sys/block/sda/queue/scheduler:none [mq-deadline] kyber
/sys/block/sda/queue/logical_block_size:512
/sys/block/sda/sda1/start:2048
/sys/block/sda/sda1/size:20969472
/sys/block/dm-0/size:1024
/sys/block/dm-0/dm/name:vg-root
/proc/mounts:/dev/sda1 / ext4 rw,relatime 0 0
/proc/mounts:tmpfs /run tmpfs rw 0 0
/proc/mounts:/dev/sda1 /srv/a\040b ext4 rw 0 0
/proc/mounts:nas:/vol /nas nfs4 rw,hard 0 0
/proc/self/mountinfo:30 1 8:1 / / rw - ext4 /dev/sda1 rw
/proc/self/mountinfo:31 30 8:1 /data /srv/a\040b rw - ext4 /dev/sda1 rw
+/sys/block/sda
+/sys/block/dm-0
+/sys/block/sda/sda1/holders/dm-0
+/sys/block/dm-0/slaves/sda1
=/sys/block/sda /sys/devices/pci0000:00/0000:00:05.0/virtio1/block/sda
@fairlead links
/dev/disk/by-uuid:
total 0
lrwxrwxrwx 1 root root 10 Jan  1 00:00 57b1-a3e7 -> ../../sda1
/dev/disk/by-id:
lrwxrwxrwx 1 root root 9 Jan  1 00:00 wwn-0x5000 -> ../../sda
@fairlead pci
0000:00:05.0 SCSI storage controller: Red Hat, Inc. Virtio block device
@fairlead statfs
4096 4096 1000 500 200 100 /
4096 4096 1000 500 200 100 /srv/a b
@fairlead lsblk
/dev/sda
/dev/sda1 57b1-a3e7
@fairlead vgs
  vg,1,2,0,wz--n-,9.00,1.00
@fairlead lvs
  root,vg,-wi-ao----,8.00,,,,,,
@fairlead pvs
  /dev/sda1,vg,lvm2,a--,9.00,1.00
@fairlead cpu
`

func TestHardware(t *testing.T) {
	t.Parallel()
	cpu := ""
	for _, p := range []string{"00", "10", "21", "31"} {
		cpu += "processor\t: " + p[:1] + "\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon\nphysical id\t: 0\nsiblings\t: 4\ncore id\t\t: " +
			p[1:] + "\ncpu cores\t: 2\n"
	}
	got := factsOfText(t, "cpu,memory,dmi,devices,mounts,uptime,lvm", hardware+cpu)
	checks{
		"processor_count": 1.0, "processor_cores": 2.0, "processor_threads_per_core": 2.0, "processor_vcpus": 4.0, "processor_nproc": 3.0,
		"memtotal_mb": 2000.0, "memory_mb nocache free": 1110.0, "memory_mb swap used": 0.0, "uptime_seconds": 1234.0,
		"product_name": "KVM", "form_factor": "Other", "bios_vendor": "NA",
		"devices sda size": "10.00 GB", "devices sda scheduler_mode": "mq-deadline", "devices sda wwn": "0x5000",
		"devices sda host":                       "SCSI storage controller: Red Hat, Inc. Virtio block device",
		"devices sda partitions sda1 uuid":       "57b1-a3e7",
		"devices sda partitions sda1 holders":    []any{"vg-root"},
		"devices sda partitions sda1 start":      "2048",
		"devices sda partitions sda1 sectorsize": 512.0,
		"device_links uuids":                     map[string]any{"sda1": []any{"57b1-a3e7"}},
		"device_links masters":                   map[string]any{"sda1": []any{"dm-0"}},
		"lvm lvs":                                map[string]any{"root": map[string]any{"size_g": "8.00", "vg": "vg"}},
		"lvm pvs":                                map[string]any{"/dev/sda1": map[string]any{"size_g": "9.00", "free_g": "1.00", "vg": "vg"}},
		"lvm vgs":                                map[string]any{"vg": map[string]any{"size_g": "9.00", "free_g": "1.00", "num_lvs": "2", "num_pvs": "1"}},
	}.run(t, got)
	mounts := got["mounts"].([]any)
	if len(mounts) != 3 {
		t.Fatalf("mounts %v", mounts)
	}
	checks{"mount": "/srv/a b", "options": "rw,bind", "size_total": 4096000.0, "uuid": "57b1-a3e7", "inode_used": 100.0}.run(t, mounts[1].(map[string]any))
	checks{"mount": "/nas", "device": "nas:/vol", "uuid": "N/A", "size_total": nil}.run(t, mounts[2].(map[string]any))
}

func TestVirtual(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, kind, role string }{
		"docker":     {"/proc/1/cgroup:0::/docker/abc\n", "docker", "guest"},
		"podman":     {"@fairlead environ\nPATH=/bin\ncontainer=podman\n", "podman", "guest"},
		"systemd":    {"/run/systemd/container:systemd-nspawn\n", "systemd-nspawn", "guest"},
		"kvm guest":  {"/sys/devices/virtual/dmi/id/sys_vendor:QEMU\n", "kvm", "guest"},
		"kvm host":   {"/proc/modules:kvm 1 0 - Live 0x0\n", "kvm", "host"},
		"vmware":     {"/sys/devices/virtual/dmi/id/product_name:VMware7,1\n", "VMware", "guest"},
		"virtualbox": {"/sys/devices/virtual/dmi/id/bios_vendor:innotek GmbH\n", "virtualbox", "guest"},
		"hyper-v":    {"/sys/devices/virtual/dmi/id/sys_vendor:Microsoft Corporation\n", "VirtualPC", "guest"},
		"rhv":        {"/sys/devices/virtual/dmi/id/sys_vendor:Red Hat\n/sys/devices/virtual/dmi/id/product_family:RHV\n", "RHV", "guest"},
		"xen dom0":   {"+/proc/xen\n/proc/xen/capabilities:control_d\n", "xen", "host"},
		"xen domU":   {"+/proc/xen\n", "xen", "guest"},
		"bare":       {"", "NA", "NA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checks{"virtualization_type": c.kind, "virtualization_role": c.role}.run(t, factsOfText(t, "virtual", c.text))
		})
	}
}

const others = `/proc/sys/kernel/hostname:web1
/proc/self/stat:1 (a b) S 0 1 1 0 -1 4 1 1 0 0 0 0 0 0 20 0 1 0 1 1 1 1 1 1 4290000000 0 0
/etc/hosts:127.0.0.1 localhost
/etc/hosts:10.0.0.5 web1.example.com web1 # me
/etc/resolv.conf:# comment
/etc/resolv.conf:nameserver 1.1.1.1
/etc/resolv.conf:search a.example b.example
/etc/resolv.conf:options ndots:2 rotate
/proc/cmdline:ro console=tty0 console=ttyS0,115200 quiet dyndbg="file a +p"
/sys/fs/selinux/enforce:1
/sys/fs/selinux/policyvers:33
/etc/selinux/config:SELINUX=enforcing
/etc/selinux/config:SELINUXTYPE=targeted
/etc/lsb-release:DISTRIB_ID=Ubuntu
/etc/lsb-release:DISTRIB_RELEASE=22.04
/etc/lsb-release:DISTRIB_CODENAME=jammy
/etc/lsb-release:DISTRIB_DESCRIPTION="Ubuntu 22.04.4 LTS"
@fairlead machine
i686
@fairlead caps
Current: cap_chown,cap_kill=ep
Bounding set =cap_chown
@fairlead user
uid=1000(bob) gid=1000(bob) euid=0(root) groups=1000(bob),4(adm)
bob:x:1000:1000:Bob,,,:/home/bob:/bin/bash
@fairlead date
1700000000 +0530 IST 123456789
IST-5:30
@fairlead chroot
yes
@fairlead local
F/etc/ansible/facts.d/a.fact
|{"x": [1, 2]}
F/etc/ansible/facts.d/b.fact
|[Main]
|Key = v
|more: w
F/etc/ansible/facts.d/c.fact
|{"y": 1}
|R0
F/etc/ansible/facts.d/d.fact
|R3
F/etc/ansible/facts.d/e.fact
|nonsense
F/etc/ansible/facts.d/f.fact
X
@fairlead env
PATH=/bin
`

func TestOtherFacts(t *testing.T) {
	t.Parallel()
	got := factsOfText(t, "platform,fqdn,dns,cmdline,selinux,caps,lsb,env,user,date_time,local,chroot", others+"MULTI=a\x01b\n")
	checks{
		"machine": "i686", "architecture": "i386", "userspace_bits": "32", "userspace_architecture": "i386",
		"fqdn": "web1.example.com", "domain": "example.com", "hostname": "web1",
		"dns": map[string]any{"nameservers": []any{"1.1.1.1"}, "search": []any{"a.example", "b.example"},
			"options": map[string]any{"ndots": "2", "rotate": true}},
		"cmdline console": "ttyS0,115200", "cmdline ro": true, "cmdline dyndbg": `"file a +p"`,
		"proc_cmdline console": []any{"tty0", "ttyS0,115200"},
		"selinux":              map[string]any{"status": "enabled", "mode": "enforcing", "config_mode": "enforcing", "type": "targeted", "policyvers": 33.0},
		"system_capabilities":  []any{"ep"}, "system_capabilities_enforced": "True",
		"lsb": map[string]any{"id": "Ubuntu", "release": "22.04", "codename": "jammy", "description": "Ubuntu 22.04.4 LTS", "major_release": "22"},
		"env": map[string]any{"PATH": "/bin", "MULTI": "a\nb"}, "is_chroot": true,
		"user_id": "bob", "user_uid": 1000.0, "user_gecos": "Bob,,,", "effective_user_id": 0.0, "real_user_id": 1000.0,
		"date_time iso8601": "2023-11-14T22:13:20Z", "date_time hour": "03", "date_time tz": "IST", "date_time tz_offset": "+0530",
		"date_time iso8601_micro": "2023-11-14T22:13:20.123456Z", "date_time weeknumber": "46", "date_time iso8601_basic": "20231115T034320123456",
		"local a": map[string]any{"x": []any{1.0, 2.0}}, "local b": map[string]any{"Main": map[string]any{"key": "v", "more": "w"}},
		"local c": map[string]any{"y": 1.0},
		"local d": "Failure executing fact script (/etc/ansible/facts.d/d.fact), rc: 3, err: ",
		"local e": "error loading facts as JSON or ini - please check content: /etc/ansible/facts.d/e.fact",
		"local f": "Could not stat fact (/etc/ansible/facts.d/f.fact): [Errno 2] No such file or directory: '/etc/ansible/facts.d/f.fact'",
	}.run(t, got)
}

func TestSummerZone(t *testing.T) {
	t.Parallel()
	for tz, want := range map[string]string{
		"CET-1CEST,M3.5.0,M10.5.0/3": "CEST", "UTC0": "STD", "<+0330>-3:30": "STD", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1": "-02", "": "STD", "TZif2": "STD",
	} {
		if got := summerZone(tz, "STD"); got != want {
			t.Errorf("%q: %s, want %s", tz, got, want)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add(netDevices + "@fairlead ip\n2: eth0    inet 10.0.0.5/24 brd 10.0.0.255 scope global eth0\\ v\n8.8.8.8 via 10.0.0.1 dev eth0 src 10.0.0.5\n")
	f.Add("/proc/1/comm:init\n/etc/redhat-release: \n/etc/os-release:ID=x\n@fairlead user\nuid=0(root)\nroot:x:0:0:r:/root:/bin/sh\n@fairlead date\n1 +0000 UTC\nUTC0\n")
	f.Add("/etc/oracle-release:'\n/etc/altlinux-release:\"\n@fairlead local\nFx.fact\n|[a]\n|b=c\n@fairlead end\n")
	f.Add(hardware)
	f.Add(others)
	f.Fuzz(func(t *testing.T, text string) { _ = factsOfText(t, All, text) })
}
