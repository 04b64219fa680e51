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

// wayNames are the variables that say how a host is reached.
var wayNames = []string{
	"ansible_connection", "ansible_host", "ansible_ssh_host", "ansible_port", "ansible_ssh_port", "ansible_user", "ansible_ssh_user",
	"ansible_password", "ansible_ssh_password", "ansible_ssh_pass", "ansible_ssh_private_key_file", "ansible_private_key_file",
	"ansible_timeout", "ansible_ssh_timeout", "ansible_docker_host", "ansible_host_key_checking", "ansible_ssh_host_key_checking",
	"ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args",
}

// wayKeywords are the keywords that do.
var wayKeywords = []func(*playbook.Keywords) *yaml.Node{
	func(k *playbook.Keywords) *yaml.Node { return k.Connection },
	func(k *playbook.Keywords) *yaml.Node { return k.Port },
	func(k *playbook.Keywords) *yaml.Node { return k.RemoteUser },
}

// way is how a host was reached last, and what said so.
type way struct {
	lane       *lane
	play       *play
	said       *playbook.Scope // the innermost around the task that could say anything
	generation int64           // of the inventory
	public     int             // roles that the play sees besides its own
	changes    int             // of what is known of the host
	literal    bool            // no template said it: what else is known of the host does not matter
}

// saying is the innermost scope from at outward that could say how a host is reached:
// all scopes up to it have neither variables nor such a keyword.
func saying(at *playbook.Scope) *playbook.Scope {
	for x := range at.Outward() {
		if x.Vars.Len() > 0 || x.Use != nil {
			return x
		}
		for _, get := range wayKeywords {
			if get(&x.Keywords) != nil {
				return x
			}
		}
	}
	return nil
}

// wayNow is how a scope's host would be reached if nothing was said but what is known.
func (pl *play) wayNow(s *vars.Scope, at *playbook.Scope) way {
	return way{play: pl, said: saying(at), generation: pl.Vars.Generation(), public: len(pl.vars.Public), changes: s.Host().Changes()}
}

// holds tells whether a host is reached as it was.
func (w way) holds(now way, h *vars.Host, e *vars.Engine) bool {
	if w.lane == nil || w.play != now.play || w.said != now.said || w.generation != now.generation || w.public != now.public {
		return false
	}
	return w.changes == now.changes || w.literal && !h.Knows(e, wayNames)
}

// literalWay tells whether no template says how a host is reached.
func literalWay(s *vars.Scope, at *playbook.Scope) bool {
	for _, get := range wayKeywords {
		if n := at.Nearest(get); n != nil && n.HasTemplate() {
			return false
		}
	}
	return !slices.ContainsFunc(wayNames, func(name string) bool { return !s.IsLiteral(name) })
}

// lane gives the lane by which a task reaches a host, which is that of its scope. A
// host may have several; they are connected on first use.
func (pl *play) lane(s *vars.Scope, at *playbook.Scope, name string) (*lane, error) {
	h := pl.hosts[name]
	if h == nil || h.Host != s.Host() || !s.Whole() {
		return pl.laneOf(s, at, name)
	}
	now := pl.wayNow(s, at)
	if h.way.holds(now, h.Host, pl.Vars) {
		return h.way.lane, nil
	}
	aside := s.Aside()
	l, err := pl.laneOf(aside, at, name)
	if err == nil {
		now.lane, now.literal = l, literalWay(aside, at) && !h.Knows(pl.Vars, wayNames)
		h.way = now
	}
	return l, err
}

// laneOf evaluates how a host is reached and finds the lane that goes there.
func (r *runner) laneOf(s *vars.Scope, at *playbook.Scope, name string) (*lane, error) {
	sp, err := r.spec(s.Aside(), at, name) // each host's own, also of a task that hosts share
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
		l.assumed, l.planned = orElse(l.assumed, old.assumed), l.planned || old.planned
	}
	l.forget()
	pl.lanes[h.Name] = l
	return true
}
