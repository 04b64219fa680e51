package files

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type syncArgs struct {
	Src           string           `arg:"src"`
	Dest          string           `arg:"dest"`
	DestPort      module.Opt[int]  `arg:"dest_port"`
	Mode          string           `arg:"mode"`
	Archive       bool             `arg:"archive"`
	Checksum      bool             `arg:"checksum"`
	Compress      bool             `arg:"compress"`
	ExistingOnly  bool             `arg:"existing_only"`
	Delete        bool             `arg:"delete"`
	Dirs          bool             `arg:"dirs"`
	Recursive     module.Opt[bool] `arg:"recursive"`
	Links         module.Opt[bool] `arg:"links"`
	CopyLinks     bool             `arg:"copy_links"`
	Perms         module.Opt[bool] `arg:"perms"`
	Times         module.Opt[bool] `arg:"times"`
	Owner         module.Opt[bool] `arg:"owner"`
	Group         module.Opt[bool] `arg:"group"`
	RsyncPath     string           `arg:"rsync_path"`
	RsyncTimeout  int              `arg:"rsync_timeout"`
	SetRemoteUser bool             `arg:"set_remote_user"`
	RsyncOpts     []string         `arg:"rsync_opts"`
	Partial       bool             `arg:"partial"`
	VerifyHost    bool             `arg:"verify_host"`
	PrivateKey    string           `arg:"private_key"`
	LinkDest      []string         `arg:"link_dest"`
	DelayUpdates  bool             `arg:"delay_updates"`
}

var syncSpec = module.Spec{
	Name:    "synchronize",
	Aliases: []string{"ansible.posix.synchronize"},
	Summary: "Have the files of a folder in another one, with rsync",
	Doc: "Runs rsync on the controller, with its other end on the host over the connection that there is: passwords, jump hosts, become and host keys are those of every task. " +
		"Both need rsync; the host needs no SSH client. With delegate_to of the host itself rsync runs there between two of its paths, with delegate_to of another host there, " +
		"over that host's own SSH to the task's host. A plan runs rsync with --dry-run.",
	Args: []module.Arg{
		{Name: "src", Required: true, Doc: "Where files come from; with a closing slash what is in the folder, and without the folder itself. What is relative here is looked for in the role's files."},
		{Name: "dest", Required: true, Doc: "Where they go."},
		{Name: "mode", Choices: []string{"pull", "push"}, Default: "push", Doc: "push: from the controller to the host; pull: the other way."},
		{Name: "archive", Type: module.Bool, Default: true, Doc: "With folders, links, permissions, times, owner, group and devices."},
		{Name: "checksum", Type: module.Bool, Default: false, Doc: "Compare contents, not size and time."},
		{Name: "compress", Type: module.Bool, Default: true, Doc: "Compress what is sent."},
		{Name: "existing_only", Type: module.Bool, Default: false, Doc: "Make no new files."},
		{Name: "delete", Type: module.Bool, Default: false, Doc: "Remove what is not in src, afterwards."},
		{Name: "dirs", Type: module.Bool, Default: false, Doc: "Folders without what is in them."},
		{Name: "recursive", Type: module.Bool, Doc: "With what is in folders; as archive says where it is not given, like the next ones."},
		{Name: "links", Type: module.Bool, Doc: "Links as links."},
		{Name: "copy_links", Type: module.Bool, Default: false, Doc: "Links as what they lead to."},
		{Name: "perms", Type: module.Bool, Doc: "Keep permissions."},
		{Name: "times", Type: module.Bool, Doc: "Keep times."},
		{Name: "owner", Type: module.Bool, Doc: "Keep the owner."},
		{Name: "group", Type: module.Bool, Doc: "Keep the group."},
		{Name: "rsync_path", Doc: "The program on the host, which is then run as the login user."},
		{Name: "rsync_timeout", Type: module.Int, Default: 0, Doc: "Seconds without a word after which rsync gives up; 0: never."},
		{Name: "rsync_opts", Type: module.List, Elem: module.Str, Doc: "More options for rsync."},
		{Name: "partial", Type: module.Bool, Default: false, Doc: "Keep what came of a file that broke off."},
		{Name: "link_dest", Type: module.List, Elem: module.Str, Doc: "Folders in which the same file is linked to."},
		{Name: "delay_updates", Type: module.Bool, Default: true, Doc: "Put all files in place at the end."},
		{Name: "dest_port", Type: module.Int, Doc: "The port of SSH, from another host (delegate_to)."},
		{Name: "private_key", Type: module.Path, Doc: "The key, from another host."},
		{Name: "set_remote_user", Type: module.Bool, Default: true, Doc: "Log in with the name that the inventory says, from another host."},
		{Name: "verify_host", Type: module.Bool, Default: false, Doc: "Verify the key of the task's host, from another host. From the controller it is verified as for every task."},
		{Name: "ssh_connection_multiplexing", Type: module.Bool, Default: false, Doc: "Has no effect."},
		{Name: "use_ssh_args", Type: module.Bool, Default: false, Doc: "Has no effect: the connection has these arguments anyway."},
	},
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "success", Doc: "What rsync did, a line for each path."},
		{Name: "stdout_lines", Type: "list", When: "success", Doc: "The same as lines."},
		{Name: "cmd", Type: "str", When: "rsync ran", Doc: "The command."},
		{Name: "rc", Type: "int", When: "rsync ran", Doc: "What it returned."},
	},
	Examples: "- synchronize: {src: site/, dest: /srv/www, delete: true, rsync_opts: [\"--exclude=.git\"]}\n" +
		"- synchronize: {mode: pull, src: /var/log/app/, dest: \"logs/{{ inventory_hostname }}/\"}\n" +
		"- synchronize: {src: /srv/a/, dest: /srv/b/}\n  delegate_to: \"{{ inventory_hostname }}\"\n",
	Traits: module.Traits{Reach: state.ReachExternal, Controller: true, FromController: true},
}

