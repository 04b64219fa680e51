package packages

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type snapArgs struct {
	Name    []string             `arg:"name"`
	State   string               `arg:"state"`
	Classic bool                 `arg:"classic"`
	Channel string               `arg:"channel"`
	Options module.Opt[[]string] `arg:"options"`
}

// Snap is the module snap.
func Snap() module.Module {
	return module.New(module.Spec{
		Name:    "snap",
		Aliases: []string{"community.general.snap"},
		Summary: "Installs and removes snaps",
		Doc:     "Asks snap what is installed, in a plan too, and installs, removes, enables or disables what is not as wanted. A snap that is there keeps its channel.",
		Args: []module.Arg{
			{Name: "name", Type: module.List, Elem: module.Str, Required: true, Doc: "The snaps."},
			{Name: "state", Choices: []string{"absent", "present", "enabled", "disabled"}, Default: "present", Doc: "What they are to be."},
			{Name: "classic", Type: module.Bool, Default: false, Doc: "Install without confinement."},
			{Name: "channel", Default: "stable", Doc: "Where a snap that is installed comes from."},
			{Name: "options", Type: module.List, Elem: module.Str, Doc: "Settings, as key=value for all snaps, or snap:key=value."},
		},
		Returns: []module.Return{
			{Name: "snaps_installed", Type: "list", When: "some were installed", Doc: "Which; alike snaps_removed, snaps_enabled, snaps_disabled."},
			{Name: "options_changed", Type: "list", When: "options were set", Doc: "Which, as snap:key=value."},
			{Name: "cmd", Type: "str", When: "snaps were changed", Doc: "The commands."},
		},
		Examples: "- snap: {name: [certbot], classic: true}\n- snap: {name: lxd, options: [ceph.builtin=true]}\n",
		Traits:   module.Traits{Reach: state.ReachExternal},
	}, planSnap)
}

// snapScript prints for each snap, behind a line "@NAME", what snap list says of
// it, and with $1, behind "@@", its settings as JSON.
const snapScript = `o=$1; shift
command -v snap >/dev/null 2>&1 || { echo 'Failed to find required executable "snap"' >&2; exit 127; }
for s; do
  printf '@%s\n' "$s"; l=$(snap list "$s" 2>/dev/null) || continue
  printf '%s\n' "$l"; [ "$o" ] || continue
  echo @@; snap get -d "$s" 2>/dev/null
done
exit 0`

// snapNow is what is known of one snap.
type snapNow struct {
	installed, disabled bool
	options             map[string]string
}

// parseSnaps reads what snapScript prints.
func parseSnaps(out string) (map[string]snapNow, error) {
	all := map[string]snapNow{}
	for part := range strings.SplitSeq("\n"+out, "\n@") {
		name, rest, _ := strings.Cut(part, "\n")
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if strings.HasPrefix(name, "@") { // the settings of the one before
			continue
		}
		s := snapNow{installed: strings.TrimSpace(rest) != ""}
		if lines := strings.Split(rest, "\n"); s.installed {
			if len(lines) < 2 || len(strings.Fields(lines[1])) < 6 {
				return nil, module.Fail("Unable to parse 'snap list " + name + "' output:\n" + rest)
			}
			s.disabled = slices.Contains(strings.Split(strings.Fields(lines[1])[5], ","), "disabled")
		}
		all[name] = s
	}
	return all, settingsOf("\n"+out, all)
}

// settingsOf adds the settings, which stand behind "@@".
func settingsOf(out string, all map[string]snapNow) error {
	last := ""
	for part := range strings.SplitSeq(out, "\n@") {
		name, rest, _ := strings.Cut(part, "\n")
		if name != "@" {
			last = name
			continue
		}
		s := all[last]
		s.options = map[string]string{}
		if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "{") {
			v, err := value.ParseJSON([]byte(rest))
			if err != nil {
				return module.Fail("Parsing option map returned by 'snap get " + last + "' triggers exception '" + err.Error() + "', output:\n'" + rest + "'")
			}
			flattenOptions("", v, s.options)
		}
		all[last] = s
	}
	return nil
}

// flattenOptions writes nested settings as a.b.
func flattenOptions(prefix string, v value.Value, into map[string]string) {
	for k, x := range v.Map().All() {
		name := prefix + k.Text()
		if x.Map() != nil {
			flattenOptions(name+".", x, into)
		} else {
			into[name] = x.Text()
		}
	}
}

func planSnap(a snapArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	want := ""
	if a.Options.Given() && a.State == "present" {
		want = "options"
	}
	ask := state.Exec{Argv: slices.Concat([]string{"/bin/sh", "-c", snapScript, "sh", want}, a.Name), Env: []string{"LC_ALL=C"}, Shown: "look at snaps " + strings.Join(a.Name, " ")}
	return module.Look(ask, value.M("changed", module.Later()), func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC != 0 {
			return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)), "rc", r.RC)
		}
		now, err := parseSnaps(string(r.Stdout))
		if err != nil {
			return module.Change{}, err
		}
		return a.settle(now)
	}), nil
}

