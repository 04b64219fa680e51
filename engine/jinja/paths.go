package jinja

import (
	"io/fs"
	"strings"
	"syscall"
)

func device(st fs.FileInfo) uint64 {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return uint64(sys.Dev)
	}
	return 0
}

func slashOrBack(r rune) bool { return r == '/' || r == '\\' }

// splitDrive is Python's ntpath.splitdrive: a letter with a colon, or the host
// and share of a UNC path, and the rest.
func splitDrive(p string) (drive, rest string) {
	norm := strings.ReplaceAll(p, "/", `\`)
	if strings.HasPrefix(norm, `\\`) {
		if strings.HasPrefix(strings.ToUpper(norm), `\\?\UNC\`) {
			return splitUNC(p, norm, 8)
		}
		return splitUNC(p, norm, 2)
	}
	if len(p) > 1 && p[1] == ':' {
		return p[:2], p[2:]
	}
	return "", p
}

func splitUNC(p, norm string, start int) (drive, rest string) {
	host := strings.IndexByte(norm[start:], '\\')
	if host < 0 {
		return p, ""
	}
	share := strings.IndexByte(norm[start+host+1:], '\\')
	if share < 0 {
		return p, ""
	}
	cut := start + host + 1 + share
	return p[:cut], p[cut:]
}

// splitWindows is Python's ntpath.split.
func splitWindows(p string) (head, tail string) {
	drive, p := splitDrive(p)
	i := strings.LastIndexFunc(p, slashOrBack) + 1
	head, tail = p[:i], p[i:]
	if h := strings.TrimRightFunc(head, slashOrBack); h != "" {
		head = h
	}
	return drive + head, tail
}
