// Package smclient makes the calls that server-manager makes, in every
// generation of its protocol, from a small description: to try a server without
// server-manager, and to test one.
package smclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Generations are those of the protocol, oldest first.
var Generations = []string{"A", "A'", "B1", "B2", "B3", "B4", "B5", "C", "C1", "C2"}

// Description says what is to be provisioned where.
type Description struct {
	// Generation is one of Generations; default C.
	Generation string `json:"generation"`
	ServerID   string `json:"server_id"`  // A to B2; default the first host
	ClusterID  string `json:"cluster_id"` // B2 and later
	User       string `json:"user"`       // default root
	Password   string `json:"password"`
	// PasswordEnv names an environment variable with the password.
	PasswordEnv string `json:"password_env"`
	Hosts       []Host `json:"hosts"`
	// Registry, ImageID and Version name the images; Images gives the reference
	// of a role's image itself.
	Registry string            `json:"registry"`
	ImageID  string            `json:"image_id"`
	Version  string            `json:"version"`
	Images   map[string]string `json:"images"`
	// Config are the sections of a role's configuration file (A to B1).
	Config map[string]map[string]map[string]any `json:"config"`
	// Vars are more parameters (A to B1) or variables of [all:vars].
	Vars map[string]any `json:"vars"`
	// Playbook is the one to run; default server-manager's site.yml.
	Playbook string `json:"playbook"`
	// Tasks are those of B4 and later; default contrail_deploy.
	Tasks string `json:"tasks"`
	NoRun any    `json:"no_run"` // C2
	// Kolla are the parameters kolla_inv, kolla_globals and so on (B4 and later).
	Kolla map[string]any `json:"kolla"`
}

// Host is one server and its roles, as lb, controller, analytics, analyticsdb,
// agent.
type Host struct {
	Address string         `json:"address"`
	Roles   []string       `json:"roles"`
	Vars    map[string]any `json:"vars"`
}

// Call is one HTTP call.
type Call struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
}

// Read reads a description from YAML.
func Read(file string, text []byte) (Description, error) {
	var d Description
	doc, err := yaml.ParseOne(file, text, yaml.Options{})
	if err != nil {
		return d, err
	}
	raw, err := doc.Value().MarshalJSON()
	if err != nil {
		return d, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, misread(file, doc, err)
	}
	return d, nil
}

var unknownField = lazyregexp.New(`unknown field "(.*)"`)

// misread says where in the description an error of its JSON form is.
func misread(file string, doc *yaml.Node, err error) error {
	pos := diag.Pos{File: file}
	at := func(key string) {
		if k := findKey(doc, key); k != nil {
			pos = k.Pos
		}
	}
	if m := unknownField().FindStringSubmatch(err.Error()); m != nil {
		at(m[1])
		return diag.Errorf(pos, "description", "there is no key %q in a description", m[1]).WithHint("fairlead sm-send --help lists them")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		at(wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:])
		return diag.Errorf(pos, "description", "%s is of type %s here, and must be a %s", wrong.Field, wrong.Value, wrong.Type.Kind())
	}
	return diag.Errorf(pos, "description", "%w", err)
}

// findKey is the first key of that name in a document.
func findKey(n *yaml.Node, key string) *yaml.Node {
	if n == nil {
		return nil
	}
	for _, p := range n.Pairs {
		if p.Key.Str() == key {
			return p.Key
		}
		if k := findKey(p.Value, key); k != nil {
			return k
		}
	}
	if n.Kind == yaml.Sequence {
		for _, it := range n.List() {
			if k := findKey(it, key); k != nil {
				return k
			}
		}
	}
	return nil
}

func (d *Description) fill() error {
	set := func(s *string, def string) {
		if *s == "" {
			*s = def
		}
	}
	set(&d.Generation, "C")
	set(&d.User, "root")
	set(&d.Registry, "127.0.0.1:5100")
	set(&d.ImageID, "img1")
	set(&d.Version, "4.0.0-1")
	set(&d.ClusterID, "c1")
	set(&d.Tasks, "contrail_deploy")
	set(&d.Playbook, "/opt/contrail/server_manager/ansible/playbooks/"+d.ImageID+"/playbooks/site.yml")
	if !slices.Contains(Generations, d.Generation) {
		return diag.Errorf(diag.Pos{}, "generation", "there is no generation %q", d.Generation).WithHint("one of %s", strings.Join(Generations, ", "))
	}
	if len(d.Hosts) == 0 || d.Hosts[0].Address == "" {
		return diag.Errorf(diag.Pos{}, "hosts", "the description names no hosts").WithHint("hosts: [{address: 192.0.2.11, roles: [lb]}]")
	}
	set(&d.ServerID, d.Hosts[0].Address)
	if d.Password == "" && d.PasswordEnv != "" {
		if d.Password = os.Getenv(d.PasswordEnv); d.Password == "" {
			return diag.Errorf(diag.Pos{}, "password", "the environment has no %s", d.PasswordEnv)
		}
	}
	return nil
}

// The names of roles: as roles of server-manager, groups of its inventories,
// and variables of images.
var (
	groups = map[string]string{"controller": "contrail-controllers", "analytics": "contrail-analytics", "analyticsdb": "contrail-analyticsdb",
		"lb": "contrail-lb", "agent": "contrail-compute"}
	oldNames = map[string]string{"controller": "control"}
)

func (d *Description) image(role string) string {
	if ref := d.Images[role]; ref != "" {
		return ref
	}
	name := role
	switch old := oldNames[role]; {
	case d.Generation[0] != 'A':
		name = "contrail-" + role
	case old != "":
		name = old
	}
	return d.Registry + "/" + d.ImageID + "-" + name + ":" + d.Version
}

