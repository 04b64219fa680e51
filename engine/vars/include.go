package vars

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// loadTemplate reads a template named by include, import or extends: beside
// the template that names it, then in templates/ of the search path.
func (s *Scope) loadTemplate(dir, name string) (string, diag.Pos, error) {
	candidates := []string{filepath.Join(dir, name)}
	for _, d := range s.SearchPath() {
		candidates = append(candidates, filepath.Join(d, "templates", name), filepath.Join(d, name))
	}
	if filepath.IsAbs(name) {
		candidates = []string{name}
	}
	for _, p := range candidates {
		data, err := os.ReadFile(p)
		if err == nil {
			s.eng.seen(p, data)
			return string(data), diag.Pos{File: p, Line: 1, Col: 1}, nil
		}
	}
	return "", diag.Pos{}, fmt.Errorf("template %s: %w", name, fs.ErrNotExist)
}

func (e *Engine) seen(file string, data []byte) {
	if e.Seen != nil {
		e.Seen(file, data)
	}
}

// ResolvePath makes a path absolute relative to a folder; ~ is the home.
func ResolvePath(dir, p string) string {
	p = expandHome(p)
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}
