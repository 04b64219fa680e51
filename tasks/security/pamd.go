package security

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pamdArgs struct {
	Name       string               `arg:"name"`
	Type       string               `arg:"type"`
	Control    string               `arg:"control"`
	Module     string               `arg:"module_path"`
	NewType    string               `arg:"new_type"`
	NewControl string               `arg:"new_control"`
	NewModule  string               `arg:"new_module_path"`
	Arguments  module.Opt[[]string] `arg:"module_arguments"`
	State      string               `arg:"state"`
	Folder     string               `arg:"path"`
	Backup     bool                 `arg:"backup"`
}

var pamTypes = []string{"account", "-account", "auth", "-auth", "password", "-password", "session", "-session"}

var pamdSpec = module.Spec{
	Name:    "pamd",
	Aliases: []string{"community.general.pamd"},
	Summary: "Change the rules of a service in /etc/pam.d",
	Doc: "Edits rules that are there, puts rules before or behind them, or removes them. A rule is named by its type, control and module. " +
		"A file that is changed is marked with a comment in its second line.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The service: the file's name."},
		{Name: "type", Required: true, Choices: pamTypes, Doc: "The rule's type."},
		{Name: "control", Required: true, Doc: "The rule's control: a word, or values in brackets."},
		{Name: "module_path", Required: true, Doc: "The rule's module."},
		{Name: "new_type", Choices: pamTypes, Doc: "The type it gets, or that of the new rule."},
		{Name: "new_control", Doc: "The control it gets, or that of the new rule."},
		{Name: "new_module_path", Doc: "The module it gets, or that of the new rule."},
		{Name: "module_arguments", Type: module.List, Doc: "Arguments of the module: those it gets, those to add or to remove, or those of the new rule."},
		{Name: "state", Choices: []string{"absent", "after", "args_absent", "args_present", "before", "updated"}, Default: "updated",
			Doc: "updated: the rule is as said; before, after: the new rule stands there; args_present, args_absent: the rule has the arguments, or not; absent: the rule is not there."},
		{Name: "path", Type: module.Path, Default: "/etc/pam.d", Doc: "The folder of the services."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under another name."},
	},
	RequiredIf: [][]string{
		{"state", "args_present", "module_arguments"}, {"state", "args_absent", "module_arguments"},
		{"state", "before", "new_control", "new_type", "new_module_path"}, {"state", "after", "new_control", "new_type", "new_module_path"},
	},
	Returns: []module.Return{
		{Name: "change_count", Type: "int", When: "always", Doc: "How many rules were changed."},
		{Name: "backupdest", Type: "str", When: "always", Doc: "The copy of the old file, if one was made."},
	},
	Examples: "- pamd: {name: system-auth, type: auth, control: required, module_path: pam_faillock.so, module_arguments: [preauth, deny=4]}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// Pamd is the module pamd.
func Pamd() module.Module { return module.New(pamdSpec, planPamd) }

func planPamd(a pamdArgs, in module.Inputs, v state.View) (module.Change, error) {
	dest := path.Join(a.Folder, a.Name)
	g := module.Gathering(v)
	f, err := g.TryFile(dest, state.WantContent)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !f.Exists():
		return module.Change{}, module.Fail("Unable to open/read PAM module file " + dest + " with error [Errno 2] No such file or directory: '" + dest + "'.")
	case err != nil:
		return module.Change{}, module.Fail("Unable to open/read PAM module file " + dest + " with error " + err.Error() + ".")
	}
	s, err := parsePAM(string(f.Content), dest)
	if err != nil {
		return module.Change{}, err
	}
	n, err := a.edit(s)
	if err != nil {
		return module.Change{}, err
	}
	if err := s.valid(); err != nil {
		return module.Change{}, err
	}
	c := module.Change{Result: value.M("changed", n > 0, "change_count", n, "backupdest", "")}
	if n == 0 {
		return c, nil
	}
	text := s.text("# Updated by Ansible - " + in.Now.Format("2006-01-02T15:04:05.000000"))
	w := state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text))}
	if a.Backup {
		w.Backup = module.BackupName(dest, in)
		c.Result.Set("backupdest", value.String(w.Backup))
	}
	c.Ops = []state.Op{w}
	if in.Diff {
		c.Diff = state.Diff{{Before: string(f.Content), After: text, BeforeHeader: dest, AfterHeader: dest}}
	}
	return c, nil
}

