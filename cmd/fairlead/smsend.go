package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/api/smclient"
)

func newSMSend(std streams) *cobra.Command {
	var server, generation string
	var show bool
	c := &cobra.Command{
		Use:   "sm-send FILE",
		Short: "Send a provision request as server-manager does, from a small description",
		Long: `Sm-send makes the calls of one generation of server-manager's protocol from a
description and sends them: to try a server without server-manager. FILE is
YAML ("-" for standard input):

  generation: C                 # A, A', B1, B2, B3, B4, B5, C, C1 or C2
  cluster_id: c1
  password_env: SM_PASSWORD     # the SSH password is taken from there
  hosts:
    - {address: 192.0.2.11, roles: [lb, controller]}
  images: {lb: "192.0.2.1:5100/img1-contrail-lb:4.1.0.0-1"}

More keys: server_id, user, password, registry, image_id, version, vars (of all
hosts), config (role: section: option; A to B1), playbook, tasks, kolla, no_run.

Exit code 0 means that the server took the request, not that it has run: ask
GET /playbook_status, or fairlead runs list --server.`,
		Example: "  SM_PASSWORD=.. fairlead sm-send request.yml\n  fairlead sm-send request.yml -g B3 --print",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var text []byte
			var err error
			if args[0] == "-" {
				text, err = io.ReadAll(std.in)
			} else {
				text, err = os.ReadFile(args[0])
			}
			if err != nil {
				return err
			}
			d, err := smclient.Read(args[0], text)
			if err != nil {
				return err
			}
			if generation != "" {
				d.Generation = generation
			}
			calls, err := d.Calls()
			if err != nil {
				return err
			}
			if show {
				enc := json.NewEncoder(std.out)
				enc.SetEscapeHTML(false)
				for _, call := range calls {
					if err := enc.Encode(call); err != nil {
						return err
					}
				}
				return nil
			}
			for _, call := range calls {
				status, answer, err := call.Send(c.Context(), server)
				if err != nil {
					return err
				}
				fmt.Fprintf(std.out, "%s %s: %d %s\n", call.Method, call.Path, status, answer)
				if status != 200 {
					return exitError{1}
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&server, "server", "127.0.0.1:9003", "`ADDRESS` of the server")
	c.Flags().StringVarP(&generation, "generation", "g", "", "`GENERATION` of the protocol, in place of the file's")
	c.Flags().BoolVar(&show, "print", false, "print the calls as JSON Lines, passwords included, and send nothing")
	return c
}
