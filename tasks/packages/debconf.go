package packages

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type debconfArgs struct {
	Name     string      `arg:"name"`
	Question string      `arg:"question"`
	Type     string      `arg:"vtype"`
	Value    value.Value `arg:"value"`
	Unseen   bool        `arg:"unseen"`
}

// Debconf is the module debconf.
func Debconf() module.Module {
	return module.New(module.Spec{
		Name:    "debconf",
		Summary: "Answers the questions that Debian packages ask",
		Doc:     "Writes an answer into debconf's database before a package asks, or lists the answers of a package. The answer goes by standard input.",
		Args: []module.Arg{
			{Name: "name", Aliases: []string{"pkg"}, Required: true, Doc: "The package."},
			{Name: "question", Aliases: []string{"selection", "setting"}, Doc: "The question."},
			{Name: "vtype", Choices: []string{"boolean", "error", "multiselect", "note", "password", "seen", "select", "string", "text", "title"}, Doc: "Its type."},
			{Name: "value", Aliases: []string{"answer"}, Doc: "The answer."},
			{Name: "unseen", Type: module.Bool, Default: false, Doc: "Do not mark the question as seen."},
		},
		RequiredTogether: [][]string{{"question", "vtype", "value"}},
		Returns: []module.Return{
			{Name: "current", Type: "dict", When: "always", Doc: "The answer as it is now; without a question all of them."},
			{Name: "previous", Type: "dict", When: "something changed", Doc: "The answers before."},
			{Name: "msg", Type: "str", When: "always", Doc: "What debconf-set-selections printed."},
		},
		Examples: "- debconf: {name: tzdata, question: tzdata/Areas, vtype: select, value: Europe}\n",
		Traits:   module.Traits{Reach: state.ReachHost},
	}, planDebconf)
}

// debconfPaths are what debconf reads.
var debconfPaths = []string{"/var/cache/debconf", "/etc/debconf.conf", "/var/lib/dpkg", "/usr/share/debconf", "/usr/share/perl5"}

func planDebconf(a debconfArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.OutputUnder(debconfPaths, `for p in debconf-show debconf-set-selections; do command -v $p >/dev/null || { echo $p; exit 127; }; done; debconf-show "$1"`, a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	switch out.RC {
	case 0:
	case 127:
		return module.Change{}, module.Fail(`Failed to find required executable "` + strings.TrimSpace(out.Stdout) + `" in paths of the host`)
	default:
		return module.Change{}, module.Fail(out.Stderr)
	}
	prev := value.NewMap()
	for line := range strings.Lines(out.Stdout) {
		if key, text, ok := strings.Cut(line, ":"); ok {
			prev.Set(strings.TrimSpace(strings.Trim(key, "*")), value.String(strings.TrimSpace(text)).WithMarks(value.Unsafe))
		}
	}
	if a.Question == "" {
		return module.OK("msg", "", "current", prev), nil
	}
	return a.answer(in, prev), nil
}

// answer writes the answer when it is another one.
func (a debconfArgs) answer(in module.Inputs, prev *value.Map) module.Change {
	want := a.Value.Text()
	old, had := prev.Get(a.Question)
	is := old.Text()
	if a.Type == "boolean" && had {
		want, is = strings.ToLower(want), strings.ToLower(is)
	}
	if had && want == is {
		return module.OK("msg", "", "current", prev)
	}
	shown := value.String(want).WithMarks(a.Value.DeepMarks())
	current := value.NewMap()
	current.Set(a.Question, shown)
	if had {
		before := value.NewMap()
		before.Set(a.Question, old)
		prev = before
	} else {
		prev = prev.Clone()
		prev.Set(a.Question, value.String(""))
	}
	sent := want
	if a.Type == "boolean" && (want == "True" || want == "False") {
		sent = strings.ToLower(want)
	}
	argv := []string{"debconf-set-selections"}
	if a.Unseen {
		argv = append(argv, "-u")
	}
	op := state.Exec{Argv: argv, Stdin: []byte(strings.Join([]string{a.Name, a.Question, a.Type, sent}, " ")), HasStdin: true,
		Shown: "debconf-set-selections: " + a.Name + " " + a.Question, Env: []string{"LC_ALL=C"}}
	c := module.Change{Result: value.M("changed", true, "msg", module.Later(), "current", current, "previous", prev), Still: value.M("msg", "")}
	if in.Diff && a.Type != "password" {
		c.Diff = state.Diff{{Before: value.FromMap(prev).Repr() + "\n", After: value.FromMap(current).Repr() + "\n"}}
	}
	return module.Steps([]state.Exec{op}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		if r.RC != 0 {
			return module.Change{}, module.Fail(string(r.Stderr))
		}
		m := c.Result.Clone()
		m.Set("msg", text(r.Stdout))
		return module.Change{Result: m}, nil
	})
}