// pamRule is a rule; control is in its canonical form.
type pamRule struct {
	kind, control, module string
	args                  []string
}

// pamLine is a line of a service: a rule, or other text (comments, includes).
type pamLine struct {
	rule  *pamRule
	other string
}

// pamService are the lines of a file.
type pamService struct{ lines []pamLine }

var (
	pamRuleLine = lazyregexp.New(`(-?(?:auth|account|session|password))\s+(\[.*\]|\S*)\s+(\S*)\s*(.*)\s*`)
	pamArgument = lazyregexp.New(`\[.*\]|\S+`)
)

func parsePAM(text, file string) (*pamService, error) {
	s := &pamService{}
	for i, line := range value.SplitLines(text) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "@include") {
			s.lines = append(s.lines, pamLine{other: line})
			continue
		}
		m := pamRuleLine().FindStringSubmatch(line)
		if m == nil {
			return nil, module.Fail(fmt.Sprintf("%s:%d: this is no rule: %s", file, i+1, line))
		}
		s.lines = append(s.lines, pamLine{rule: newPAMRule(m[1], m[2], m[3], []string{m[4]})})
	}
	return s, nil
}

func newPAMRule(kind, control, mod string, args []string) *pamRule {
	return &pamRule{kind: kind, control: pamControl(control), module: mod, args: pamArguments(args)}
}

// pamControl writes values in brackets in one way.
func pamControl(s string) string {
	if !strings.HasPrefix(s, "[") {
		return s
	}
	return "[" + strings.NewReplacer(" = ", "=", "[", "", "]", "").Replace(s) + "]"
}

// pamArguments splits texts into arguments; one in brackets may hold blanks.
func pamArguments(texts []string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, pamArgument().FindAllString(t, -1)...)
	}
	return out
}

func (r *pamRule) String() string {
	s := fmt.Sprintf("%-11s%s %s", r.kind, r.control, r.module)
	if len(r.args) > 0 {
		s += " " + strings.Join(r.args, " ")
	}
	return s
}

func (r *pamRule) is(kind, control, mod string) bool {
	return r != nil && r.kind == kind && r.control == control && r.module == mod
}

// edit changes the service as asked, and counts the rules that changed.
func (a pamdArgs) edit(s *pamService) (n int, err error) {
	given, _ := a.Arguments.Get()
	args := pamArguments(given)
	if a.State == "args_present" && slices.ContainsFunc(args, func(x string) bool { return strings.HasPrefix(x, "[") }) {
		return 0, module.Fail("Unable to process bracketed '[' complex arguments with 'args_present'. Please use 'updated'.")
	}
	var out []pamLine
	for i, l := range s.lines {
		if !l.rule.is(a.Type, pamControl(a.Control), a.Module) {
			out = append(out, l)
			continue
		}
		fresh := func() pamLine { return pamLine{rule: newPAMRule(a.NewType, a.NewControl, a.NewModule, given)} }
		changed := true
		switch a.State {
		case "absent":
		case "before":
			if changed = !a.neighbour(s, i, -1); changed {
				out = append(out, fresh())
			}
			out = append(out, l)
		case "after":
			out = append(out, l)
			if changed = !a.neighbour(s, i, 1); changed {
				out = append(out, fresh())
			}
		case "args_present":
			changed = l.rule.add(args)
			out = append(out, l)
		case "args_absent":
			kept := slices.DeleteFunc(slices.Clone(l.rule.args), func(x string) bool { return slices.Contains(args, x) })
			changed = len(kept) != len(l.rule.args)
			l.rule.args = kept
			out = append(out, l)
		default:
			changed = a.update(l.rule, args)
			out = append(out, l)
		}
		if changed {
			n++
		}
	}
	s.lines = out
	return n, nil
}

