package servermanager

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

// order is what one request wants done on one server: its roles, in order.
type order struct {
	serverID string
	elements []element
	raw      []value.Value // as received
}

type element struct {
	asked  string // the role as asked for
	role   role
	params *value.Map
}

// last are the parameters that count: those of the last element, as in the
// original.
func (o *order) last() *value.Map { return o.elements[len(o.elements)-1].params }

// refusal is a request that is not carried out: the state that tells why, in
// the original's words where it had some.
type refusal struct {
	serverID, role string
	state          string
	hint           string
}

func (r *refusal) Error() string { return r.state }

func (r *refusal) ErrorClass() diag.Class { return diag.Usage }

// The keys that the original looked for, in its order.
var neededKeys = []string{
	"ansible_playbook", "container_name", "ansible_host", "ansible_user", "ansible_password",
	"docker_insecure_registries", "docker_registry_insecure", "container_image",
}

// parse reads the body of POST /run_playbook. Elements of one server become
// one order; a list about several servers is taken too. Options of the
// server's own fill what a request leaves out.
func parse(body []byte, defaults *value.Map) ([]order, error) {
	doc, err := value.ParseJSON(body)
	if err != nil {
		return nil, &refusal{state: "the body is not JSON: " + err.Error(), hint: "send a list of objects with server_id and parameters"}
	}
	items := doc.Items()
	if doc.Kind() == value.KindMap {
		items = []value.Value{doc}
	}
	if len(items) == 0 {
		return nil, &refusal{state: "the body is no list of objects", hint: "send one object with server_id and parameters for each role"}
	}
	var out []order
	at := map[string]int{}
	for i, it := range items {
		id, params, err := split(i, it)
		if err != nil {
			return nil, err
		}
		n, ok := at[id]
		if !ok {
			n = len(out)
			at[id] = n
			out = append(out, order{serverID: id})
		}
		e := element{params: params.Clone()}
		for k, v := range defaults.All() {
			if !e.params.Has(k.Str()) {
				e.params.SetKey(k, v)
			}
		}
		name, _ := e.params.Get("container_name")
		e.asked = name.Text()
		out[n].elements = append(out[n].elements, e)
		out[n].raw = append(out[n].raw, it)
	}
	return out, nil
}

func split(i int, it value.Value) (id string, params *value.Map, err error) {
	if it.Kind() != value.KindMap {
		return "", nil, &refusal{state: fmt.Sprintf("element %d of the list is no object", i+1)}
	}
	server, _ := it.Get("server_id")
	if !server.IsString() || server.Str() == "" {
		return "", nil, &refusal{state: "server_id not defined", hint: fmt.Sprintf("element %d of the list needs a text server_id", i+1)}
	}
	p, _ := it.Get("parameters")
	if p.Kind() != value.KindMap {
		return "", nil, &refusal{serverID: server.Str(), state: "parameters not defined"}
	}
	return server.Str(), p.Map(), nil
}

// check finds out whether the order can be carried out, in the order of the
// original's checks, and fills in the roles.
func (o *order) check() error {
	for i := range o.elements {
		e := &o.elements[i]
		refuse := func(hint, format string, args ...any) error {
			return &refusal{serverID: o.serverID, role: e.asked, state: fmt.Sprintf(format, args...), hint: hint}
		}
		for _, k := range neededKeys {
			if v, ok := e.params.Get(k); !ok || v.IsNull() {
				return refuse("", "%s not defined in parameters", k)
			}
		}
		r, ok := findRole(e.asked)
		if !ok || !r.native {
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
		host, _ := e.params.Get("ansible_host")
		if !validHost(host.Text()) {
			return refuse("", "ansible_host in parameters is no address or host name")
		}
	}
	return nil
}

func nativeRoles() []string {
	var out []string
	for _, r := range roles {
		if r.native {
			out = append(out, r.name)
		}
	}
	return out
}

// sectionOf gives the role's configuration, under any of the role's names.
func sectionOf(params *value.Map, r role) value.Value {
	for _, n := range append(r.asked, r.name) {
		if v, ok := params.Get(n); ok {
			return v
		}
	}
	return value.Undefined(r.name)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

func validHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && !strings.Contains(s, "%") || len(s) <= 253 && hostName.MatchString(s)
}

// secretName tells which parameters and options hold secrets.
var secretName = regexp.MustCompile(`(?i)(pass(word|wd|phrase)?|secret|token|private_key|_pass|sshkey|(mon|osd|adm|pool)_keys?|auth_key)s?$`)

// markSecrets marks the values of options whose names say so.
func markSecrets(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindMap:
		m := value.NewMap()
		for k, e := range v.Map().All() {
			if secretName.MatchString(k.Text()) {
				m.SetKey(k, e.MarkDeep(value.Secret))
				continue
			}
			m.SetKey(k, markSecrets(e))
		}
		return value.FromMap(m)
	case value.KindList:
		items := make([]value.Value, 0, v.Len())
		for _, it := range v.Items() {
			items = append(items, markSecrets(it))
		}
		return value.List(items...)
	}
	return v
}
