package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/roleconf"
	"github.com/fairlead-project/fairlead/engine/yaml"
	"github.com/fairlead-project/fairlead/templates"
)

func newRoles(std streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "roles",
		Short: "The Contrail roles that ship with Fairlead",
		Long: `Roles lists the Contrail roles that ship with Fairlead, shows what the
configuration file of a role may hold, and writes the playbooks and roles out,
to be read, changed, and run: fairlead run -i hosts DIR/site.yml`,
		Args: cobra.NoArgs,
		RunE: help,
	}
	c.AddCommand(newRolesList(std), newRolesShow(std), newRolesExport(std))
	return c
}

func shippedSchema() (*roleconf.Schema, error) {
	text, err := fs.ReadFile(templates.Files, templates.Schema)
	if err != nil {
		return nil, err
	}
	n, err := yaml.ParseOne(templates.Schema, text, yaml.Options{})
	if err != nil {
		return nil, err
	}
	return roleconf.Parse(n.Value())
}

func newRolesList(std streams) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the roles, in the order in which they are provisioned",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := shippedSchema()
			if err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%-18s %-22s %-22s %s\n", "ROLE", "GROUP", "CONFIGURATION", "WHAT IT IS")
			for _, r := range s.Roles {
				fmt.Fprintf(std.out, "%-18s %-22s %-22s %s\n", r.Name, r.Group, r.File, r.Title)
			}
			for _, r := range []struct{ name, group, title string }{
				{"bare-metal-compute", "contrail-compute", "Compute node's agent, from packages"},
				{"ceph-compute", "ceph-compute", "Storage node"},
				{"docker", "all", "Docker engine and its options"},
				{"common", "all", "Package sources, /etc/hosts, host settings"},
			} {
				fmt.Fprintf(std.out, "%-18s %-22s %-22s %s\n", r.name, r.group, "-", r.title)
			}
			return nil
		},
	}
}

func newRolesShow(std streams) *cobra.Command {
	return &cobra.Command{
		Use:               "show ROLE",
		Short:             "Show what the configuration file of a role may hold",
		Example:           "  fairlead roles show controller",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRoles,
		RunE: func(_ *cobra.Command, args []string) error {
			s, err := shippedSchema()
			if err != nil {
				return err
			}
			r := s.Role(args[0])
			if r == nil {
				d := diag.New(diag.NotFound, diag.Pos{}, "no-such-role", "there is no role %q with a configuration file", args[0])
				if near := diag.Nearest(args[0], s.Names()); near != "" {
					return d.WithHint("did you mean %s?", near)
				}
				return d.WithHint("the roles are %s", strings.Join(s.Names(), ", "))
			}
			fmt.Fprintf(std.out, "%s: %s\nhosts of the group %s, image by the variable %s, statuses %s_started and %s_completed\n",
				r.File, r.Title, r.Group, r.Image, r.Status, r.Status)
			for _, sec := range r.Sections {
				showSection(std, sec)
			}
			return nil
		},
	}
}

func showSection(std streams, sec *roleconf.Section) {
	from := ""
	if len(sec.From) > 0 {
		from = "   # " + strings.Join(sec.From, ", ")
	}
	fmt.Fprintf(std.out, "\n[%s]%s\n", sec.Name, from)
	if sec.Foreign {
		fmt.Fprintln(std.out, "  contrailctl does not know this section")
	}
	for _, o := range sec.Options {
		text := map[string]string{"str": "text", "bool": "True or False"}[o.Type]
		if text == "" {
			text = o.Type
		}
		if len(o.Choices) > 0 {
			text = strings.Join(o.Choices, " | ")
		}
		if o.Default != "" {
			text += "; without it " + o.Default
		}
		fmt.Fprintf(std.out, "  %-40s %s\n", o.Name, text)
	}
	if sec.Open {
		fmt.Fprintln(std.out, "  any other option")
	}
}

func completeRoles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	s, err := shippedSchema()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return s.Names(), cobra.ShellCompDirectiveNoFileComp
}

func newRolesExport(std streams) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "export DIR",
		Short: "Write the playbooks and roles to a folder",
		Long: `Export writes the playbooks (site.yml, upgrade.yml, destroy.yml ...), the roles
and the schema of their configuration files to a folder. A file that is there
and differs is left alone, and the export fails, unless --force is given.`,
		Example: "  fairlead roles export contrail && fairlead run -i hosts.yml contrail/site.yml",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := exportRoles(args[0], force)
			if err == nil {
				fmt.Fprintf(std.out, "%d files in %s; run: fairlead run -i HOSTS %s\n", n, args[0], filepath.Join(args[0], "site.yml"))
			}
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "replace files that differ")
	return c
}

// exportRoles writes the embedded files below dir; without force it first looks
// whether it would overwrite something.
func exportRoles(dir string, force bool) (int, error) {
	sub, err := fs.Sub(templates.Files, "contrail")
	if err != nil {
		return 0, err
	}
	var files []string
	var differ []string
	err = fs.WalkDir(sub, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files = append(files, p)
		want, err := fs.ReadFile(sub, p)
		if err != nil {
			return err
		}
		have, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
		if err == nil && string(have) != string(want) {
			differ = append(differ, p)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if len(differ) > 0 && !force {
		return 0, diag.New(diag.Conflict, diag.Pos{File: dir}, "files-differ", "these files are there and differ: %s", strings.Join(differ, ", ")).
			WithHint("choose another folder, or replace them with --force")
	}
	for _, p := range files {
		text, err := fs.ReadFile(sub, p)
		if err != nil {
			return 0, err
		}
		to := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return 0, err
		}
	}
	return len(files), nil
}
