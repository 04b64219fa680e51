package system

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pidsArgs struct {
	Name       string             `arg:"name"`
	Pattern    module.Opt[string] `arg:"pattern"`
	IgnoreCase bool               `arg:"ignore_case"`
}

var pidsSpec = module.Spec{
	Name:    "pids",
	Aliases: []string{"community.general.pids"},
	Summary: "Get the numbers of processes",
	Doc:     "Looks into /proc of the host; it needs no psutil.",
	Args: []module.Arg{
		{Name: "name", Doc: "The name of the processes, or the first word of their command lines, whatever its case."},
		{Name: "pattern", Doc: "A regular expression that is to be found in the name, the program's file or the command line."},
		{Name: "ignore_case", Type: module.Bool, Default: false, Doc: "The case does not matter for pattern."},
	},
	RequiredOneOf:     [][]string{{"name", "pattern"}},
	MutuallyExclusive: [][]string{{"name", "pattern"}},
	Returns:           []module.Return{{Name: "pids", Type: "list", When: "always", Doc: "The numbers, small ones first."}},
	Examples:          "- pids: {name: nginx}\n  register: nginx\n",
	Traits:            module.Traits{Reach: state.ReachNone},
}

// Pids is the module pids.
func Pids() module.Module { return module.New(pidsSpec, planPids) }

// scriptPids prints of each process its number, name, program's file and words, the
// words ended by bytes 1.
const scriptPids = `for d in /proc/[0-9]*; do
read -r n <"$d/comm" || continue
printf '%s\n%s\n%s\n' "${d#/proc/}" "$n" "$(readlink "$d/exe")"
tr '\000\n' '\001 ' <"$d/cmdline"
echo
done 2>/dev/null`

type process struct {
	pid       int
	name, exe string
	words     []string
}

func planPids(a pidsArgs, _ module.Inputs, v state.View) (module.Change, error) {
	matches := func(p process) bool {
		return strings.EqualFold(p.name, a.Name) || len(p.words) > 0 && strings.EqualFold(p.words[0], a.Name)
	}
	if pattern, given := a.Pattern.Get(); given && a.Name == "" {
		flags := ""
		if a.IgnoreCase {
			flags = "(?i)"
		}
		re, err := pyre.CompileText(flags + pattern)
		if err != nil {
			return module.Change{}, module.Fail("'" + pattern + "' is not a valid regular expression: " + err.Error())
		}
		found := func(s string) bool {
			m, err := re.Search([]byte(s))
			return err == nil && m != nil
		}
		matches = func(p process) bool {
			return found(p.name) || p.exe != "" && found(path.Base(p.exe)) || len(p.words) > 0 && found(strings.Join(p.words, " "))
		}
	}
	g := module.Gathering(v)
	out := g.Output(scriptPids)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	var pids []value.Value
	for _, p := range processes(out.Stdout) {
		if matches(p) {
			pids = append(pids, value.Int(int64(p.pid)))
		}
	}
	return module.OK("pids", value.List(pids...)), nil
}

// processes reads what scriptPids prints, as psutil tells it, in the order of the numbers.
func processes(text string) []process {
	var out []process
	lines := strings.Split(text, "\n")
	for ; len(lines) >= 4; lines = lines[4:] {
		pid, err := strconv.Atoi(lines[0])
		if err != nil {
			break
		}
		p := process{pid: pid, name: lines[1], exe: lines[2]}
		if line, ended := strings.CutSuffix(lines[3], "\x01"); line != "" {
			p.words = strings.Split(line, "\x01")
			// Programs that write their own line end it otherwise.
			if len(p.words) == 1 && (strings.Contains(line, " ") || !ended) {
				p.words = strings.Split(line, " ")
			}
			// The kernel keeps 15 bytes of a name.
			if first := path.Base(p.words[0]); len(p.name) >= 15 && strings.HasPrefix(first, p.name) {
				p.name = first
			}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	return out
}
