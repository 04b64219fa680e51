package system

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestHostname(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args   *value.Map
		family string
		out    string
		files  map[string]string
		ran    string
		fails  string
	}{
		"debian":       {value.M("name", "new.example.org"), "Debian", "\nold\nold\nnew.example.org\nold\n", map[string]string{"/etc/hostname": "old\n"}, "write /etc/hostname", ""},
		"same":         {value.M("name", "old"), "Debian", "\nold\nold\nold\nold\n", map[string]string{"/etc/hostname": "old\n"}, "", ""},
		"systemd":      {value.M("name", "new"), "Debian", "systemd ctl\nold\nold\nnew\nold\nold\n", nil, "hostnamectl --pretty --static set-hostname new|hostnamectl --transient set-hostname new", ""},
		"only running": {value.M("name", "new"), "Debian", "systemd ctl\nold\nold\nnew\nold\nnew\n", nil, "hostnamectl --transient set-hostname new", ""},
		"alpine":       {value.M("name", "new", "use", "alpine"), "Alpine", "\nold\nold\nnew\nold\n", map[string]string{"/etc/hostname": "old\n"}, "write /etc/hostname|hostname -F /etc/hostname", ""},
		"redhat":       {value.M("name", "new", "use", "redhat"), "RedHat", "\nold\nold\nnew\nold\n", map[string]string{"/etc/sysconfig/network": "A=1\nHOSTNAME=old\n"}, "write /etc/sysconfig/network", ""},
		"no entry":     {value.M("name", "new", "use", "redhat"), "RedHat", "\nold\nold\nnew\nold\n", map[string]string{"/etc/sysconfig/network": "A=1\n"}, "", "Unable to locate HOSTNAME entry"},
		"no ctl":       {value.M("name", "new", "use", "systemd"), "Debian", "\nold\nold\nnew\nold\n", nil, "", "Failed to find required executable"},
		"too long":     {value.M("name", strings.Repeat("x", 65), "use", "debian"), "Debian", "systemd ctl\no\no\nn\no\no\n", nil, "", "name cannot be longer than 64"},
		"elsewhere":    {value.M("name", "new", "use", "macos"), "Debian", "\nold\nold\nnew\nold\n", nil, "", "hostname: macos"},
	} {
		files := map[string]string{}
		for k, v := range c.files {
			files[k] = v
		}
		h := &fakeHost{files: files, out: state.OutputInfo{Stdout: c.out}, facts: value.M("os_family", c.family, "distribution", c.family)}
		_, got, err := h.run(t, Hostname(), c.args)
		if c.fails != "" {
			failsWith(t, err, c.fails)
			continue
		}
		if err != nil || strings.Join(h.ran, "|") != c.ran || changed(got) != (c.ran != "") {
			t.Errorf("%s: %v, ran %q", name, err, h.ran)
		}
	}
}

