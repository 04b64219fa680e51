package vars

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// connectionVar is a property of the connection that a task can read under
// several names, also where nothing defines any of them.
type connectionVar struct {
	names   []string
	what    string // in World.ConnectionDefault
	keyword func(*playbook.Keywords) *yaml.Node
}

// connectionVars are those that ansible-core 2.14 adds to a task's variables
// (PlayContext.update_vars).
var connectionVars = []connectionVar{
	{names: []string{"ansible_host", "ansible_ssh_host"}},
	{[]string{"ansible_connection"}, "connection", func(k *playbook.Keywords) *yaml.Node { return k.Connection }},
	{[]string{"ansible_user", "ansible_ssh_user"}, "user", func(k *playbook.Keywords) *yaml.Node { return k.RemoteUser }},
	{[]string{"ansible_port", "ansible_ssh_port"}, "port", func(k *playbook.Keywords) *yaml.Node { return k.Port }},
	{[]string{"ansible_timeout", "ansible_ssh_timeout"}, "timeout", nil},
	{[]string{"ansible_ssh_private_key_file", "ansible_private_key_file"}, "key", nil},
	{[]string{"ansible_shell_executable"}, "shell", nil},
}

// connection gives a variable about the connection that nothing defines: what
// is defined under another name, what a keyword says, what holds for the run.
func (s *Scope) connection(name string) (value.Value, bool, error) {
	i := slices.IndexFunc(connectionVars, func(c connectionVar) bool { return slices.Contains(c.names, name) })
	if i < 0 {
		return value.Null, false, nil
	}
	s.readsOwn()
	c := connectionVars[i]
	for _, other := range c.names {
		if s.defined(other) {
			return s.Variable(other)
		}
	}
	self := cmp.Or(s.calls, s.host.Name)
	if to, ok := s.delegate(); ok {
		for _, other := range c.names {
			if to.scope.defined(other) {
				return to.scope.Variable(other)
			}
		}
		self = to.name
	}
	if c.keyword != nil {
		if n := s.at.Nearest(c.keyword); !n.IsNull() {
			v, err := s.Eval(n)
			return v, true, err
		}
	}
	if c.what == "" {
		return value.String(self), true, nil
	}
	text := s.world.ConnectionDefault(c.what)
	if n, err := strconv.Atoi(text); err == nil {
		return value.Int(int64(n)), true, nil
	}
	return value.String(text), text != "", nil
}

// defined tells whether a level of variables has a name.
func (s *Scope) defined(name string) bool {
	return slices.ContainsFunc(s.layers, func(l layer) bool {
		_, _, ok := l.find(name)
		return ok
	})
}

// delegated is a host that a task is delegated to, by the name that the task has for
// it, with its own variables.
type delegated struct {
	name  string
	scope *Scope
}

// delegate gives the host that the task is delegated to. It is false while delegate_to is
// evaluated, which cannot ask for the variables of the host that it names, and for what
// another host sees (hostvars).
func (s *Scope) delegate() (delegated, bool) {
	if s.here || s.strict || s.host == nil {
		return delegated{}, false
	}
	n := s.at.Nearest(func(k *playbook.Keywords) *yaml.Node { return k.DelegateTo })
	if n.IsNull() {
		return delegated{}, false
	}
	s.here = true
	defer func() { s.here = false }()
	v, err := s.Eval(n)
	if err != nil || !v.IsString() {
		return delegated{}, false
	}
	to, ok := s.world.HostState(v.Str())
	if !ok {
		to = NewHost(s.eng.Inventory.Unlisted(v.Str(), n.Pos))
	}
	at := s.eng.Scope(s.world, to, s.play, s.at, s.moment)
	at.depth = s.depth + 1
	return delegated{v.Str(), at.Here(v.Str())}, true
}

// Here is the scope of the host that a task acts on, under the name that the task calls
// it: no other one is asked for what says how it is reached.
func (s *Scope) Here(name string) *Scope {
	s.here, s.calls = true, name
	return s
}

// delegatedVars is the variable ansible_delegated_vars of a task with
// delegate_to: the variables of the host it is delegated to, under its name.
func (s *Scope) delegatedVars() (value.Value, bool) {
	to, ok := s.delegate()
	if !ok {
		return value.Null, false
	}
	m := value.NewMap()
	m.Set(to.name, value.FromObject(&delegateVars{oneHostVars{from: s, host: to.scope.host, scope: to.scope}}))
	return value.FromMap(m), true
}

// delegateVars are the variables of a host that a task is delegated to, as the
// task sees them.
type delegateVars struct{ oneHostVars }

// AttrOf gives one variable; the host's own name stays that of the task.
func (o *delegateVars) AttrOf(c *jinja.Context, name string) (value.Value, bool, error) {
	if name == "inventory_hostname" {
		return value.String(o.from.host.Name), true, nil
	}
	return o.oneHostVars.AttrOf(c, name)
}

// Attr implements value.Object.
func (o *delegateVars) Attr(name string) (value.Value, bool) {
	v, ok, _ := o.AttrOf(nil, name)
	return v, ok
}
