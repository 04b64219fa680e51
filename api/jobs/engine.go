package jobs

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/probe"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// Engine is the Runner that really runs jobs.
type Engine struct {
	// Modules are those that playbooks may use; Embedded holds the playbooks
	// that ship with Fairlead. They are written below Dir before the first run.
	Modules  *module.Registry
	Embedded fs.FS
	Dir      string
	// Controller names this server to whoever finds a host locked.
	Controller string
	Version    string
	Forks      int
	Diff       bool // record what changes in files
	Log        *slog.Logger

	once   sync.Once
	failed error
	shared ssh.Shared
}

var _ Runner = (*Engine)(nil)

// Run implements Runner.
func (e *Engine) Run(ctx context.Context, j Job) error {
	file := j.Playbook
	if j.Embedded {
		if e.once.Do(e.unpack); e.failed != nil {
			return e.failed
		}
		file = filepath.Join(e.Dir, filepath.FromSlash(j.Playbook))
	}
	extra := &yaml.Vars{}
	for k, v := range j.ExtraVars.All() {
		extra.SetValue(k.Text(), diag.Pos{File: "request"}, v)
	}
	cfg, warnings, err := run.Prepare(run.Request{Playbooks: []string{file}, Sections: j.Inventory, SectionsName: "request", Extra: extra}, e.Modules)
	for _, w := range warnings {
		e.Log.Warn("playbook", "run_id", j.ID, "err", w)
	}
	if err != nil {
		return err
	}
	scfg, err := e.ssh(j.SSH)
	if err != nil {
		return err
	}
	cfg.ID, cfg.Version, cfg.Forks, cfg.GatherFacts, cfg.Diff = j.ID, e.Version, e.Forks, true, e.Diff
	cfg.FactFamilies = probe.FamiliesFor
	cfg.Connector = &run.Hosts{SSH: scfg, Remote: remote.Options{Prober: probe.Prober{}, Logger: e.Log,
		Lock: &remote.LockInfo{Run: j.ID, Controller: e.Controller, Wait: time.Minute}}}
	// As the original everything is done as root.
	cfg.Connection = run.ConnectionDefaults{User: j.SSH.User, Password: j.SSH.Password, Become: j.SSH.User != "root", BecomePassword: j.SSH.Password}
	cfg.Ledger = j.Ledger
	cfg.Redactor = j.Redactor
	if cfg.Redactor == nil {
		cfg.Redactor = event.NewRedactor()
	}
	cfg.Sink = event.Multi(j.Sinks...)
	_, err = run.Run(ctx, cfg)
	return err
}

func (e *Engine) ssh(s SSH) (ssh.Config, error) {
	cfg := ssh.Config{Shared: &e.shared, KeyFiles: s.KeyFiles, NoAgent: true, SSHConfig: []string{}, Logger: e.Log}
	if len(s.KeyFiles) == 0 {
		cfg.KeyFiles = []string{}
	}
	if s.KnownHosts != "" {
		cfg.KnownHosts = []string{s.KnownHosts}
	}
	switch s.HostKeys {
	case "", "accept-new":
		cfg.HostKeyChecking = ssh.HostKeyAcceptNew
	case "strict":
		cfg.HostKeyChecking = ssh.HostKeyStrict
	case "off":
		cfg.HostKeyChecking = ssh.HostKeyOff
	default:
		return cfg, diag.Errorf(diag.Pos{}, "host-keys", "host keys are checked strict, accept-new or off, not %q", s.HostKeys)
	}
	return cfg, nil
}

// unpack writes the embedded playbooks where the engine reads them. What an
// older version left is replaced.
func (e *Engine) unpack() {
	e.failed = func() error {
		if err := os.RemoveAll(e.Dir); err != nil {
			return err
		}
		return fs.WalkDir(e.Embedded, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			to := filepath.Join(e.Dir, filepath.FromSlash(p))
			if d.IsDir() {
				return os.MkdirAll(to, 0o755)
			}
			data, err := fs.ReadFile(e.Embedded, p)
			if err != nil {
				return err
			}
			return os.WriteFile(to, data, 0o644)
		})
	}()
	if e.failed != nil {
		e.failed = fmt.Errorf("write the playbooks that ship with Fairlead: %w", e.failed)
	}
}
