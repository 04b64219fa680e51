package servermanager

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Requests of generations B2 and later: an inventory of a whole cluster.

// playbookTask is a task of generation B4 and later: which playbook of the
// request it runs, and what the original told before it.
type playbookTask struct {
	name     string
	playbook string // key among the parameters
	action   string // extra variable; "" for Contrail's
	status   string
}

// They run in this order, whatever order a request has.
var playbookTasks = []playbookTask{
	{"openstack_bootstrap", "kolla_bootstrap_pb", "bootstrap-servers", "openstack_bootstrap-servers"},
	{"openstack_deploy", "kolla_deploy_pb", "deploy", "openstack_deploy"},
	{"openstack_post_deploy", "kolla_post_deploy_pb", "post-deploy", "openstack_post-deploy"},
	{"openstack_destroy", "kolla_destroy_pb", "destroy", "openstack_destroy"},
	{contrailTask, "contrail_deploy_pb", "", "contrail-deploy"},
	{"openstack_post_deploy_contrail", "kolla_post_deploy_contrail_pb", "post-deploy-contrail", "openstack_post-deploy-contrail"},
}

// readCluster reads a request of B2 (server_id) or B3 (hosts_in_inv): one
// playbook, which the inventory names.
func (s *Service) readCluster(it value.Value) ([]*order, error) {
	st := &step{begin: inProgress, ok: completed, failed: failed, perHost: true, reports: true}
	where := "inventory"
	if hosts, ok := it.Get("hosts_in_inv"); ok {
		st.told = distinct(texts(hosts.Items()))
	} else {
		server, _ := it.Get("server_id")
		if !server.IsString() || server.Str() == "" {
			return nil, &refusal{state: "server_id not defined", hint: "the object needs server_id, or hosts_in_inv and cluster_id"}
		}
		st.told, st.perHost, st.reports, where = []string{server.Str()}, false, false, "parameters"
		st.begin, st.ok, st.failed = InProgress, ProvisionSuccess, ProvisionFailed
	}
	if len(st.told) == 0 {
		return nil, &refusal{state: "hosts_in_inv not defined", hint: "it lists the hosts of the inventory that are to be reported on"}
	}
	o := &order{cluster: textOf(it, "cluster_id"), raw: it, steps: []*step{st}}
	params, _ := it.Get("parameters")
	inv, _ := params.Get("inventory")
	if inv.Kind() != value.KindMap {
		return nil, &refusal{told: st.told, state: "inventory not defined in parameters"}
	}
	all, _ := inv.Get("[all:vars]")
	if all.Kind() != value.KindMap {
		return nil, &refusal{told: st.told, state: "[all:vars] not defined"}
	}
	st.inventory = s.completed(inv)
	vars, _ := st.inventory.Get("[all:vars]")
	for _, k := range []string{"ansible_playbook", "ansible_user", "ansible_password"} {
		if v, ok := vars.Get(k); !ok || v.IsNull() || v.Text() == "" {
			return nil, &refusal{told: st.told, state: k + " not defined in " + where}
		}
	}
	st.playbook, st.extra = textOf(vars, "ansible_playbook"), value.NewMap()
	if o.cluster == "" {
		o.cluster = textOf(vars, "cluster_id")
	}
	if _, _, ok := s.resolve(st.playbook, false); !ok {
		return nil, notFound(st, "")
	}
	wrong, err := variableErrors(st.inventory)
	if err != nil {
		return nil, err
	}
	if wrong != "" {
		return nil, &refusal{told: st.told, state: wrong}
	}
	return []*order{o}, nil
}

// readTasks reads a request of B4 and later. As the original it is accepted
// when its outer parts are there; what else is wrong with it is told as the
// failure of the task.
func (s *Service) readTasks(endpoint string, it value.Value) ([]*order, error) {
	hosts, _ := it.Get("hosts_in_inv")
	told := distinct(texts(hosts.Items()))
	params, _ := it.Get("parameters")
	switch {
	case len(told) == 0:
		return nil, &refusal{state: "hosts_in_inv not defined", hint: "it lists the hosts of the inventory that are to be reported on"}
	case params.Kind() != value.KindMap:
		return nil, &refusal{told: told, state: failed, hint: "parameters not defined"}
	}
	tasks, given := it.Get("tasks")
	wanted := taskNames(tasks)
	if !given && endpoint == runContrail {
		wanted = []string{contrailTask}
	}
	if !given && endpoint != runContrail {
		return nil, &refusal{told: told, state: failed, hint: "tasks not defined"}
	}
	o := &order{cluster: textOf(it, "cluster_id"), raw: it, noRun: truthy(params, "no_run")}
	for _, t := range playbookTasks {
		if has(wanted, t.name) {
			o.steps = append(o.steps, s.taskStep(t, params, told))
		}
	}
	if len(o.steps) == 0 {
		return nil, &refusal{told: told, state: failed, hint: "tasks names none that there is: " + strings.Join(wanted, ", ")}
	}
	if o.cluster == "" {
		o.steps[0].refuse("cluster_id not defined", "it names the log and the inventory files")
	}
	return []*order{o}, nil
}

