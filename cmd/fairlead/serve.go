package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/tasks/all"
	"github.com/fairlead-project/fairlead/templates"
)

func newServe(std streams) *cobra.Command {
	var cfg api.Config
	var verbose bool
	var forks int
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the REST interface that server-manager calls",
		Long: `Serve takes provision requests over HTTP and runs them in the background: the
calls of server-manager's Ansible server (start_provision, run_playbook,
playbook_status) and a modern interface below /api/v1. Requests, runs and
statuses are kept in SQLite in the data folder.

It listens on 127.0.0.1 unless told otherwise; another address needs --allow,
which names the addresses or networks that may call.`,
		Example: `  fairlead serve --data /var/lib/fairlead
  fairlead serve --listen 192.0.2.1:9003 --allow 192.0.2.1 --sm 192.0.2.1 --data /var/lib/fairlead`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			level := slog.LevelInfo
			if verbose {
				level = slog.LevelDebug
			}
			cfg.Log = slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level}))
			cfg.DataDir = stateDir(cfg.DataDir)
			st, err := store.Open(c.Context(), cfg.DataDir)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, st.Close()) }()
			cfg.Store = st
			cfg.Runner = &jobs.Engine{Modules: all.Registry(), Embedded: templates.Files, Dir: filepath.Join(cfg.DataDir, "playbooks"),
				Controller: controllerName(), Version: version, Forks: forks, Log: cfg.Log}
			srv, err := api.New(cfg)
			if err != nil {
				return err
			}
			return srv.Run(c.Context())
		},
	}
	fl := c.Flags()
	fl.StringVar(&cfg.Listen, "listen", api.DefaultListen, "address to listen on")
	fl.StringSliceVar(&cfg.AllowFrom, "allow", nil, "addresses or networks that may call (needed to listen on another address than loopback)")
	fl.StringVar(&cfg.DataDir, "data", "", "folder for the database, keys and host keys (default $XDG_STATE_HOME/fairlead)")
	fl.StringVar(&cfg.SMAddr, "sm", "", "server-manager's address: statuses are pushed there, to port 9002")
	fl.StringVar(&cfg.DebugLog, "debug-log", "", "file for log lines in server-manager's form")
	fl.StringSliceVar(&cfg.PlaybookDirs, "playbooks", nil, "folders whose playbooks a request may name")
	fl.StringVar(&cfg.HostKeys, "host-key-checking", "accept-new", "strict, accept-new or off")
	fl.IntVar(&cfg.Parallel, "parallel", 8, "how many runs at once")
	fl.IntVarP(&forks, "forks", "f", 0, "how many hosts of a run to talk to at once")
	fl.BoolVarP(&verbose, "verbose", "v", false, "log more")
	return c
}

func controllerName() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return fmt.Sprintf("%s:%d", name, os.Getpid())
}
