package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help is what a command does that only holds others.
func help(c *cobra.Command, _ []string) error { return c.Help() }

// groupOf is the annotation of a flag that names its group in the help.
const groupOf = "fairlead-group"

// group puts the flags that add defines into a group of the help.
func group(c *cobra.Command, name string, add func(*pflag.FlagSet)) {
	before := map[string]bool{}
	c.Flags().VisitAll(func(f *pflag.Flag) { before[f.Name] = true })
	add(c.Flags())
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !before[f.Name] && f.Annotations[groupOf] == nil {
			_ = c.Flags().SetAnnotation(f.Name, groupOf, []string{name})
		}
	})
}

// groups are the headings of the help, in their order; flags without a group
// come last.
var groups = []string{"What to run", "Which hosts, with which variables", "How to log in", "How to run", "What to show"}

// flagUsages lists a command's flags below the headings of their groups.
func flagUsages(c *cobra.Command) string {
	sets := map[string]*pflag.FlagSet{}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		name := ""
		if g := f.Annotations[groupOf]; len(g) > 0 {
			name = g[0]
		}
		if sets[name] == nil {
			sets[name] = pflag.NewFlagSet(name, pflag.ContinueOnError)
		}
		sets[name].AddFlag(f)
	})
	var b strings.Builder
	for _, g := range append(groups[:len(groups):len(groups)], "") {
		s := sets[g]
		if s == nil || !s.HasAvailableFlags() {
			continue
		}
		heading := g
		switch {
		case g == "" && len(sets) > 1:
			heading = "Other"
		case g == "":
			heading = "Flags"
		}
		fmt.Fprintf(&b, "%s:\n%s\n", heading, strings.TrimRight(s.FlagUsagesWrapped(100), "\n"))
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// addTemplateFuncs tells cobra, which keeps them for the whole program.
var addTemplateFuncs = sync.OnceFunc(func() { cobra.AddTemplateFunc("flagUsages", flagUsages) })

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$cmds := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $cmds}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if not .Groups}}

Commands:{{range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

{{flagUsages .}}{{end}}{{if .HasAvailableInheritedFlags}}

Global flags:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" says more about a command.{{end}}
`
