package run

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/vault"
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
func (s *sources) File(path string) (module.SourceFile, error) {
	f, err := s.cache.file(path)
	if err != nil || f.Content == nil {
		return f, err
	}
	return s.cache.decrypted(f, s.loader)
}

// Encrypted implements module.Sources.
func (s *sources) Encrypted(path string) (module.SourceFile, error) { return s.cache.file(path) }

// Walk implements module.Sources.
func (s *sources) Walk(dir string, follow bool) ([]module.SourceFile, error) {
	var out []module.SourceFile
	err := walk(dir, "", follow, map[string]bool{}, func(p, rel, link string, d fs.FileInfo) error {
		f := module.SourceFile{Path: p, Rel: rel, Mode: d.Mode(), IsDir: d.IsDir(), ModTime: d.ModTime(), Link: link}
		if !d.IsDir() && link == "" {
			var err error
			if f, err = s.File(p); err != nil {
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

// walk walks a folder. seen are the folders that it is in: a link to one of
// them is not followed.
func walk(dir, rel string, follow bool, seen map[string]bool, f func(p, rel, link string, d fs.FileInfo) error) error {
	here, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	seen[here] = true
	defer delete(seen, here)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		p, r := filepath.Join(dir, e.Name()), filepath.Join(rel, e.Name())
		st, link, err := walkEntry(p, follow, seen)
		if err != nil {
			return err
		}
		if err := f(p, r, link, st); err != nil {
			return err
		}
		if st.IsDir() {
			if err := walk(p, r, follow, seen, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// walkEntry describes an entry of a folder; link is where it leads when it is a link
// that is not followed.
func walkEntry(p string, follow bool, seen map[string]bool) (st fs.FileInfo, link string, err error) {
	if st, err = os.Lstat(p); err != nil || st.Mode()&fs.ModeSymlink == 0 {
		return st, "", err
	}
	if follow {
		if to, err := os.Stat(p); err == nil {
			real, err := filepath.EvalSymlinks(p)
			if err == nil && !(to.IsDir() && seen[real]) {
				return to, "", nil
			}
		}
	}
	link, err = os.Readlink(p)
	return st, link, err
}

// LoadVars reads a file of variables, for include_vars. Templates in it stay as
// they are: variables are evaluated when they are used, and what cannot be decrypted
// fails there.
func (s *sources) LoadVars(path string) (*value.Map, error) {
	vs, err := s.loader.LoadVarsFile(path, s.pos)
	if err != nil {
		return nil, err
	}
	m := value.NewMap()
	for v := range vs.All() {
		m.Set(v.Name, v.Node.Value())
	}
	return m, nil
}

// Existing is the present value of a variable, for include_vars.
func (s *sources) Existing(name string) (value.Value, bool) {
	v, ok, err := s.scope.Variable(name)
	return v, ok && err == nil
}

// Render implements module.Sources. A text that depends on an unknown value is
// noted; the engine then looks again later.
func (s *sources) Render(path string, o module.RenderOptions) (value.Value, error) {
	jo := jinja.FileOptions()
	jo.BlockStart, jo.BlockEnd, jo.VarStart, jo.VarEnd = o.BlockStart, o.BlockEnd, o.VarStart, o.VarEnd
	jo.CommentStart, jo.CommentEnd = o.CommentStart, o.CommentEnd
	jo.TrimBlocks, jo.LstripBlocks, jo.Newline = !o.NoTrimBlocks, o.LstripBlocks, o.NewlineSequence
	data, err := s.cache.text(path)
	if err != nil {
		return value.Null, err
	}
	v, err := s.scope.RenderText(path, data, jo, o.Vars)
	if err != nil {
		return value.Null, classed(err)
	}
	if v.IsUnknown() {
		s.unknown = v.Origin()
		return value.String("").WithMarks(v.Marks()), nil
	}
	return v, nil
}

// classed puts the class that Ansible names before what it says of a template file.
func classed(err error) error {
	d, ok := errors.AsType[*diag.Diagnostic](err)
	if !ok {
		return err
	}
	class := cmp.Or(jinja.Raised(err), "AnsibleError")
	if vars.IsUndefined(err) {
		class = "AnsibleUndefinedVariable"
	}
	said := *d
	said.Msg = class + ": " + d.Msg
	return &said
}

// fileCache reads and sums files of the controller once, and again only when
// their stat tells that they changed: a task may write what a later one reads.
type fileCache struct {
	mu    sync.Mutex
	files map[string]cachedFile
	texts map[string]cachedText
	// seen receives the SHA-256 sum of each file when it was read.
	seen func(file, sum string)
}

type cachedFile struct {
	at  fs.FileInfo
	f   module.SourceFile
	err error
}

type cachedText struct {
	at   fs.FileInfo
	text string
}

func newFileCache() *fileCache {
	return &fileCache{files: map[string]cachedFile{}, texts: map[string]cachedText{}}
}

// unchanged tells whether a file is as it was when it was read.
func unchanged(was, is fs.FileInfo) bool {
	return was != nil && os.SameFile(was, is) && was.Size() == is.Size() && was.ModTime().Equal(is.ModTime()) && was.Mode() == is.Mode()
}

// inMemory is the size up to which a file is kept in memory: 1 MiB.
const inMemory = 1 << 20

func (c *fileCache) file(path string) (module.SourceFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, err := os.Stat(path)
	if err != nil {
		return module.SourceFile{}, err
	}
	if x, ok := c.files[path]; ok && unchanged(x.at, at) {
		return x.f, x.err
	}
	f, err := readSource(path)
	c.files[path] = cachedFile{at, f, err}
	if err == nil && f.Content != nil && c.seen != nil {
		c.seen(path, f.Content.SHA256)
	}
	return f, err
}

func (c *fileCache) text(path string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if t, ok := c.texts[path]; ok && unchanged(t.at, at) {
		return t.text, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	c.texts[path] = cachedText{at, string(data)}
	if c.seen != nil {
		c.seen(path, sumOf(data))
	}
	return string(data), nil
}

// decrypted gives a file as it is without the encryption of Ansible Vault.
func (c *fileCache) decrypted(f module.SourceFile, l *playbook.Loader) (module.SourceFile, error) {
	if f.Content.Data == nil || !vault.IsEncrypted(f.Content.Data) || l == nil {
		return f, nil
	}
	text, err := l.Decrypt(string(f.Content.Data))
	if err != nil {
		return f, fmt.Errorf("%s: %w", f.Path, err)
	}
	data := []byte(text)
	s1, s5 := sha1.Sum(data), md5.Sum(data)
	f.Content, f.Size, f.Secret = state.Bytes(data), int64(len(data)), true
	f.SHA1, f.MD5 = hex.EncodeToString(s1[:]), hex.EncodeToString(s5[:])
	return f, nil
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
	if !st.Mode().IsRegular() && path != os.DevNull { // of which empty files are made
		return f, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close() //nolint:errcheck // only read
	s1, s5, s256 := sha1.New(), md5.New(), sha256.New()
	f.Content = &state.Content{Size: st.Size()}
	if st.Size() <= inMemory {
		data, err := io.ReadAll(in)
		if err != nil {
			return f, err
		}
		_, _ = io.MultiWriter(s1, s5, s256).Write(data) // hashes never fail
		f.Content.Data, f.Content.Size = data, int64(len(data))
		if data == nil {
			f.Content.Data = []byte{}
		}
	} else {
		quick := state.NewPrint()
		if err := copyTo(in, s1, s5, s256, quick); err != nil {
			return f, err
		}
		f.Content.Print = quick.Sum64()
		f.Content.Open = func() (io.ReadCloser, error) { return os.Open(path) }
	}
	f.SHA1, f.MD5 = hex.EncodeToString(s1.Sum(nil)), hex.EncodeToString(s5.Sum(nil))
	f.Content.SHA256 = hex.EncodeToString(s256.Sum(nil))
	return f, nil
}

// copyTo reads a file once and makes its sums side by side: each takes as long as
// reading it.
func copyTo(in io.Reader, sums ...hash.Hash) error {
	const piece = 256 << 10
	var bufs [2][piece]byte
	var busy sync.WaitGroup
	defer busy.Wait()
	for i := 0; ; i = 1 - i {
		n, err := io.ReadFull(in, bufs[i][:])
		busy.Wait()
		for _, s := range sums {
			busy.Go(func() { _, _ = s.Write(bufs[i][:n]) }) // hashes never fail
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}
