package run

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
)

// sources reads the controller's files for one task.
type sources struct {
	scope   *vars.Scope
	cache   *fileCache
	loader  *playbook.Loader
	pos     diag.Pos
	unknown *value.Origin
}

// takeUnknown gives the unknown value that a rendering met, and forgets it.
func (s *sources) takeUnknown() *value.Origin {
	if s == nil {
		return nil
	}
	o := s.unknown
	s.unknown = nil
	return o
}

// Find implements module.Sources.
func (s *sources) Find(kind, src string) (string, error) { return s.scope.FindFile(kind, src) }

// File implements module.Sources.
func (s *sources) File(path string) (module.SourceFile, error) { return s.cache.file(path) }

// Walk implements module.Sources.
func (s *sources) Walk(dir string) ([]module.SourceFile, error) {
	var out []module.SourceFile
	err := walkFollow(dir, "", map[string]bool{}, func(p, rel string, d fs.FileInfo) error {
		f := module.SourceFile{Path: p, Rel: rel, Mode: d.Mode(), IsDir: true, ModTime: d.ModTime()}
		if !d.IsDir() {
			var err error
			if f, err = s.cache.file(p); err != nil {
				return err
			}
			f.Rel = rel
		}
		out = append(out, f)
		return nil
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Rel < out[j].Rel })
	return out, err
}

// walkFollow walks a folder with links followed; loops are left alone.
func walkFollow(dir, rel string, seen map[string]bool, f func(p, rel string, d fs.FileInfo) error) error {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil || seen[real] {
		return err
	}
	seen[real] = true
	defer delete(seen, real)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p, r := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		st, err := os.Stat(p)
		if err != nil {
			return err
		}
		if err := f(p, r, st); err != nil {
			return err
		}
		if st.IsDir() {
			if err := walkFollow(p, r, seen, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// LoadVars reads a file of variables, for include_vars. Templates in it stay as
// they are: variables are evaluated when they are used.
func (s *sources) LoadVars(path string) (*value.Map, error) {
	vs, err := s.loader.LoadVarsFile(path, s.pos)
	if err != nil {
		return nil, err
	}
	m := value.NewMap()
	for v := range vs.All() {
		if v.Node.Problem != nil {
			return nil, v.Node.Problem
		}
		m.Set(v.Name, v.Node.Value())
	}
	return m, nil
}

// Render implements module.Sources. A text that depends on an unknown value is
// noted; the engine then looks again later.
func (s *sources) Render(path string, o module.RenderOptions) (value.Value, error) {
	jo := jinja.FileOptions()
	jo.BlockStart, jo.BlockEnd, jo.VarStart, jo.VarEnd = o.BlockStart, o.BlockEnd, o.VarStart, o.VarEnd
	jo.CommentStart, jo.CommentEnd = o.CommentStart, o.CommentEnd
	jo.TrimBlocks, jo.LstripBlocks = !o.NoTrimBlocks, o.LstripBlocks
	data, err := s.cache.text(path)
	if err != nil {
		return value.Null, err
	}
	v, err := s.scope.RenderText(path, data, jo, o.Vars)
	if err != nil {
		return value.Null, err
	}
	if v.IsUnknown() {
		s.unknown = v.Origin()
		return value.String("").WithMarks(v.Marks()), nil
	}
	if o.NewlineSequence != "" && o.NewlineSequence != "\n" {
		v = value.String(strings.ReplaceAll(v.Str(), "\n", o.NewlineSequence)).WithMarks(v.Marks())
	}
	return v, nil
}

// fileCache reads and sums files of the controller once per run. A file that
// changes during a run keeps the content it had, so that all hosts get one.
type fileCache struct {
	mu    sync.Mutex
	files map[string]cachedFile
	texts map[string]string
}

type cachedFile struct {
	f   module.SourceFile
	err error
}

func newFileCache() *fileCache {
	return &fileCache{files: map[string]cachedFile{}, texts: map[string]string{}}
}

// inMemory is the size up to which a file is kept in memory: 1 MiB.
const inMemory = 1 << 20

func (c *fileCache) file(path string) (module.SourceFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x, ok := c.files[path]; ok {
		return x.f, x.err
	}
	f, err := readSource(path)
	c.files[path] = cachedFile{f, err}
	return f, err
}

func (c *fileCache) text(path string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := c.texts[path]; ok {
		return t, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	c.texts[path] = string(data)
	return string(data), nil
}

func readSource(path string) (module.SourceFile, error) {
	st, err := os.Stat(path)
	if err != nil {
		return module.SourceFile{}, err
	}
	f := module.SourceFile{Path: path, Mode: st.Mode(), Size: st.Size(), ModTime: st.ModTime(), IsDir: st.IsDir()}
	if st.IsDir() {
		return f, nil
	}
	if !st.Mode().IsRegular() {
		return f, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close() //nolint:errcheck // only read
	s1, s5, s256 := sha1.New(), md5.New(), sha256.New()
	w := io.MultiWriter(s1, s5, s256)
	f.Content = &state.Content{Size: st.Size()}
	if st.Size() <= inMemory {
		data, err := io.ReadAll(in)
		if err != nil {
			return f, err
		}
		_, _ = w.Write(data) // hashes never fail
		f.Content.Data, f.Content.Size = data, int64(len(data))
		if data == nil {
			f.Content.Data = []byte{}
		}
	} else {
		if _, err := io.Copy(w, in); err != nil {
			return f, err
		}
		f.Content.Open = func() (io.ReadCloser, error) { return os.Open(path) }
	}
	f.SHA1, f.MD5 = hex.EncodeToString(s1.Sum(nil)), hex.EncodeToString(s5.Sum(nil))
	f.Content.SHA256 = hex.EncodeToString(s256.Sum(nil))
	return f, nil
}
