package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/moby/moby/client"
)

// maxLinks is how many links in a row are followed.
const maxLinks = 40

// containerPath looks at a path in a container: what is there by a stat of the
// engine, owner and content by its archive.
func (c *Client) containerPath(ctx context.Context, q state.ContainerPath) (state.ContainerFile, error) {
	none := state.ContainerFile{Path: q.Path}
	if err := checkName("container", q.Container); err != nil {
		return none, err
	}
	at := q.Path
	for range maxLinks {
		res, err := c.api.ContainerStatPath(ctx, q.Container, client.ContainerStatPathOptions{Path: at})
		if cerrdefs.IsNotFound(err) {
			info, err := c.container(ctx, q.Container)
			if err == nil && !info.Exists {
				err = fmt.Errorf("no such container: %s", q.Container)
			}
			return state.ContainerFile{Path: at}, err
		}
		if err != nil {
			return none, err
		}
		if res.Stat.Mode&os.ModeSymlink != 0 && q.Follow {
			to := res.Stat.LinkTarget
			if !path.IsAbs(to) {
				to = path.Join(path.Dir(at), to)
			}
			at = path.Clean(to)
			continue
		}
		f := state.ContainerFile{Path: at, Stat: state.Stat{Type: state.TypeSocket, Mode: permissions(res.Stat.Mode), Size: res.Stat.Size}}
		switch {
		case res.Stat.Mode.IsDir(): // its archive would be all that is below it
			f.Stat.Type = state.TypeDir
			return f, nil
		case res.Stat.Mode.IsRegular():
			f.Stat.Type = state.TypeFile
		case res.Stat.Mode&os.ModeSymlink != 0:
			f.Stat.Type = state.TypeLink
		case res.Stat.Mode&os.ModeCharDevice != 0:
			f.Stat.Type = state.TypeChar
		case res.Stat.Mode&os.ModeDevice != 0:
			f.Stat.Type = state.TypeBlock
		case res.Stat.Mode&os.ModeNamedPipe != 0:
			f.Stat.Type = state.TypeFIFO
		}
		if f.Stat.Size > state.MaxContent {
			return f, nil
		}
		return f, c.readPath(ctx, q.Container, &f)
	}
	return none, errors.New("too many links: " + q.Path)
}

// readPath adds what the archive of a path says.
func (c *Client) readPath(ctx context.Context, container string, f *state.ContainerFile) error {
	res, err := c.api.CopyFromContainer(ctx, container, client.CopyFromContainerOptions{SourcePath: f.Path})
	if err != nil {
		return err
	}
	defer res.Content.Close() //nolint:errcheck // read only
	r := tar.NewReader(res.Content)
	h, err := r.Next()
	if err != nil {
		return unreadable(err)
	}
	f.Stat.UID, f.Stat.GID, f.Target = h.Uid, h.Gid, h.Linkname
	if f.Stat.Type != state.TypeFile {
		return nil
	}
	f.Content, err = io.ReadAll(io.LimitReader(r, state.MaxContent))
	return err
}

// permissions are a mode's bits as chmod has them.
func permissions(m os.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[os.FileMode]uint32{os.ModeSetuid: 0o4000, os.ModeSetgid: 0o2000, os.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}

// put writes one file into a container.
func (c *Client) put(ctx context.Context, op state.ContainerPut) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Base(op.Path), Mode: int64(op.Mode), Uid: op.UID, Gid: op.GID,
		Size: int64(len(op.Content)), ModTime: time.Now()}
	if op.Target != "" {
		h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, op.Target, 0
	}
	err := w.WriteHeader(h)
	if err == nil && op.Target == "" {
		_, err = w.Write(op.Content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	_, err = c.api.CopyToContainer(ctx, op.Container, client.CopyToContainerOptions{DestinationPath: path.Dir(op.Path), Content: &b,
		AllowOverwriteDirWithFile: true})
	return err
}
