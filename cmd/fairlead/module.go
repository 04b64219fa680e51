package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/tasks/all"
)

func newModule(std streams) *cobra.Command {
	var markdown, schema bool
	c := &cobra.Command{
		Use:   "module [NAME]",
		Short: "List the modules, or document one",
		Example: "  fairlead module                  the list\n  fairlead module copy             one, in words\n  fairlead module copy --schema    its arguments as JSON Schema\n" +
			"  fairlead module --markdown       all of them, as docs/modules.md",
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, m := range all.Registry().All() {
				names = append(names, m.Spec().Name+"\t"+m.Spec().Summary)
			}
			if len(args) > 0 {
				names = nil
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			reg := all.Registry()
			if len(args) == 0 && markdown {
				_, err := io.WriteString(std.out, allModules(reg))
				return err
			}
			if len(args) == 0 {
				tw := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
				for _, m := range reg.All() {
					fmt.Fprintf(tw, "%s\t%s\n", m.Spec().Name, m.Spec().Summary)
				}
				return tw.Flush()
			}
			m, ok := reg.Lookup(args[0])
			if !ok {
				d := diag.New(diag.NotFound, diag.Pos{}, "unknown-module", "there is no module named %q", args[0])
				if near := reg.Nearest(args[0]); len(near) > 0 {
					return d.WithHint("did you mean %s?", near[0])
				}
				return d
			}
			return document(std.out, m.Spec(), markdown, schema)
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "as Markdown")
	c.Flags().BoolVar(&schema, "schema", false, "the JSON Schema of its arguments")
	return c
}

// allModules documents every module: the text of docs/modules.md.
func allModules(reg *module.Registry) string {
	var list, body strings.Builder
	for _, m := range reg.All() {
		s := m.Spec()
		fmt.Fprintf(&list, "| [`%s`](#%s) | %s |\n", s.Name, s.Name, s.Summary)
		body.WriteString("\n" + module.Markdown(s))
	}
	return `# Modules

Written by ` + "`make docs`" + ` from the modules' own specifications: what is here is what the
program checks. ` + "`fairlead module NAME`" + ` shows the same in a terminal. Every module
has a plan (check mode) and takes its name short or with its collection.

| module | what it does |
|---|---|
` + list.String() + body.String()
}

func document(w io.Writer, s *module.Spec, markdown, schema bool) error {
	switch {
	case schema:
		return printJSON(w, module.Schema(s))
	case markdown:
		_, err := io.WriteString(w, module.Markdown(s))
		return err
	}
	_, err := io.WriteString(w, module.Text(s))
	return err
}

func newVersion(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintf(std.out, "fairlead %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
		},
	}
}

// printJSON writes an indented document.
func printJSON(w io.Writer, m *value.Map) error {
	data, err := m.MarshalJSON()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "    "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}
