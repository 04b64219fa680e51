package net

import (
	"path"
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sshConfigArgs struct {
	Host           string           `arg:"host"`
	State          string           `arg:"state"`
	User           string           `arg:"user"`
	Group          string           `arg:"group"`
	File           string           `arg:"ssh_config_file"`
	Hostname       string           `arg:"hostname"`
	Port           string           `arg:"port"`
	IdentityFile   string           `arg:"identity_file"`
	RemoteUser     string           `arg:"remote_user"`
	StrictHostKeys string           `arg:"strict_host_key_checking"`
	KnownHosts     string           `arg:"user_known_hosts_file"`
	ProxyCommand   string           `arg:"proxycommand"`
	ProxyJump      string           `arg:"proxyjump"`
	HostKeys       string           `arg:"host_key_algorithms"`
	ForwardAgent   module.Opt[bool] `arg:"forward_agent"`
}

var sshConfigSpec = module.Spec{
	Name:    "ssh_config",
	Aliases: []string{"community.general.ssh_config"},
	Summary: "Have a host in a configuration of the SSH client, or not",
	Doc: "When something must change the file is written anew as the original writes it: options in small letters, indented by four blanks, without " +
		"hosts that have none. What is repeated is kept. An option that a host has and the task does not name counts as a change, and stays.",
	Args: []module.Arg{
		{Name: "host", Required: true, Doc: "The name behind Host, as it is written there."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "user", Doc: "The user in whose ~/.ssh/config it is; /etc/ssh/ssh_config without this and ssh_config_file."},
		{Name: "group", Doc: "The file's group; that of the name of user without it."},
		{Name: "ssh_config_file", Type: module.Path, Doc: "The file."},
		{Name: "hostname", Doc: "The host to connect to."},
		{Name: "port", Doc: "Its port."},
		{Name: "identity_file", Type: module.Path, Doc: "The private key; it must exist, from the file's folder on."},
		{Name: "remote_user", Doc: "Who logs in."},
		{Name: "strict_host_key_checking", Choices: []string{"ask", "no", "yes"}, Doc: "Whether host keys must be known."},
		{Name: "user_known_hosts_file", Doc: "The file of known host keys."},
		{Name: "proxycommand", Doc: "The command that connects."},
		{Name: "proxyjump", Doc: "The hosts to go over."},
		{Name: "host_key_algorithms", Doc: "The algorithms of host keys."},
		{Name: "forward_agent", Type: module.Bool, Doc: "Whether the agent is forwarded."},
	},
	MutuallyExclusive: [][]string{{"user", "ssh_config_file"}, {"proxycommand", "proxyjump"}},
	Returns: []module.Return{
		{Name: "hosts_added", Type: "list", When: "success", Doc: "The host, when it was added."},
		{Name: "hosts_changed", Type: "list", When: "success", Doc: "When it was changed."},
		{Name: "hosts_removed", Type: "list", When: "success", Doc: "When it was removed."},
		{Name: "hosts_change_diff", Type: "list", When: "success", Doc: "Its options: old (as they are now) and new (those of the task)."},
	},
	Examples: "- ssh_config: {user: app, host: bastion, hostname: 192.0.2.7, port: \"2222\", state: present}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// SSHConfig is the module ssh_config.
func SSHConfig() module.Module { return module.New(sshConfigSpec, planSSHConfig) }

func planSSHConfig(a sshConfigArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	p, group := "/etc/ssh/ssh_config", state.GroupInfo{}
	var user state.UserInfo
	switch {
	case a.User != "":
		user, p = g.User(a.User), ""
		if g.Complete() && !user.Exists {
			return module.Change{}, module.Fail("chown failed: failed to look up user " + a.User)
		}
		p = path.Join(user.Home, ".ssh/config")
	case a.File != "":
		p = g.Path(a.File)
	}
	groupName := a.Group
	if groupName == "" {
		groupName = a.User
	}
	if groupName != "" {
		group = g.Group(groupName)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := g.File(p, state.WantContent)
	key := state.File{}
	if a.IdentityFile != "" {
		at := a.IdentityFile
		if !path.IsAbs(at) {
			at = g.Path(path.Join(path.Dir(p), at))
		}
		key = g.File(at, 0)
	}
	folders := missingFolders(g, path.Dir(p))
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if f.Exists() && a.IdentityFile != "" && !key.Exists() {
		return module.Change{}, module.Fail("IdentityFile " + a.IdentityFile + " does not exist")
	}
	config, err := parseSSHConfig(string(f.Content))
	if err != nil {
		return module.Change{}, err
	}
	c := a.edit(config)
	if changed, _ := c.Result.Get("changed"); !changed.Truthy() {
		return c, nil
	}
	if groupName != "" && !group.Exists {
		return module.Change{}, module.Fail("chgrp failed: failed to look up group " + groupName)
	}
	mode := uint32(0o600)
	if p == "/etc/ssh/ssh_config" {
		mode = 0o644
	}
	attrs := state.Attrs{Mode: &mode, Group: groupName, GID: group.GID, Owner: a.User, UID: user.UID}
	for _, d := range folders {
		c.Ops = append(c.Ops, state.Mkdir{Path: d})
	}
	text := config.text()
	c.Ops = append(c.Ops, state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text)), Attrs: attrs})
	if in.Diff {
		c.Diff = state.Diff{{BeforeHeader: p, AfterHeader: p, Before: string(f.Content), After: text}}
	}
	return c, nil
}

