package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/image"
)

func newImageList(std streams) *cobra.Command {
	var f registryFlags
	var asJSON bool
	c := &cobra.Command{
		Use:     "list REGISTRY[/NAME[:TAG]]",
		Aliases: []string{"ls"},
		Short:   "List the images of a registry, with their digests",
		Example: "  fairlead image list --plain-http 127.0.0.1:5000\n  fairlead image list registry.example.com/contrail-controller",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(std)
			if err != nil {
				return err
			}
			all, err := image.List(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(std.out).Encode(append([]image.Listed{}, all...))
			}
			w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
			for _, l := range all {
				fmt.Fprintf(w, "%s\t%s\n", event.PrintableLine(l.Name()), event.PrintableLine(l.Digest))
			}
			return w.Flush()
		},
	}
	f.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return c
}

func newImageRemove(std streams) *cobra.Command {
	var f registryFlags
	c := &cobra.Command{
		Use:     "rm REGISTRY/NAME:TAG...",
		Short:   "Remove images from a registry",
		Long:    "Rm removes a tag, or with name@sha256:... the image with all its tags. The\nregistry must allow it.",
		Example: "  fairlead image rm --plain-http 127.0.0.1:5000/contrail-controller:4.0",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(std)
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := image.Remove(c.Context(), name, o); err != nil {
					return err
				}
				fmt.Fprintf(std.out, "removed %s\n", event.PrintableLine(name))
			}
			return nil
		},
	}
	f.add(c)
	return c
}