// Calls makes the calls of the description's generation.
func (d Description) Calls() ([]Call, error) {
	if err := d.fill(); err != nil {
		return nil, err
	}
	switch d.Generation {
	case "A", "A'", "B1":
		return d.roleCalls()
	case "B2", "B3":
		return d.clusterCalls()
	}
	return d.taskCalls()
}

func call(path string, body any) (Call, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(body)
	return Call{http.MethodPost, path, bytes.TrimSpace(b.Bytes())}, err
}

// roleCalls are those of A, A' and B1: one object per role of one server.
func (d Description) roleCalls() ([]Call, error) {
	params := map[string]any{"ansible_host": d.Hosts[0].Address, "ansible_user": d.User, "ansible_password": d.Password, "ansible_playbook": d.Playbook,
		"docker_registry": d.Registry, "docker_insecure_registries": d.Registry, "docker_registry_insecure": "True"}
	if d.Generation != "A" {
		params["docker_install_method"], params["docker_package_name"] = "package", "docker-engine"
	}
	for k, v := range d.Vars {
		params[k] = v
	}
	named := func(role string) string {
		if d.Generation == "B1" {
			return "contrail-" + role
		}
		if old := oldNames[role]; old != "" {
			return old
		}
		return role
	}
	for _, role := range d.Hosts[0].Roles {
		sections := d.Config[role]
		if sections == nil {
			sections = map[string]map[string]any{"GLOBAL": {"controller_nodes": d.Hosts[0].Address}}
		}
		params[named(role)] = sections
	}
	first, err := call("/start_provision", params)
	if err != nil {
		return nil, err
	}
	var list []any
	for _, role := range d.Hosts[0].Roles {
		params[role+"_image"] = d.image(role) // those before it stay
		each := map[string]any{"container_name": named(role), "container_image": d.image(role)}
		for k, v := range params {
			each[k] = v
		}
		list = append(list, map[string]any{"server_id": d.ServerID, "parameters": each})
	}
	second, err := call("/run_playbook", list)
	return []Call{first, second}, err
}

// inventory is server-manager's form of one.
func (d Description) inventory() (inv map[string]any, hosts []string) {
	all := map[string]any{"ansible_user": d.User, "ansible_password": d.Password, "ansible_playbook": d.Playbook, "cluster_id": d.ClusterID,
		"docker_registry": d.Registry, "docker_registry_insecure": true, "contrail_image_id": d.ImageID}
	lines, children := map[string][]string{}, []string{}
	for _, h := range d.Hosts {
		line := h.Address
		for _, k := range sortedKeys(h.Vars) {
			line += fmt.Sprintf(" %s=%v", k, h.Vars[k])
		}
		hosts = append(hosts, h.Address)
		for _, role := range h.Roles {
			group := groups[role]
			if group == "" {
				group = role
			}
			if lines[group] == nil {
				children = append(children, group)
			}
			lines[group] = append(lines[group], line)
			if groups[role] != "" {
				all[role+"_image"] = d.image(role)
			}
		}
	}
	for k, v := range d.Vars {
		all[k] = v
	}
	inv = map[string]any{"[all:vars]": all, "[all:children]": children}
	for g, l := range lines {
		inv["["+g+"]"] = l
	}
	return inv, hosts
}

func sortedKeys(m map[string]any) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// clusterCalls are those of B2 and B3: one inventory, one playbook.
func (d Description) clusterCalls() ([]Call, error) {
	inv, hosts := d.inventory()
	body := map[string]any{"parameters": map[string]any{"inventory": inv}}
	if d.Generation == "B2" {
		body["server_id"] = d.ServerID
	} else {
		body["hosts_in_inv"], body["cluster_id"] = hosts, d.ClusterID
	}
	c, err := call("/run_playbook", []any{body})
	return []Call{c}, err
}

// taskCalls are those of B4 and later.
func (d Description) taskCalls() ([]Call, error) {
	inv, hosts := d.inventory()
	kolla := "/opt/contrail/server_manager/ansible/playbooks/" + d.ImageID + "/kolla-ansible/ansible/"
	params := map[string]any{"inventory": inv, "contrail_deploy_pb": d.Playbook, "kolla_inv": map[string]any{},
		"kolla_bootstrap_pb": kolla + "kolla-host.yml", "kolla_deploy_pb": kolla + "site.yml", "kolla_post_deploy_pb": kolla + "post-deploy.yml",
		"kolla_destroy_pb": kolla + "destroy.yml", "kolla_post_deploy_contrail_pb": kolla + "post-deploy-contrail.yml"}
	if d.Generation != "B4" {
		params["kolla_passwords"], params["kolla_globals"] = map[string]any{}, map[string]any{"cluster_id": d.ClusterID}
	}
	for k, v := range d.Kolla {
		params[k] = v
	}
	if d.Generation == "C2" {
		params["no_run"] = d.NoRun
	}
	path := "/run_ansible_playbooks"
	if d.Generation[0] == 'B' {
		path = "/run_openstack_playbook"
	}
	c, err := call(path, []any{map[string]any{"hosts_in_inv": hosts, "cluster_id": d.ClusterID, "tasks": d.Tasks, "parameters": params}})
	return []Call{c}, err
}

// Send sends a call to a server (host:port) and gives status and answer.
func (c Call) Send(ctx context.Context, server string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, c.Method, "http://"+server+c.Path, bytes.NewReader(c.Body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", diag.New(diag.Unreachable, diag.Pos{}, "server", "the server cannot be asked: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, string(answer), err
}
