package vars

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lookupFiletree is community.general's filetree: everything below folders of this
// machine, the entries of a folder before those of the folders in it. What has the
// same path below several of them is told once, as it is in the first.
func lookupFiletree(s *Scope, terms []value.Value, _ jinja.Args) ([]value.Value, error) {
	var out []value.Value
	seen := map[string]bool{}
	for _, t := range terms {
		dir, base := filepath.Split(t.Text())
		found, ok := treeFolder(s, dir)
		if !ok {
			continue
		}
		w := treeWalk{root: found + "/" + base, seen: seen}
		if err := w.below(""); err != nil {
			return nil, err
		}
		out = append(out, w.out...)
	}
	return out, nil
}

// treeFolder is the folder that a term names up to its last slash, looked for as
// files are.
func treeFolder(s *Scope, dir string) (string, bool) {
	if filepath.IsAbs(dir) {
		return filepath.Clean(dir), true
	}
	for _, d := range s.SearchPath() {
		for _, p := range []string{filepath.Join(d, "files", dir), filepath.Join(d, dir)} {
			if fi, err := os.Stat(p); err == nil && fi.IsDir() {
				return p, true
			}
		}
	}
	return "", false
}

type treeWalk struct {
	root string
	seen map[string]bool // by the path below the roots
	out  []value.Value
}

// below adds what is in a folder and in the folders in it; links are not followed.
func (w *treeWalk) below(rel string) error {
	entries, err := os.ReadDir(filepath.Join(w.root, rel))
	if os.IsNotExist(err) || os.IsPermission(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("filetree: %w", err)
	}
	var dirs []string
	for _, folders := range []bool{true, false} {
		for _, e := range entries {
			at := filepath.Join(rel, e.Name())
			fi, err := os.Stat(filepath.Join(w.root, at)) // a link to a folder is among the folders
			if folders != (err == nil && fi.IsDir()) {
				continue
			}
			if e.IsDir() {
				dirs = append(dirs, at)
			}
			if !w.seen[at] {
				w.add(at)
			}
		}
	}
	for _, d := range dirs {
		if err := w.below(d); err != nil {
			return err
		}
	}
	return nil
}

// add adds one file, folder or link; what is none of these is left out.
func (w *treeWalk) add(rel string) {
	full := filepath.Join(w.root, rel)
	fi, err := os.Lstat(full)
	if err != nil {
		return
	}
	m := value.M("root", w.root, "path", rel)
	switch fi.Mode().Type() {
	case fs.ModeSymlink:
		to, err := os.Readlink(full)
		if err != nil {
			return
		}
		m.Set("state", value.String("link"))
		m.Set("src", value.String(to))
	case fs.ModeDir:
		m.Set("state", value.String("directory"))
	case 0:
		m.Set("state", value.String("file"))
		m.Set("src", value.String(full))
	default:
		return
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	w.seen[rel] = true
	m.Set("uid", value.Int(int64(st.Uid)))
	m.Set("gid", value.Int(int64(st.Gid)))
	m.Set("owner", value.Int(int64(st.Uid)))
	m.Set("group", value.Int(int64(st.Gid)))
	if u, err := user.LookupId(strconv.Itoa(int(st.Uid))); err == nil {
		m.Set("owner", value.String(u.Username))
	}
	if g, err := user.LookupGroupId(strconv.Itoa(int(st.Gid))); err == nil {
		m.Set("group", value.String(g.Name))
	}
	m.Set("mode", value.String(fmt.Sprintf("0%03o", st.Mode&0o7777)))
	m.Set("size", value.Int(fi.Size()))
	m.Set("mtime", value.Float(pythonTime(fi.ModTime())))
	m.Set("ctime", value.Float(pythonTime(changedAt(st))))
	w.out = append(w.out, value.FromMap(m))
}

// pythonTime is a time as Python's os.stat gives it, in seconds.
func pythonTime(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
