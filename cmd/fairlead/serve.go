package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-project/fairlead/api"
	"github.com/fairlead-project/fairlead/api/jobs"
	"github.com/fairlead-project/fairlead/api/servermanager"
	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/tasks/all"
	"github.com/fairlead-project/fairlead/templates"
)

// originalPidFile is where the original wrote its process id, and its init
// script looks for it.
const originalPidFile = "/var/run/contrail-server-manager/contrail-server-manager-ansible.pid"

type serveFlags struct {
	cfg        api.Config
	configFile string
	ip, port   string
	openTo     string
	pidFile    string
	printUnit  bool
	verbose    bool
	forks      int
	diff       bool
	listenSet  bool
	registry   registryServer
}

func newServe(std streams) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the REST interface that server-manager calls",
		Long: `Serve takes provision requests over HTTP and runs them in the background: the
calls of server-manager's Ansible server in all their generations, and a modern
interface below /api/v1. Requests, runs and statuses are kept in SQLite in the
data folder; what a crash cut off is taken up by the next start. A page for the
browser, at /, shows runs as they go.

In place of the original: -c, -i and -p are its options. It then listens where
the file says, pushes statuses to server-manager, writes the same logs and the
same pid file.

It listens on 127.0.0.1 unless told otherwise. --open-to ADDRESS opens it to
server-manager on another machine, and to nobody else: it listens on all
addresses, takes calls from that one, and pushes statuses there.

With --registry it is an image registry too, for those who have none: plain HTTP
on an address of its own. Everybody who reaches that may pull; only this machine
and --registry-push-from may push.

Signals: TERM ends it when what runs has ended (at most --drain later; the rest
goes on after the next start), HUP reads the configuration file again and opens
the logs anew.`,
		Example: `  fairlead serve --data /var/lib/fairlead
  fairlead serve --open-to 192.0.2.1 --data /var/lib/fairlead
  fairlead serve -c /opt/contrail/server_manager/sm-config.ini --data /var/lib/fairlead
  fairlead serve --open-to 192.0.2.1 --print-unit > /etc/systemd/system/fairlead.service`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			f.listenSet = c.Flags().Changed("listen")
			if f.printUnit {
				return printUnit(std.out, c.Flags())
			}
			return f.serve(c.Context(), std)
		},
	}
	f.add(c.Flags())
	return c
}

func (f *serveFlags) add(fl *pflag.FlagSet) {
	cfg := &f.cfg
	fl.StringVar(&cfg.Listen, "listen", api.DefaultListen, "`ADDRESS` to listen on")
	fl.StringVar(&f.openTo, "open-to", "", "listen on all addresses, for server-manager at this `ADDRESS` only, and push statuses there")
	fl.StringSliceVar(&cfg.AllowFrom, "allow", nil, "`ADDRESSES` or networks that may call (needed to listen on another address than loopback)")
	fl.StringVar(&cfg.DataDir, "data", "", "`FOLDER` for the database, keys and host keys (default $XDG_STATE_HOME/fairlead)")
	fl.StringVar(&cfg.SMAddr, "sm", "", "server-manager's `ADDRESS`: statuses are pushed there, to port 9002")
	fl.StringVar(&cfg.DebugLog, "debug-log", "", "`FILE` for log lines in server-manager's form")
	fl.StringSliceVar(&cfg.PlaybookDirs, "playbooks", nil, "`FOLDERS` whose playbooks a request may name")
	fl.StringVar(&cfg.HostKeys, "host-key-checking", "accept-new", "strict, accept-new or off")
	fl.IntVar(&cfg.Parallel, "parallel", 8, "how `MANY` runs at once")
	fl.DurationVar(&cfg.Drain, "drain", 30*time.Second, "how `LONG` what runs may go on after SIGTERM")
	fl.DurationVar(&cfg.AnswerWithin, "answer-within", 5*time.Second, "how `LONG` a client waits for a slow disk before it is answered that its request is not recorded yet")
	fl.IntVarP(&f.forks, "forks", "f", 0, "how `MANY` hosts of a run to talk to at once")
	fl.BoolVar(&f.diff, "diff", false, "record what changes in files, old text included: what is secret there and not in the request is then in the record")
	fl.StringVarP(&f.configFile, "config-file", "c", "", "server-manager's sm-config.ini: the `FILE` whose section [ANSIBLE-SERVER] is read")
	fl.StringVarP(&f.ip, "ansible-srvr-ip", "i", "", "`ADDRESS` to listen on, in place of the file's")
	fl.StringVarP(&f.port, "ansible-srvr-port", "p", "", "`PORT` to listen on, in place of the file's")
	fl.StringVar(&f.pidFile, "pid-file", "", "`FILE` for the process id (default with -c: the original's)")
	fl.BoolVar(&f.printUnit, "print-unit", false, "print a systemd unit that starts the server with these options, and do nothing else")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log more")
	f.registry.add(fl)
	fl.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		return pflag.NormalizedName(strings.ReplaceAll(name, "_", "-")) // as the original wrote them
	})
}

