package remote

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/state"
)

// fetchBlock is how much of a file comes in one frame.
const fetchBlock = 4 << 20

// fetchText prints block $2 of file $1.
var fetchText = `dd if="$1" bs=` + strconv.Itoa(fetchBlock) + ` skip="$2" count=1 2>/dev/null`

// Fetch brings a file of the host here. The error is for the connection; what
// is the file's fault, or our disk's, is in the result.
func (h *Host) Fetch(ctx context.Context, as state.Identity, o state.Fetch) (state.OpResult, error) {
	if f, err := os.Open(o.Dest); err == nil {
		s1, m5 := sha1.New(), md5.New()
		_, err = io.Copy(io.MultiWriter(s1, m5), f)
		_ = f.Close() // only read
		if have := hex.EncodeToString(s1.Sum(nil)); err == nil && have == o.SHA1 {
			return state.OpResult{OK: true, Data: state.Fetched{SHA1: have, MD5: hex.EncodeToString(m5.Sum(nil))}}, nil
		}
	}
	r := &hostReader{h: h, ctx: ctx, as: as, path: o.Src}
	sums, err := saveHere(o.Dest, r)
	switch {
	case r.lost != nil:
		return state.OpResult{}, r.lost
	case err != nil:
		return state.OpResult{Msg: err.Error(), Err: err}, nil
	}
	return state.OpResult{OK: true, Data: sums}, nil
}

// saveHere writes a file of the controller as a whole, with its folders.
func saveHere(dest string, from io.Reader) (sums state.Fetched, err error) {
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return sums, err
	}
	old, statErr := os.Stat(dest)
	if statErr == nil {
		if dest, err = filepath.EvalSymlinks(dest); err != nil {
			return sums, err
		}
	}
	f, err := os.OpenFile(filepath.Join(filepath.Dir(dest), ".fairlead-fetch-"+randomHex(8)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return sums, err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	s1, m5 := sha1.New(), md5.New()
	_, err = io.Copy(io.MultiWriter(f, s1, m5), from)
	if err == nil && statErr == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), dest)
	}
	return state.Fetched{Changed: true, SHA1: hex.EncodeToString(s1.Sum(nil)), MD5: hex.EncodeToString(m5.Sum(nil))}, err
}

// hostReader reads a file of the host block by block.
type hostReader struct {
	h     *Host
	ctx   context.Context //nolint:containedctx // a reader has no other way to end
	as    state.Identity
	path  string
	block int
	buf   []byte
	last  bool
	lost  error
}

func (r *hostReader) Read(p []byte) (int, error) {
	for len(r.buf) == 0 {
		if r.last {
			return 0, io.EOF
		}
		res, err := r.h.Script(r.ctx, r.as, []Script{{Text: fetchText, Args: []string{r.path, strconv.Itoa(r.block)}}})
		if err == nil && len(res) != 1 {
			err = errors.New("the host did not answer")
		}
		if err != nil {
			r.lost = err
			return 0, err
		}
		if res[0].RC != 0 {
			return 0, fmt.Errorf("%s cannot be read: %s", r.path, cleanMessage(res[0].Stderr))
		}
		r.block++
		r.buf, r.last = res[0].Stdout, len(res[0].Stdout) < fetchBlock
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}
