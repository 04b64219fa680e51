package run

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// HostSpec is how a host is reached, evaluated from its variables.
type HostSpec struct {
	Name       string
	Connection string // "ssh" or "local"
	Address    string
	Port       int // 0: the client's default
	User       string
	Password   string
	KeyFile    string
	Timeout    time.Duration
	// SSHArgs are options as of the program ssh; HostKeys says whether host keys
	// are checked, "" what holds for the run.
	SSHArgs  []string
	HostKeys string
	// Docker is how the host's engine is reached ("" for the usual socket).
	DockerHost string
	// Become is the identity under which helpers (Docker) act by default.
	Become state.Identity
}

// ConnectionDefaults are what the command line or the server says; variables
// and keywords win over them.
type ConnectionDefaults struct {
	Connection     string
	User           string
	Password       string
	KeyFile        string
	Port           int
	Timeout        time.Duration
	SSHArgs        []string // options of ssh, as ansible_ssh_common_args
	Become         bool
	BecomeMethod   string
	BecomeUser     string
	BecomeExe      string
	BecomeFlags    string
	BecomePassword string
}

// text evaluates the first variable of names that is defined.
func text(s *vars.Scope, names ...string) (string, error) {
	for _, n := range names {
		v, ok, err := s.Variable(n)
		if err != nil {
			return "", fmt.Errorf("variable %s: %w", n, err)
		}
		if ok && !v.IsNull() && !v.IsUndefined() {
			if o, unknown := v.FindUnknown(); unknown {
				return "", &needKnown{o}
			}
			return v.Text(), nil
		}
	}
	return "", nil
}

// keyword evaluates a keyword as text; "" when it is not given.
func keyword(s *vars.Scope, n *yaml.Node) (string, error) {
	if n.IsNull() {
		return "", nil
	}
	v, err := s.Eval(n)
	if err != nil || vars.IsOmit(v) {
		return "", err
	}
	if o, unknown := v.FindUnknown(); unknown {
		return "", &needKnown{o}
	}
	return v.Text(), nil
}

// nearest is the keyword of the innermost scope that says it. One that evaluates to the
// variable omit counts as not said, as in ansible-core 2.14 (Base.set_to_context).
func nearest(s *vars.Scope, at *playbook.Scope, get func(*playbook.Keywords) *yaml.Node) *yaml.Node {
	for x := range at.Outward() {
		n := get(&x.Keywords)
		if n.HasTemplate() && strings.Contains(n.Str(), "omit") {
			if v, err := s.Eval(n); err == nil && vars.IsOmit(v) {
				continue
			}
		}
		if n != nil {
			return n
		}
	}
	return nil
}

// flagOf evaluates a keyword of a task that is true or false.
func (pl *play) flagOf(h *host, t *playbook.Task, get func(*playbook.Keywords) *yaml.Node, def bool) (bool, error) {
	s := pl.scope(h, t)
	return flag(s, nearest(s, &t.Scope, get), def)
}

// flag evaluates a keyword as a boolean.
func flag(s *vars.Scope, n *yaml.Node, def bool) (bool, error) {
	if n.IsNull() {
		return def, nil
	}
	v, err := s.Eval(n)
	if err != nil || vars.IsOmit(v) {
		return def, err
	}
	if o, unknown := v.FindUnknown(); unknown {
		return false, &needKnown{o}
	}
	b, ok := boolean(v)
	if !ok {
		return false, diag.Errorf(n.Pos, "keyword-type", "%w", module.NotBool(v.Text()))
	}
	return b, nil
}

// boolean reads a value as ansible-core 2.14 reads keywords that are true or
// false (module_utils.parsing.convert_bool); ok is false for other values.
func boolean(v value.Value) (b, ok bool) {
	switch strings.ToLower(strings.TrimSpace(v.Text())) {
	case "y", "yes", "on", "1", "true", "t", "1.0":
		return true, true
	case "n", "no", "off", "0", "false", "f", "0.0", "", "none":
		return false, true
	}
	return false, false
}

// needKnown says that a value must be known to go on.
type needKnown struct{ origin *value.Origin }

func (n *needKnown) Error() string {
	what := "a value"
	if n.origin != nil && n.origin.What != "" {
		what = n.origin.What
	}
	return what + " is not known yet"
}