// neighbour tells whether the next rule in a direction is the new one.
func (a pamdArgs) neighbour(s *pamService, i, step int) bool {
	for i += step; i >= 0 && i < len(s.lines); i += step {
		l := s.lines[i]
		if t := strings.TrimSpace(l.other); l.rule == nil && (t == "" || strings.HasPrefix(t, "#")) {
			continue
		}
		return l.rule.is(a.NewType, pamControl(a.NewControl), a.NewModule)
	}
	return false
}

func (a pamdArgs) update(r *pamRule, args []string) (changed bool) {
	for _, x := range []struct {
		now  *string
		want string
	}{{&r.kind, a.NewType}, {&r.control, pamControl(a.NewControl)}, {&r.module, a.NewModule}} {
		if x.want != "" && *x.now != x.want {
			*x.now, changed = x.want, true
		}
	}
	if _, given := a.Arguments.Get(); given && !slices.Equal(r.args, args) {
		r.args, changed = args, true
	}
	return changed
}

// add adds arguments that are missing; one with a value replaces that of the
// same name.
func (r *pamRule) add(args []string) (changed bool) {
	for _, x := range args {
		key, _, valued := strings.Cut(x, "=")
		i := slices.IndexFunc(r.args, func(old string) bool { return valued && strings.HasPrefix(old, key+"=") || old == x })
		switch {
		case i < 0:
			r.args, changed = append(r.args, x), true
		case r.args[i] != x:
			r.args[i], changed = x, true
		}
	}
	return changed
}

var (
	pamControls = strings.Fields("required requisite sufficient optional include substack definitive")
	pamValues   = strings.Fields("success open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient " +
		"authinfo_unavail user_unknown maxtries new_authtok_reqd acct_expired session_err cred_unavail cred_expired cred_err no_module_data " +
		"conv_err authtok_err authtok_recover_err authtok_lock_busy authtok_disable_aging try_again ignore abort authtok_expired " +
		"module_unknown bad_item conv_again incomplete default")
	pamActions = strings.Fields("ignore bad die ok done reset")
)

// valid tells what is wrong with the rules (pam.conf(5)).
func (s *pamService) valid() error {
	for _, l := range s.lines {
		r := l.rule
		if r == nil {
			continue
		}
		if !strings.HasPrefix(r.control, "[") {
			if !slices.Contains(pamControls, r.control) {
				return module.Fail("Rule control, " + r.control + ", is not valid in rule " + r.String())
			}
			continue
		}
		for _, pair := range strings.Fields(strings.Trim(r.control, "[]")) {
			val, action, _ := strings.Cut(pair, "=")
			if !slices.Contains(pamValues, val) {
				return module.Fail("Rule control value, " + val + ", is not valid in rule " + r.String())
			}
			if _, err := strconv.ParseUint(action, 10, 32); err != nil && !slices.Contains(pamActions, action) {
				return module.Fail("Rule control action, " + action + ", is not valid in rule " + r.String())
			}
		}
	}
	return nil
}

// text writes the service with a mark in its second line.
func (s *pamService) text(mark string) string {
	var lines []string
	for _, l := range s.lines {
		if l.rule != nil {
			l.other = l.rule.String()
		}
		lines = append(lines, l.other)
	}
	switch {
	case len(lines) <= 1:
		lines = append([]string{"", mark}, lines...)
	case strings.HasPrefix(lines[1], "# Updated by Ansible"):
		lines[1] = mark
	default:
		lines = slices.Insert(lines, 1, mark)
	}
	return strings.Join(lines, "\n") + "\n"
}