func TestIptables(t *testing.T) {
	t.Parallel()
	const lack, have = "iptables v1.8.9\nrule 1\nchain 0\nChain INPUT (policy ACCEPT)\n", "iptables v1.8.9\nrule 0\nchain 0\nChain INPUT (policy ACCEPT)\n"
	for name, c := range map[string]struct {
		args      *value.Map
		out       string
		rule, ran string
	}{
		"append": {value.M("chain", "INPUT", "protocol", "tcp", "destination_port", 80, "jump", "ACCEPT"), lack,
			"-p tcp -j ACCEPT --destination-port 80", "iptables -t filter -A INPUT -p tcp -j ACCEPT --destination-port 80"},
		"there":     {value.M("chain", "INPUT", "jump", "DROP"), have, "-j DROP", ""},
		"insert":    {value.M("chain", "INPUT", "jump", "DROP", "action", "insert", "rule_num", "2"), lack, "-j DROP", "iptables -t filter -I INPUT 2 -j DROP"},
		"remove":    {value.M("chain", "INPUT", "jump", "DROP", "state", "absent"), have, "-j DROP", "iptables -t filter -D INPUT -j DROP"},
		"negated":   {value.M("chain", "INPUT", "source", "!10.0.0.1"), lack, "! -s 10.0.0.1", "iptables -t filter -A INPUT ! -s 10.0.0.1"},
		"states":    {value.M("chain", "INPUT", "ctstate", []string{"NEW", "RELATED"}), lack, "-m conntrack --ctstate NEW,RELATED", "iptables -t filter -A INPUT -m conntrack --ctstate NEW,RELATED"},
		"flush":     {value.M("flush", true, "table", "nat"), lack, "", "iptables -t nat -F"},
		"policy":    {value.M("chain", "INPUT", "policy", "DROP"), lack, "", "iptables -t filter -P INPUT DROP"},
		"is policy": {value.M("chain", "INPUT", "policy", "ACCEPT"), lack, "", ""},
		"new chain": {value.M("chain", "NEW", "comment", "a b", "chain_management", true), "iptables v1\nrule 1\nchain 1\n", "-m comment --comment a b",
			"iptables -t filter -N NEW|iptables -t filter -A NEW -m comment --comment a b"},
		"no chain": {value.M("chain", "OLD", "state", "absent", "chain_management", true), lack, "", "iptables -t filter -X OLD"},
		"logging":  {value.M("chain", "INPUT", "log_prefix", "x "), lack, "--log-prefix x ", "iptables -t filter -A INPUT -j LOG --log-prefix x "},
		"flags": {value.M("chain", "INPUT", "ip_version", "ipv6", "tcp_flags", value.M("flags", "ALL", "flags_set", []string{"ACK", "SYN"}), "syn", "negate"), lack,
			"--tcp-flags ALL ACK,SYN ! --syn", "ip6tables -t filter -A INPUT --tcp-flags ALL ACK,SYN ! --syn"},
	} {
		h := &fakeHost{out: state.OutputInfo{Stdout: c.out}}
		_, got, err := h.run(t, Iptables(), c.args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if rule, _ := got.Get("rule"); rule.Text() != c.rule || strings.Join(h.ran, "|") != c.ran || changed(got) != (c.ran != "") {
			t.Errorf("%s: rule %q, ran %q", name, rule.Text(), h.ran)
		}
	}
	h := &fakeHost{}
	_, _, err := h.run(t, Iptables(), value.M("jump", "DROP"))
	failsWith(t, err, "Either chain or flush")
}

func TestReboot(t *testing.T) {
	t.Parallel()
	host := func(failed string) *fakeHost {
		return &fakeHost{out: state.OutputInfo{Stdout: "/sbin/shutdown\nlinux\nshutdown\nid-1\n"},
			said: state.OpResult{RC: 1, Stderr: []byte("no"), Data: state.ReconnectInfo{Elapsed: 3 * time.Second, Failed: failed}}}
	}
	h := host("")
	_, got, err := h.run(t, Reboot(), value.M("pre_reboot_delay", 120, "msg", "bye"))
	if err != nil || len(h.ran) != 1 || h.ran[0] != `/sbin/shutdown -r 2 "bye"; until cat /proc/sys/kernel/random/boot_id is not id-1; whoami` {
		t.Fatalf("%v, ran %q", err, h.ran)
	}
	if e, _ := got.Get("elapsed"); e.Text() != "3" || !changed(got) {
		t.Errorf("elapsed %s", e.Text())
	}
	for failed, want := range map[string]string{"command": "Reboot command failed. Error was: ', no'", "check": "Timed out waiting for last boot time check (timeout=5)",
		"test": "Timed out waiting for post-reboot test command (timeout=5)"} {
		_, _, err := host(failed).run(t, Reboot(), value.M("reboot_timeout", 5))
		failsWith(t, err, want)
	}
	for before, want := range map[string]int{"id-1": 1, "id-0": 0} { // by its boot id, the host was restarted or was not
		h := host("")
		h.before = before
		first, got, err := h.run(t, Reboot(), value.NewMap())
		if rebooted, _ := got.Get("rebooted"); err != nil || len(h.ran) != want || !rebooted.Truthy() || want == 1 && first.Mark != "id-1" {
			t.Errorf("cut off at %s: ran %q, %v %v", before, h.ran, first.Mark, err)
		}
	}
	none := &fakeHost{out: state.OutputInfo{Stdout: "\nlinux\nnosuch\nid-1\n"}}
	_, _, err = none.run(t, Reboot(), value.M("reboot_command", "nosuch now"))
	failsWith(t, err, `Unable to find command "nosuch" in search paths`)
	_, _, err = (&fakeHost{out: state.OutputInfo{RC: 2, Stdout: "/sbin/shutdown\nlinux\nshutdown\n"}}).run(t, Reboot(), value.NewMap())
	failsWith(t, err, "reboot: failed to get host boot time info, rc: 2")
}

func TestWaitForConnection(t *testing.T) {
	t.Parallel()
	h := &fakeHost{said: state.OpResult{Data: state.ReconnectInfo{Elapsed: time.Second}}}
	_, got, err := h.run(t, WaitForConnection(), value.NewMap())
	if e, _ := got.Get("elapsed"); err != nil || changed(got) || e.Text() != "1" {
		t.Errorf("%v", err)
	}
	h.said.Data = state.ReconnectInfo{Failed: "check", Last: "refused"}
	_, _, err = h.run(t, WaitForConnection(), value.M("timeout", 1))
	failsWith(t, err, "timed out waiting for ping module test: refused")
}

func TestTimezone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		out, name, ran, msg string
	}{
		{"nosystemd\nEtc/UTC\nUTC\nyes\n/etc/timezone\n1\n\n\n", "Etc/UTC", "", ""},
		{"systemd\nEtc/UTC\nUTC\nyes\n/etc/timezone\n1\n/bin/timedatectl\n\n", "Europe/Rome", "timedatectl set-timezone Europe/Rome",
			"executed `/bin/timedatectl set-timezone Europe/Rome`"},
		{"nosystemd\nEtc/UTC\nUTC\nyes\n/etc/timezone\n2\n\n\n", "Europe/Rome",
			"ln -sfn -- /usr/share/zoneinfo/'Europe/Rome' /etc/localtime && printf '%s\\n' 'Europe/Rome' >/etc/timezone",
			"Added 1 line and deleted 2 line(s) on /etc/timezone"},
		{"nosystemd\nEtc/UTC\nUTC\nyes\n/etc/timezone\n1\n\n/sbin/dpkg-reconfigure\n", "Europe/Rome",
			"ln -sfn -- /usr/share/zoneinfo/'Europe/Rome' /etc/localtime && printf '%s\\n' 'Europe/Rome' >/etc/timezone|dpkg-reconfigure --frontend noninteractive tzdata",
			"Added 1 line and deleted 1 line(s) on /etc/timezone"},
		{"nosystemd\nEtc/UTC\nUTC\nyes\n/etc/sysconfig/clock\n0\n\n\n", "Europe/Rome",
			"ln -sfn -- /usr/share/zoneinfo/'Europe/Rome' /etc/localtime && printf 'ZONE=\"%s\"\\n' 'Europe/Rome' >/etc/sysconfig/clock",
			"Added 1 line and deleted 0 line(s) on /etc/sysconfig/clock"},
	} {
		h := &fakeHost{out: state.OutputInfo{Stdout: c.out}}
		_, got, err := h.run(t, Timezone(), value.M("name", c.name))
		msg, _ := got.Get("msg")
		if err != nil || strings.Join(h.ran, "|") != c.ran || changed(got) != (c.ran != "") || c.msg != "" && msg.Text() != c.msg {
			t.Errorf("%s: %v, ran %q, says %q", c.name, err, h.ran, msg.Text())
		}
	}
	_, _, err := (&fakeHost{out: state.OutputInfo{Stdout: "nosystemd\n\nUTC\nno\n\n"}}).run(t, Timezone(), value.M("name", "No/Where"))
	failsWith(t, err, "Error message:\ngiven timezone \"No/Where\" is not available")
}

