package image

import (
	"context"
	"os"
	"strings"

	"github.com/regclient/regclient"
	"github.com/regclient/regclient/types/manifest"
	"github.com/regclient/regclient/types/ref"
)

// isReference tells a reference to another registry from a path.
func isReference(source string) (ref.Ref, bool, error) {
	name, marked := strings.CutPrefix(source, "docker://")
	_, err := os.Stat(source)
	if err == nil {
		return ref.Ref{}, false, nil
	}
	if first, names := registryOf(name); !marked && (!names || first == "." || first == "..") {
		return ref.Ref{}, false, badSource(source, err)
	}
	r, parseErr := parse(name)
	if parseErr != nil && !marked {
		return r, false, badSource(source, err)
	}
	return r, true, parseErr
}

// transfer copies from one registry to another; nothing is kept here.
func transfer(ctx context.Context, from, to ref.Ref, target string, o Options) (Result, error) {
	source := o
	if o.From != nil {
		source = *o.From
	}
	rc, done, err := client(ctx, access{from.Registry, source}, access{to.Registry, o})
	if err != nil {
		return Result{}, err
	}
	defer done()
	l, err := remoteLayout(ctx, rc, from)
	if err != nil {
		return Result{}, pushError(ctx, from.CommonName(), err)
	}
	// The tag may move while this goes on: what was looked at is what is copied.
	return copyImage(ctx, rc, from.SetDigest(l.digest), to, l, target, o)
}

// remoteLayout describes an image in a registry; of one for several platforms
// the layers of all of them.
func remoteLayout(ctx context.Context, rc *regclient.RegClient, from ref.Ref) (*layout, error) {
	m, err := rc.ManifestGet(ctx, from)
	if err != nil {
		return nil, err
	}
	l := &layout{digest: m.GetDescriptor().Digest.String()}
	switch m := m.(type) {
	case manifest.Indexer:
		list, err := m.GetManifestList()
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			one, err := remoteLayout(ctx, rc, from.SetDigest(d.Digest.String()))
			if err != nil {
				return nil, err
			}
			l.layers = append(l.layers, one.layers...)
		}
	case manifest.Imager:
		config, err := m.GetConfig()
		if err != nil {
			return nil, err
		}
		layers, err := m.GetLayers()
		if err != nil {
			return nil, err
		}
		l.id = config.Digest.String()
		for _, d := range layers {
			l.layers = append(l.layers, d.Digest.String())
		}
	}
	return l, nil
}
