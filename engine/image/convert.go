package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	kgzip "github.com/klauspost/compress/gzip"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// The kinds of what goes to the registry: Docker's own, which every engine and
// registry reads.
const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
	layerType    = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Size        int64             `json:"size"`
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// converter writes one image of an archive as a layout.
type converter struct {
	dir, source string
	tell        func(Progress)
	// need maps the name of an entry in the archive to the layers it is;
	// several layers may be one file.
	need   map[string][]int
	config string
	raw    []byte // the configuration
	layers []descriptor
	diffs  []string // sha256 of each layer uncompressed
}

// fromDocker converts one image of a docker save archive. Layers get
// compressed, always in the same way, so that the next push finds them there.
func fromDocker(ctx context.Context, source, dir string, e entry, links map[string]string, tell func(Progress)) (*layout, error) {
	c := &converter{dir: dir, source: source, tell: tell, need: map[string][]int{}, config: follow(clean(e.Config), links),
		layers: make([]descriptor, len(e.Layers)), diffs: make([]string, len(e.Layers))}
	for i, l := range e.Layers {
		name := follow(clean(l), links)
		c.need[name] = append(c.need[name], i)
	}
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700); err != nil {
		return nil, err
	}
	if err := read(ctx, source, c.entry); err != nil {
		return nil, err
	}
	if err := c.check(e); err != nil {
		return nil, err
	}
	return c.finish()
}

// follow resolves links between entries; a loop ends somewhere.
func follow(name string, links map[string]string) string {
	for range 10 {
		to, ok := links[name]
		if !ok {
			break
		}
		name = to
	}
	return name
}

func (c *converter) entry(h *tar.Header, name string, r io.Reader) error {
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	if name == c.config {
		raw, err := document(r)
		if err != nil {
			return badSource(c.source, err)
		}
		c.raw = raw
		return nil
	}
	at := c.need[name]
	if len(at) == 0 || c.diffs[at[0]] != "" {
		return nil
	}
	p := Progress{Step: "read", State: "started", Total: h.Size, Layer: at[0] + 1, Layers: len(c.layers)}
	c.tell(p)
	d, diff, err := c.layer(r)
	if err != nil {
		return badSource(c.source, err)
	}
	for _, i := range at {
		c.layers[i], c.diffs[i] = d, diff
	}
	p.State, p.Done, p.Digest = "finished", h.Size, d.Digest
	c.tell(p)
	return nil
}

// layer stores one layer compressed, and tells its digest uncompressed.
func (c *converter) layer(r io.Reader) (d descriptor, diff string, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	magic, _ := in.Peek(2) // a short layer is one as well
	open := sha256.New()
	b, err := newBlob(c.dir)
	if err != nil {
		return d, "", err
	}
	defer b.discard()
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		err = stored(in, b, open)
	} else {
		err = compressed(in, b, open)
	}
	if err != nil {
		return d, "", err
	}
	d, err = b.commit(layerType)
	return d, "sha256:" + hex.EncodeToString(open.Sum(nil)), err
}

// compressed writes in through gzip into b.
func compressed(in io.Reader, b *blob, open hash.Hash) error {
	z, err := kgzip.NewWriterLevel(b, kgzip.DefaultCompression)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.MultiWriter(z, open), in); err != nil {
		return err
	}
	return z.Close()
}

// stored writes in, which is compressed already, as it is.
func stored(in io.Reader, b *blob, open hash.Hash) error {
	z, err := gzip.NewReader(io.TeeReader(in, b))
	if err != nil {
		return err
	}
	if _, err := io.Copy(open, z); err != nil { //nolint:gosec // hashed, not kept
		return err
	}
	_, err = io.Copy(b, in) // what follows the compressed part
	return err
}

// check makes sure that the archive is whole and is what it says.
func (c *converter) check(e entry) error {
	if c.raw == nil {
		return badSource(c.source, fmt.Errorf("the archive is incomplete: %s is missing", e.Config))
	}
	var config struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(c.raw, &config); err != nil {
		return badSource(c.source, fmt.Errorf("%s cannot be read: %w", e.Config, err))
	}
	if want := len(config.RootFS.DiffIDs); want != len(c.layers) {
		return badSource(c.source, fmt.Errorf("the archive has %d layers, its configuration %d", len(c.layers), want))
	}
	for i, diff := range c.diffs {
		switch {
		case diff == "":
			return badSource(c.source, fmt.Errorf("the archive is incomplete: %s is missing", e.Layers[i]))
		case diff != config.RootFS.DiffIDs[i]:
			return badSource(c.source, fmt.Errorf("layer %s is damaged: it is %s, not %s", e.Layers[i], diff, config.RootFS.DiffIDs[i]))
		}
	}
	return nil
}

