package remote_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

func TestFetch(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		dir := t.TempDir()
		for name, content := range map[string][]byte{
			"empty":        {},
			"odd 'na\"me":  []byte("no newline"),
			"binary":       {0, 1, 0xff, '\n', 0},
			"exactly":      bytes.Repeat([]byte{'x', 0}, 2<<20),
			"a bit more":   bytes.Repeat([]byte("0123456789"), 900000),
			"-dash\nlines": []byte("x\n"),
		} {
			src, dest := filepath.Join(dir, name), filepath.Join(dir, "got", name)
			if err := os.WriteFile(src, content, 0o600); err != nil {
				t.Fatal(err)
			}
			sum := sha1.Sum(content)
			op := state.Fetch{Src: src, Dest: dest, SHA1: hex.EncodeToString(sum[:])}
			for _, changed := range []bool{true, false} {
				r, err := h.Fetch(t.Context(), state.Identity{}, op)
				got, _ := r.Data.(state.Fetched)
				if err != nil || !r.OK || got.Changed != changed || got.SHA1 != op.SHA1 {
					t.Fatalf("%q: %+v %v", name, r, err)
				}
			}
			if got, err := os.ReadFile(dest); err != nil || !bytes.Equal(got, content) {
				t.Errorf("%q: %d bytes of %d came, %v", name, len(got), len(content), err)
			}
		}
		r, err := h.Fetch(t.Context(), state.Identity{}, state.Fetch{Src: filepath.Join(dir, "none"), Dest: filepath.Join(dir, "x"), SHA1: "y"})
		if err != nil || r.OK {
			t.Errorf("what is not there: %+v %v", r, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".fairlead*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		// An existing file keeps its mode, and a link stays one.
		link := filepath.Join(dir, "link")
		if err := os.Symlink("binary", link); err != nil {
			t.Fatal(err)
		}
		if r, err := h.Fetch(t.Context(), state.Identity{}, state.Fetch{Src: filepath.Join(dir, "empty"), Dest: link, SHA1: "y"}); err != nil || !r.OK {
			t.Fatalf("%+v %v", r, err)
		}
		st, err := os.Lstat(filepath.Join(dir, "binary"))
		if err != nil || st.Size() != 0 || st.Mode().Perm() != 0o600 {
			t.Errorf("through a link: %v %v", st, err)
		}
	})
}
