package servermanager

import "strings"

// role is what server-manager can ask for, and what it is called where.
type role struct {
	name   string   // of the configuration file, the embedded role, the statuses
	asked  []string // in requests
	group  string   // in inventories
	image  string   // variable
	native bool     // the embedded playbook provisions it
}

// The roles of release 4.x. Those that are not native yet are refused by name.
var roles = []role{
	{"controller", []string{"control", "contrail-controller"}, "contrail-controllers", "controller_image", true},
	{"analytics", []string{"contrail-analytics"}, "contrail-analytics", "analytics_image", true},
	{"analyticsdb", []string{"contrail-analyticsdb"}, "contrail-analyticsdb", "analyticsdb_image", false},
	{"agent", []string{"contrail-agent", "contrail-compute"}, "contrail-compute", "agent_image", false},
	{"lb", []string{"contrail-lb"}, "contrail-lb", "lb_image", true},
}

func findRole(asked string) (role, bool) {
	for _, r := range roles {
		if asked == r.name {
			return r, true
		}
		for _, a := range r.asked {
			if asked == a {
				return r, true
			}
		}
	}
	return role{}, false
}

// reported reads the last word of a status task's name, such as lb_completed.
func reported(task string) (roleName, state string, ok bool) {
	if !strings.Contains(task, "sm_status_report") {
		return "", "", false
	}
	words := strings.Fields(task)
	word := words[len(words)-1]
	i := strings.LastIndexByte(word, '_')
	if i < 0 {
		return "", "", false
	}
	return word[:i], word[i+1:], true
}
