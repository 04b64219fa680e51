package remote_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Files that are said to be small are summed here when a content is brought anyway, and
// summed like others when they turn out to be large. Whoever asks does not see how.
func TestSmallFiles(t *testing.T) {
	const small = state.WantSHA256 | state.WantSmall
	large := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	type asked struct {
		name    string
		content []byte // nil: there is no such file
		want    state.Want
	}
	some := []asked{
		{"text", []byte("hello\n"), small}, {"empty", []byte{}, small}, {"nul", []byte("a\x00b"), small},
		{"new\nline", []byte("odd"), small}, {"-dash", []byte("dash"), small}, {"missing", nil, small},
	}
	for _, c := range []struct {
		name   string
		asked  []asked
		frames int
	}{
		{"beside a content", append(some[:len(some):len(some)], asked{"whole", []byte("whole"), state.WantContent}), 1},
		{"both of one file", []asked{{"text", []byte("hello\n"), small | state.WantContent}}, 1},
		{"without a content", some, 1},
		{"beside another sum", append(some[:len(some):len(some)], asked{"sum", large, state.WantSHA256}, asked{"whole", []byte("whole"), state.WantContent}), 1},
		{"large after all", []asked{{"large", large, small}, {"whole", []byte("whole"), state.WantContent}, {"text", []byte("hello\n"), small}}, 2},
		{"beside a large content", []asked{{"text", []byte("hello\n"), small}, {"large", large, state.WantContent}}, 2},
		{"as large as may be", []asked{{"text", large[:32<<10], small}, {"whole", []byte("whole"), state.WantContent}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			shells(t, func(t *testing.T, h *remote.Host) {
				dir, err := filepath.EvalSymlinks(t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				var qs []state.Query
				for _, a := range c.asked {
					at := filepath.Join(dir, a.name)
					if a.content != nil {
						if err := os.WriteFile(at, a.content, 0o600); err != nil {
							t.Fatal(err)
						}
					}
					qs = append(qs, state.Path{Path: at, Want: a.want})
				}
				out := do(t, h, state.Batch{Ask: qs})
				for i, a := range c.asked {
					f := file(t, out, i)
					sum := ""
					if a.want&state.WantSHA256 != 0 && a.content != nil {
						s := sha256.Sum256(a.content)
						sum = hex.EncodeToString(s[:])
					}
					if f.SHA256 != sum || f.Exists() != (a.content != nil) {
						t.Errorf("%q: %+v, want the sum %q", a.name, f.Stat, sum)
					}
					if whole := a.want&state.WantContent != 0; whole != (f.Content != nil) || whole && !bytes.Equal(f.Content, a.content) {
						t.Errorf("%q: %d bytes came", a.name, len(f.Content))
					}
				}
				if s := h.Stats(); s.Frames != c.frames {
					t.Errorf("%d frames, want %d", s.Frames, c.frames)
				}
			})
		})
	}
}
