package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// scriptTimeout bounds one call of an executable inventory.
const scriptTimeout = 5 * time.Minute

// readScript runs an executable inventory with --list and reads its JSON:
// groups with hosts, vars and children, variables of hosts in _meta, or by one
// call with --host for each.
func (inv *Inventory) readScript(file string) diag.List {
	r := &scriptReader{inv: inv, file: file, source: absolute(file), pos: diag.Pos{File: file, Line: 1, Col: 1}, seen: map[*Host]bool{}}
	top, ok := r.call("--list")
	if !ok {
		return r.problems
	}
	if top.Map() == nil {
		r.fail("its output with --list must be a JSON object, but is %s", top.TypeName())
		return r.problems
	}
	for k, v := range top.Map().All() {
		if k.Text() != "_meta" {
			r.group(k.Text(), v)
		}
	}
	meta, hasMeta := top.Get("_meta")
	all, _ := meta.Get("hostvars")
	for _, h := range r.hosts {
		vars, known := all.Get(h.Name)
		if !hasMeta {
			vars, known = r.call("--host", h.Name)
		}
		if known {
			r.setVars(vars, "the variables of host "+h.Name, func(v yaml.Var) { h.vars.Set(v) })
		}
	}
	return r.problems
}

type scriptReader struct {
	inv          *Inventory
	file, source string
	pos          diag.Pos
	problems     diag.List
	hosts        []*Host
	seen         map[*Host]bool
}

func (r *scriptReader) fail(format string, args ...any) {
	r.problems.Add(diag.Errorf(r.pos, "inventory-script", "inventory script: "+format, args...))
}

func (r *scriptReader) call(args ...string) (value.Value, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), scriptTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.source, args...)
	cmd.Dir = filepath.Dir(r.source)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	what := strings.Join(args, " ")
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && stderr.Len() > 0 {
			lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
		r.fail("%s: %w", what, err)
		return value.Null, false
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return value.FromMap(nil), true
	}
	v, err := value.ParseJSON(out)
	if err != nil {
		r.fail("%s does not answer with JSON: %w", what, err)
		return value.Null, false
	}
	return v, true
}

func (r *scriptReader) host(name string, g *Group) {
	h := r.inv.addHost(name, r.pos, r.source)
	g.addHost(h)
	if !r.seen[h] {
		r.seen[h] = true
		r.hosts = append(r.hosts, h)
	}
}

func (r *scriptReader) group(name string, data value.Value) {
	g := r.inv.addGroup(name, r.pos)
	if data.Kind() == value.KindList {
		data = value.FromMap(value.M("hosts", data))
	}
	if data.Map() == nil {
		r.fail("the group %q must be a list of hosts or an object, but is %s", name, data.TypeName())
		return
	}
	m := data.Map()
	if !m.Has("hosts") && !m.Has("vars") && !m.Has("children") { // a host with its variables, if only of that name
		data = value.FromMap(value.M("hosts", []string{name}, "vars", data))
	}
	for _, h := range r.names(data, name, "hosts") {
		r.host(h, g)
	}
	if vars, ok := data.Get("vars"); ok {
		r.setVars(vars, "vars of the group "+name, func(v yaml.Var) { r.problems.Add(g.set(v)) })
	}
	for _, c := range r.names(data, name, "children") {
		_, err := r.inv.addChild(g, r.inv.addGroup(c, r.pos), r.pos)
		r.problems.Add(err)
	}
}

func (r *scriptReader) names(data value.Value, group, key string) []string {
	v, ok := data.Get(key)
	if !ok || v.IsNull() {
		return nil
	}
	if v.Kind() != value.KindList {
		r.fail("%s of the group %q must be a list, but is %s", key, group, v.TypeName())
		return nil
	}
	var out []string
	for _, it := range v.Items() {
		if !it.IsString() || it.Str() == "" {
			r.fail("%s of the group %q must be names, but one is %s", key, group, it.TypeName())
			continue
		}
		out = append(out, it.Str())
	}
	return out
}

func (r *scriptReader) setVars(vars value.Value, what string, set func(yaml.Var)) {
	if vars.IsNull() {
		return
	}
	if vars.Map() == nil {
		r.fail("%s must be an object, but are %s", what, vars.TypeName())
		return
	}
	for k, v := range vars.Map().All() {
		set(yaml.Var{Name: k.Text(), Pos: r.pos, Node: yaml.FromValue(r.pos, v)})
	}
}
