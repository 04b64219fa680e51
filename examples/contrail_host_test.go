package examples

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A stand-in package: its files by path, with modes by how they begin (what
// begins with #! is a program), and what runs after it was unpacked.
type pkg struct {
	files    map[string]string
	postinst string
}

const hostLog = "/var/log/stand-in.log"

// hostPackages are the vendor's packages of a compute and a storage node. They
// write down what they are asked for.
var hostPackages = map[string]pkg{
	"contrail-vrouter-dkms": {files: map[string]string{"usr/sbin/modprobe": "#!/bin/sh\necho modprobe \"$@\" >>" + hostLog + "\n"}},
	"contrail-vrouter-common": {
		files: map[string]string{
			"usr/bin/contrail-vrouter-agent": "#!/bin/sh\n",
			"usr/bin/contrail-compute-setup": "#!/bin/sh\nfor a; do printf '<%s>' \"$a\" >>" + hostLog + "; done; echo >>" + hostLog + "; touch /run/set-up\n",
			"etc/init.d/supervisor-vrouter": `#!/bin/sh
### BEGIN INIT INFO
# Provides:          supervisor-vrouter
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
case $1 in
start) echo start >>` + hostLog + `; touch /run/vrouter ;;
stop) rm -f /run/vrouter ;;
status) [ -e /run/vrouter ] && echo running || { echo stopped; exit 3; } ;;
esac
`,
		},
		postinst: "#!/bin/sh\ninvoke-rc.d supervisor-vrouter start || true\n",
	},
	"haproxy": {files: map[string]string{"usr/sbin/haproxy": "#!/bin/sh\n"}},
	"ceph": {files: map[string]string{
		"usr/bin/ceph-osd": "#!/bin/sh\n",
		// What Ceph has taken holds something from then on.
		"usr/sbin/ceph-volume": "#!/bin/sh\necho ceph-volume \"$@\" >>" + hostLog + "\nmkswap \"$4\" >/dev/null\n",
	}},
}

// debian builds one package in the folder.
func (p pkg) debian(t *testing.T, dir, name string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), name)
	put := func(path, text string) {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") || strings.HasPrefix(text, "\x7fELF") {
			mode = 0o755
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range p.files {
		put(path, text)
	}
	put("DEBIAN/control", "Package: "+name+"\nVersion: 4.1.0.0-8\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: stand-in\n")
	if p.postinst != "" {
		put("DEBIAN/postinst", p.postinst)
	}
	out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Znone", "-b", root, filepath.Join(dir, name+".deb")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// engine is the test bed's own Docker engine as one package.
func engine(t *testing.T) pkg {
	t.Helper()
	p := pkg{files: map[string]string{}, postinst: "#!/bin/sh\ngroupadd -f docker\n"}
	for _, path := range []string{"usr/bin/docker", "usr/sbin/dockerd", "etc/init.d/docker"} {
		p.files[path] = read(t, filepath.Join(env(t, ""), "base", path))
	}
	return p
}

// vendorSource serves the packages as an apt source and gives its address.
func vendorSource(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]pkg{"docker-engine": engine(t)}
	for name, p := range hostPackages {
		all[name] = p
	}
	var list strings.Builder
	for name, p := range all {
		p.debian(t, dir, name)
		data := read(t, filepath.Join(dir, name+".deb"))
		sum := sha256.Sum256([]byte(data))
		fmt.Fprintf(&list, "Package: %s\nVersion: 4.1.0.0-8\nArchitecture: all\nFilename: ./%s.deb\nSize: %d\nSHA256: %s\nDescription: stand-in\n\n",
			name, name, len(data), hex.EncodeToString(sum[:]))
	}
	write(t, filepath.Join(dir, "Packages"), list.String())
	sum := sha256.Sum256([]byte(list.String()))
	write(t, filepath.Join(dir, "Release"), fmt.Sprintf("Codename: contrail\nSHA256:\n %s %d Packages\n", hex.EncodeToString(sum[:]), list.Len()))
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	return server.URL
}