// missingFolders are those on the way to dir that are not there, the outermost first.
func missingFolders(g *module.Gather, dir string) (all []string) {
	for ; dir != "/" && dir != "."; dir = path.Dir(dir) {
		if g.File(dir, 0).Exists() || !g.Complete() {
			break
		}
		all = append(all, dir)
	}
	slices.Reverse(all)
	return all
}

// options are those of the task by their names in the file, "" for none.
func (a sshConfigArgs) options() [][2]string {
	all := [][2]string{{"hostname", a.Hostname}, {"port", a.Port}, {"identityfile", a.IdentityFile}, {"user", a.RemoteUser},
		{"stricthostkeychecking", a.StrictHostKeys}, {"userknownhostsfile", a.KnownHosts}, {"proxycommand", a.ProxyCommand},
		{"proxyjump", a.ProxyJump}, {"hostkeyalgorithms", a.HostKeys}}
	if on, ok := a.ForwardAgent.Get(); ok {
		all = append(all, [2]string{"forwardagent", map[bool]string{true: "yes", false: "no"}[on]})
	}
	return all
}

// edit changes the configuration, and tells what it changed.
func (a sshConfigArgs) edit(c *sshConfig) module.Change {
	added, changed, removed, diffs := []string{}, []string{}, []string{}, []value.Value{}
	there := false
	for _, e := range c.entries {
		if e.options == nil || e.host != a.Host || e.host == "*" {
			continue
		}
		there = true
		if a.State == "absent" {
			removed = append(removed, e.host)
			continue
		}
		if options, differ := a.against(e.options); differ {
			for k, v := range options.All() {
				e.options.SetKey(k, v)
			}
			changed = append(changed, e.host)
			diffs = append(diffs, value.FromMap(value.M(e.host, value.FromMap(value.M("old", value.FromMap(e.options), "new", value.FromMap(options))))))
		}
	}
	switch {
	case a.State == "absent":
		c.entries = slices.DeleteFunc(c.entries, func(e *sshEntry) bool { return e.options != nil && e.host == a.Host && e.host != "*" })
	case !there:
		if options, differ := a.against(value.M()); differ {
			added = append(added, a.Host)
			c.entries = append(c.entries, &sshEntry{host: a.Host, options: options, order: c.last()})
		}
	}
	return module.Change{Result: value.M("changed", len(added)+len(changed)+len(removed) > 0, "hosts_changed", changed, "hosts_removed", removed,
		"hosts_change_diff", value.List(diffs...).MarkDeep(value.Unsafe), "hosts_added", added)}
}

// against compares the task's options with those of a host. An option that the task
// leaves out is a difference too.
func (a sshConfigArgs) against(has *value.Map) (*value.Map, bool) {
	options, differ := has.Clone(), false
	for _, o := range a.options() {
		now, ok := options.Get(o[0])
		same := ok && (now.Text() == o[1] || slices.ContainsFunc(now.Items(), func(v value.Value) bool { return v.Text() == o[1] }))
		switch {
		case o[1] == "" && ok && now.Truthy():
			options.Delete(o[0])
			differ = true
		case o[1] != "" && !same:
			options.Set(o[0], value.String(o[1]))
			differ = true
		}
	}
	return options, differ
}
