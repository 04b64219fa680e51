package system

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type kernelBlacklistArgs struct {
	Name  string `arg:"name"`
	State string `arg:"state"`
	File  string `arg:"blacklist_file"`
}

var kernelBlacklistSpec = module.Spec{
	Name:    "kernel_blacklist",
	Aliases: []string{"community.general.kernel_blacklist"},
	Summary: "Have a module of the kernel among those that are not loaded by themselves, or not",
	Doc:     "Keeps a line `blacklist NAME` in a file of modprobe. A file that is missing is made, also for a line that is not to be there.",
	Args: []module.Arg{
		{Name: "name", Required: true, Doc: "The module."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the line is there."},
		{Name: "blacklist_file", Default: "/etc/modprobe.d/blacklist-ansible.conf", Doc: "The file."},
	},
	Returns: []module.Return{
		{Name: "filename", Type: "str", When: "success", Doc: "The file."},
		{Name: "lines", Type: "list", When: "success", Doc: "Its lines, without blanks at their ends."},
		{Name: "is_blacklisted", Type: "bool", When: "success", Doc: "Whether the line is there."},
	},
	Examples: "- kernel_blacklist: {name: nouveau}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// KernelBlacklist is the module kernel_blacklist.
func KernelBlacklist() module.Module { return module.New(kernelBlacklistSpec, planKernelBlacklist) }

// names tells whether a line keeps the module from being loaded.
func (a kernelBlacklistArgs) names(line string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "blacklist")
	return ok && strings.TrimLeft(rest, " \t") == a.Name && rest != a.Name
}

func planKernelBlacklist(a kernelBlacklistArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	f, err := g.TryFile(a.File, state.WantContent)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !f.Exists() && f.Parent.Type != state.TypeDir:
		return module.Change{}, module.Fail("Module failed with exception: [Errno 2] No such file or directory: '" + a.File + "'")
	case err != nil:
		return module.Change{}, module.Fail("Module failed with exception: " + err.Error())
	}
	lines := []string{}
	for l := range strings.Lines(string(f.Content)) {
		lines = append(lines, strings.TrimRight(l, " \t\r\n\v\f"))
	}
	is, want := slices.ContainsFunc(lines, a.names), a.State == "present"
	switch {
	case want && !is:
		lines = append(lines, "blacklist "+a.Name)
	case is && !want:
		lines = slices.DeleteFunc(lines, a.names)
	}
	changed := is != want || !f.Exists()
	c := module.Change{Result: value.M("changed", changed, "name", a.Name, "state", a.State, "filename", a.File, "lines", lines, "is_blacklisted", want)}
	if !changed {
		return c, nil
	}
	text := ""
	if len(lines) > 0 {
		text = strings.Join(lines, "\n") + "\n"
	}
	c.Ops = []state.Op{state.WriteFile{Path: f.Resolved, Content: state.Bytes([]byte(text))}}
	if in.Diff {
		c.Diff = state.Diff{{Before: string(f.Content), After: text, BeforeHeader: a.File, AfterHeader: a.File}}
	}
	return c, nil
}
