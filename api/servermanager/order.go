package servermanager

import (
	"fmt"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// The endpoints that take work, each of its generations of the protocol.
const (
	runPlaybook  = "/run_playbook"           // A, A', B1, B2, B3
	runContrail  = "/run_contrail_playbook"  // B4, B5
	runOpenstack = "/run_openstack_playbook" // B4, B5
	runAnsible   = "/run_ansible_playbooks"  // C, C1, C2
	completed    = "provision_completed"     // B3 and later, of a host
	failed       = "provision_failed"        // B3 and later
	inProgress   = "provision_in_progress"   // B3
	contrailTask = "contrail_deploy"         // the one task that is not OpenStack's
)

// order is one request as it is carried out: playbooks one after the other.
type order struct {
	endpoint string
	cluster  string
	raw      value.Value // as received, the part that is this order
	digest   string      // of what was asked; see store.Accept
	noRun    bool        // only write the inventories
	steps    []*step
}

// step is one playbook of an order.
type step struct {
	task     string // its name in requests of generation C, else ""
	playbook string // as named
	kolla    bool
	// begin is the status told before it runs; "" for none. ok and failed are
	// those told when it ended.
	begin, ok, failed string
	inventory         value.Value
	extra             *value.Map
	// told are who is reported on, in the order of the request: servers of
	// server-manager, which from generation B3 on are known by their address.
	told []string
	// perHost: every host is told how it fared; else all are told the same.
	perHost bool
	// elements are the roles of a request of generation A.
	elements []element
	// reports: what status tasks of the playbook report is pushed.
	reports bool
	// refusal is why it cannot be carried out, found when it was asked for.
	refusal *refusal
}

// refusal is a request, or a part of one, that is not carried out: the state
// that tells why, in the original's words where it had some.
type refusal struct {
	told  []string // who is told
	role  string
	state string // what they are told
	hint  string
}

func (r *refusal) Error() string { return r.state }

func (r *refusal) ErrorClass() diag.Class { return diag.Usage }

// statuses are what becomes known by one state of a step: of each role in
// generation A, of each server later. servers empty: of all.
func (st *step) statuses(state, reason string, servers ...string) []store.Status {
	var out []store.Status
	if len(servers) == 0 {
		servers = st.told
	}
	if len(st.elements) == 0 {
		for _, s := range servers {
			out = append(out, store.Status{ServerID: s, State: state, Reason: reason})
		}
		return out
	}
	seen := map[string]bool{}
	for _, e := range st.elements {
		if !seen[e.asked] {
			seen[e.asked] = true
			out = append(out, store.Status{ServerID: servers[0], Role: e.asked, State: state, Reason: reason})
		}
	}
	return out
}

// hosts are the hosts that an order needs for itself, by their addresses.
func (o *order) hosts() []string {
	var out []string
	seen := map[string]bool{}
	for _, st := range o.steps {
		for _, h := range addresses(st.inventory) {
			if key := strings.ToLower(h); !seen[key] {
				seen[key] = true
				out = append(out, key)
			}
		}
	}
	return out
}

// read makes orders of a request: one for each server in generation A, else one.
// An error is a *refusal.
func (s *Service) read(endpoint string, body []byte) ([]*order, error) {
	doc, err := value.ParseJSON(body)
	if err != nil {
		return nil, &refusal{state: "the body is not JSON: " + err.Error(), hint: "send a list of objects"}
	}
	items := doc.Items()
	if doc.Kind() == value.KindMap {
		items = []value.Value{doc}
	}
	if len(items) == 0 {
		return nil, &refusal{state: "the body is no list of objects", hint: "send a list with at least one object"}
	}
	for i, it := range items {
		if it.Kind() != value.KindMap {
			return nil, &refusal{state: fmt.Sprintf("element %d of the list is no object", i+1)}
		}
	}
	var orders []*order
	switch {
	case endpoint == runPlaybook && !hasInventory(items[0]):
		orders, err = s.readRoles(items)
	case endpoint == runPlaybook:
		orders, err = s.readCluster(items[0])
	default:
		orders, err = s.readTasks(endpoint, items[0])
	}
	if err != nil {
		return nil, err
	}
	for _, o := range orders {
		o.endpoint = endpoint
		text, err := canonical(o.raw, "").MarshalJSON()
		if err != nil {
			return nil, err
		}
		o.digest = s.cfg.Store.Digest(append([]byte(endpoint+"\n"), text...))
	}
	return orders, nil
}

func hasInventory(it value.Value) bool {
	p, _ := it.Get("parameters")
	inv, _ := p.Get("inventory")
	_, hosts := it.Get("hosts_in_inv")
	return inv.Kind() == value.KindMap || hosts
}

// canonical puts what comes in any order into one: Python's dicts, and the list
// of hosts.
func canonical(v value.Value, name string) value.Value {
	switch v.Kind() {
	case value.KindMap:
		keys := map[string]value.Value{}
		var names []string
		for k, e := range v.Map().All() {
			keys[k.Text()] = canonical(e, k.Text())
			names = append(names, k.Text())
		}
		m := value.NewMap()
		for _, n := range sorted(names) {
			m.Set(n, keys[n])
		}
		return value.FromMap(m)
	case value.KindList:
		items := make([]value.Value, 0, v.Len())
		for _, it := range v.Items() {
			items = append(items, canonical(it, ""))
		}
		if name == "hosts_in_inv" {
			return value.Strings(sorted(texts(items))...)
		}
		return value.List(items...)
	}
	return v
}
