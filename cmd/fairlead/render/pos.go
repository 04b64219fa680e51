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