// Synchronize is the module synchronize.
func Synchronize() module.Module { return module.New(syncSpec, planSync) }

// syncMark stands in front of what rsync says of a path.
const syncMark = "<<CHANGED>>"

// syncWay is where rsync runs.
type syncWay int

const (
	syncHere   syncWay = iota // on the controller
	syncWithin                // on the host, between two of its paths
	syncAcross                // on another host
)

// syncing is one task.
type syncing struct {
	syncArgs
	in      module.Inputs
	way     syncWay
	program string
	host    string // the address of the task's host
}

func planSync(a syncArgs, in module.Inputs, _ state.View) (module.Change, error) {
	s := &syncing{syncArgs: a, in: in, program: "rsync", host: in.Host}
	if err := s.look(); err != nil {
		return module.Change{}, err
	}
	daemons := 0
	for _, p := range []string{a.Src, a.Dest} {
		if strings.HasPrefix(p, "rsync://") {
			daemons++
		}
	}
	if daemons == 2 {
		return module.Change{}, module.Fail("either src or dest must be a localhost", "rc", 1)
	}
	op, cmd, err := s.operation(in.Check, daemons > 0)
	if err != nil {
		return module.Change{}, err
	}
	c := module.Change{Ops: []state.Op{op}, Looks: in.Check, Result: s.unknown(cmd), Failed: func(_ int, r state.OpResult) *module.Failure {
		f := module.Fail(r.Msg, "rc", r.RC, "cmd", cmd)
		f.Err = r.Err
		return f
	}}
	c.Then = func(_ state.View, did []state.OpResult) (module.Change, error) {
		end, changed, err := s.ended(did[len(did)-1], cmd)
		if err == nil && changed && in.Check { // what would be done
			op, _, err = s.operation(false, daemons > 0)
			end.Ops = []state.Op{op}
		}
		return end, err
	}
	return c, nil
}

