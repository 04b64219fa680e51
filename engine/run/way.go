package run

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// As in Ansible, variables and keywords of each task say how its host is reached
// (ansible_user, ansible_port, connection, remote_user). Nearly always they say what
// they said for the task before, which is told without evaluating them.

// wayPart is one thing to know about a connection: the variables that say it, the
// first that is defined, and the keyword that does where no variable is.
type wayPart struct {
	names   []string
	keyword func(*playbook.Keywords) *yaml.Node // nil: there is none
}

var (
	wayConnection = wayPart{[]string{"ansible_connection"}, func(k *playbook.Keywords) *yaml.Node { return k.Connection }}
	wayAddress    = wayPart{names: []string{"ansible_host", "ansible_ssh_host"}}
	wayPort       = wayPart{[]string{"ansible_port", "ansible_ssh_port"}, func(k *playbook.Keywords) *yaml.Node { return k.Port }}
	wayUser       = wayPart{[]string{"ansible_user", "ansible_ssh_user"}, func(k *playbook.Keywords) *yaml.Node { return k.RemoteUser }}
	wayPassword   = wayPart{names: []string{"ansible_password", "ansible_ssh_password", "ansible_ssh_pass"}}
	wayKey        = wayPart{names: []string{"ansible_ssh_private_key_file", "ansible_private_key_file"}}
	wayTimeout    = wayPart{names: []string{"ansible_timeout", "ansible_ssh_timeout"}}
	wayDocker     = wayPart{names: []string{"ansible_docker_host"}}
	wayHostKeys   = wayPart{names: []string{"ansible_host_key_checking", "ansible_ssh_host_key_checking"}}
	waySSHArgs    = []wayPart{{names: []string{"ansible_ssh_args"}}, {names: []string{"ansible_ssh_common_args"}}, {names: []string{"ansible_ssh_extra_args"}}}

	wayParts = append([]wayPart{wayConnection, wayAddress, wayPort, wayUser, wayPassword, wayKey, wayTimeout, wayDocker, wayHostKeys}, waySSHArgs...)
	wayNames = namesOf(wayParts)
)

func namesOf(parts []wayPart) (names []string) {
	for _, p := range parts {
		names = append(names, p.names...)
	}
	return names
}

// way is how a host was reached last, and what said so. It is remembered only where
// no template said it, which could say something else at any time.
type way struct {
	lane       *lane
	play       *play
	said       *playbook.Scope // the innermost around the task that could say anything
	generation int64           // of the inventory
	public     int             // roles that the play sees besides its own
}

// saying is the innermost scope from at outward that could say how a host is reached:
// all scopes up to it have neither variables nor such a keyword.
func saying(at *playbook.Scope) *playbook.Scope {
	for x := range at.Outward() {
		if x.Vars.Len() > 0 || x.Use != nil {
			return x
		}
		for _, p := range wayParts {
			if p.keyword != nil && p.keyword(&x.Keywords) != nil {
				return x
			}
		}
	}
	return nil
}

// literalWay tells whether no template says how a host is reached, and nothing that
// was learnt of it.
func literalWay(s *vars.Scope, at *playbook.Scope, e *vars.Engine) bool {
	for _, p := range wayParts {
		if p.keyword != nil && at.Nearest(p.keyword).HasTemplate() {
			return false
		}
	}
	return !s.Host().Knows(e, wayNames) && !slices.ContainsFunc(wayNames, func(name string) bool { return !s.IsLiteral(name) })
}

// lane gives the lane by which a task reaches a host, which is that of its scope. A
// host may have several; they are connected on first use.
func (pl *play) lane(s *vars.Scope, at *playbook.Scope, name string) (*lane, error) {
	aside := s.Aside() // each host's own, also of a task that hosts share
	h := pl.hosts[name]
	if h == nil || h.Host != s.Host() || !s.Whole() {
		return pl.laneOf(aside, at, name)
	}
	now := way{play: pl, said: saying(at), generation: pl.Vars.Generation(), public: len(pl.vars.Public), lane: h.way.lane}
	if now.lane != nil && h.way == now && !h.Knows(pl.Vars, wayNames) {
		return now.lane, nil
	}
	l, err := pl.laneOf(aside, at, name)
	h.way = way{}
	if err == nil && literalWay(aside, at, pl.Vars) {
		now.lane = l
		h.way = now
	}
	return l, err
}

// laneOf evaluates how a host is reached and finds the lane that goes there.
func (r *runner) laneOf(s *vars.Scope, at *playbook.Scope, name string) (*lane, error) {
	sp, err := r.spec(s, at, name)
	if err != nil {
		return nil, err
	}
	ways := r.ways[name]
	if ways == nil {
		ways = &[]*lane{}
		r.ways[name] = ways
	}
	for _, l := range *ways {
		if l.spec.equal(&sp) {
			return l, nil
		}
	}
	l := newLane(sp, ways)
	if r.lanes[name] == nil {
		r.lanes[name] = l
	}
	return l, nil
}

// equal tells whether two specs mean the same way to a host.
func (sp *HostSpec) equal(o *HostSpec) bool {
	return sp.Name == o.Name && sp.Connection == o.Connection && sp.Address == o.Address && sp.Port == o.Port &&
		sp.User == o.User && sp.Password == o.Password && sp.KeyFile == o.KeyFile && sp.Timeout == o.Timeout &&
		sp.HostKeys == o.HostKeys && sp.DockerHost == o.DockerHost && sp.Become == o.Become && slices.Equal(sp.SSHArgs, o.SSHArgs)
}

// goBy makes a lane the one that a host's own tasks use. It is false while
// operations wait on the one before, which must be applied first.
func (pl *play) goBy(h *host, l *lane) bool {
	old := pl.lanes[h.Name]
	if old == l {
		return true
	}
	if old != nil {
		if len(old.ops) > 0 {
			return false
		}
		l.assumed, l.trusted, l.planned = orElse(l.assumed, old.assumed), orElse(l.trusted, old.trusted), l.planned || old.planned
	}
	if !l.planned { // what a plan was told holds by every way
		l.forget()
	}
	pl.lanes[h.Name] = l
	return true
}
