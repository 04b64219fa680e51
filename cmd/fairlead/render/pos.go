package render

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Pos shows a place as one would type it: relative where it lies below the
// working folder.
func Pos(p diag.Pos) string {
	if filepath.IsAbs(p.File) {
		if wd, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(wd, p.File); err == nil && !strings.HasPrefix(rel, "..") {
				p.File = rel
			}
		}
	}
	return p.String()
}

// Near shows a text with the paths in it as one would type them: without the
// working folder before them.
func Near(s string) string {
	wd, err := os.Getwd()
	if err != nil || len(wd) < 2 || !strings.Contains(s, wd) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, wd)
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		rest := s[i+len(wd):]
		begins := i == 0 || strings.IndexByte(" \"'(,:=", s[i-1]) >= 0
		switch {
		case begins && len(rest) > 1 && rest[0] == '/' && rest[1] != ' ':
			rest = rest[1:]
		case begins && (rest == "" || strings.IndexByte(" \"'),:/", rest[0]) >= 0):
			b.WriteString(".")
		default:
			b.WriteString(wd)
		}
		s = rest
	}
}
