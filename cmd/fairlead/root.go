package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
)

// streams are the program's input and output, so that tests can run it.
type streams struct {
	in                 io.Reader
	out, err           io.Writer
	outColor, errColor bool
	live               bool // out is a terminal
	width              int
}

func stdStreams() streams {
	s := streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, width: 80}
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.live = os.Getenv("TERM") != "dumb"
		s.outColor = !plain
		if w, _, err := term.GetSize(fd); err == nil && w > 0 {
			s.width = w
		}
	}
	if force := os.Getenv("FORCE_COLOR"); force != "" && force != "0" && os.Getenv("NO_COLOR") == "" {
		s.outColor = true
	}
	s.errColor = !plain && term.IsTerminal(int(os.Stderr.Fd()))
	return s
}

func newRoot(std streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "fairlead",
		Short: "Provision hosts over SSH by playbooks in Ansible's vocabulary",
		Long: `Fairlead runs Ansible playbooks natively: one static binary here, nothing but
sshd and /bin/sh on the hosts. It asks each host what is there, computes here
what must change, and sends what to do.

  fairlead plan -i hosts site.yml     what would change, with differences
  fairlead run  -i hosts site.yml     make it so

Exit codes: 0 done, 1 a mistake in what was asked, 2 a host failed,
4 a host was unreachable.`,
		Args:          cobra.NoArgs,
		RunE:          help,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	addTemplateFuncs()
	root.SetUsageTemplate(usageTemplate)
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"playbooks", "Playbooks:", []*cobra.Command{newPlan(std), newRun(std), newLint(std), newVault(std)}},
		{"look", "Looking around:", []*cobra.Command{newInventory(std), newModule(std), newRoles(std), newConfig(std), newRuns(std)}},
		{"serve", "Serving others:", []*cobra.Command{newServe(std), newSMSend(std), newImage(std)}},
		{"other", "Other:", []*cobra.Command{newVersion(std)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			abbreviate(c.Flags())
			root.AddCommand(c)
		}
	}
	root.SetHelpCommandGroupID("other")
	root.SetCompletionCommandGroupID("other")
	return root
}

// errorWord is what stands before errors: where people and scripts come from Ansible,
// its word.
func errorWord(c *cobra.Command) string {
	if c != nil && (c.Name() == "run" || c.Name() == "plan") {
		return "ERROR!"
	}
	return "error:"
}

// printError shows an error for people: place, word, message, and what to do.
func printError(w io.Writer, err error, word string, color bool) {
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	var list diag.List
	if !errors.As(err, &list) {
		var d *diag.Diagnostic
		if errors.As(err, &d) && d.Error() == err.Error() {
			list = diag.List{d}
		} else {
			fmt.Fprintf(w, "%s %s\n", paint("1;31", word), event.Printable(err.Error()))
			return
		}
	}
	for _, d := range list {
		printProblem(w, d, word, paint)
	}
}

func printDiagnostic(w io.Writer, d *diag.Diagnostic, paint func(code, s string) string) {
	printProblem(w, d, "error:", paint)
}

func printProblem(w io.Writer, d *diag.Diagnostic, word string, paint func(code, s string) string) {
	code := "1;31"
	if d.Warning {
		word, code = "warning:", "1;35"
	}
	at := ""
	if pos := render.Pos(d.Pos); pos != "" {
		at = paint("1", pos+":") + " "
	}
	fmt.Fprintf(w, "%s%s %s\n", at, paint(code, word), event.Printable(render.Near(d.Msg)))
	if d.Hint != "" {
		fmt.Fprintf(w, "    %s %s\n", paint("0;36", "hint:"), event.Printable(render.Near(d.Hint)))
	}
}