// spec evaluates how a host is reached.
func (r *runner) spec(s *vars.Scope, at *playbook.Scope, name string) (HostSpec, error) {
	d := r.Config.Connection
	sp := HostSpec{Name: name, Timeout: d.Timeout}
	var errs diag.List
	set := func(dst *string, p wayPart, def string) {
		v, err := text(s, p.names...)
		if err == nil && v == "" && p.keyword != nil && at != nil {
			v, err = keyword(s, nearest(s, at, p.keyword))
		}
		*dst = orElse(v, def)
		errs.Add(err)
	}
	var port, timeout string
	set(&sp.Connection, wayConnection, d.Connection)
	set(&sp.Address, wayAddress, name)
	set(&port, wayPort, "")
	set(&sp.User, wayUser, d.User)
	set(&sp.Password, wayPassword, d.Password)
	set(&sp.KeyFile, wayKey, d.KeyFile)
	set(&timeout, wayTimeout, "")
	set(&sp.DockerHost, wayDocker, "")
	set(&sp.HostKeys, wayHostKeys, "")
	for i, p := range waySSHArgs {
		var line, def string
		if i < len(d.SSHArgs) {
			def = d.SSHArgs[i]
		}
		if set(&line, p, def); line != "" {
			sp.SSHArgs = append(sp.SSHArgs, line)
		}
	}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			errs.Add(diag.Errorf(diag.Pos{}, "port", "ansible_port of host %s is %q, not a port number", name, port))
		}
		sp.Port = n
	} else {
		sp.Port = d.Port
	}
	if n, err := strconv.Atoi(timeout); err == nil && n > 0 {
		sp.Timeout = time.Duration(n) * time.Second
	}
	switch sp.Connection {
	case "", "smart", "paramiko", "paramiko_ssh", "ssh", "ansible.builtin.ssh":
		sp.Connection = "ssh"
	case "local", "ansible.builtin.local":
		sp.Connection = "local"
	default:
		errs.Add(diag.Errorf(diag.Pos{}, "connection", "host %s has connection %q, which Fairlead does not have", name, sp.Connection).
			WithHint("use ssh or local"))
	}
	r.secret(sp.Password)
	return sp, errs.Err()
}

// login is who a connection to the host is made as, where that is said; "" otherwise. Who
// is to become that user needs no become method, as with Ansible's become_allow_same_user
// off: hosts that are entered as root need no sudo.
func (sp HostSpec) login() string {
	if sp.Connection != "local" {
		return sp.User
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func (r *runner) secret(s string) {
	if r.Redactor != nil && s != "" {
		r.Redactor.Add(s)
	}
}

// identity evaluates who a task acts as: become and its relatives.
func (r *runner) identity(s *vars.Scope, at *playbook.Scope) (state.Identity, error) {
	d := r.Config.Connection
	node := func(get func(*playbook.Keywords) *yaml.Node) *yaml.Node {
		if at == nil {
			return nil
		}
		return nearest(s, at, get)
	}
	become, err := text(s, "ansible_become")
	if err != nil {
		return state.Identity{}, err
	}
	var on bool
	if become != "" {
		on = jinja.ToBool(value.String(become))
	} else if on, err = flag(s, node(func(k *playbook.Keywords) *yaml.Node { return k.Become }), d.Become); err != nil {
		return state.Identity{}, err
	}
	if !on {
		return state.Identity{}, nil
	}
	var id state.Identity
	for _, f := range []struct {
		dst  *string
		n    *yaml.Node
		def  string
		vars []string
	}{
		{&id.Method, node(func(k *playbook.Keywords) *yaml.Node { return k.BecomeMethod }), orElse(d.BecomeMethod, "sudo"), []string{"ansible_become_method"}},
		{&id.User, node(func(k *playbook.Keywords) *yaml.Node { return k.BecomeUser }), orElse(d.BecomeUser, "root"), []string{"ansible_become_user"}},
		{&id.Flags, node(func(k *playbook.Keywords) *yaml.Node { return k.BecomeFlags }), d.BecomeFlags, []string{"ansible_become_flags"}},
		{&id.Exe, node(func(k *playbook.Keywords) *yaml.Node { return k.BecomeExe }), d.BecomeExe, []string{"ansible_become_exe"}},
		{&id.Password, nil, d.BecomePassword, []string{"ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"}},
	} {
		v, err := text(s, f.vars...)
		if err == nil && v == "" {
			v, err = keyword(s, f.n)
		}
		if err != nil {
			return id, err
		}
		*f.dst = orElse(v, f.def)
	}
	r.secret(id.Password)
	return id, nil
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// do sends a batch, connecting first when needed.
func (r *runner) do(ctx context.Context, l *lane, b state.Batch) (state.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return state.Outcome{}, err
	}
	if len(b.Ops) == 1 {
		if o, is := b.Ops[0].(state.Reconnect); is {
			return r.reconnect(ctx, l, b.As, o)
		}
	}
	l.busy.Lock()
	defer l.busy.Unlock()
	if l.target == nil {
		t, err := r.Connector.Connect(ctx, l.spec)
		if err != nil {
			return state.Outcome{}, err
		}
		l.target = t
	}
	l.stats.batches++
	l.stats.queries += len(b.Ask)
	l.stats.ops += len(b.Ops)
	return l.target.Do(ctx, b)
}