func (st *step) refuse(why, hint string) {
	if st.refusal == nil {
		st.refusal = &refusal{told: st.told, state: why, hint: hint}
	}
}

func (s *Service) taskStep(t playbookTask, params value.Value, told []string) *step {
	st := &step{task: t.name, begin: t.status, ok: completed, failed: failed, perHost: true, reports: true, told: told,
		kolla: t.action != "", playbook: textOf(params, t.playbook), extra: value.NewMap()}
	inventory := "inventory"
	if st.kolla {
		inventory = "kolla_inv"
	}
	inv, _ := params.Get(inventory)
	if inv.Kind() != value.KindMap {
		st.refuse(inventory+" not defined in parameters", "")
		inv = value.FromMap(value.NewMap())
	}
	if st.kolla {
		st.inventory = inv
		st.told = distinct(kollaHosts(inv))
		for _, part := range []string{"kolla_globals", "kolla_passwords"} {
			p, _ := params.Get(part)
			for k, v := range p.Map().All() {
				if part == "kolla_passwords" {
					v = v.MarkDeep(value.Secret)
				}
				st.extra.SetKey(k, v)
			}
		}
		st.extra.Set("action", value.String(t.action))
	} else {
		st.inventory = s.completed(inv)
		if st.playbook == "" {
			vars, _ := st.inventory.Get("[all:vars]")
			st.playbook = textOf(vars, "ansible_playbook")
		}
	}
	if st.playbook == "" {
		st.refuse(t.playbook+" not defined in parameters", "it names the playbook of task "+t.name)
	} else if _, _, ok := s.resolve(st.playbook, st.kolla); !ok {
		st.refuse("Playbook not found : "+st.playbook, playbookHint(st))
	}
	if why := unsupported(st); st.refusal == nil && why != "" {
		st.refuse(why, "")
	}
	if !st.kolla {
		if wrong, err := variableErrors(st.inventory); err != nil {
			st.refuse(err.Error(), "")
		} else if wrong != "" {
			st.refuse(wrong, "")
		}
	}
	return st
}

func playbookHint(st *step) string {
	if st.kolla {
		return "kolla's playbooks are not part of Fairlead: leave OpenStack to kolla-ansible and ask for contrail_deploy only, or put a playbook of this name below an allowed folder"
	}
	return "name a playbook below an allowed folder, or one of server-manager's own names: site.yml, compute.yml, del_compute.yml"
}

// unsupported names hosts of groups that the embedded playbooks cannot
// provision: they must not be passed over in silence.
func unsupported(st *step) string {
	if st.kolla {
		return ""
	}
	for _, r := range roles {
		hosts, _ := st.inventory.Get("[" + r.group + "]")
		if n := len(texts(hosts.Items())); n > 0 && !r.native() && wellKnown(st.playbook) == EmbeddedSite {
			return "group " + r.group + " of the inventory: role " + r.name + " cannot be provisioned by this version"
		}
	}
	return ""
}

// completed fills what an inventory's [all:vars] leaves out by the server's own
// options.
func (s *Service) completed(inv value.Value) value.Value {
	all, _ := inv.Get("[all:vars]")
	vars := value.NewMap()
	for k, v := range all.Map().All() {
		vars.SetKey(k, v)
	}
	for k, v := range s.defaults().All() {
		if !vars.Has(k.Text()) {
			vars.SetKey(k, v)
		}
	}
	out := value.NewMap()
	for k, v := range inv.Map().All() {
		out.SetKey(k, v)
	}
	out.Set("[all:vars]", value.FromMap(vars))
	return value.FromMap(out)
}

// The folder below which server-manager names its playbooks.
const originalBase = "/opt/contrail/server_manager/ansible/playbooks/"

// The playbooks that ship with Fairlead, by what server-manager calls them.
const (
	EmbeddedSite       = "contrail/site.yml"
	EmbeddedCompute    = "contrail/compute.yml"
	EmbeddedDelCompute = "contrail/del_compute.yml"
)

// wellKnown gives the embedded playbook that a name of server-manager's means.
func wellKnown(name string) string {
	clean := path.Clean(name)
	switch name {
	case EmbeddedSite, EmbeddedCompute, EmbeddedDelCompute:
		return name
	}
	if !strings.HasPrefix(clean, originalBase) || strings.Contains(clean, "/kolla-ansible/") {
		return ""
	}
	switch path.Base(clean) {
	case "site.yml":
		return EmbeddedSite
	case "compute.yml":
		return EmbeddedCompute
	case "del_compute.yml":
		return EmbeddedDelCompute
	}
	return ""
}

// taskNames splits names at any run of commas and blanks; a list is taken too.
func taskNames(v value.Value) []string {
	if v.Kind() == value.KindList {
		return texts(v.Items())
	}
	return strings.FieldsFunc(v.Text(), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

func textOf(v value.Value, key string) string {
	e, ok := v.Get(key)
	if !ok || e.IsNull() {
		return ""
	}
	return e.Text()
}

func truthy(v value.Value, key string) bool {
	e, ok := v.Get(key)
	return ok && jinja.ToBool(e)
}