// finish writes configuration, manifest and index.
func (c *converter) finish() (*layout, error) {
	config, err := writeBlob(c.dir, configType, c.raw)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{2, manifestType, config, c.layers})
	if err != nil {
		return nil, err
	}
	manifest, err := writeBlob(c.dir, manifestType, raw)
	if err != nil {
		return nil, err
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []descriptor{manifest}})
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{"index.json": index, "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)} {
		if err := os.WriteFile(filepath.Join(c.dir, name), data, 0o600); err != nil {
			return nil, err
		}
	}
	l := &layout{dir: c.dir, digest: manifest.Digest, id: config.Digest}
	for _, d := range c.layers {
		l.layers = append(l.layers, d.Digest)
	}
	return l, nil
}

// blob is a file of a layout in the making: its name is its digest.
type blob struct {
	dir  string
	file *os.File
	sum  hash.Hash
	size int64
}

func newBlob(dir string) (*blob, error) {
	f, err := os.CreateTemp(filepath.Join(dir, "blobs", "sha256"), "tmp-")
	if err != nil {
		return nil, err
	}
	return &blob{dir: dir, file: f, sum: sha256.New()}, nil
}

func (b *blob) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.sum.Write(p[:n])
	b.size += int64(n)
	return n, err
}

func (b *blob) commit(kind string) (descriptor, error) {
	name := hex.EncodeToString(b.sum.Sum(nil))
	err := errors.Join(b.file.Close(), os.Rename(b.file.Name(), filepath.Join(b.dir, "blobs", "sha256", name)))
	return descriptor{MediaType: kind, Size: b.size, Digest: "sha256:" + name}, err
}

// discard removes what was not committed.
func (b *blob) discard() {
	_ = b.file.Close()
	_ = os.Remove(b.file.Name())
}

func writeBlob(dir, kind string, data []byte) (descriptor, error) {
	b, err := newBlob(dir)
	if err != nil {
		return descriptor{}, err
	}
	defer b.discard()
	if _, err := b.Write(data); err != nil {
		return descriptor{}, err
	}
	return b.commit(kind)
}

// unpack extracts an OCI archive: its blobs, under the names that their content
// must have, and its index.
func unpack(ctx context.Context, source, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o700); err != nil {
		return err
	}
	return read(ctx, source, func(h *tar.Header, name string, r io.Reader) error {
		if h.Typeflag != tar.TypeReg {
			return nil
		}
		want, isBlob := strings.CutPrefix(name, "blobs/sha256/")
		switch {
		case name == "index.json", name == "oci-layout":
			raw, err := document(r)
			if err != nil {
				return badSource(source, err)
			}
			return os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		case !isBlob:
			return nil
		}
		b, err := newBlob(dir)
		if err != nil {
			return err
		}
		defer b.discard()
		if _, err := io.Copy(b, r); err != nil { //nolint:gosec // as large as the archive says
			return badSource(source, err)
		}
		d, err := b.commit("")
		if err == nil && d.Digest != "sha256:"+want {
			err = badSource(source, fmt.Errorf("%s is damaged: it is %s", name, d.Digest))
		}
		return err
	})
}

var digestForm = lazyregexp.New(`^sha256:[0-9a-f]{64}$`)

// pickLayout finds the image that is meant in a folder with an OCI layout.
func pickLayout(dir, source, want string) (*layout, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, notArchive(source, "it has no index.json")
	}
	var index struct{ Manifests []descriptor }
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, notArchive(source, "its index.json cannot be read: "+err.Error())
	}
	var names []string
	for i, m := range index.Manifests {
		tags := []string{m.Annotations["org.opencontainers.image.ref.name"], m.Annotations["io.containerd.image.name"]}
		names = append(names, strings.TrimSpace(strings.Join(tags, " ")+" "+m.Digest))
		if want == "" && len(index.Manifests) == 1 || want != "" && matches(want, i, m.Digest, tags) {
			if !digestForm().MatchString(m.Digest) {
				return nil, notArchive(source, "its index.json names a digest that is none")
			}
			return layoutOf(dir, m), nil
		}
	}
	return nil, ambiguous(source, names, want)
}

// layoutOf reads what a manifest names; an index of several platforms names
// nothing here and is copied whole.
func layoutOf(dir string, m descriptor) *layout {
	l := &layout{dir: dir, digest: m.Digest}
	raw, err := os.ReadFile(filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(m.Digest, "sha256:")))
	if err != nil {
		return l // the copy will say it
	}
	var doc struct {
		Config descriptor
		Layers []descriptor
	}
	if json.Unmarshal(raw, &doc) == nil {
		l.id = doc.Config.Digest
		for _, d := range doc.Layers {
			l.layers = append(l.layers, d.Digest)
		}
	}
	return l
}
