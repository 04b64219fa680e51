package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/image"
)

type pushFlags struct {
	registryFlags
	from     registryFlags
	which    string
	pack     image.PackageOptions
	dryRun   bool
	noRecord bool
	data     string
}

func newImagePush(std streams) *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "push SOURCE REGISTRY/NAME:TAG | push PACKAGE REGISTRY",
		Short: "Push an image, or the images of a package, to a registry",
		Long: `Push brings an image to a registry: from a docker save archive (.tar, .tar.gz),
an OCI archive, a folder with an OCI layout, or another registry
(registry/name:tag). Only layers that the registry lacks travel; a push that was
interrupted goes on where it ended when it is given again.

With a registry alone as target, the source is a vendor's package: a .tgz that
holds image archives, also in further .tgz files. Roles come from the names of
the archives; the images are named <registry>/<image id>-<role>:<version>, or
with --seed-names <registry>/<image id>-<role>-<sku>:<version>.

What was pushed is noted, with its digest, in images.jsonl in the data folder.`,
		Example: `  fairlead image push --plain-http controller.tar 127.0.0.1:5000/contrail-controller:4.1
  fairlead image push registry.example.com/base/busybox:1 127.0.0.1:5000/busybox:1 --plain-http
  fairlead image push contrail-cloud-docker_4.1.0.0-1.tgz 192.0.2.1:5100 --image-id img1 --plain-http`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return f.push(c.Context(), args[0], args[1], std) },
	}
	f.add(c)
	fl := c.Flags()
	fl.StringVar(&f.which, "image", "", "which image of an archive with several: name:tag, id, or number from 0")
	fl.BoolVar(&f.from.plainHTTP, "from-plain-http", false, "speak HTTP without TLS to the registry of the source")
	fl.BoolVar(&f.from.insecure, "from-skip-tls-verify", false, "do not verify the certificate of the source's registry")
	fl.StringVar(&f.from.ca, "from-ca", "", "PEM file of authorities to trust for the source's registry")
	fl.StringVar(&f.from.dockerConfig, "from-docker-config", "", "file of docker login to take the source's credentials from")
	fl.StringVar(&f.pack.ImageID, "image-id", "", "image id in the names of a package's images")
	fl.StringVar(&f.pack.Version, "version", "", "their version (default: what names in the package tell)")
	fl.BoolVar(&f.pack.Seed, "seed-names", false, "name them as server-manager's first release documents, with --sku")
	fl.StringVar(&f.pack.SKU, "sku", "", "SKU in such a name, such as liberty")
	fl.StringSliceVar(&f.pack.Only, "role", nil, "only these roles of a package")
	fl.BoolVar(&f.dryRun, "dry-run", false, "tell what a package holds and how it is named, and push nothing")
	fl.BoolVar(&f.noRecord, "no-record", false, "do not note what was pushed")
	fl.StringVar(&f.data, "data", "", "folder of the notes (default $XDG_STATE_HOME/fairlead)")
	return c
}

// options are those of the target, with those of the source where they differ.
func (f *pushFlags) options(std streams) (image.Options, error) {
	o, err := f.registryFlags.options(std)
	if err != nil {
		return o, err
	}
	if f.from != (registryFlags{}) {
		from, err := f.from.options(std)
		if err != nil {
			return o, err
		}
		o.From = &from
	}
	o.Image = f.which
	return o, nil
}

func (f *pushFlags) push(ctx context.Context, source, target string, std streams) error {
	o, err := f.options(std)
	if err != nil {
		return err
	}
	if !strings.Contains(target, "/") {
		f.pack.Registry = target
		return f.pushPackage(ctx, expand(source), o, std)
	}
	if _, err := os.Stat(expand(source)); err == nil {
		source = expand(source)
	}
	done := showTransfer(std, &o)
	began := time.Now()
	res, err := image.Push(ctx, source, target, o)
	done()
	if err != nil {
		return err
	}
	printPushed(std, res, began)
	return f.note(source, res)
}

func printPushed(std streams, res image.Result, began time.Time) {
	fmt.Fprintf(std.out, "pushed %s\n  digest %s\n  %d layers, %d sent, %.1f MiB in %s\n", res.Ref, res.Digest, res.Layers, res.Sent,
		float64(res.Bytes)/(1<<20), time.Since(began).Round(10*time.Millisecond))
}

func (f *pushFlags) pushPackage(ctx context.Context, file string, o image.Options, std streams) error {
	if f.pack.ImageID == "" {
		return diag.Errorf(diag.Pos{}, "image-id", "the images of a package need an image id").
			WithHint("give one: --image-id img1; for a single image write the target as registry/name:tag")
	}
	p, err := image.OpenPackage(ctx, file)
	if err != nil {
		return err
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(std.err, "skipped, its name tells no role: %s\n", event.PrintableLine(s))
	}
	if f.dryRun {
		w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		for _, m := range p.Members {
			target, err := p.Target(m, f.pack)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", event.PrintableLine(m.Role), event.PrintableLine(m.File), event.PrintableLine(target))
		}
		return w.Flush()
	}
	var finish func()
	var began time.Time
	var noteErr error
	each := o
	pushed := 0
	err = p.PushPackage(ctx, f.pack, image.Options{}, func(m image.Member, target string) (image.Options, func(image.Result)) {
		fmt.Fprintf(std.err, "%s: %s\n", event.PrintableLine(m.Role), event.PrintableLine(target))
		each = o
		finish, began = showTransfer(std, &each), time.Now()
		return each, func(res image.Result) {
			finish()
			finish = nil
			pushed++
			printPushed(std, res, began)
			noteErr = errors.Join(noteErr, f.note(file+": "+m.File, res))
		}
	})
	if finish != nil {
		finish()
	}
	if err == nil && pushed == 0 {
		err = diag.Errorf(diag.Pos{}, "image-role", "the package has no image of the roles %s", strings.Join(f.pack.Only, ", "))
	}
	return errors.Join(err, noteErr)
}

// note adds a line about what was pushed to the notes.
func (f *pushFlags) note(source string, res image.Result) error {
	if f.noRecord {
		return nil
	}
	line, err := json.Marshal(map[string]any{"time": time.Now().UTC().Format(time.RFC3339), "source": source, "image": res.Ref,
		"digest": res.Digest, "id": res.ID, "layers": res.Layers, "sent": res.Sent, "bytes": res.Bytes})
	if err != nil {
		return err
	}
	dir := stateDir(f.data)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("note what was pushed: %w (use --no-record to leave it)", err)
	}
	out, err := os.OpenFile(filepath.Join(dir, "images.jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("note what was pushed: %w (use --no-record to leave it)", err)
	}
	_, err = out.Write(append(line, '\n'))
	return errors.Join(err, out.Close())
}
