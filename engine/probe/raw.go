package probe

import (
	"bytes"
	"path"
	"strconv"
	"strings"
)

// raw is what the script of a facts query printed, taken apart:
//
//	/path:line        a line of a file
//	+/path            a path that exists
//	=/path /target    where a folder's link really leads
//	@name             the lines up to the next such line are section name
type raw struct {
	files    map[string][]string
	order    []string // paths of files, in order of appearance
	exists   map[string]bool
	links    map[string]string
	sections map[string][]string
	// distro remembers the distribution, which several families decide by.
	distro *distro
}

// maxRaw bounds what is read of a script's output: 4 MiB.
const maxRaw = 4 << 20

func parseRaw(out []byte) *raw {
	r := &raw{
		files:    map[string][]string{},
		exists:   map[string]bool{},
		links:    map[string]string{},
		sections: map[string][]string{},
	}
	if len(out) > maxRaw {
		out = out[:maxRaw]
	}
	section := ""
	for len(out) > 0 {
		var line []byte
		line, out, _ = bytes.Cut(out, []byte{'\n'})
		section = r.line(section, string(line))
	}
	return r
}

func (r *raw) line(section, s string) string {
	if name, ok := strings.CutPrefix(s, "@fairlead "); ok {
		if _, seen := r.sections[name]; !seen {
			r.sections[name] = nil
		}
		return name
	}
	if section != "" {
		r.sections[section] = append(r.sections[section], s)
		return section
	}
	switch {
	case strings.HasPrefix(s, "/"):
		cut := strings.IndexByte(s, ':')
		if i := strings.Index(s, ".fact:"); i >= 0 && i+5 > cut && !strings.Contains(s[:cut+1], ".fact:") &&
			!strings.HasPrefix(s, "/proc/") && !strings.HasPrefix(s, "/sys/") {
			cut = i + len(".fact")
		}
		if cut < 0 {
			return ""
		}
		p := s[:cut]
		if _, seen := r.files[p]; !seen {
			r.order = append(r.order, p)
		}
		r.files[p] = append(r.files[p], s[cut+1:])
	case strings.HasPrefix(s, "+"):
		r.exists[s[1:]] = true
	case strings.HasPrefix(s, "="):
		if from, to, ok := strings.Cut(s[1:], " "); ok {
			r.links[from] = to
		}
	}
	return ""
}

// text is the content of a file without surrounding space; ok is false when it
// is missing, empty or unreadable.
func (r *raw) text(p string) (string, bool) {
	s := strings.TrimSpace(strings.Join(r.files[p], "\n"))
	return s, s != ""
}

// first is the first of the files that has content.
func (r *raw) first(paths ...string) string {
	for _, p := range paths {
		if s, ok := r.text(p); ok {
			return s
		}
	}
	return ""
}

// below lists the paths of files in a folder that match a pattern of
// path.Match, in order.
func (r *raw) below(pattern string) []string {
	var out []string
	for _, p := range r.order {
		if ok, _ := path.Match(pattern, p); ok {
			out = append(out, p)
		}
	}
	return out
}

// keyed looks for "key: value" in a file's lines.
func (r *raw) keyed(p, key string) string {
	for _, l := range r.files[p] {
		if k, v, ok := strings.Cut(l, ":"); ok && k == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// atoi reads a decimal number; ok is false when s is none.
func atoi(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}
