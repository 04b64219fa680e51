package security

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type sefcontextArgs struct {
	Target     string             `arg:"target"`
	FType      string             `arg:"ftype"`
	SEType     module.Opt[string] `arg:"setype"`
	Substitute module.Opt[string] `arg:"substitute"`
	SEUser     module.Opt[string] `arg:"seuser"`
	SELevel    module.Opt[string] `arg:"selevel"`
	State      string             `arg:"state"`
	Reload     bool               `arg:"reload"`
	Ignore     bool               `arg:"ignore_selinux_state"`
}

// sefTypes are the kinds of files as semanage lists them.
var sefTypes = map[string]string{
	"a": "all files", "b": "block device", "c": "character device", "d": "directory",
	"f": "regular file", "l": "symbolic link", "p": "named pipe", "s": "socket",
}

var sefcontextSpec = module.Spec{
	Name:    "sefcontext",
	Aliases: []string{"community.general.sefcontext"},
	Summary: "Have a context of SELinux for paths, or not",
	Doc: "Asks and sets by semanage (policycoreutils-python-utils), which the host needs in place of Python libraries. " +
		"Files that are there keep theirs until restorecon is run.",
	Args: []module.Arg{
		{Name: "target", Aliases: []string{"path"}, Required: true, Doc: "A pattern of paths, such as /srv/git(/.*)?."},
		{Name: "ftype", Choices: []string{"a", "b", "c", "d", "f", "l", "p", "s"}, Default: "a", Doc: "Of what kind the files are: any, block or character device, folder, file, link, pipe, socket."},
		{Name: "setype", Doc: "Their type."},
		{Name: "substitute", Aliases: []string{"equal"}, Doc: "A path; what is below `target` has what the same below this path would have."},
		{Name: "seuser", Doc: "Their user; that of what is there, system_u for a new one."},
		{Name: "selevel", Aliases: []string{"serange"}, Doc: "Their range; that of what is there, s0 for a new one."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is there. `absent` without a type or a substitute removes both."},
		{Name: "reload", Type: module.Bool, Default: true, Doc: "Load the policy anew."},
		{Name: "ignore_selinux_state", Type: module.Bool, Default: false, Doc: "Go on where SELinux seems to be off, as in a chroot."},
	},
	MutuallyExclusive: [][]string{{"setype", "substitute"}, {"substitute", "ftype"}, {"substitute", "seuser"}, {"substitute", "selevel"}},
	Returns: []module.Return{
		{Name: "target", Type: "str", When: "success", Doc: "As given; so are ftype, setype, substitute and state."},
		{Name: "seuser", Type: "str", When: "present", Doc: "The user."},
		{Name: "serange", Type: "str", When: "present", Doc: "The range."},
	},
	Examples: "- sefcontext: {target: '/srv/git(/.*)?', setype: httpd_sys_rw_content_t}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// SEFContext is the module sefcontext.
func SEFContext() module.Module { return module.New(sefcontextSpec, planSEFContext) }

// sefNow is what semanage lists of a target.
type sefNow struct {
	context []string // user, role, type, range; nil for none
	equal   string
}

// parse reads semanage's list: the pattern, the kind of files and the context in
// columns; then, as "target = path", the substitutes.
func (a sefcontextArgs) parse(list string) sefNow {
	var now sefNow
	for l := range strings.Lines(list) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(l), a.Target+" ")
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if path, ok := strings.CutPrefix(rest, "= "); ok && now.equal == "" {
			now.equal = path
		}
		if context, ok := strings.CutPrefix(rest, sefTypes[a.FType]+" "); ok {
			if parts := strings.SplitN(strings.TrimSpace(context), ":", 4); len(parts) >= 3 {
				now.context = append(parts, "s0")[:4]
			}
		}
	}
	return now
}

