package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
)

// TestProvisionsANode does the main job on a real node: a role with folders, a
// rendered file and a container; what became of it is looked at with ssh and docker.
func TestProvisionsANode(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	node := b.Nodes()[1]
	c := newCLI(t)
	ref := b.Registry() + "/fairlead-clitest/role:1"
	if err := os.WriteFile(c.dir+"/role.tar", dockertest.Archive(t, ref), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("image", "push", "--plain-http", "role.tar", ref).exits(0).tells("pushed", "sha256:")
	clean := func() {
		_, _ = b.ssh(node, "docker rm -f clitest-role; docker rmi "+ref+"; rm -rf /srv/clitest-role")
	}
	clean()
	t.Cleanup(clean)
	c.write("hosts.ini", "[controllers]\n"+b.host("node", node, "ansible_user=root listen=18999"))
	c.write("site.yml", `
- name: A role
  hosts: controllers
  roles:
    - {role: clitest, image: `+ref+`}
`)
	c.write("roles/clitest/defaults/main.yml", "base: /srv/clitest-role\nlevel: info\n")
	c.write("roles/clitest/templates/role.conf.j2", "[GLOBAL]\nhost = {{ ansible_hostname }}\nlisten = {{ ansible_host }}:{{ listen }}\nlevel = {{ level }}\n")
	c.write("roles/clitest/tasks/main.yml", `
- name: Folders
  file: {path: "{{ item.path }}", state: directory, mode: "{{ item.mode }}"}
  loop:
    - {path: "{{ base }}/etc", mode: "0750"}
    - {path: "{{ base }}/log", mode: "0755"}
- name: Configuration
  template: {src: role.conf.j2, dest: "{{ base }}/etc/role.conf", mode: "0640"}
  notify: Restart it
- name: Container
  docker_container:
    name: clitest-role
    image: "{{ image }}"
    network_mode: host
    restart_policy: unless-stopped
    env: {LEVEL: "{{ level }}"}
    volumes: ["{{ base }}/etc:/etc/role:ro", "{{ base }}/log:/var/log/role"]
`)
	c.write("roles/clitest/handlers/main.yml", "- name: Restart it\n  docker_container: {name: clitest-role, image: \"{{ image }}\", restart: true, comparisons: {\"*\": ignore}}\n")
	args := append(b.flags(), "-i", "hosts.ini", "site.yml")

	c.run(append([]string{"plan", "--detailed-exitcode"}, args...)...).exits(2).tells("+level = info", "changed=")
	// Other tests use the node meanwhile: only what the plan is about counts.
	if made := b.on(node, "docker ps -aq -f name=clitest-role; docker images -q "+ref+"; find /srv -name 'clitest-role*'"); made != "" {
		t.Errorf("the plan changed the node:\n%s", made)
	}
	c.run(append([]string{"run"}, args...)...).exits(0).tells("failed=0")
	if conf := b.on(node, "cat /srv/clitest-role/etc/role.conf; stat -c %a /srv/clitest-role/etc /srv/clitest-role/etc/role.conf"); !strings.Contains(conf, "listen = "+node+":18999\nlevel = info") ||
		!strings.HasSuffix(conf, "750\n640") {
		t.Errorf("the configuration is\n%s", conf)
	}
	inspect := `docker inspect -f '{{.State.Running}} {{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}} {{.Config.Image}} {{.HostConfig.Binds}} {{.Config.Env}} {{.Id}}' clitest-role`
	is := b.on(node, inspect)
	for _, w := range []string{"true host unless-stopped " + ref, "/srv/clitest-role/etc:/etc/role:ro", "LEVEL=info"} {
		if !strings.Contains(is, w) {
			t.Errorf("the container is %s, without %s", is, w)
		}
	}
	c.run(append([]string{"run"}, args...)...).exits(0).unchanged()
	if again := b.on(node, inspect); again != is {
		t.Errorf("the second run made another container:\n%s\n%s", is, again)
	}
	// A changed field: the container is made anew, and the plan names the field.
	c.run(append([]string{"plan", "-e", "level=debug"}, args...)...).exits(0).tells("LEVEL=debug", "LEVEL=info")
	c.run(append([]string{"run", "-e", "level=debug"}, args...)...).exits(0)
	if again := b.on(node, inspect); !strings.Contains(again, "LEVEL=debug") || again == is {
		t.Errorf("the container is still %s", again)
	}
}

// TestHostsOfAllKinds runs one playbook where there is only busybox, only dash,
// and only sudo with a password.
func TestHostsOfAllKinds(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := newCLI(t)
	c.write("hosts.ini", b.host("busybox", b.Busybox(), "ansible_user=root")+b.host("dash", b.Dash(), "ansible_user=root")+
		b.host("sudo", b.Sudo(), "ansible_user=deploy ansible_become=true ansible_become_password='"+b.Password("deploy")+"'")+
		b.host("pass", b.Dash(), "ansible_user=root ansible_password='"+b.Password("root")+"'"))
	for _, a := range []string{b.Busybox(), b.Dash(), b.Sudo()} {
		clean := "rm -rf /srv/clitest-kinds"
		if a == b.Sudo() {
			clean = "sudo " + clean
		}
		t.Cleanup(func() { _, _ = b.ssh(a, clean) })
		_, _ = b.ssh(a, clean)
	}
	c.write("site.yml", `
- hosts: all:!pass
  tasks:
    - file: {path: /srv/clitest-kinds, state: directory, mode: "0700"}
    - copy: {content: "it's {{ inventory_hostname }}\n", dest: /srv/clitest-kinds/name, mode: "0600"}
    - lineinfile: {path: /srv/clitest-kinds/lines, line: second, create: true}
    - command: id -un
      register: who
      changed_when: false
    - assert: {that: "who.stdout == 'root'"}
- hosts: pass
  gather_facts: false
  tasks:
    - command: cat /srv/clitest-kinds/name
      changed_when: false
`)
	args := append([]string{"run"}, append(b.flags(), "-i", "hosts.ini", "site.yml")...)
	c.run(args...).exits(0).tells("failed=0")
	for a, name := range map[string]string{b.Busybox(): "busybox", b.Dash(): "dash", b.Sudo(): "sudo"} {
		cmd := "cat /srv/clitest-kinds/name /srv/clitest-kinds/lines; stat -c '%a %u' /srv/clitest-kinds/name"
		if a == b.Sudo() {
			cmd = "sudo sh -c " + fmt.Sprintf("%q", cmd)
		}
		if got := b.on(a, cmd); got != "it's "+name+"\nsecond\n600 0" {
			t.Errorf("%s has %q", name, got)
		}
	}
	c.run(args...).exits(0).unchanged()
}

// TestWhatWentWrongIsNamed: each way not to get at a host has its own message
// and says what to do.
func TestWhatWentWrongIsNamed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	c := newCLI(t)
	c.write("become.yml", "- hosts: all\n  gather_facts: false\n  become: true\n  tasks:\n    - command: id\n")
	c.write("login.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: id\n")
	other := b.on(b.Node(), "cat /etc/ssh/ssh_host_ed25519_key.pub")
	name := b.Dash()
	if b.Port() != "22" {
		name = fmt.Sprintf("[%s]:%s", b.Dash(), b.Port())
	}
	key, known := []string{"--private-key", b.Key()}, []string{"--known-hosts", b.KnownHosts()}
	for _, k := range []struct {
		name, addr, vars, book string
		flags                  []string
		code                   int
		tells                  []string
	}{
		{"wrong become password", b.Sudo(), "ansible_user=deploy ansible_become_password=wrong-one", "become.yml", append(key, known...), 2,
			[]string{"sudo", "password was refused", "hint: check the become password"}},
		{"no become password", b.Sudo(), "ansible_user=deploy", "become.yml", append(key, known...), 2, []string{"sudo", "password", "-K", "hint:"}},
		{"not a sudoer", b.Sudo(), "ansible_user=guest ansible_become_password='" + b.Password("guest") + "'", "become.yml", append(key, known...), 2, []string{"sudo", "hint:"}},
		{"wrong password", b.Dash(), "ansible_user=root ansible_password=wrong-one", "login.yml", append(known, "--ssh-config", "none"), 4, []string{"password", "accepted none", "hint:"}},
		{"wrong key", b.Dash(), "ansible_user=root", "login.yml", append(known, "--private-key", b.StrangerKey()), 4, []string{"accepted none", b.StrangerKey(), "hint:"}},
		{"refused", b.Refused(), "ansible_user=root", "login.yml", append(key, known...), 4, []string{"refused", "hint:"}},
		{"unknown host key", b.Dash(), "ansible_user=root", "login.yml", append(key, "--known-hosts", c.write("empty", "")), 4, []string{"host key", "accept-new", "hint:"}},
		{"changed host key", b.Dash(), "ansible_user=root", "login.yml", append(key, "--known-hosts", c.write("other", name+" "+other+"\n")), 4,
			[]string{"host key", "other:1", "hint:"}},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			inv := c.write(strings.ReplaceAll(k.name, " ", "-")+".ini", b.host("target", k.addr, k.vars))
			s := c.run(append([]string{"run", "-i", inv, "--no-record", k.book}, k.flags...)...)
			s.t = t
			s.exits(k.code).tells(k.tells...)
			if strings.Contains(s.out, "wrong-one") {
				t.Errorf("the password is shown:\n%s", s.out)
			}
		})
	}
}

