package system

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type slaveArgs struct {
	Name string `arg:"name"`
	Path string `arg:"path"`
	Link string `arg:"link"`
}

type alternativeArgs struct {
	Name        string                  `arg:"name"`
	Path        string                  `arg:"path"`
	Link        string                  `arg:"link"`
	Priority    module.Opt[int]         `arg:"priority"`
	State       string                  `arg:"state"`
	Subcommands module.Opt[[]slaveArgs] `arg:"subcommands"`
}

var alternativeSpec = module.Spec{
	Name:    "alternatives",
	Aliases: []string{"community.general.alternatives"},
	Summary: "Say which of several programs a common name means",
	Doc:     "Installs, selects and removes alternatives with update-alternatives.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The common name, such as editor."},
		{Name: "path", Type: module.Path, Required: true, Doc: "The program that it is to mean."},
		{Name: "link", Type: module.Path, Doc: "Where the common name is; needed for a new one."},
		{Name: "priority", Type: module.Int, Doc: "Its priority in automatic mode; a new one gets 50."},
		{Name: "state", Choices: []string{"present", "selected", "absent", "auto"}, Default: "selected",
			Doc: "present: it is known; selected: it is chosen; auto: the one with the greatest priority is chosen; absent: it is not known."},
		{Name: "subcommands", Aliases: []string{"slaves"}, Type: module.List, Elem: module.Dict, Doc: "Further names that go with it.", Options: []module.Arg{
			{Name: "name", Required: true, Doc: "The name."},
			{Name: "path", Type: module.Path, Required: true, Doc: "What it is to mean."},
			{Name: "link", Type: module.Path, Required: true, Doc: "Where it is."},
		}},
	},
	Returns:  []module.Return{{Name: "msg", Type: "str", When: "always", Doc: "What was done."}},
	Examples: "- alternatives: {name: editor, path: /usr/bin/vim.tiny}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Alternatives is the module alternatives.
func Alternatives() module.Module { return module.New(alternativeSpec, planAlternative) }

// alternative is one of the programs a name can mean.
type alternative struct {
	priority int
	slaves   []slaveArgs
}

// choices is what update-alternatives knows of a name.
type choices struct {
	manual     bool
	now, link  string
	known      map[string]alternative
	slaveLinks map[string]string
}

var (
	choiceLine  = lazyregexp.New(`^(/.*) - (?:family \S+ )?priority (\d+)$`)
	slaveLine   = lazyregexp.New(`^\s+(?:slave|follower) (.*): (.*)$`)
	slaveLink   = lazyregexp.New(`^\s*(?:slave|follower) (\S+) is (.*)$`)
	linkLine    = lazyregexp.New(`^\s*link \w+ is (.*)$`)
	currentLine = lazyregexp.New(`^\s*link currently points to (.*)$`)
	modeLine    = lazyregexp.New(` - (?:status is )?manual(?: mode|\.)$`)
)

// parseChoices reads what update-alternatives --display prints.
func parseChoices(text string) choices {
	c := choices{known: map[string]alternative{}, slaveLinks: map[string]string{}}
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := choiceLine().FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2]) // digits only
			last = m[1]
			c.known[last] = alternative{priority: n}
		} else if m := slaveLine().FindStringSubmatch(line); m != nil && last != "" {
			if m[2] != "(null)" {
				a := c.known[last]
				a.slaves = append(a.slaves, slaveArgs{Name: m[1], Path: m[2], Link: c.slaveLinks[m[1]]})
				c.known[last] = a
			}
		} else if m := slaveLink().FindStringSubmatch(line); m != nil {
			c.slaveLinks[m[1]] = m[2]
		} else if m := currentLine().FindStringSubmatch(line); m != nil {
			c.now = m[1]
		} else if m := linkLine().FindStringSubmatch(line); m != nil {
			c.link = m[1]
		} else if modeLine().MatchString(line) {
			c.manual = true
		}
	}
	return c
}

// alternativePaths are where alternatives are kept.
var alternativePaths = []string{"/etc/alternatives", "/var/lib/dpkg", "/var/lib/alternatives"}

func planAlternative(a alternativeArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	said := g.OutputUnder(alternativePaths, `p=$(command -v update-alternatives) || exit 127; echo "@$p"; update-alternatives --display "$1"`, a.Name)
	program := g.File(a.Path, 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if said.RC == 127 {
		return module.Change{}, module.Fail(`Failed to find required executable "update-alternatives"`)
	}
	now := choices{}
	if said.RC == 0 {
		now = parseChoices(said.Stdout)
	}
	cmds, msgs, err := a.commands(now, program.Followed.Type != state.TypeNone)
	if err != nil {
		return module.Change{}, err
	}
	c := module.Change{Result: value.M("changed", len(cmds) > 0, "msg", strings.Join(msgs, " "))}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			argv := slices.Clone(cmds[len(did)-1].Argv)
			if at, ok := strings.CutPrefix(said.Stdout, "@"); ok {
				argv[0], _, _ = strings.Cut(at, "\n")
			}
			return module.Change{}, module.CommandFailed(argv, r)
		}
		return module.Change{Result: c.Result}, nil
	}), nil
}

// commands are what must be run, and what is said of each.
func (a alternativeArgs) commands(now choices, exists bool) (cmds []state.Exec, msgs []string, err error) {
	run := func(msg string, argv ...string) {
		cmds = append(cmds, state.Exec{Argv: append([]string{"update-alternatives"}, argv...), Env: []string{"LC_ALL=C"}})
		msgs = append(msgs, msg)
	}
	old, known := now.known[a.Path]
	if a.State == "absent" {
		if known {
			run("Remove alternative '"+a.Path+"' from '"+a.Name+"'.", "--remove", a.Name, a.Path)
		}
		return cmds, msgs, nil
	}
	slaves, given := a.Subcommands.Get()
	priority, asked := a.Priority.Get()
	if !known || asked && priority != old.priority || given && !sameSlaves(slaves, old.slaves) {
		link := a.Link
		if link == "" {
			link = now.link
		}
		switch {
		case !exists:
			return nil, nil, module.Fail("Specified path " + a.Path + " does not exist")
		case link == "":
			return nil, nil, module.Fail("Needed to install the alternative, but unable to do so as we are missing the link")
		case !asked && known:
			priority = old.priority
		case !asked:
			priority = 50
		}
		argv := []string{"--install", link, a.Name, a.Path, strconv.Itoa(priority)}
		if !given {
			slaves = old.slaves // as they are
		}
		for _, s := range slaves {
			argv = append(argv, "--slave", s.Link, s.Name, s.Path)
		}
		run("Install alternative '"+a.Path+"' for '"+a.Name+"'.", argv...)
	}
	if a.State == "selected" && now.now != a.Path {
		run("Set alternative '"+a.Path+"' for '"+a.Name+"'.", "--set", a.Name, a.Path)
	}
	if a.State == "auto" && now.manual {
		run("Set alternative to auto for '"+a.Name+"'.", "--auto", a.Name)
	}
	return cmds, msgs, nil
}

// sameSlaves compares without order.
func sameSlaves(a, b []slaveArgs) bool {
	in := func(x, y []slaveArgs) bool {
		return !slices.ContainsFunc(x, func(s slaveArgs) bool { return !slices.Contains(y, s) })
	}
	return in(a, b) && in(b, a)
}