func planSEFContext(a sefcontextArgs, in module.Inputs, v state.View) (module.Change, error) {
	if a.State == "present" && !a.SEType.Given() && !a.Substitute.Given() {
		return module.Change{}, module.Fail("state is present but any of the following are missing: setype, substitute")
	}
	g := module.Gathering(v)
	list, err := semanageList(g, "fcontext", a.Target, false, a.Ignore)
	if c, missing, merr := g.Missing(); missing {
		return c, merr
	}
	if err != nil {
		return module.Change{}, err
	}
	t := sefTask{sefcontextArgs: a, now: a.parse(list)}
	switch {
	case a.State == "absent":
		t.remove()
	case a.Substitute.Given():
		t.setEqual(a.Substitute.Or(""))
	default:
		t.set(a.SEType.Or(""))
	}
	result := value.M("changed", len(t.cmds) > 0, "target", a.Target, "ftype", a.FType, "setype", orNull(a.SEType), "substitute", orNull(a.Substitute), "state", a.State)
	if a.State == "present" {
		result.Set("seuser", orNull(t.SEUser))
		result.Set("serange", orNull(t.SELevel))
	}
	c := module.Change{Result: result}
	if in.Diff && len(t.cmds) > 0 {
		c.Diff = state.Diff{{After: t.shown.String(), Prepared: true}}
	}
	return semanage("fcontext", a.Reload, t.cmds, c), nil
}

func orNull(o module.Opt[string]) value.Value {
	if s, ok := o.Get(); ok {
		return value.String(s)
	}
	return value.Null
}

type sefTask struct {
	sefcontextArgs
	now   sefNow
	cmds  [][]string
	shown strings.Builder
}

func (t *sefTask) show(title string, lines ...string) {
	t.shown.WriteString("# " + title + "\n")
	for _, l := range lines {
		t.shown.WriteString(l + "\n")
	}
}

func (t *sefTask) line(sign string, context ...string) string {
	return sign + t.Target + "      " + t.FType + "      " + strings.Join(context, ":")
}

func (t *sefTask) set(setype string) {
	action, user, level := "-a", "system_u", "s0"
	if t.now.context != nil {
		action, user, level = "-m", t.now.context[0], t.now.context[3]
	}
	user, level = t.SEUser.Or(user), t.SELevel.Or(level)
	t.SEUser, t.SELevel = module.Some(user), module.Some(level)
	want := []string{user, "object_r", setype, level}
	if c := t.now.context; c != nil {
		if want[1] = c[1]; strings.Join(want, ":") == strings.Join(c, ":") {
			return
		}
		t.show("Change to semanage file context mappings", t.line("-", c...), t.line("+", want...))
	} else {
		t.show("Addition to semanage file context mappings", t.line("+", want...))
	}
	t.cmds = append(t.cmds, []string{action, "-f", t.FType, "-t", setype, "-s", user, "-r", level, t.Target})
}

func (t *sefTask) setEqual(path string) {
	switch t.now.equal {
	case path:
	case "":
		t.show("Addition to semanage file context path substitutions", "+"+t.Target+" = "+path)
		t.cmds = append(t.cmds, []string{"-a", "-e", path, t.Target})
	default:
		t.show("Change to semanage file context path substitutions", "-"+t.Target+" = "+t.now.equal, "+"+t.Target+" = "+path)
		t.cmds = append(t.cmds, []string{"-m", "-e", path, t.Target})
	}
}

func (t *sefTask) remove() {
	if t.now.context != nil && !t.Substitute.Given() {
		t.show("Deletion to semanage file context mappings", t.line("-", t.now.context...))
		t.cmds = append(t.cmds, []string{"-d", "-f", t.FType, t.Target})
	}
	if is := t.now.equal; is != "" && !t.SEType.Given() && t.Substitute.Or(is) == is {
		t.show("Deletion to semanage file context path substitutions", "-"+t.Target+" = "+is)
		t.cmds = append(t.cmds, []string{"-d", "-e", is, t.Target})
	}
}