const sleeper = `
- hosts: all
  gather_facts: false
  tasks:
    - name: The long one
      command: sleep %d
    - name: Behind it
      command: touch /tmp/clitest-behind
`

// TestInterrupt: Ctrl-C ends what runs on the host, at once, and says that its
// effect is in doubt.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := b.spare()
	c := newCLI(t)
	c.write("hosts.ini", b.host("target", host, "ansible_user=root"))
	c.write("site.yml", fmt.Sprintf(sleeper, 61711))
	r := c.start(append([]string{"run", "-i", "hosts.ini", "site.yml"}, b.flags()...)...)
	b.until(host, "ps ax | grep -q '[s]leep 61711'")
	began := time.Now()
	_ = r.cmd.Process.Signal(syscall.SIGINT)
	s := r.wait()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if s.code == 0 || s.code < 0 {
		t.Errorf("exit code %d", s.code)
	}
	s.tells("in doubt", "The long one", "PLAY RECAP")
	b.until(host, "! ps ax | grep -q '[s]leep 61711'")
	b.on(host, "test ! -e /tmp/clitest-behind")
	c.run("runs", "show", "last").exits(0).tells("in doubt")
}

// TestTwoRunsAtOnce: the second is refused and told who holds the host, or waits.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := b.spare()
	c := newCLI(t)
	c.write("hosts.ini", b.host("target", host, "ansible_user=root"))
	signal := "/tmp/clitest-go-" + fmt.Sprint(os.Getpid())
	c.write("first.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: touch "+signal+".begun; while ! test -e "+signal+"; do sleep 0.1; done\n")
	c.write("second.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: \"true\"\n")
	t.Cleanup(func() { _, _ = b.ssh(host, "touch "+signal+"; sleep 1; rm -f "+signal+"*") })
	first := c.start(append([]string{"run", "-i", "hosts.ini", "first.yml"}, b.flags()...)...)
	b.until(host, "test -e "+signal+".begun")
	name, _ := os.Hostname()
	second := append([]string{"run", "-i", "hosts.ini", "second.yml"}, b.flags()...)
	c.run(append(second, "--lock-wait", "1ms")...).exits(2).tells("held by run", name, "hint:")
	// A plan takes no lock and is not kept away.
	c.run(append([]string{"plan", "-i", "hosts.ini", "second.yml"}, b.flags()...)...).exits(0)
	waiting := c.start(append(second, "--lock-wait", "2m")...)
	b.on(host, "touch "+signal)
	first.wait().exits(0)
	waiting.wait().exits(0)
}

// TestKilledRun: a run that dies in the middle is no hindrance to the next one.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := b.Dash()
	if h := b.Bench(); len(h) > 1 {
		host = h[len(h)-2]
	}
	c := newCLI(t)
	c.write("hosts.ini", b.host("target", host, "ansible_user=root"))
	c.write("first.yml", fmt.Sprintf(sleeper, 61712))
	c.write("second.yml", "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch /tmp/clitest-killed\n")
	t.Cleanup(func() { _, _ = b.ssh(host, "rm -f /tmp/clitest-killed") })
	r := c.start(append([]string{"run", "-i", "hosts.ini", "first.yml"}, b.flags()...)...)
	b.until(host, "ps ax | grep -q '[s]leep 61712'")
	_ = r.cmd.Process.Kill()
	r.wait()
	c.run(append([]string{"run", "-i", "hosts.ini", "second.yml"}, b.flags()...)...).exits(0)
	b.on(host, "test -e /tmp/clitest-killed; ! ps ax | grep -q '[s]leep 61712'; test ! -e /tmp/clitest-behind")
	c.run("runs", "list").exits(0).tells("interrupted", "done")
}
