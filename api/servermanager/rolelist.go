package servermanager

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Requests of generations A, A' and B1: a list with one object per role of a
// server.

// The states of these generations, and of B2. Queued is ours and is not pushed.
const (
	Queued           = "Queued"
	InProgress       = "In_Progress"
	ProvisionSuccess = "Provision_Success"
	ProvisionFailed  = "Provision_Failed"
)

// element is one role of a server.
type element struct {
	asked  string // the role as asked for
	role   role
	params *value.Map
}

// The keys that the original looked for, in its order.
var neededKeys = []string{
	"ansible_playbook", "container_name", "ansible_host", "ansible_user", "ansible_password",
	"docker_insecure_registries", "docker_registry_insecure", "container_image",
}

// readRoles makes one order of the elements of each server; a list about
// several servers is taken too. The server's own options fill what is left out.
func (s *Service) readRoles(items []value.Value) ([]*order, error) {
	type part struct {
		id       string
		elements []element
		raw      []value.Value
	}
	var parts []*part
	at := map[string]*part{}
	for i, it := range items {
		id, params, err := split(i, it)
		if err != nil {
			return nil, err
		}
		p := at[id]
		if p == nil {
			p = &part{id: id}
			at[id] = p
			parts = append(parts, p)
		}
		e := element{params: params.Clone()}
		for k, v := range s.defaults().All() {
			if !e.params.Has(k.Str()) {
				e.params.SetKey(k, v)
			}
		}
		name, _ := e.params.Get("container_name")
		e.asked = name.Text()
		p.elements = append(p.elements, e)
		p.raw = append(p.raw, it)
	}
	var out []*order
	for _, p := range parts {
		if err := checkElements(p.id, p.elements); err != nil {
			return nil, err
		}
		st := &step{told: []string{p.id}, elements: p.elements, begin: InProgress, ok: ProvisionSuccess, failed: ProvisionFailed}
		st.fromElements()
		if _, _, ok := s.resolve(st.playbook, false); !ok {
			return nil, notFound(st, p.elements[len(p.elements)-1].asked)
		}
		out = append(out, &order{raw: value.List(p.raw...), steps: []*step{st}})
	}
	return out, nil
}

func notFound(st *step, role string) *refusal {
	return &refusal{told: st.told, role: role, state: "Playbook not found : " + st.playbook,
		hint: "name a playbook below an allowed folder, or one of server-manager's own names for the one that ships with Fairlead"}
}

func split(i int, it value.Value) (id string, params *value.Map, err error) {
	server, _ := it.Get("server_id")
	if !server.IsString() || server.Str() == "" {
		return "", nil, &refusal{state: "server_id not defined", hint: fmt.Sprintf("element %d of the list needs a text server_id", i+1)}
	}
	p, _ := it.Get("parameters")
	if p.Kind() != value.KindMap {
		return "", nil, &refusal{told: []string{server.Str()}, state: "parameters not defined"}
	}
	return server.Str(), p.Map(), nil
}

// checkElements finds out whether they can be carried out, in the order of the
// original's checks, and fills in the roles.
func checkElements(server string, elements []element) error {
	for i := range elements {
		e := &elements[i]
		refuse := func(hint, format string, args ...any) error {
			return &refusal{told: []string{server}, role: e.asked, state: fmt.Sprintf(format, args...), hint: hint}
		}
		for _, k := range neededKeys {
			if v, ok := e.params.Get(k); !ok || v.IsNull() {
				return refuse("", "%s not defined in parameters", k)
			}
		}
		r, ok := findRole(e.asked)
		if !ok || !r.native() {
			return refuse("this version provisions "+strings.Join(nativeRoles(), ", "), "Invalid Role:%s", e.asked)
		}
		e.role = r
		section := sectionOf(e.params, r)
		if section.Kind() != value.KindMap {
			return refuse("it holds the role's configuration: section, option, value", "%s not defined in parameters", e.asked)
		}
		for name, options := range section.Map().All() {
			if options.Kind() != value.KindMap {
				return refuse("", "section %s of %s in parameters is no object", name.Text(), e.asked)
			}
		}
		wrong, err := configErrors(r.name, section, isStrict(value.FromMap(e.params)))
		if err != nil {
			return err
		}
		if wrong != "" {
			return refuse("see the options of the role with: fairlead roles show "+r.name, "%s", wrong)
		}
		host, _ := e.params.Get("ansible_host")
		if !validHost(host.Text()) {
			return refuse("", "ansible_host in parameters is no address or host name")
		}
	}
	return nil
}

// fromElements makes of the elements what is run. All become one run: the
// parameters of the last one are the extra variables, as in the original; what
// only an earlier one has (a role's section or image) is added, so that every
// role of the list is provisioned.
func (st *step) fromElements() {
	extra := value.NewMap()
	sections, names := value.NewMap(), []string{}
	inventory := value.NewMap()
	groups := []string{}
	last := st.elements[len(st.elements)-1].params
	host, _ := last.Get("ansible_host")
	for _, e := range st.elements {
		image, _ := e.params.Get("container_image")
		if _, given := last.Get(e.role.image); !given {
			extra.Set(e.role.image, image)
		}
		if sections.Has(e.role.name) {
			continue
		}
		section := sectionOf(last, e.role)
		if section.IsUndefined() {
			section = sectionOf(e.params, e.role)
		}
		sections.Set(e.role.name, section)
		if e.role.name == "agent" && e.asked != "contrail-compute" && !last.Has("contrail_compute_mode") {
			extra.Set("contrail_compute_mode", value.String("container"))
		}
		names = append(names, e.role.name)
		groups = append(groups, e.role.group)
		inventory.Set("["+e.role.group+"]", value.Strings(host.Text()))
	}
	for k, v := range last.All() {
		extra.SetKey(k, v)
	}
	extra.Set("contrail_roles", value.Strings(names...))
	extra.Set("contrail_sections", value.FromMap(sections))
	if !extra.Has("contrailctl_config_mode") {
		extra.Set("contrailctl_config_mode", value.String("copy")) // the sections are the whole file
	}
	vars := value.NewMap()
	for _, k := range []string{"ansible_host", "ansible_user", "ansible_port"} {
		if v, ok := last.Get(k); ok {
			vars.Set(k, v)
		}
	}
	inventory.Set("[all:vars]", value.FromMap(vars))
	inventory.Set("[all:children]", value.Strings(groups...))
	st.inventory, st.extra = value.FromMap(inventory), extra
	name, _ := last.Get("ansible_playbook")
	st.playbook = name.Text()
}

// sectionOf gives the role's configuration, under any of the role's names.
func sectionOf(params *value.Map, r role) value.Value {
	for _, n := range append(r.asked[:len(r.asked):len(r.asked)], r.name) {
		if v, ok := params.Get(n); ok {
			return v
		}
	}
	return value.Undefined(r.name)
}

var hostName = lazyregexp.New(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

func validHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && !strings.Contains(s, "%") || len(s) <= 253 && hostName().MatchString(s)
}
