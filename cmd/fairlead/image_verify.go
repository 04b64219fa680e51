package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/image"
	"github.com/fairlead-project/fairlead/engine/probe"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/run"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/tasks/all"
)

// verifyPlay asks every host for its containers and images.
const verifyPlay = `- hosts: all
  gather_facts: false
  tasks:
    - name: containers and images
      docker_host_info: {containers: true, containers_all: true, images: true, verbose_output: true}
      register: there
    - name: a container
      docker_container_info: {name: "{{ item.Id }}"}
      loop: "{{ there.containers }}"
      loop_control: {label: "{{ item.Id }}"}
`

type verifyFlags struct {
	runFlags
	registryFlags
	asJSON bool
}

func newImageVerify(std streams) *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the images that hosts run with what the registries have",
		Long: `Verify asks every host for its containers, and the registries that the names of
their images spell out for what these names stand for now. Nothing is changed.

Exit codes: 0 all are the same, 2 a container runs something else or the registry
does not have it, 4 a host was unreachable.`,
		Example: "  fairlead image verify -i hosts.ini --plain-http\n  fairlead image verify -i hosts.ini -l controllers --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return f.verify(c.Context(), std) },
	}
	f.inventoryFlags.add(c)
	f.connectFlags.add(c)
	group(c, "How to reach registries", func(*pflag.FlagSet) { f.registryFlags.add(c) })
	c.Flags().BoolVar(&f.asJSON, "json", false, "write JSON")
	return c
}

func (f *verifyFlags) verify(ctx context.Context, std streams) error {
	o, err := f.registryFlags.options(std)
	if err != nil {
		return err
	}
	seen := &inUse{images: map[string]map[string][]string{}}
	sum, err := f.ask(ctx, std, seen)
	if err != nil {
		return err
	}
	verdicts := image.Verify(ctx, seen.used(), func(string) image.Options { return o })
	if f.asJSON {
		err = json.NewEncoder(std.out).Encode(append([]image.Verdict{}, verdicts...))
	} else {
		err = printVerdicts(std, verdicts)
	}
	for _, msg := range sum.failures {
		fmt.Fprintln(std.err, event.PrintableLine(msg))
	}
	bad := slices.ContainsFunc(verdicts, func(v image.Verdict) bool { return v.Verdict != image.Same && v.Verdict != image.Foreign })
	if code := sum.exit; err == nil && (code != 0 || bad) {
		return exitError{max(code, 2)}
	}
	return err
}

func printVerdicts(std streams, verdicts []image.Verdict) error {
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for _, v := range verdicts {
		more := v.Reason
		if v.Verdict == image.Differs {
			more = "runs " + short(v.ID) + ", the registry has " + short(v.Digest)
			if v.RegistryID != "" {
				more = "runs " + short(v.ID) + ", the registry has " + short(v.RegistryID)
			}
		}
		for _, text := range []string{v.Host, v.Container, v.Ref} {
			fmt.Fprintf(w, "%s\t", event.PrintableLine(text))
		}
		fmt.Fprintf(w, "%s\t%s\n", v.Verdict, event.PrintableLine(more))
	}
	return w.Flush()
}

type asked struct {
	exit     int
	failures []string
}

// ask runs the play that asks the hosts; nothing of it is shown or kept.
func (f *verifyFlags) ask(ctx context.Context, std streams, seen *inUse) (asked, error) {
	dir, err := os.MkdirTemp("", "fairlead-verify-")
	if err != nil {
		return asked{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // best effort
	play := filepath.Join(dir, "verify.yml")
	if err := os.WriteFile(play, []byte(verifyPlay), 0o600); err != nil {
		return asked{}, err
	}
	settings, err := loadSettings(&std)
	if err != nil {
		return asked{}, err
	}
	red := event.NewRedactor()
	req, err := f.request([]string{play}, settings, std, red)
	if err != nil {
		return asked{}, err
	}
	cfg, warnings, err := run.Prepare(req, all.Registry())
	for _, w := range warnings {
		printDiagnostic(std.err, w, plainPaint(std.errColor))
	}
	if err != nil {
		return asked{}, err
	}
	f.runFlags.apply(&cfg, settings)
	if err := errors.Join(checkLimit(cfg, std), checkKeys(cfg)); err != nil {
		return asked{}, err
	}
	if cfg.Connection, err = f.defaults(settings, std, red); err != nil {
		return asked{}, err
	}
	scfg, err := f.ssh(settings, std, red)
	if err != nil {
		return asked{}, err
	}
	cfg.ID, cfg.Redactor = event.NewID(), red
	cfg.Connector = &run.Hosts{SSH: scfg, Remote: remote.Options{Prober: probe.Prober{}}}
	var out asked
	cfg.Sink = event.SinkFunc(func(_ context.Context, e *event.Event) error {
		if e.Kind == event.RunEnded {
			out.failures = e.Failures
		}
		seen.note(e)
		return nil
	})
	sum, err := run.Run(ctx, cfg)
	out.exit = sum.Exit
	return out, err
}

// inUse collects what hosts say of their containers.
type inUse struct {
	rows   []image.Used
	images map[string]map[string][]string // host, id of an image: its digests
}

func (u *inUse) note(e *event.Event) {
	if e.Res == nil || e.Status != event.OK {
		return
	}
	switch {
	case e.Kind == event.Result && e.Module == "docker_host_info":
		images, _ := e.Res.Get("images")
		byID := map[string][]string{}
		for _, img := range images.Items() {
			digests, _ := img.Get("RepoDigests")
			for _, d := range digests.Items() {
				byID[textOf(img, "Id")] = append(byID[textOf(img, "Id")], d.Text())
			}
		}
		u.images[e.Host] = byID
	case e.Kind == event.ItemResult && e.Module == "docker_container_info":
		c, ok := e.Res.Get("container")
		if !ok || c.IsNull() {
			return // it went away meanwhile
		}
		config, _ := c.Get("Config")
		state, _ := c.Get("State")
		running, _ := state.Get("Running")
		u.rows = append(u.rows, image.Used{Host: e.Host, Container: strings.TrimPrefix(textOf(c, "Name"), "/"),
			Running: running.Truthy(), Ref: textOf(config, "Image"), ID: textOf(c, "Image")})
	}
}

func textOf(v value.Value, key string) string {
	x, ok := v.Get(key)
	if !ok || x.IsNull() {
		return ""
	}
	return x.Text()
}

// used are the rows with the digests of their images, by host and container.
func (u *inUse) used() []image.Used {
	for i := range u.rows {
		u.rows[i].Digests = u.images[u.rows[i].Host][u.rows[i].ID]
	}
	slices.SortFunc(u.rows, func(a, b image.Used) int {
		if c := strings.Compare(a.Host, b.Host); c != 0 {
			return c
		}
		return strings.Compare(a.Container, b.Container)
	})
	return u.rows
}