// look finds out where rsync runs, and what the inventory says.
func (s *syncing) look() error {
	for name, into := range map[string]*string{"ansible_host": &s.host, "ansible_rsync_path": &s.program} {
		if s.in.Vars == nil {
			continue
		}
		v, known, err := s.in.Vars.Lookup(name)
		if err != nil {
			return err
		}
		if known && v.Truthy() {
			*into = v.Text()
		}
	}
	switch d := s.in.Delegate; {
	case d == "" || d == "localhost" || d == "127.0.0.1" || d == "::1":
	case d == s.in.Host || d == s.host:
		s.way = syncWithin
	default:
		s.way = syncAcross
	}
	return nil
}

// options are rsync's, in Ansible's order.
func (s *syncing) options(dry bool) ([]string, error) {
	var o []string
	add := func(yes bool, words ...string) {
		if yes {
			o = append(o, words...)
		}
	}
	add(s.DelayUpdates, "--delay-updates", "-F")
	add(s.Compress, "--compress")
	add(s.RsyncTimeout != 0, "--timeout="+strconv.Itoa(s.RsyncTimeout))
	add(dry, "--dry-run")
	add(s.Delete, "--delete-after")
	add(s.ExistingOnly, "--existing")
	add(s.Checksum, "--checksum")
	add(s.CopyLinks, "--copy-links")
	add(s.Archive, "--archive")
	for _, f := range []struct {
		name string
		want module.Opt[bool]
	}{{"recursive", s.Recursive}, {"links", s.Links}, {"perms", s.Perms}, {"times", s.Times}, {"owner", s.Owner}, {"group", s.Group}} {
		want, given := f.want.Get()
		add(given && !want && s.Archive, "--no-"+f.name)
		add(given && want && !s.Archive, "--"+f.name)
	}
	add(s.Dirs, "--dirs")
	add(s.RsyncPath != "", "--rsync-path="+s.RsyncPath)
	o = append(o, s.RsyncOpts...)
	add(s.Partial, "--partial")
	if len(s.LinkDest) > 0 {
		o = append(o, "-H", "-vv")
	}
	for _, l := range s.LinkDest {
		if path.IsAbs(l) {
			l = path.Clean(l)
		}
		if strings.HasPrefix(path.Dir(s.Dest), l) {
			return nil, module.Fail(fmt.Sprintf("Hardlinking into a subdirectory of the source would cause recursion. %s and %s", path.Dir(s.Dest), s.Dest))
		}
		o = append(o, "--link-dest="+l)
	}
	return append(o, "--out-format="+syncMark+"%i %n%L"), nil
}

// operation is the run of rsync, and its command for people.
func (s *syncing) operation(dry, daemon bool) (state.Op, string, error) {
	options, err := s.options(dry)
	if err != nil {
		return nil, "", err
	}
	src, dest := s.Src, s.Dest
	pull := s.Mode == "pull"
	if s.way == syncHere && !s.ownShell() && !daemon {
		here, there := &src, &dest
		if pull {
			here, there = there, here
		}
		*here = s.onController(*here)
		op := state.Rsync{Program: s.program, Options: options, Here: *here, There: *there, Pull: pull, AsLogin: s.RsyncPath != "", Read: dry}
		*there = s.in.Host + ":" + *there
		return op, module.ShlexJoin(append(append([]string{s.program}, options...), src, dest)), nil
	}
	argv := append([]string{s.program}, options...)
	if s.way != syncWithin && !daemon {
		far := &dest
		if pull {
			far = &src
		}
		*far = s.remotePath(*far)
		if !s.ownShell() {
			argv = append(argv, "--rsh="+s.ssh())
		}
	}
	argv = append(argv, src, dest)
	if s.way == syncHere {
		src, dest = s.onController(src), s.onController(dest)
		op := state.Rsync{Program: s.program, Options: options, Here: src, There: dest, Alone: true, Read: dry}
		return op, module.ShlexJoin(argv), nil
	}
	return state.Exec{Argv: argv, Read: dry}, module.ShlexJoin(argv), nil
}

