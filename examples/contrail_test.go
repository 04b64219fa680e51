package examples

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The stand-ins: role, the name of its container, its image, the port on which
// it answers on its node (0: it does its work and ends), its configuration.
var standIns = []struct {
	role, container, image string
	port                   int
	file                   string
}{
	{"lb", "lb", "contrail-lb", 18210, "lb.conf"},
	{"controller", "controller", "contrail-controller", 18211, "controller.conf"},
	{"analyticsdb", "analyticsdb", "contrail-analyticsdb", 18212, "analyticsdb.conf"},
	{"analytics", "analytics", "contrail-analytics", 18213, "analytics.conf"},
	{"agent", "agent", "contrail-agent", 18214, "agent.conf"},
	{"kubemanager", "contrail-kube-manager", "contrail-kube-manager", 18215, "kubemanager.conf"},
	{"mesosmanager", "contrail-mesos-manager", "contrail-mesos-manager", 18216, "mesosmanager.conf"},
	{"cephcontroller", "ceph-master", "contrail-ceph-controller", 18217, "cephcontroller.conf"},
	{"vcenterplugin", "vcplugin", "contrail-vcenter-plugin", 18218, "vcenterplugin.conf"},
	{"kubernetes-agent", "contrail-kubernetes-agent", "contrail-kubernetes-agent", 0, "kubernetesagent.conf"},
}

const (
	oldVersion = "4.1.0.0-8"
	newVersion = "4.1.1.0-1"
	badVersion = "4.1.2.0-1" // it insists on an option that nobody gives
	wipeNode   = "docker rm -f $(docker ps -aq --filter label=contrail.role) stranger >/dev/null 2>&1; docker volume rm stranger >/dev/null 2>&1; " +
		"docker rmi -f $(docker images -q --filter label=contrail.role) >/dev/null 2>&1; " +
		"rm -rf /etc/contrailctl /etc/contrail /var/log/contrail /var/log/zookeeper /var/lib/configdb /var/lib/config_zookeeper_data /var/lib/analyticsdb " +
		"/opt/cni/bin/contrail-k8s-cni; sed -i '/BEGIN Contrail cluster/,/END Contrail cluster/d' /etc/hosts"
)

// cluster is a Contrail topology of the examples on the nodes of the test bed.
type cluster struct {
	t       *testing.T
	home    string
	nodes   []string
	inv     string // the inventory, with the test bed's addresses in it
	roles   string // where the playbooks were written to
	flags   []string
	version string
}

