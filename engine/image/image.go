// Package image brings container images from archives, layouts and registries
// into registries, without a container engine. An archive becomes a local OCI
// layout first; from there only what the registry lacks travels.
package image

import (
	"context"
	"log/slog"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	godigest "github.com/opencontainers/go-digest"
	"github.com/regclient/regclient"
	"github.com/regclient/regclient/types"
	rdesc "github.com/regclient/regclient/types/descriptor"
	"github.com/regclient/regclient/types/ref"
)

// Options say how a registry is reached and what is wanted of a source. The
// zero value: TLS with the system's authorities, no credentials.
type Options struct {
	// Image picks one of several images of an archive or layout: by name:tag,
	// by id, or by its place, from 0.
	Image string
	// PlainHTTP speaks HTTP without TLS; Insecure does not verify certificates.
	PlainHTTP, Insecure bool
	// CA is PEM text of authorities to trust, besides the system's.
	CA string
	// Username and Password are for basic and token authentication alike.
	Username, Password string
	// DockerConfig is the file of docker login; "" uses none.
	DockerConfig string
	// From says how the registry of a source is reached, when that is one and
	// not the target's; nil: as the target's. Only what is about access counts.
	From *Options
	// Progress is told what happens; calls may come from several goroutines,
	// one at a time.
	Progress func(Progress)
	// TempDir holds the layout made of an archive ("" is the system's).
	TempDir string
	// Log gets wire detail; nil: nowhere.
	Log *slog.Logger
	// have tells in which repositories of the target's registry layers are
	// known to be: they are taken over from there and do not travel.
	have map[string]ref.Ref
	// large is the size from which on layers go in pieces (0: largeLayer).
	large int64
}

// Progress is one step of a transfer.
type Progress struct {
	// Step is "read" (an archive, here), "layer", "config" or "manifest".
	Step   string
	Digest string
	State  string // started, active, finished, skipped (the registry has it)
	// Done and Total are bytes; Layer and Layers count the layers from 1.
	Done, Total   int64
	Layer, Layers int
}

// Result is what a push did.
type Result struct {
	Ref    string // the name it has now
	Digest string // of the manifest in the registry
	ID     string // of the image: the digest of its configuration
	// Layers of the image, how many of them travelled, and how many bytes.
	Layers, Sent int
	Bytes        int64
}

// Push brings one image from source to target. A source is the path of a
// docker save archive (.tar, .tar.gz), of an OCI archive or of a folder with an
// OCI layout, or a reference to an image in another registry
// (registry/name:tag, also as docker://registry/name:tag). Only what the
// registry lacks travels, so that a push that was interrupted goes on where it
// ended. Nothing is changed at the registry before the source was read and
// found good, and nothing is read before the registry was reached.
func Push(ctx context.Context, source, target string, o Options) (Result, error) {
	to, err := parse(target)
	if err != nil {
		return Result{}, err
	}
	if from, ok, err := isReference(source); err != nil {
		return Result{}, err
	} else if ok {
		return transfer(ctx, from, to, target, o)
	}
	rc, done, err := client(ctx, access{to.Registry, o})
	if err != nil {
		return Result{}, err
	}
	defer done()
	layout, clean, err := open(ctx, source, o, o.teller())
	if err != nil {
		return Result{}, err
	}
	defer clean()
	from, err := ref.New("ocidir://" + layout.dir + "@" + layout.digest)
	if err != nil {
		return Result{}, err
	}
	res, err := copyImage(ctx, rc, from, to, layout, target, o)
	_ = rc.Close(ctx, from) // a layout of ours, about to be removed
	return res, err
}