// bareHost takes the engine away from a node; the node is made anew afterwards.
func bareHost(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() {
		name := "node" + node[strings.LastIndex(node, ".")+1:]
		if out, err := exec.Command(env(t, "_CMD"), "reset", name).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	ssh(t, node, `
		kill $(cat /run/docker.pid); while [ -e /run/docker.pid ]; do sleep 0.1; done
		dpkg --purge --force-depends docker.io
		rm -rf /run/docker.sock /etc/docker /usr/sbin/policy-rc.d; mkdir -p /etc/yum.repos.d
		: >/etc/apt/sources.list
		# What the engine needs on a machine that is a namespace: no profiles for the kernel that all share, no limits, runc's stand-in first.
		echo 'ulimit() { :; }; export container=testbed PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' >/etc/default/docker
		: >/srv/empty; truncate -s 1M /srv/empty; cp /srv/empty /srv/taken; mkswap /srv/taken >/dev/null`)
}

// testHost: what is done on a host itself, on one that has nothing: the engine is
// installed with its options, a role runs in it; a compute node on the metal and
// a storage node are set up.
func testHost(t *testing.T, node string) {
	c := topology(t, "contrail/metal.yml", []string{node})
	source := vendorSource(t)
	bareHost(t, node)
	write(t, c.inv, strings.NewReplacer("http://192.0.2.1/contrail/repo/img1", source, "/dev/sdb", "/srv/empty", "/dev/sdc", "/srv/taken").Replace(read(t, c.inv)))
	certs, host := t.TempDir(), strings.ToLower(ssh(t, node, "hostname"))
	for _, name := range []string{"ca-cert.pem", host + ".pem", host + "-privkey.pem"} {
		write(t, filepath.Join(certs, name), "the text of "+name+"\n")
	}
	// The engine of a test bed's node, and what says that the stand-in is set up.
	engineOptions := fmt.Sprintf(`{"bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false, "exec-opts": ["native.cgroupdriver=cgroupfs"], "cgroup-parent": "/fairlead-testbed/node%s"`,
		node[strings.LastIndex(node, ".")+1:])
	c.flags = append(c.flags, "-e", "ssl_certs_src_dir="+certs, "-e", "contrail_compute_set_up=/run/set-up", "-e", "docker_insecure_registries=192.0.2.1:5100",
		"-e", `{docker_daemon_options: `+engineOptions+`}}`)

	if out := c.run(2, "site.yml", "-e", "contrail_apt_repo=", "--tags", "bare-metal-compute"); !strings.Contains(out, "there is no source for its packages") || strings.Contains(out, "agent_completed") {
		t.Errorf("without packages:\n%s", out)
	}
	out := c.run(0, "site.yml")
	for _, status := range []string{"docker_role_started", "docker_role_completed", "analyticsdb_completed", "bare_metal_agent_started", "bare_metal_agent_completed", "ceph_compute_completed"} {
		if !strings.Contains(out, "sm_status_report "+status) {
			t.Errorf("%s is not told:\n%s", status, out)
		}
	}
	c.healthy(node, "analyticsdb", "/etc/contrailctl")
	engine := "docker info --format '{{json .RegistryConfig.IndexConfigs}}'; dpkg-query -W -f '${Version} ' docker-engine; apt-cache policy haproxy"
	if got := ssh(t, node, engine); !strings.Contains(got, `"192.0.2.1:5100":{"Name":"192.0.2.1:5100","Mirrors":[],"Secure":false`) || !strings.Contains(got, "4.1.0.0-8") || !strings.Contains(got, " 999\n") {
		t.Errorf("the engine and the source: %s", got)
	}
	testMetal(t, node, certs, host)
	testStorage(t, node)
	running := "cat /run/docker.pid; echo; docker inspect -f '{{.Id}} {{.State.StartedAt}}' analyticsdb; cat " + hostLog
	before := ssh(t, node, running)
	c.unchanged(c.run(0, "site.yml"))
	if got := ssh(t, node, running); got != before {
		t.Errorf("a run without changes did something:\n%s\n%s", before, got)
	}

	// Another option that the engine takes on by a restart alone: one restart.
	more := []string{"-e", `{docker_daemon_options: ` + engineOptions + `, "dns": ["192.0.2.53"]}}`, "--tags", "common"}
	c.run(0, "site.yml", more...)
	pid := ssh(t, node, "cat /run/docker.pid; echo; grep -A1 dns /etc/docker/daemon.json | tr -d ' \n'")
	if first, _, _ := strings.Cut(before, "\n"); strings.HasPrefix(pid, first+"\n") || !strings.Contains(pid, `"dns":["192.0.2.53"`) {
		t.Errorf("the engine was process %s, is %s", first, pid)
	}
	c.unchanged(c.run(0, "site.yml", more...))
	c.healthy(node, "analyticsdb", "/etc/contrailctl")

	redHat(t, c)
	c.run(0, "destroy.yml")
	if got := ssh(t, node, "dpkg -l | grep -c contrail-; ls -d /etc/contrail/ssl /etc/contrailctl 2>&1 | grep -cv 'cannot access'; docker ps -aq"); got != "0\n0" {
		t.Errorf("left on the node: %s", got)
	}
}

// testMetal: the packages were installed with the agent held back, the module
// loaded, the node set up, and only then the agent started.
func testMetal(t *testing.T, node, certs, host string) {
	want := strings.Join([]string{
		"modprobe vrouter",
		"<--self_ip><198.51.100.13><--cfgm_ip><192.0.2.40><--non_mgmt_ip><198.51.100.13><--non_mgmt_gw><198.51.100.1><--flow_entries><500000>" +
			"<--physical_interface><eth1><--keystone_ip><192.0.2.20><--keystone_admin_user><admin><--keystone_admin_tenant_name><the tenant>",
		"start",
	}, "\n")
	got := ssh(t, node, "cat "+hostLog)
	lines := slices.DeleteFunc(strings.Split(got, "\n"), func(l string) bool { return strings.HasPrefix(l, "ceph-volume") })
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("the set-up of the node was\n%s\nnot\n%s", got, want)
	}
	if got := ssh(t, node, "ls /usr/sbin/policy-rc.d 2>&1; ls /etc/rc2.d | grep -c vrouter"); !strings.Contains(got, "No such file") || !strings.HasSuffix(got, "\n1") {
		t.Errorf("the guard, the start at boot: %s", got)
	}
	for path, want := range map[string]string{"certs/ca-cert.pem": "644 ca-cert.pem", "certs/server.pem": "644 " + host + ".pem", "private/server-privkey.pem": "600 " + host + "-privkey.pem"} {
		mode, name, _ := strings.Cut(want, " ")
		if got := ssh(t, node, "stat -c %a /etc/contrail/ssl/"+path+"; cat /etc/contrail/ssl/"+path); got != mode+"\nthe text of "+name {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// testStorage: an empty disk was given to Ceph, one that holds something was not.
func testStorage(t *testing.T, node string) {
	if got := ssh(t, node, "grep ceph-volume "+hostLog); got != "ceph-volume lvm create --data /srv/empty" {
		t.Errorf("the disks: %q", got)
	}
	want := `# Written by Fairlead.
[global]
fsid = 5e2f2f1c-0a0e-4b7e-9a56-0f6f0d2a9b11
mon_host = 198.51.100.13
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
osd_pool_default_size = 3
osd_journal_size = 1024`
	if got := ssh(t, node, "cat /etc/ceph/ceph.conf"); got != want {
		t.Errorf("ceph.conf:\n%s", got)
	}
	keys := "stat -c %a /var/lib/ceph/bootstrap-osd/ceph.keyring /etc/ceph/ceph.client.admin.keyring; cat /var/lib/ceph/bootstrap-osd/ceph.keyring"
	if got := ssh(t, node, keys); got != "600\n600\n[client.bootstrap-osd]\n\tkey = osd" {
		t.Errorf("the keys: %q", got)
	}
}

// redHat: what would be done on a RedHat host, by a dry run with its facts; there
// is no such host to do it on. The engine is there by now: APT would not find what a
// source of dnf brings, and a plan says so.
func redHat(t *testing.T, c *cluster) {
	t.Helper()
	facts := `{ansible_os_family: RedHat, ansible_distribution: CentOS, ansible_kernel: 3.10.0-693.el7.x86_64, ansible_virtualization_type: none, contrail_apt_repo: "",
		contrail_yum_repo: "http://192.0.2.1/cobbler/repo_mirror/img1", contrail_compute_mode: container, docker_package_name: docker-engine}`
	args := append([]string{"plan", "-i", c.inv}, c.flags...)
	out := fairlead(t, c.home, 0, append(args, "--diff", "-e", facts, filepath.Join(c.roles, "site.yml"))...)
	for _, want := range []string{"+baseurl=http://192.0.2.1/cobbler/repo_mirror/img1", "gpgcheck=0", "common : services of the host", "agent : modules of the kernel"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in what would be done on RedHat:\n%s", want, out)
		}
	}
	if strings.Contains(out, "sources.list.d") {
		t.Errorf("an apt source on RedHat:\n%s", out)
	}
}