// ownShell tells whether the task brings a remote shell of its own.
func (s *syncing) ownShell() bool {
	return slices.ContainsFunc(s.RsyncOpts, func(o string) bool { return strings.Contains(o, "--rsh") })
}

// onController is a path of the controller as Ansible finds it: absolute, with a
// colon (of another host, or an address) as it is, and else in the role's files,
// beside the tasks or the playbook.
func (s *syncing) onController(p string) string {
	if strings.Contains(p, ":") || path.IsAbs(p) {
		return p
	}
	end := ""
	if strings.HasSuffix(p, "/") {
		end = "/"
	}
	if found, err := s.in.Sources.Find("files", strings.TrimSuffix(p, "/")); err == nil {
		return strings.TrimSuffix(found, "/") + end
	}
	base := "."
	if s.in.Vars != nil {
		if v, ok, err := s.in.Vars.Lookup("playbook_dir"); err == nil && ok {
			base = v.Text()
		}
	}
	return path.Join(base, p) + end
}

// remotePath is a path of the task's host, as rsync on another host names it.
func (s *syncing) remotePath(p string) string {
	if strings.HasPrefix(p, "rsync://") {
		return p
	}
	user := ""
	if s.SetRemoteUser && s.in.Vars != nil {
		if v, ok, err := s.in.Vars.Lookup("ansible_user"); err == nil && ok && v.Truthy() {
			user = v.Text() + "@"
		}
	}
	if strings.Contains(s.host, ":") {
		return "[" + user + s.host + "]:" + p
	}
	return user + s.host + ":" + p
}

// ssh is the remote shell of another host.
func (s *syncing) ssh() string {
	words := []string{"ssh", "-S", "none"}
	if s.PrivateKey != "" {
		words = append(words, "-i", s.PrivateKey)
	}
	port := ""
	if n, given := s.DestPort.Get(); given {
		port = strconv.Itoa(n)
	} else if s.in.Vars != nil {
		if v, ok, err := s.in.Vars.Lookup("ansible_port"); err == nil && ok && v.Truthy() {
			port = v.Text()
		}
	}
	if port != "" {
		words = append(words, "-o", "Port="+port)
	}
	if !s.VerifyHost {
		words = append(words, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
	}
	return module.ShlexJoin(words)
}

func (s *syncing) unknown(cmd string) *value.Map {
	return value.M("changed", module.Later(), "msg", module.Later(), "cmd", cmd, "rc", 0, "stdout_lines", module.Later())
}

// ended reads what rsync did.
func (s *syncing) ended(r state.OpResult, cmd string) (c module.Change, changed bool, err error) {
	if r.RC != 0 {
		msg := strings.TrimSpace(string(r.Stderr))
		return c, false, module.Fail(msg, "rc", r.RC, "cmd", cmd)
	}
	out := string(r.Stdout)
	changed = strings.Contains(out, syncMark)
	if len(s.LinkDest) > 0 { // a line for what stays, too, which begins with a dot
		changed = strings.Contains(out, syncMark) && strings.Count(out, syncMark) > strings.Count(out, syncMark+".")
	}
	out = strings.ReplaceAll(out, syncMark, "")
	lines := []string{}
	for l := range strings.SplitSeq(out, "\n") {
		if l != "" {
			lines = append(lines, l)
		}
	}
	c = module.Change{Result: value.M("changed", changed, "msg", value.String(out).WithMarks(value.Unsafe), "cmd", cmd, "rc", r.RC,
		"stdout_lines", value.Strings(lines...).MarkDeep(value.Unsafe))}
	if changed {
		c.Diff = state.Diff{{Prepared: true, After: out}}
	}
	return c, changed, nil
}