// copyImage copies what from stands for and says what travelled.
func copyImage(ctx context.Context, rc *regclient.RegClient, from, to ref.Ref, l *layout, target string, o Options) (Result, error) {
	var none Result
	count := &counter{layout: l, tell: o.teller(), seen: map[string]int64{}}
	mount(ctx, rc, to, l, o.have)
	if err := rc.ImageCopy(ctx, from, to, regclient.ImageWithCallback(count.step)); err != nil {
		return none, pushError(ctx, target, err)
	}
	m, err := rc.ManifestHead(ctx, to)
	if err != nil {
		return none, pushError(ctx, target, err)
	}
	digest := m.GetDescriptor().Digest.String()
	if digest != l.digest {
		return none, diag.New(diag.Conflict, diag.Pos{}, "image-digest",
			"%s: the registry has %s, not %s: somebody else pushed at the same time", target, digest, l.digest)
	}
	res := Result{Ref: to.CommonName(), Digest: digest, ID: l.id, Layers: len(l.layers)}
	res.Sent, res.Bytes = count.sum()
	for _, digest := range l.layers {
		if o.have != nil {
			o.have[digest] = to
		}
	}
	return res, nil
}

// mount has the registry take over layers from repositories that have them. One
// that will not is sent the layer.
func mount(ctx context.Context, rc *regclient.RegClient, to ref.Ref, l *layout, have map[string]ref.Ref) {
	for _, digest := range l.layers {
		from, ok := have[digest]
		if !ok || from.Registry != to.Registry || from.Repository == to.Repository {
			continue
		}
		_ = rc.BlobMount(ctx, from, to, rdesc.Descriptor{Digest: godigest.Digest(digest)}) // sent when it fails
	}
}

// Digest is the digest that a reference stands for at its registry now.
func Digest(ctx context.Context, name string, o Options) (string, error) {
	r, rc, done, err := remote(ctx, name, o)
	if err != nil {
		return "", err
	}
	defer done()
	m, err := rc.ManifestHead(ctx, r)
	if err != nil {
		return "", pushError(ctx, name, err)
	}
	return m.GetDescriptor().Digest.String(), nil
}

// Tags lists the tags of a repository (registry/name).
func Tags(ctx context.Context, repository string, o Options) ([]string, error) {
	r, rc, done, err := remote(ctx, repository, o)
	if err != nil {
		return nil, err
	}
	defer done()
	list, err := rc.TagList(ctx, r)
	if err != nil {
		return nil, pushError(ctx, repository, err)
	}
	return list.GetTags()
}

// Remove removes a tag, or with a digest the manifest and all its tags.
func Remove(ctx context.Context, name string, o Options) error {
	r, rc, done, err := remote(ctx, name, o)
	if err != nil {
		return err
	}
	defer done()
	if r.Digest != "" {
		err = rc.ManifestDelete(ctx, r)
	} else {
		err = rc.TagDelete(ctx, r)
	}
	if err != nil {
		return pushError(ctx, name, err)
	}
	return nil
}

// teller makes Progress safe to call from anywhere.
func (o Options) teller() func(Progress) {
	if o.Progress == nil {
		return func(Progress) {}
	}
	var mu sync.Mutex
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		o.Progress(p)
	}
}

// counter turns the client's callbacks into progress and sums up.
type counter struct {
	layout *layout
	tell   func(Progress)
	mu     sync.Mutex
	seen   map[string]int64 // bytes sent of each layer that travelled
}

func (c *counter) step(kind types.CallbackKind, digest string, st types.CallbackState, cur, total int64) {
	p := Progress{Step: "manifest", Digest: digest, State: stateName(st), Done: cur, Total: total, Layers: len(c.layout.layers)}
	if kind == types.CallbackBlob {
		p.Step = "config"
		for i, l := range c.layout.layers {
			if l == digest {
				p.Step, p.Layer = "layer", i+1
			}
		}
		if st == types.CallbackFinished {
			c.mu.Lock()
			c.seen[digest] = total
			c.mu.Unlock()
		}
	}
	c.tell(p)
}

func stateName(s types.CallbackState) string {
	switch s {
	case types.CallbackSkipped:
		return "skipped"
	case types.CallbackFinished:
		return "finished"
	case types.CallbackStarted:
		return "started"
	}
	return "active"
}

func (c *counter) sum() (layers int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for digest, n := range c.seen {
		bytes += n
		for _, l := range c.layout.layers {
			if l == digest {
				layers++
				break
			}
		}
	}
	return layers, bytes
}