// standInImages makes the images of every role in three versions and brings
// them to the registry.
func standInImages(t *testing.T, registry string) {
	t.Helper()
	dir, home := t.TempDir(), t.TempDir()
	build := func(out, pkg string) {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, out), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	build("role", "./demo-role")
	build("imagetar", "../scripts/imagetar")
	// The engine asks a container by starting a program in it, which costs; only what
	// is to be found unhealthy is asked often.
	image := func(role, name, version string, env ...string) {
		interval := "60s"
		if version == badVersion {
			interval = "1s"
		}
		ref, archive := fmt.Sprintf("%s/%s-ubuntu14.04:%s", registry, name, version), filepath.Join(dir, name+version+".tar")
		args := []string{"-role", role, "-interval", interval}
		for _, e := range env {
			args = append(args, "-env", e)
		}
		if text, err := exec.Command(filepath.Join(dir, "imagetar"), append(args, filepath.Join(dir, "role"), ref, archive)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		fairlead(t, home, 0, "image", "push", "--plain-http", archive, ref)
	}
	for _, s := range standIns {
		var env []string
		if s.port == 0 {
			env = []string{"CONTRAIL_ONCE=/host/opt_cni_bin/contrail-k8s-cni"}
		}
		image(s.role, s.image, oldVersion, env...)
		if s.role == "lb" || s.role == "controller" || s.role == "analytics" {
			image(s.role, s.image, newVersion, "CONTRAIL_NEW=1")
			image(s.role, s.image, badVersion, "CONTRAIL_REQUIRE=GLOBAL.of_the_future")
		}
	}
}

// topology puts an example onto nodes, which are wiped before and after.
func topology(t *testing.T, file string, nodes []string) *cluster {
	t.Helper()
	c := &cluster{t: t, home: t.TempDir(), nodes: nodes, roles: filepath.Join(t.TempDir(), "contrail"), version: oldVersion}
	clean := func() {
		for _, n := range nodes {
			ssh(t, n, wipeNode)
		}
	}
	clean()
	t.Cleanup(clean)
	fairlead(t, c.home, 0, "roles", "export", c.roles)
	text := read(t, file)
	for i, n := range nodes {
		text = strings.ReplaceAll(text, fmt.Sprintf("192.0.2.1%d", i), n)
	}
	text = strings.ReplaceAll(text, "registry.example:5000", env(t, "_REGISTRY"))
	c.inv = filepath.Join(t.TempDir(), "hosts.yml")
	write(t, c.inv, text)
	// What only stand-ins need: an address to answer on, an option that no real
	// role knows.
	listen := "contrailctl_config_mode: configure\ncontrail_health_timeout: 40\ncontrail_sections:\n"
	for _, s := range standIns {
		if s.port != 0 {
			listen += fmt.Sprintf("  %s: {GLOBAL: {listen: \"{{ ansible_host | default(inventory_hostname) }}:%d\"}}\n", s.role, s.port)
		}
	}
	extra := filepath.Join(t.TempDir(), "stand-ins.yml")
	write(t, extra, listen)
	c.flags = []string{"--private-key", env(t, "_KEY"), "--known-hosts", env(t, "_KNOWN_HOSTS"), "-e", "ansible_port=" + env(t, "_SSH_PORT"), "-e", "@" + extra}
	return c
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs one of the playbooks and gives its output.
func (c *cluster) run(code int, playbook string, more ...string) string {
	c.t.Helper()
	args := append([]string{"run", "-i", c.inv}, c.flags...)
	return fairlead(c.t, c.home, code, append(append(args, more...), filepath.Join(c.roles, playbook))...)
}

// standIn is what a role's container is, as docker and curl see it.
type standIn struct {
	ID, Image string
	Name      string
	Running   bool
	Network   string
	Pid       string
	Restart   string
	CapAdd    []string
	Binds     []string
	Started   string

	Healthy bool
	Options map[string]string
	SHA256  string
}

// look asks docker and the role itself; ok is false when there is no container.
func (c *cluster) look(node, role string) (s standIn, ok bool) {
	c.t.Helper()
	for _, d := range standIns {
		if d.role != role {
			continue
		}
		const format = `{"ID":{{json .Id}},"Image":{{json .Config.Image}},"Running":{{json .State.Running}},"Network":{{json .HostConfig.NetworkMode}},` +
			`"Pid":{{json .HostConfig.PidMode}},"Restart":{{json .HostConfig.RestartPolicy.Name}},"CapAdd":{{json .HostConfig.CapAdd}},"Binds":{{json .HostConfig.Binds}},"Started":{{json .State.StartedAt}}}`
		text := ssh(c.t, node, "docker inspect -f '"+format+"' "+d.container)
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return s, false
		}
		out, err := exec.Command("curl", "-sS", fmt.Sprintf("http://%s:%d/health", node, d.port)).CombinedOutput()
		if err != nil {
			c.t.Fatalf("%s on %s: %v: %s", role, node, err, out)
		}
		var h struct {
			Healthy bool
			Options map[string]string
			SHA256  string `json:"config_sha256"`
		}
		if err := json.Unmarshal(out, &h); err != nil {
			c.t.Fatalf("%s on %s: %v: %s", role, node, err, out)
		}
		s.Healthy, s.Options, s.SHA256 = h.Healthy, h.Options, h.SHA256
		return s, true
	}
	c.t.Fatalf("no stand-in %s", role)
	return s, false
}

// healthy holds a role to what every role must be: it runs, in the right image,
// healthy, and has read the very file that lies on the node.
func (c *cluster) healthy(node, role, dir string) standIn {
	c.t.Helper()
	s, ok := c.look(node, role)
	if !ok {
		c.t.Errorf("%s does not run on %s", role, node)
		return s
	}
	i := slices.IndexFunc(standIns, func(d struct {
		role, container, image string
		port                   int
		file                   string
	}) bool {
		return d.role == role
	})
	if want := fmt.Sprintf("%s/%s-ubuntu14.04:%s", env(c.t, "_REGISTRY"), standIns[i].image, c.version); s.Image != want {
		c.t.Errorf("%s on %s is %s, not %s", role, node, s.Image, want)
	}
	if !s.Running || !s.Healthy || s.Network != "host" || s.Restart != "unless-stopped" {
		c.t.Errorf("%s on %s: %+v", role, node, s)
	}
	if !slices.Contains(s.Binds, dir+":/etc/contrailctl/:rw") && !slices.Contains(s.Binds, dir+":/etc/contrailctl/") {
		c.t.Errorf("%s on %s does not see %s: %v", role, node, dir, s.Binds)
	}
	sum := ssh(c.t, node, "sha256sum "+dir+"/"+standIns[i].file+"; stat -c %a "+dir+"/"+standIns[i].file)
	if !strings.HasPrefix(sum, s.SHA256+" ") || s.SHA256 == "" || !strings.HasSuffix(sum, "\n600") {
		c.t.Errorf("%s on %s has read %s, the file is %s", role, node, s.SHA256, sum)
	}
	return s
}

// has holds options that a role has read to what they should be.
func (c *cluster) has(s standIn, want map[string]string) {
	c.t.Helper()
	for name, w := range want {
		if got := s.Options[name]; got != w {
			c.t.Errorf("%s = %q, not %q", name, got, w)
		}
	}
}

var reChanged = regexp.MustCompile(`changed=([0-9]+)`)

// unchanged holds a run to have changed nothing anywhere.
func (c *cluster) unchanged(out string) {
	c.t.Helper()
	for _, m := range reChanged.FindAllStringSubmatch(out, -1) {
		if m[1] != "0" {
			c.t.Errorf("something changed:\n%s", out[strings.Index(out, "PLAY RECAP"):])
			return
		}
	}
}

// contrailNodes are the bed's last n nodes, which no other test uses: what these
// leave on a node is counted.
func contrailNodes(t *testing.T, n int) []string {
	t.Helper()
	nodes := strings.Fields(env(t, "_NODES"))
	if len(nodes) < n+2 {
		t.Fatalf("the test bed has %d nodes, and %d are needed", len(nodes), n+2)
	}
	nodes = nodes[len(nodes)-n:]
	if _, err := exec.LookPath("curl"); errors.Is(err, exec.ErrNotFound) {
		t.Fatal("curl is not installed")
	}
	return nodes
}

// TestContrail takes clusters through their lives, one after the other: they
// share the nodes, and the nodes have one container of each name.
func TestContrail(t *testing.T) {
	nodes := contrailNodes(t, 3)
	standInImages(t, env(t, "_REGISTRY"))
	t.Run("cluster", func(t *testing.T) { testCluster(t, nodes) })
	// These have a node of their own each.
	t.Run("nodes", func(t *testing.T) {
		t.Run("single", func(t *testing.T) { t.Parallel(); testSingle(t, nodes[:1]) })
		t.Run("orchestrators", func(t *testing.T) { t.Parallel(); testOrchestrators(t, nodes[1]) })
		t.Run("host", func(t *testing.T) { t.Parallel(); testHost(t, nodes[2]) })
	})
	t.Run("spread", func(t *testing.T) { testSpread(t, nodes) })
}

// testOrchestrators: vCenter's and Mesos's roles.
func testOrchestrators(t *testing.T, node string) {
	c := topology(t, "contrail/vcenter.yml", []string{node})
	// On a host of Ubuntu 14.04 the controller sees the host's processes.
	c.run(0, "site.yml", "-e", "{ansible_distribution: Ubuntu, ansible_distribution_version: '14.04'}")
	if s := c.healthy(node, "controller", "/etc/contrailctl"); s.Pid != "host" {
		t.Errorf("the controller's processes are %q", s.Pid)
	}
	c.has(c.healthy(node, "vcenterplugin", "/etc/contrailctl"), map[string]string{"VCPLUGIN.datacenter": "dc1", "GLOBAL.cloud_orchestrator": "vcenter"})
	c = topology(t, "contrail/mesos.yml", []string{node})
	c.run(0, "site.yml")
	c.has(c.healthy(node, "mesosmanager", "/etc/contrailctl"), map[string]string{"MESOS.mesos_api_port": "6999", "GLOBAL.cloud_orchestrator": "mesos"})
	c.healthy(node, "agent", "/etc/contrailctl")
}

func testCluster(t *testing.T, nodes []string) {
	c := topology(t, "contrail/cluster.yml", nodes)
	whole := read(t, c.inv)
	// The third node comes later.
	two := strings.NewReplacer(", node3: }", "}", "    contrail-compute: {hosts: {node3: {flow_entries: 500000, vrfs: 1024}}}\n", "").Replace(whole)
	two = regexp.MustCompile(`    node3: .*\n`).ReplaceAllString(two, "")
	write(t, c.inv, two)
	out := c.run(0, "site.yml")
	for _, role := range []string{"lb", "controller", "analyticsdb", "analytics", "ceph_master"} {
		if !strings.Contains(out, "sm_status_report "+role+"_completed") {
			t.Errorf("%s is not reported as completed", role)
		}
	}
	all := func(n int, dir string) {
		t.Helper()
		for i, node := range nodes[:n] {
			for _, role := range []string{"controller", "analyticsdb", "analytics"} {
				c.healthy(node, role, dir)
			}
			if i < 2 {
				c.healthy(node, "lb", dir)
			}
		}
	}
	all(2, "/etc/contrailctl")
	s := c.healthy(nodes[0], "controller", "/etc/contrailctl")
	c.has(s, map[string]string{
		"GLOBAL.controller_nodes": "198.51.100.11,198.51.100.12", "GLOBAL.config_nodes": "198.51.100.11,198.51.100.12",
		"GLOBAL.controller_ip": "198.51.100.100", "GLOBAL.enable_config_service": "True", "GLOBAL.cloud_orchestrator": "openstack",
		"KEYSTONE.ip": "192.0.2.20", "KEYSTONE.admin_port": "35357", "API.aaa_mode": "rbac", "API.listen_port": "8082", "RABBITMQ.user": "contrail",
	})
	if !slices.Contains(s.CapAdd, "CAP_AUDIT_WRITE") && !slices.Contains(s.CapAdd, "AUDIT_WRITE") || !slices.Contains(s.Binds, "/var/lib/configdb:/var/lib/cassandra:rw") {
		t.Errorf("%+v", s)
	}
	if got := ssh(t, nodes[0], "grep admin_password /etc/contrailctl/controller.conf"); got != "admin_password = s3cr%%t" {
		t.Errorf("what contrailctl takes for a percent sign is doubled: %q", got)
	}
	c.has(c.healthy(nodes[0], "cephcontroller", "/etc/contrailctl"), map[string]string{"CEPH_CONTROLLER.ceph_monip_list": "['198.51.100.11']", "CEPH_CONTROLLER.ceph_rest_api_port": "5006"})
	c.unchanged(c.run(0, "site.yml"))

	// A changed configuration reaches the roles without a new container.
	c.run(0, "site.yml", "-e", "{global_config: {log_level: SYS_DEBUG}}", "--tags", "controller")
	again := c.healthy(nodes[0], "controller", "/etc/contrailctl")
	c.has(again, map[string]string{"GLOBAL.log_level": "SYS_DEBUG"})
	if again.ID != s.ID || again.Started != s.Started {
		t.Error("the container was replaced for a new configuration")
	}

	t.Run("a node is added", func(t *testing.T) {
		c.t = t
		write(t, c.inv, whole)
		c.run(0, "site.yml")
		all(3, "/etc/contrailctl")
		want := "198.51.100.11 " + ssh(t, nodes[0], "hostname") + "\n198.51.100.12 " + ssh(t, nodes[1], "hostname") + "\n198.51.100.13 " + ssh(t, nodes[2], "hostname")
		if got := ssh(t, nodes[1], "sed -n '/BEGIN Contrail/,/END Contrail/p' /etc/hosts | grep -v '^#'"); got != want {
			t.Errorf("/etc/hosts names %q", got)
		}
		c.has(c.healthy(nodes[0], "analytics", "/etc/contrailctl"), map[string]string{"GLOBAL.controller_nodes": "198.51.100.11,198.51.100.12,198.51.100.13",
			"GLOBAL.config_nodes": "198.51.100.11,198.51.100.12", "ANALYTICS_COLLECTOR.analytics_data_ttl": "24"})
		c.has(c.healthy(nodes[2], "controller", "/etc/contrailctl"), map[string]string{"GLOBAL.enable_config_service": "False", "GLOBAL.enable_control_service": "True"})
		c.has(c.healthy(nodes[2], "agent", "/etc/contrailctl"), map[string]string{"AGENT.vrouter_module_params": "vr_flow_entries=500000 vr_vrfs=1024", "AGENT.ctrl_data_ip": "198.51.100.13"})
		c.unchanged(c.run(0, "site.yml"))
	})
	t.Run("an upgrade", func(t *testing.T) { c.t = t; testUpgrade(t, c, nodes, all) })
	t.Run("a node is removed", func(t *testing.T) {
		c.t = t
		volumes := strangers(t, nodes[2])
		c.run(0, "destroy.yml", "--limit", "node3")
		gone(t, nodes[2], volumes)
		write(t, c.inv, two)
		c.run(0, "site.yml", "-e", "contrail_version="+newVersion, "--tags", "common,lb,controller,analytics")
		c.version = newVersion
		c.has(c.healthy(nodes[1], "controller", "/etc/contrailctl"), map[string]string{"GLOBAL.controller_nodes": "198.51.100.11,198.51.100.12"})
	})
	t.Run("destroy", func(t *testing.T) {
		c.t = t
		volumes := strangers(t, nodes[0])
		c.run(0, "destroy.yml")
		gone(t, nodes[0], volumes)
		if got := ssh(t, nodes[0], "ls -d /var/lib/configdb"); got != "/var/lib/configdb" {
			t.Errorf("data were removed without being asked for: %s", got)
		}
		c.unchanged(c.run(0, "destroy.yml"))
		c.run(0, "destroy.yml", "-e", "contrail_destroy_data=true")
		if got := ssh(t, nodes[0], "ls -d /var/lib/configdb /var/log/contrail/controller 2>&1 | grep -v 'cannot access'"); got != "" {
			t.Errorf("data are left: %s", got)
		}
	})
}

// testUpgrade: a version that does not become healthy is put back, on the node
// and where the role has it already; a good one goes through all.
func testUpgrade(t *testing.T, c *cluster, nodes []string, all func(int, string)) {
	roles := "lb,controller,analytics"
	state := func() string {
		out := ""
		for _, node := range nodes {
			out += ssh(t, node, "sha256sum /etc/contrailctl/*.conf; docker inspect -f '{{.Name}} {{.Image}} {{.HostConfig.Binds}}' $(docker ps --format '{{.Names}}' | sort)") + "\n"
		}
		return out
	}
	untouched := func() string {
		return ssh(t, nodes[1], "docker inspect -f '{{.Id}} {{.State.StartedAt}}' analytics analyticsdb") + ssh(t, nodes[2], "docker inspect -f '{{.Id}} {{.State.StartedAt}}' analytics analyticsdb agent")
	}
	before, others := state(), untouched()
	// The version is well where it has what it insists on: on all nodes but the third.
	good := read(t, c.inv)
	write(t, c.inv, strings.NewReplacer("node1: {a", "node1: {global_config_extra: {of_the_future: 1}, a", "node2: {a", "node2: {global_config_extra: {of_the_future: 1}, a").Replace(good))
	out := c.run(2, "upgrade.yml", "-e", "contrail_version="+badVersion, "-e", "{global_config: {log_level: SYS_DEBUG}}", "--tags", roles)
	if !strings.Contains(out, "controller was not upgraded to") || !strings.Contains(out, "GLOBAL.of_the_future is missing") ||
		!strings.Contains(out, "They are on these nodes too, which had been upgraded: node1, node2.") || strings.Contains(out, "PLAY [Analytics]") {
		t.Errorf("the failed upgrade says:\n%s", out)
	}
	for i, node := range nodes {
		c.version = oldVersion
		c.has(c.healthy(node, "controller", "/etc/contrailctl"), map[string]string{"GLOBAL.log_level": ""})
		c.healthy(node, "analytics", "/etc/contrailctl")
		if c.version = badVersion; i < 2 { // a role that was upgraded whole before
			c.has(c.healthy(node, "lb", "/etc/contrailctl"), map[string]string{"GLOBAL.log_level": "SYS_DEBUG"})
		}
	}
	c.version = oldVersion

	// Later, what was upgraded goes back.
	c.run(0, "rollback.yml")
	if got := state(); got != before {
		t.Errorf("what was rolled back is not what was there:\n%s\n%s", before, got)
	}
	all(3, "/etc/contrailctl")
	if got := untouched(); got != others {
		t.Errorf("another role was touched:\n%s\n%s", others, got)
	}
	c.unchanged(c.run(0, "rollback.yml"))
	write(t, c.inv, good)

	out = c.run(0, "upgrade.yml", "-e", "contrail_version="+newVersion, "--tags", roles)
	if n := strings.Count(out, "sm_status_report controller_completed"); n != 3 {
		t.Errorf("%d controllers were upgraded one after the other", n)
	}
	for i, node := range nodes {
		for _, role := range strings.Split(roles, ",") {
			if role == "lb" && i == 2 {
				continue
			}
			c.version = newVersion
			c.healthy(node, role, "/etc/contrailctl")
		}
		c.version = oldVersion
		c.healthy(node, "analyticsdb", "/etc/contrailctl")
	}
}

// strangers puts a container and a volume onto a node that have nothing to do
// with Contrail; gone checks that they are what is left.
func strangers(t *testing.T, node string) string {
	t.Helper()
	image := env(t, "_REGISTRY") + "/fairlead-examples/contrail-stranger:1"
	push(t, image)
	// A name that begins like a role's, and an unused volume.
	ssh(t, node, "docker volume create stranger; docker run -d --name controller-of-somebody --network host "+image+"; docker rename controller-of-somebody stranger")
	t.Cleanup(func() { ssh(t, node, "docker rm -f stranger; docker volume rm stranger; docker rmi "+image) })
	return ssh(t, node, "docker volume ls -q | sort")
}

func gone(t *testing.T, node, volumes string) {
	t.Helper()
	if got := ssh(t, node, "docker ps --format '{{.Names}}'"); got != "stranger" {
		t.Errorf("%s runs %q", node, got)
	}
	if got := ssh(t, node, "docker volume ls -q | sort"); got != volumes {
		t.Errorf("the volumes of %s were %q, are %q", node, volumes, got)
	}
	if got := ssh(t, node, "ls /etc/contrailctl 2>/dev/null; grep Contrail /etc/hosts"); got != "" {
		t.Errorf("left on %s: %s", node, got)
	}
}

// testSingle: all on one node, with the configuration where the seed had it.
func testSingle(t *testing.T, nodes []string) {
	c := topology(t, "contrail/single.yml", nodes)
	c.run(0, "site.yml", "-e", "contrailctl_config_directory=/etc/contrail")
	for _, role := range []string{"controller", "analyticsdb", "analytics", "agent"} {
		c.has(c.healthy(nodes[0], role, "/etc/contrail"), map[string]string{"GLOBAL.controller_nodes": nodes[0], "GLOBAL.controller_ip": nodes[0]})
	}
	if got := ssh(t, nodes[0], "ls -d /etc/contrailctl"); !strings.Contains(got, "No such file") {
		t.Errorf("there is %s too", got)
	}

	t.Run("certificates", func(t *testing.T) { c.t = t; testCertificates(t, c, nodes[0]) })
	t.Run("options of the engine", func(t *testing.T) { c.t = t; testEngine(t, c, nodes[0]) })
	c.t = t

	// What has the name of a role and is another's stays.
	image := env(t, "_REGISTRY") + "/fairlead-examples/contrail-stranger:1"
	push(t, image)
	ssh(t, nodes[0], "docker rm -f analytics; docker run -d --name analytics --network host "+image)
	t.Cleanup(func() { ssh(t, nodes[0], "docker rm -f analytics; docker rmi "+image) })
	out := c.run(0, "destroy.yml", "-e", "contrailctl_config_directory=/etc/contrail")
	if !strings.Contains(out, "so it stays") {
		t.Errorf("nothing is said of the other container:\n%s", out)
	}
	if got := ssh(t, nodes[0], "docker ps --format '{{.Names}}'; ls -d /etc/contrail"); !strings.HasPrefix(got, "analytics\n") || strings.Contains(got, "controller") || !strings.Contains(got, "No such file") {
		t.Errorf("the node has %q", got)
	}
}

// testCertificates: each node gets its own, and nobody else reads the key.
func testCertificates(t *testing.T, c *cluster, node string) {
	dir, host := t.TempDir(), strings.ToLower(ssh(t, node, "hostname"))
	for _, name := range []string{"ca-cert.pem", host + ".pem", host + "-privkey.pem"} {
		write(t, filepath.Join(dir, name), "the text of "+name+"\n")
	}
	c.run(0, "site.yml", "-e", "contrailctl_config_directory=/etc/contrail", "-e", "ssl_certs_src_dir="+dir)
	for name, want := range map[string]string{"ca-cert.pem": "644 ca-cert.pem", "server.pem": "644 " + host + ".pem", "server-privkey.pem": "600 " + host + "-privkey.pem"} {
		mode, file, _ := strings.Cut(want, " ")
		if got := ssh(t, node, "stat -c %a /etc/contrail/ssl/"+name+"; cat /etc/contrail/ssl/"+name); got != mode+"\nthe text of "+file {
			t.Errorf("%s: %q", name, got)
		}
	}
	c.has(c.healthy(node, "analytics", "/etc/contrail"), map[string]string{"GLOBAL.ssl_certfile": "/etc/contrailctl/ssl/server.pem", "GLOBAL.ssl_keyfile": "/etc/contrailctl/ssl/server-privkey.pem"})
}

// testEngine: options of the engine are taken on while containers run, and
// what somebody else set stays.
func testEngine(t *testing.T, c *cluster, node string) {
	reset := "rm -f /etc/docker/daemon.json; kill -HUP $(cat /run/docker.pid)"
	t.Cleanup(func() { ssh(t, node, reset) })
	ssh(t, node, `echo '{"max-concurrent-uploads": 3}' >/etc/docker/daemon.json`)
	running := "cat /run/docker.pid; echo; docker inspect -f '{{.Id}} {{.State.StartedAt}}' controller analytics"
	before := ssh(t, node, running)
	args := []string{"-e", "contrailctl_config_directory=/etc/contrail", "-e", `{docker_daemon_options: {labels: ["of=contrail"]}}`, "--tags", "common"}
	c.run(0, "site.yml", args...)
	if got := ssh(t, node, "docker info --format '{{.Labels}}'; tr -d ' \n' </etc/docker/daemon.json"); got != `[of=contrail]`+"\n"+`{"labels":["of=contrail"],"max-concurrent-uploads":3}` {
		t.Errorf("the engine has %q", got)
	}
	if got := ssh(t, node, running); got != before {
		t.Errorf("the engine or a container was restarted:\n%s\n%s", before, got)
	}
	c.unchanged(c.run(0, "site.yml", args...))
}

func testSpread(t *testing.T, nodes []string) {
	c := topology(t, "contrail/spread.yml", nodes)
	c.run(0, "site.yml")
	c.has(c.healthy(nodes[0], "controller", "/etc/contrailctl"), map[string]string{"GLOBAL.analytics_nodes": nodes[1], "GLOBAL.compute_nodes": nodes[2], "GLOBAL.cloud_orchestrator": "kubernetes"})
	c.has(c.healthy(nodes[0], "kubemanager", "/etc/contrailctl"), map[string]string{"KUBERNETES.cluster_name": "k8s-default", "KUBERNETES.pod_subnets": "10.32.0.0/12", "KUBERNETES.api_server": nodes[0]})
	c.healthy(nodes[1], "analytics", "/etc/contrailctl")
	c.healthy(nodes[1], "analyticsdb", "/etc/contrailctl")
	if s := c.healthy(nodes[2], "agent", "/etc/contrailctl"); !slices.Contains(s.Binds, "/opt/cni/bin:/host/opt_cni_bin:rw") {
		t.Errorf("the agent of Kubernetes sees %v", s.Binds)
	}
	// The plugin was installed by a container that is gone; it has read its file.
	sum := ssh(t, nodes[2], "sha256sum /etc/contrailctl/kubernetesagent.conf")
	if got := ssh(t, nodes[2], "cat /opt/cni/bin/contrail-k8s-cni; docker ps -a --format '{{.Names}}'"); got != strings.Fields(sum)[0]+"\nagent" {
		t.Errorf("the node has %q, the file is %s", got, sum)
	}
	c.unchanged(c.run(0, "site.yml"))
}

// TestContrailLint: the topologies are in order with every playbook that ships.
func TestContrailLint(t *testing.T) {
	t.Parallel()
	home, dir := t.TempDir(), filepath.Join(t.TempDir(), "contrail")
	fairlead(t, home, 0, "roles", "export", dir)
	files, err := filepath.Glob("contrail/*.yml")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, inv := range files {
		for _, playbook := range []string{"site.yml", "upgrade.yml", "rollback.yml", "destroy.yml"} {
			if out := fairlead(t, home, 0, "lint", "-i", inv, filepath.Join(dir, playbook)); strings.Contains(out, "warning") {
				t.Errorf("%s with %s:\n%s", playbook, inv, out)
			}
		}
	}
}
