package examples

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/templates"
)

// shipped is a folder with the roles, without the program.
func shipped(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, templates.Files); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "contrail")
}

// configured writes the configuration files of an inventory's roles on this
// machine, each host's into a folder of its own, and gives them by host/file.
func configured(t *testing.T, folder, inventory string, more ...string) map[string]string {
	t.Helper()
	home, dir := t.TempDir(), shipped(t)
	playbook := ""
	for _, s := range standIns {
		role := filepath.Join(dir, "roles", s.role, "tasks", "configuration.yml")
		write(t, role, "- import_role: {name: provision, tasks_from: configuration}\n  vars: {contrail_role: '{{ "+strings.ReplaceAll(s.role, "-", "_")+"_role }}'}\n")
		playbook += fmt.Sprintf("- hosts: \"{{ '%[2]s' if '%[2]s' in groups else 'all:!all' }}\"\n  gather_facts: false\n  tasks:\n    - import_role: {name: %[1]s, tasks_from: configuration}\n",
			s.role, groupOf[s.role])
	}
	write(t, filepath.Join(dir, "configuration.yml"), playbook)
	inv := filepath.Join(t.TempDir(), "hosts.yml")
	write(t, inv, inventory)
	out := t.TempDir()
	args := append([]string{"run", "-i", inv, "-e", "ansible_connection=local", "-e", "ansible_user=root", "-e", "contrail_version=4.1.0.0-8",
		"-e", "{ansible_os_family: Debian, ansible_distribution: Ubuntu, ansible_distribution_version: '14.04'}",
		"-e", "contrailctl_config_directory=" + out + "/{{ inventory_hostname }}" + folder}, more...)
	fairlead(t, home, 0, append(args, filepath.Join(dir, "configuration.yml"))...)
	files := map[string]string{}
	found, err := filepath.Glob(out + "/*" + folder + "/*.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		rel, _ := filepath.Rel(out, f)
		host, _, _ := strings.Cut(rel, "/")
		files[host+"/"+filepath.Base(f)] = options(read(t, f))
	}
	return files
}

// options are the lines of a configuration file without comments and blanks.
func options(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); strings.TrimSpace(line) != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

var groupOf = map[string]string{
	"lb": "contrail-lb", "controller": "contrail-controllers", "analyticsdb": "contrail-analyticsdb", "analytics": "contrail-analytics",
	"kubemanager": "contrail-kubernetes", "agent": "contrail-compute", "kubernetes-agent": "contrail-k8s", "mesosmanager": "contrail-mesos",
	"cephcontroller": "ceph-controller", "vcenterplugin": "contrail-vc-plugin",
}

var update = flag.Bool("update", false, "write what comes out as what is wanted; give it after the package")

// TestContrailConfiguration: these variables give these files.
func TestContrailConfiguration(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("testdata/contrail")
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range dirs {
		name := d.Name()
		t.Run(strings.TrimSuffix(name, ".txt"), func(t *testing.T) {
			t.Parallel()
			inventory, want, ok := strings.Cut(read(t, "testdata/contrail/"+name), "\n=====\n")
			if !ok {
				t.Fatal("there is no line of =====")
			}
			// The folder of the containers, and that of the seed, in turn.
			files := configured(t, []string{"/etc/contrailctl", "/etc/contrail"}[i%2], inventory)
			var got strings.Builder
			for block := range strings.SplitSeq(want, "\n--- ") {
				head, _, _ := strings.Cut(strings.TrimPrefix(block, "--- "), "\n")
				fmt.Fprintf(&got, "--- %s\n%s\n", head, files[head])
			}
			if *update {
				write(t, "testdata/contrail/"+name, inventory+"\n=====\n"+strings.TrimSpace(got.String())+"\n")
				return
			}
			if d := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got.String())); d != "" {
				t.Errorf("%s\n%s", d, got.String())
			}
		})
	}
}

// TestContrailPutBack: where a failed upgrade puts back what was there, as
// contrail_upgrade_put_back says.
func TestContrailPutBack(t *testing.T) {
	t.Parallel()
	home, dir := t.TempDir(), shipped(t)
	write(t, filepath.Join(dir, "roles", "provision", "tasks", "where.yml"),
		"- debug: msg=\"BACK {{ contrail_upgraded_others | map(attribute='host') | zip(contrail_upgraded_others | map(attribute='file')) | map('join', ':') | join(' ') }}.\"\n")
	write(t, filepath.Join(dir, "where.yml"), `
- hosts: c
  gather_facts: false
  roles: [cluster]
  tasks:
    - import_role: {name: provision, tasks_from: where}
      vars: {contrail_role: {name: controller}}
`)
	inv := filepath.Join(t.TempDir(), "hosts.yml")
	write(t, inv, "all: {hosts: {a: {contrail_upgraded: [lb.conf, controller.conf]}, b: {contrail_upgraded: [controller.conf]}, c: {contrail_upgraded: [lb.conf]}}}\n")
	for choice, want := range map[string]string{"node": "", "role": "a:controller.conf b:controller.conf", "all": "a:lb.conf a:controller.conf b:controller.conf c:lb.conf"} {
		out := fairlead(t, home, 0, "run", "-i", inv, "-e", "ansible_connection=local", "-e", "contrail_upgrade_put_back="+choice, filepath.Join(dir, "where.yml"))
		if !strings.Contains(out, "BACK "+want+".") {
			t.Errorf("%s: not %q in\n%s", choice, want, out)
		}
	}
}
