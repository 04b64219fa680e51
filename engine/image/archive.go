package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
)

// layout is one image in an OCI layout on this machine.
type layout struct {
	dir    string
	digest string // of its manifest
	id     string // digest of its configuration
	layers []string
}

// What is read of an archive into memory is bounded: whoever made it may be
// hostile.
const (
	maxDocument = 16 << 20
	maxEntries  = 100_000
)

// open makes a layout of a source. clean removes what it made.
func open(ctx context.Context, source string, o Options, tell func(Progress)) (l *layout, clean func(), err error) {
	st, err := os.Stat(source)
	if err != nil {
		return nil, nil, badSource(source, err)
	}
	if st.IsDir() {
		l, err := pickLayout(source, source, o.Image)
		return l, func() {}, err
	}
	dir, err := os.MkdirTemp(o.TempDir, "fairlead-image-")
	if err != nil {
		return nil, nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	l, err = fromArchive(ctx, source, dir, o, tell)
	if err != nil {
		clean()
		return nil, nil, err
	}
	return l, clean, nil
}

// entry is one image of a docker save archive.
type entry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// contents is what a first pass over an archive found.
type contents struct {
	manifest []entry
	isDocker bool
	isOCI    bool
	links    map[string]string
}

func fromArchive(ctx context.Context, source, dir string, o Options, tell func(Progress)) (*layout, error) {
	c, err := scan(ctx, source)
	if err != nil {
		return nil, err
	}
	switch {
	case c.isDocker:
		e, err := pick(source, c.manifest, o.Image)
		if err != nil {
			return nil, err
		}
		return fromDocker(ctx, source, dir, e, c.links, tell)
	case c.isOCI:
		if err := unpack(ctx, source, dir); err != nil {
			return nil, err
		}
		return pickLayout(dir, source, o.Image)
	}
	return nil, notArchive(source, "it has neither manifest.json nor index.json")
}

// read calls f for each entry of an archive, compressed or not.
func read(ctx context.Context, source string, f func(h *tar.Header, name string, r io.Reader) error) error {
	file, err := os.Open(source)
	if err != nil {
		return badSource(source, err)
	}
	defer file.Close() //nolint:errcheck // read only
	return readStream(ctx, source, file, f)
}

// readStream is read for an archive that is being read; source names it.
func readStream(ctx context.Context, source string, from io.Reader, f func(h *tar.Header, name string, r io.Reader) error) error {
	in := bufio.NewReaderSize(from, 1<<20)
	magic, _ := in.Peek(4) // a short file fails below
	var r io.Reader = in
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return badSource(source, err)
		}
		r = z
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}), bytes.HasPrefix(magic, []byte("\xfd7zX")), bytes.HasPrefix(magic, []byte("BZh")):
		return notArchive(source, "it is compressed in a way that is not read here")
	}
	tr := tar.NewReader(r)
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF) && n == 0:
			return notArchive(source, "it is empty")
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return badSource(source, err)
		case err != nil && n == 0:
			return notArchive(source, "it is no tar file")
		case err != nil:
			return badSource(source, err)
		case n == maxEntries:
			return notArchive(source, "it has too many entries")
		}
		if err := f(h, clean(h.Name), tr); err != nil {
			return err
		}
	}
}

// clean is the name of an entry relative to the archive, whatever it says.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func scan(ctx context.Context, source string) (*contents, error) {
	c := &contents{links: map[string]string{}}
	err := read(ctx, source, func(h *tar.Header, name string, r io.Reader) error {
		switch h.Typeflag {
		case tar.TypeSymlink:
			target := h.Linkname
			if !path.IsAbs(target) {
				target = path.Join(path.Dir(name), target)
			}
			c.links[name] = clean(target)
			return nil
		case tar.TypeLink:
			c.links[name] = clean(h.Linkname)
			return nil
		}
		switch name {
		case "manifest.json":
			raw, err := document(r)
			if err == nil {
				err = json.Unmarshal(raw, &c.manifest)
			}
			if err != nil {
				return notArchive(source, "its manifest.json cannot be read: "+err.Error())
			}
			c.isDocker = true
		case "index.json":
			c.isOCI = true
		}
		return nil
	})
	return c, err
}

func document(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err == nil && len(raw) > maxDocument {
		err = errors.New("it is too large")
	}
	return raw, err
}

// id is the id of an image as its configuration's name tells it.
func (e entry) id() string {
	base := path.Base(e.Config)
	return strings.TrimSuffix(base, ".json")
}

func (e entry) String() string {
	if len(e.RepoTags) > 0 {
		return strings.Join(e.RepoTags, ", ")
	}
	return e.id()
}

// pick finds the one image that is meant.
func pick(source string, all []entry, want string) (entry, error) {
	var names []string
	for i, e := range all {
		names = append(names, e.String())
		if want == "" && len(all) == 1 || want != "" && matches(want, i, e.id(), e.RepoTags) {
			return e, nil
		}
	}
	return entry{}, ambiguous(source, names, want)
}

func matches(want string, i int, id string, tags []string) bool {
	if want == strconv.Itoa(i) {
		return true
	}
	hex := strings.TrimPrefix(want, "sha256:")
	if len(hex) >= 12 && strings.HasPrefix(strings.TrimPrefix(id, "sha256:"), hex) {
		return true
	}
	for _, t := range tags {
		if t == want || t == want+":latest" {
			return true
		}
	}
	return false
}

func ambiguous(source string, names []string, want string) error {
	switch {
	case len(names) == 0:
		return notArchive(source, "it holds no image")
	case want == "":
		return badSource(source, fmt.Errorf("it holds %d images, name one of them: %s", len(names), strings.Join(names, "; ")))
	}
	return badSource(source, fmt.Errorf("it does not hold image %s, but: %s", want, strings.Join(names, "; ")))
}
