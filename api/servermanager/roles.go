package servermanager

import (
	"io/fs"
	"strings"

	"github.com/fairlead-project/fairlead/templates"
)

// role is what server-manager can ask for, and what it is called where.
type role struct {
	name   string   // of the configuration file and the embedded role
	asked  []string // in requests of generations A and B1
	group  string   // in inventories
	image  string   // variable
	status string   // in status reports, where it is another
}

// The roles of release 4.x. The embedded playbooks provision those that have a
// role of that name.
var roles = []role{
	{name: "controller", asked: []string{"control", "contrail-controller"}, group: "contrail-controllers", image: "controller_image"},
	{name: "analytics", asked: []string{"contrail-analytics"}, group: "contrail-analytics", image: "analytics_image"},
	{name: "analyticsdb", asked: []string{"contrail-analyticsdb"}, group: "contrail-analyticsdb", image: "analyticsdb_image"},
	{name: "agent", asked: []string{"contrail-agent", "contrail-compute"}, group: "contrail-compute", image: "agent_image"},
	{name: "lb", asked: []string{"contrail-lb"}, group: "contrail-lb", image: "lb_image"},
	{name: "cephcontroller", asked: []string{"contrail-ceph-controller"}, group: "ceph-controller", image: "storage_ceph_controller_image", status: "ceph_master"},
	{name: "vcenterplugin", asked: []string{"contrail-vcenter-plugin"}, group: "contrail-vc-plugin", image: "vcenterplugin_image", status: "vcenter_plugin"},
}

// native tells whether the embedded playbooks provision the role.
func (r role) native() bool {
	_, err := fs.Stat(templates.Files, "contrail/roles/"+r.name)
	return err == nil
}

// is tells whether the role goes by a name.
func (r role) is(name string) bool {
	if name == r.name || name == r.status {
		return name != ""
	}
	for _, a := range r.asked {
		if a == name {
			return true
		}
	}
	return false
}

func findRole(asked string) (role, bool) {
	for _, r := range roles {
		if r.is(asked) {
			return r, true
		}
	}
	return role{}, false
}

func nativeRoles() []string {
	var out []string
	for _, r := range roles {
		if r.native() {
			out = append(out, r.name)
		}
	}
	return out
}

// reported reads the last word of a status task's name, such as lb_completed,
// and what it says of which role; role and state are empty when it is another.
func reported(task string) (word, roleName, state string, ok bool) {
	if !strings.Contains(task, "sm_status_report") {
		return "", "", "", false
	}
	words := strings.Fields(task)
	word = words[len(words)-1]
	if word == "sm_status_report" {
		return "", "", "", false
	}
	for _, state := range []string{"started", "completed", "failed"} {
		if name, ok := strings.CutSuffix(word, "_"+state); ok {
			return word, name, state, true
		}
	}
	return word, "", "", true
}