// settle says what must be done.
func (a snapArgs) settle(now map[string]snapNow) (module.Change, error) {
	var todo []string
	for _, n := range a.Name {
		s := now[n]
		if map[string]bool{"present": !s.installed, "absent": s.installed, "enabled": s.disabled || !s.installed, "disabled": s.installed && !s.disabled}[a.State] {
			todo = append(todo, n)
		}
	}
	verb := map[string]string{"present": "install", "absent": "remove", "enabled": "enable", "disabled": "disable"}[a.State]
	result := value.M("changed", false)
	if a.State == "present" {
		result = value.M("changed", false, "classic", a.Classic, "channel", a.Channel)
	}
	var cmds []state.Exec
	if len(todo) > 0 {
		result.Set(map[string]string{"present": "snaps_installed", "absent": "snaps_removed", "enabled": "snaps_enabled", "disabled": "snaps_disabled"}[a.State], value.Strings(todo...))
		cmds = a.commands(verb, todo)
	}
	words := make([]string, len(cmds))
	for i, c := range cmds {
		words[i] = strings.Join(c.Argv, " ")
	}
	if len(words) > 0 {
		result.Set("cmd", value.String(strings.Join(words, "; ")))
	}
	if a.State == "present" {
		set, changed, err := a.settings(now)
		if err != nil {
			return module.Change{}, err
		}
		if cmds = append(cmds, set...); len(changed) > 0 {
			result.Set("options_changed", value.Strings(changed...))
		}
	}
	result.Set("changed", value.Bool(len(cmds) > 0))
	return module.Steps(cmds, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, snapFailed(cmds[len(did)-1].Argv, r)
		}
		return module.Change{Result: result}, nil
	}), nil
}

func (a snapArgs) commands(verb string, todo []string) (cmds []state.Exec) {
	argv := []string{"snap", verb}
	if a.State == "present" {
		if a.Classic {
			argv = append(argv, "--classic")
		}
		if a.Channel != "stable" {
			argv = append(argv, "--channel", a.Channel)
		}
	}
	if len(argv) == 2 { // what counts for one snap only goes with one
		return []state.Exec{{Argv: append(argv, todo...)}}
	}
	for _, n := range todo {
		cmds = append(cmds, state.Exec{Argv: append(slices.Clone(argv), n)})
	}
	return cmds
}

var snapOption = lazyregexp.New(`^(\S+:)?(\S+)\s*=\s*(.+)`)

// settings are the commands that set what differs, and what they set. A snap that
// is installed first has no settings yet.
func (a snapArgs) settings(now map[string]snapNow) (cmds []state.Exec, changed []string, err error) {
	for _, n := range a.Name {
		var set []string
		for _, o := range a.Options.Or(nil) {
			m := snapOption().FindStringSubmatch(o)
			if m == nil {
				return nil, nil, module.Fail("Cannot parse set option '" + o + "'")
			}
			of := strings.TrimSuffix(m[1], ":")
			if of != "" && !slices.Contains(a.Name, of) {
				return nil, nil, module.Fail("Snap option '" + o + "' refers to snap which is not in the list of snap names")
			}
			is, known := now[n].options[m[2]]
			if of != "" && of != n || known && is == strings.TrimSpace(m[3]) {
				continue
			}
			set = append(set, m[2]+"="+strings.TrimSpace(m[3]))
			if of == "" {
				o = n + ":" + o
			}
			changed = append(changed, o)
		}
		if len(set) > 0 {
			cmds = append(cmds, state.Exec{Argv: slices.Concat([]string{"snap", "set", n}, set)})
		}
	}
	return cmds, changed, nil
}

var needsClassic = lazyregexp.New(`^error: This revision of snap "(\w+)" was published using classic confinement`)

func snapFailed(argv []string, r state.OpResult) error {
	said, cmd := string(r.Stderr), strings.Join(argv, " ")
	msg := "Ooops! Snap operation failed while executing '" + cmd + "', please examine logs and error output for more details."
	switch m := needsClassic().FindStringSubmatch(said); {
	case m != nil:
		msg = "Couldn't install " + m[1] + " because it requires classic confinement"
	case argv[1] == "install":
		msg = strings.Replace(msg, "operation", "installation", 1)
	case argv[1] == "set" && strings.Contains(said, `has no "configure" hook`):
		msg = "Snap '" + argv[2] + "' does not have any configurable options"
	case argv[1] == "set":
		msg = "Cannot set options '" + strings.Join(argv[3:], " ") + "' for snap '" + argv[2] + "': error=" + said
	}
	return module.Fail(msg, "rc", r.RC, "cmd", cmd, "stdout", string(r.Stdout), "stderr", said)
}
