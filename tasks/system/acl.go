package system

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type aclArgs struct {
	Path        string `arg:"path"`
	Entry       string `arg:"entry"`
	Entity      string `arg:"entity"`
	EType       string `arg:"etype"`
	Permissions string `arg:"permissions"`
	State       string `arg:"state"`
	Follow      bool   `arg:"follow"`
	Default     bool   `arg:"default"`
	Recursive   bool   `arg:"recursive"`
	Mask        string `arg:"recalculate_mask"`
	NFSv4       bool   `arg:"use_nfsv4_acls"`
}

var aclSpec = module.Spec{
	Name:    "acl",
	Aliases: []string{"ansible.posix.acl"},
	Summary: "Have an entry in the access control list of a file, or not",
	Doc:     "Sets and removes entries with setfacl, and says what the list is with getfacl; the host needs both.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"name"}, Type: module.Path, Required: true, Doc: "The file or folder."},
		{Name: "state", Choices: []string{"absent", "present", "query"}, Default: "query", Doc: "Whether the entry is to be there; query only says the list."},
		{Name: "entity", Default: "", Doc: "The user or group."},
		{Name: "etype", Choices: []string{"group", "mask", "other", "user"}, Doc: "The kind of the entry."},
		{Name: "permissions", Doc: "Letters of r, w, x (X)."},
		{Name: "entry", Doc: "All of it in one, as etype:entity:permissions."},
		{Name: "follow", Type: module.Bool, Default: true, Doc: "A link means what it leads to."},
		{Name: "default", Type: module.Bool, Default: false, Doc: "What new files in the folder get."},
		{Name: "recursive", Aliases: []string{"recurse"}, Type: module.Bool, Default: false, Doc: "Everything in the folder too."},
		{Name: "recalculate_mask", Choices: []string{"default", "mask", "no_mask"}, Default: "default", Doc: "Whether the mask is computed anew."},
		{Name: "use_nfsv4_acls", Type: module.Bool, Default: false, Doc: "Entries of the form of NFSv4."},
	},
	Returns: []module.Return{
		{Name: "acl", Type: "list", When: "always", Doc: "The list's entries."},
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
	},
	Examples: "- acl: {path: /etc/app.conf, entity: app, etype: user, permissions: r, state: present}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// ACL is the module acl.
func ACL() module.Module { return module.New(aclSpec, planACL) }

// check says what contradicts itself, and takes the argument entry apart.
func (a *aclArgs) check() error {
	must := func(bad bool, text string) error {
		if bad {
			return module.Fail(text)
		}
		return nil
	}
	colons := strings.Count(a.Entry, ":")
	for _, err := range []error{
		must(a.State == "query" && a.Recursive, "'recursive' MUST NOT be set when 'state=query'."),
		must(a.State == "query" && a.Mask != "default", "'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'."),
		must(a.Entry == "" && a.State == "absent" && a.Permissions != "", "'permissions' MUST NOT be set when 'state=absent'."),
		must(a.Entry == "" && a.State == "absent" && a.Entity == "", "'entity' MUST be set when 'state=absent'."),
		must(a.Entry == "" && a.State != "query" && a.EType == "", "'etype' MUST be set when 'state="+a.State+"'."),
		must(a.Entry != "" && (a.EType != "" || a.Entity != "" || a.Permissions != ""), "'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set."),
		must(a.Entry != "" && a.State == "present" && colons != 2 && colons != 3, "'entry' MUST have 3 or 4 sections divided by ':' when 'state=present'."),
		must(a.Entry != "" && a.State == "absent" && colons != 1 && colons != 2, "'entry' MUST have 2 or 3 sections divided by ':' when 'state=absent'."),
		must(a.Entry != "" && a.State == "query", "'entry' MUST NOT be set when 'state=query'."),
	} {
		if err != nil {
			return err
		}
	}
	if a.Entry == "" {
		return nil
	}
	parts := strings.Split(a.Entry, ":")
	if strings.HasPrefix(strings.ToLower(a.Entry), "d") {
		a.Default, parts = true, parts[1:]
	}
	parts = append(parts, "", "")
	kinds := map[string]string{"u": "user", "g": "group", "m": "mask", "o": "other"}
	a.EType, a.Entity, a.Permissions = kinds[strings.ToLower((parts[0] + " ")[:1])], parts[1], parts[2]
	return must(a.EType == "", "'entry' begins with no kind that is known: "+a.Entry)
}