func TestLocaleGen(t *testing.T) {
	t.Parallel()
	const list = "# de_DE.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n"
	h := &fakeHost{files: map[string]string{"/etc/locale.gen": list}, out: state.OutputInfo{Stdout: "C\nC.utf8\n\nde_DE.UTF-8 UTF-8\n"}}
	_, got, err := h.run(t, LocaleGen(), value.M("name", "de_DE.UTF-8"))
	if err != nil || !changed(got) || h.files["/etc/locale.gen"] != "de_DE.UTF-8 UTF-8\n# en_US.UTF-8 UTF-8\n" || h.ran[1] != "locale-gen" {
		t.Errorf("%v %q %q", err, h.files, h.ran)
	}
	h.out.Stdout, h.ran = "C\nde_DE.utf8\n\nde_DE.UTF-8 UTF-8\n", nil
	if _, got, err = h.run(t, LocaleGen(), value.M("name", "de_DE.UTF-8")); err != nil || changed(got) {
		t.Errorf("again: %v %q", err, h.ran)
	}
	if _, got, err = h.run(t, LocaleGen(), value.M("name", "de_DE.UTF-8", "state", "absent")); err != nil || !changed(got) || h.files["/etc/locale.gen"] != list {
		t.Errorf("absent: %v %q", err, h.files)
	}
	h.out.Stdout = "C\n\n"
	_, _, err = h.run(t, LocaleGen(), value.M("name", "xx_XX"))
	failsWith(t, err, "The locale you've entered is not available")
}
