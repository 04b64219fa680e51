package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/cmd/fairlead/render"
	"github.com/fairlead-project/fairlead/engine/config"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/value"
)

// loadSettings reads ansible.cfg and the environment, says what of the file has
// no effect, and turns colours on or off in std.
func loadSettings(std *streams) (*config.Config, error) {
	cfg, warnings, err := config.Load(config.Here())
	for _, w := range warnings {
		printDiagnostic(std.err, w, plainPaint(std.errColor))
	}
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Bool(config.NoColor) || cfg.Get(config.NoColor).Env == "NO_COLOR" && cfg.Text(config.NoColor) != "":
		std.outColor, std.errColor = false, false
	case cfg.Bool(config.ForceColor):
		std.outColor = true
	}
	var names []string
	for _, i := range cfg.Ignored {
		if i.Pos.IsValid() {
			names = append(names, i.Name)
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(std.err, "%s: note: has no effect here: %s (fairlead config says why)\n", event.PrintableLine(render.Near(cfg.Path)), event.PrintableLine(strings.Join(names, ", ")))
	}
	return cfg, nil
}

// whichSettings says where the settings are from.
func whichSettings(cfg *config.Config) string {
	if cfg.Path == "" {
		return "No config file found; using defaults"
	}
	return "Using " + event.PrintableLine(cfg.Path) + " as config file"
}

func newConfig(std streams) *cobra.Command {
	var changed, asJSON bool
	c := &cobra.Command{
		Use:   "config",
		Short: "Show the settings, where each comes from, and what is ignored",
		Long: `Config shows every setting that ansible.cfg and the environment may make, what
it is, and where that was said. Entries and ANSIBLE_ variables that have no
effect here are listed behind, with the reason.

The file is the first of $ANSIBLE_CONFIG, ./ansible.cfg (unless everybody may
write to the folder), ~/.ansible.cfg and /etc/ansible/ansible.cfg. A variable
wins over it, and a flag over both.`,
		Example: "  fairlead config\n  fairlead config --changed\n  ANSIBLE_FORKS=9 fairlead config --json | jq .settings.forks",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, warnings, err := config.Load(config.Here())
			for _, w := range warnings {
				printDiagnostic(std.err, w, plainPaint(std.errColor))
			}
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(std.out, configJSON(cfg, changed))
			}
			return showConfig(std, cfg, changed)
		},
	}
	c.Flags().BoolVar(&changed, "changed", false, "only what somebody said something about")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func showConfig(std streams, cfg *config.Config, changed bool) error {
	if cfg.Path == "" {
		fmt.Fprintln(std.out, "no configuration file was found")
	} else {
		fmt.Fprintf(std.out, "configuration file: %s\n", event.PrintableLine(cfg.Path))
	}
	fmt.Fprintln(std.out)
	tw := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, s := range config.Settings() {
		v := cfg.Get(s.Key)
		if changed && v.Source == config.Default {
			continue
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", s.Key, event.PrintableLine(orElse(strings.ReplaceAll(v.Raw, "\n", " "), "-")), event.PrintableLine(render.Near(v.Where())), s.Help)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(cfg.Ignored) > 0 {
		fmt.Fprintln(std.out, "\nwithout effect:")
	}
	tw = tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, i := range cfg.Ignored {
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", event.PrintableLine(i.Name), event.PrintableLine(render.Near(i.Pos.String())), i.Why)
	}
	return tw.Flush()
}

func configJSON(cfg *config.Config, changed bool) *value.Map {
	settings := value.NewMap()
	for _, s := range config.Settings() {
		v := cfg.Get(s.Key)
		if changed && v.Source == config.Default {
			continue
		}
		var x any = v.Raw
		switch s.Kind {
		case config.Bool:
			x = cfg.Bool(s.Key)
		case config.Int:
			x = nil
			if v.Raw != "" {
				x = cfg.Int(s.Key)
			}
		case config.List, config.PathSpec, config.PathList:
			x = value.Strings(v.Words...)
		}
		settings.Set(string(s.Key), value.FromMap(value.M("value", x, "origin", v.Where())))
	}
	var ignored []value.Value
	for _, i := range cfg.Ignored {
		ignored = append(ignored, value.FromMap(value.M("name", i.Name, "origin", i.Pos.String(), "why", i.Why)))
	}
	return value.M("file", cfg.Path, "settings", settings, "ignored", value.List(ignored...))
}