// settings reads what may be changed while the server runs, and what the
// configuration file says beside.
func (f *serveFlags) settings() (servermanager.Settings, *servermanager.File, error) {
	set := f.cfg.Settings
	if f.openTo != "" && set.SMAddr == "" {
		set.SMAddr = f.openTo
	}
	if f.configFile == "" {
		return set, nil, nil
	}
	file, err := servermanager.ReadFile(f.configFile)
	if err != nil {
		return set, nil, err
	}
	if f.ip != "" {
		file.IP = f.ip
	}
	if f.port != "" {
		file.Port = f.port
	}
	set.Defaults = file.Defaults
	if set.SMAddr == "" {
		if set.SMAddr = file.ServerManager; set.SMAddr == "" {
			set.SMAddr = file.IP
		}
	}
	return set, &file, nil
}

// config brings flags and file together. An address that the original's
// options name is one that server-manager calls from, too: the two share a host.
func (f *serveFlags) config() (api.Config, error) {
	cfg := f.cfg
	set, file, err := f.settings()
	if err != nil {
		return cfg, err
	}
	cfg.Settings = set
	if f.openTo != "" {
		if net.ParseIP(f.openTo) == nil {
			return cfg, diag.Errorf(diag.Pos{}, "bad-address", "--open-to %q is no address", f.openTo)
		}
		cfg.AllowFrom = append(cfg.AllowFrom, f.openTo)
		if !f.listenSet {
			cfg.Listen = ":9003"
		}
	}
	ip, port := f.ip, f.port
	if file != nil {
		ip, port = file.IP, file.Port
		if cfg.DebugLog == "" {
			cfg.DebugLog = file.LogPath
		}
		if net.ParseIP(file.ServerManager) != nil {
			cfg.AllowFrom = append(cfg.AllowFrom, file.ServerManager)
		}
		if f.pidFile == "" {
			f.pidFile = originalPidFile
		}
	}
	if !f.listenSet && (ip != "" || port != "") {
		host, p, err := net.SplitHostPort(cfg.Listen)
		if err != nil {
			return cfg, err
		}
		if ip != "" && f.openTo == "" {
			host = ip
		}
		if port != "" {
			p = port
		}
		cfg.Listen = net.JoinHostPort(host, p)
		if parsed := net.ParseIP(ip); parsed != nil && !parsed.IsUnspecified() {
			cfg.AllowFrom = append(cfg.AllowFrom, ip)
		}
	}
	return cfg, nil
}

func (f *serveFlags) serve(ctx context.Context, std streams) (err error) {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	cfg.Log = slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: level}))
	cfg.DataDir = stateDir(cfg.DataDir)
	st, err := store.Open(ctx, cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	cfg.Store = st
	cfg.Runner = &jobs.Engine{Modules: all.Registry(), Embedded: templates.Files, Dir: filepath.Join(cfg.DataDir, "playbooks"),
		Controller: controllerName(), Version: version, Forks: f.forks, Diff: f.diff, Log: cfg.Log}
	srv, err := api.New(cfg)
	if err != nil {
		return err
	}
	images, err := f.registry.start(cfg.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, images()) }()
	ctx, end := context.WithCancel(ctx)
	defer end()
	beside := make(chan error, 1)
	go func() { beside <- f.beside(ctx, srv, cfg.Log) }()
	err = srv.Run(ctx)
	end()
	return errors.Join(err, <-beside)
}

// beside tells others that the server is ready (systemd, the pid file), and
// reloads on SIGHUP, until ctx ends.
func (f *serveFlags) beside(ctx context.Context, srv *api.Server, log *slog.Logger) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	addr, err := srv.Addr(ctx)
	if err != nil {
		return nil //nolint:nilerr // it ended before it listened; Run says why
	}
	if f.pidFile != "" {
		if err := writePid(f.pidFile); err != nil {
			log.Error("pid file not written", "err", err)
		} else {
			defer removePid(f.pidFile)
		}
	}
	notify("READY=1\nSTATUS=listening on " + addr.String())
	for {
		select {
		case <-ctx.Done():
			notify("STOPPING=1\nSTATUS=waiting for what runs")
			return nil
		case <-hup:
			notify(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", monotonicMicros()))
			set, _, err := f.settings()
			if err == nil {
				err = srv.Reload(set)
			}
			if err != nil {
				log.Error("not reloaded; the old configuration stays", "err", err)
			} else {
				log.Info("reloaded")
			}
			notify("READY=1\nSTATUS=listening on " + addr.String())
		}
	}
}

func controllerName() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown"
	}
	return fmt.Sprintf("%s:%d", name, os.Getpid())
}
