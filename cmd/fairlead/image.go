package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/image"
)

func newImage(std streams) *cobra.Command {
	c := &cobra.Command{Use: "image", Short: "Images in registries, without a Docker daemon", Args: cobra.NoArgs, RunE: help}
	c.AddCommand(newImagePush(std), newImageList(std), newImageRemove(std), newImageVerify(std))
	return c
}

// registryFlags say how a registry is reached.
type registryFlags struct {
	plainHTTP, insecure bool
	ca, user            string
	passwordStdin       bool
	dockerConfig        string
}

func (f *registryFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.BoolVar(&f.plainHTTP, "plain-http", false, "speak HTTP without TLS")
	fl.BoolVar(&f.plainHTTP, "insecure", false, "the same as --plain-http")
	fl.BoolVar(&f.insecure, "skip-tls-verify", false, "do not verify the registry's certificate")
	fl.StringVar(&f.ca, "ca", "", "PEM file of authorities to trust")
	fl.StringVar(&f.user, "username", "", "user name at the registry")
	fl.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input")
	fl.StringVar(&f.dockerConfig, "docker-config", "", "file of docker login to take credentials from")
}

func (f *registryFlags) options(std streams) (image.Options, error) {
	o := image.Options{PlainHTTP: f.plainHTTP, Insecure: f.insecure, Username: f.user, DockerConfig: expand(f.dockerConfig)}
	if f.ca != "" {
		pem, err := os.ReadFile(expand(f.ca))
		if err != nil {
			return o, diag.Errorf(diag.Pos{}, "ca", "the authorities cannot be read: %w", err)
		}
		o.CA = string(pem)
	}
	if f.passwordStdin {
		p, err := readLine(std.in)
		if err != nil {
			return o, err
		}
		o.Password = p
	}
	return o, nil
}

// showTransfer shows a bar for each layer on a terminal, and a line for each
// finished one elsewhere.
func showTransfer(std streams, o *image.Options) (done func()) {
	if !std.live {
		o.Progress = func(p image.Progress) {
			if p.Step == "layer" && (p.State == "finished" || p.State == "skipped") {
				word := "sent"
				if p.State == "skipped" {
					word = "already there"
				}
				fmt.Fprintf(std.err, "layer %d/%d %s: %s\n", p.Layer, p.Layers, short(p.Digest), word)
			}
		}
		return func() {}
	}
	bars := mpb.New(mpb.WithOutput(std.err), mpb.WithWidth(40))
	by := map[string]*mpb.Bar{}
	o.Progress = func(p image.Progress) {
		if p.Step != "layer" {
			return
		}
		bar := by[p.Digest]
		if bar == nil {
			bar = bars.AddBar(max(p.Total, 1), mpb.PrependDecorators(decor.Name(short(p.Digest)+" ")),
				mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f")))
			by[p.Digest] = bar
		}
		if p.State == "finished" || p.State == "skipped" {
			bar.SetCurrent(max(p.Total, 1))
			return
		}
		bar.SetCurrent(p.Done)
	}
	return func() {
		for _, b := range by {
			b.Abort(false)
		}
		bars.Wait()
	}
}

func short(digest string) string {
	if len(digest) > 19 {
		return digest[7:19]
	}
	return digest
}
