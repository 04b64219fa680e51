package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/tasks/all"
)

func newLint(std streams) *cobra.Command {
	var f inventoryFlags
	c := &cobra.Command{
		Use:   "lint PLAYBOOK...",
		Short: "Say what is wrong with a playbook, without touching a host",
		Long: `Lint reads playbooks with everything static below them and reports unknown
modules and arguments, wrong types, unknown filters, variables that nothing
defines, and files that are not there: each with file, line and column.

Exit codes: 0 nothing wrong (warnings count as nothing), 1 errors.`,
		Example:           "  fairlead lint -i hosts.ini site.yml\n  fairlead lint roles-test.yml",
		Args:              needPlaybook,
		ValidArgsFunction: completePlaybook,
		RunE: func(_ *cobra.Command, args []string) error {
			settings, err := loadSettings(&std)
			if err != nil {
				return err
			}
			req, err := f.request(args, settings, std, event.NewRedactor())
			if err != nil {
				return err
			}
			req.HostsOptional = len(req.Inventory) == 0
			_, warnings, err := run.Prepare(req, all.Registry())
			for _, w := range warnings {
				printDiagnostic(std.err, w, plainPaint(std.errColor))
			}
			if err == nil {
				fmt.Fprintf(std.out, "%d playbook(s) checked, nothing wrong\n", len(args))
			}
			return err
		},
	}
	f.add(c)
	return c
}