// entry is the entry as setfacl takes it.
func (a aclArgs) entry() string {
	switch {
	case a.NFSv4 && a.State == "present":
		return strings.Join([]string{a.EType, a.Entity, a.Permissions, "allow"}, ":")
	case a.Permissions != "":
		return a.EType + ":" + a.Entity + ":" + a.Permissions
	}
	return a.EType + ":" + a.Entity
}

// words are the arguments that setfacl and getfacl have in common.
func (a aclArgs) words(tool string, more ...string) []string {
	argv := []string{tool}
	if a.Default {
		argv = append(argv, "-d")
	}
	argv = append(argv, more...)
	if a.Recursive {
		argv = append(argv, "--recursive")
	}
	if tool == "setfacl" && a.Mask != "default" {
		argv = append(argv, map[string]string{"mask": "--mask", "no_mask": "--no-mask"}[a.Mask])
	}
	if !a.Follow {
		argv = append(argv, "--physical")
	}
	return append(argv, a.Path)
}

// aclScript runs a command, and says clearly when it is not there.
const aclScript = `command -v "$1" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\" in paths: $PATH" >&2; exit 127; }; "$@"`

func planACL(a aclArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	a.Path = g.Path(a.Path)
	f := g.File(strings.TrimRight(a.Path, "/")+map[bool]string{true: "/"}[a.Path == "/"], 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if f.Followed.Type == state.TypeNone {
		return module.Change{}, module.Fail("Path not found or not accessible.")
	}
	if err := a.check(); err != nil {
		return module.Change{}, err
	}
	get := a.words("getfacl", "--omit-header", "--absolute-names")
	entry, set := a.entry(), []string(nil)
	switch a.State {
	case "present":
		set = []string{"-m", entry}
	case "absent":
		set = []string{"-x", entry}
	}
	if set != nil {
		dry := g.Output(aclScript, a.words("setfacl", append([]string{"--test"}, set...)...)...)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		if dry.RC != 0 {
			return module.Change{}, aclFailed(dry.RC, dry.Stdout, dry.Stderr)
		}
		if !aclDiffers(dry.Stdout) {
			set = nil
		}
	}
	said := g.Output(aclScript, get...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if said.RC != 0 {
		return module.Change{}, aclFailed(said.RC, said.Stdout, said.Stderr)
	}
	msg := map[string]string{"present": entry + " is present", "absent": entry + " is absent", "query": "current acl"}[a.State]
	result := func(acl value.Value) module.Change {
		return module.Change{Result: value.M("changed", set != nil, "msg", msg, "acl", acl)}
	}
	if set == nil {
		return result(aclLines(said.Stdout)), nil
	}
	c := result(module.Later())
	c.Still = value.M("acl", aclLines(said.Stdout))
	return module.Steps([]state.Exec{{Argv: a.words("setfacl", set...)}, {Argv: get, Read: true}}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, aclFailed(r.RC, string(r.Stdout), string(r.Stderr))
		}
		return result(aclLines(string(did[len(did)-1].Stdout))), nil
	}), nil
}

func aclFailed(rc int, stdout, stderr string) error {
	return module.Fail(strings.TrimSpace(stderr), "rc", rc, "stdout", stdout, "stderr", stderr)
}

// aclDiffers reads what setfacl --test says: "*,*" ends the line of a file whose
// lists stay as they are.
func aclDiffers(out string) bool {
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") && !strings.HasSuffix(line, "*,*") {
			return true
		}
	}
	return false
}

// aclLines are the entries that getfacl prints.
func aclLines(out string) value.Value {
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if n := len(lines); n > 0 && lines[n-1] == "" {
		lines = lines[:n-1]
	}
	return value.Strings(lines...).MarkDeep(value.Unsafe)
}
