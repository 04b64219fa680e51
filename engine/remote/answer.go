package remote

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// errMoved says that files changed while they were looked at, or that they do
// not hold what their stat says: the question is put again, file by file.
var errMoved = errors.New("files changed while they were read")

// entry is what the driver said of one path.
type entry struct {
	flags string
	name  string
}

func (e entry) has(c byte) bool { return strings.IndexByte(e.flags, c) >= 0 }

// reading is the sections of stdout in order, being read.
type reading struct {
	a        *asking
	s        *shell
	dirs     []entry
	entries  map[int]entry
	stats    []byte
	follow   []byte
	resolved []byte
	single   [][]byte // of dangling links
	rlines   [][]byte // of links, without GNU
	targets  [][]byte
	sums     map[byte][]byte
	one      map[string][]byte // sums and contents of single files
	content  []byte
	hasStat  bool
	asked    int
}

// read takes the sections that answer the questions. Sections of other kinds
// are an error.
func (a *asking) read(s *shell, out []*section) error {
	r := &reading{a: a, s: s, entries: map[int]entry{}, sums: map[byte][]byte{}, one: map[string][]byte{}}
	for len(out) > 0 {
		n, err := r.take(out)
		if err != nil {
			return err
		}
		out = out[n:]
	}
	for i, q := range a.queries {
		if a.answers[i].Err != nil || a.answers[i].Value != nil {
			continue
		}
		if _, isPath := q.(state.Path); !isPath {
			return protocolError("no answer to %s", q.Query())
		}
	}
	if len(a.paths) == 0 {
		return nil
	}
	return r.files()
}

// take reads one section, or the few that belong together.
func (r *reading) take(out []*section) (int, error) {
	s := out[0]
	switch s.kind {
	case "d", "p":
		return 1, r.name(s)
	case "s":
		r.stats = s.data
	case "S":
		r.follow = s.data
	case "T":
		if len(s.args) == 1 && (s.args[0] == "g" || s.args[0] == "b") && r.s.stat == 0 {
			r.s.stat = s.args[0][0]
		}
		r.hasStat = len(s.args) == 1 && s.args[0] != "-"
	case "r":
		r.resolved = s.data
		r.rlines = append(r.rlines, s.data)
	case "R":
		r.single = append(r.single, s.data)
	case "k":
		r.targets = append(r.targets, s.data)
	case "a":
		if len(s.args) != 1 || len(s.args[0]) != 1 {
			return 0, protocolError("a sum of no kind")
		}
		r.sums[s.args[0][0]] = s.data
	case "H", "C":
		r.one[s.kind+" "+strings.Join(s.args, " ")] = s.data
	case "c":
		r.content = s.data
	case "u":
		return 1, r.a.readDB(r.s, s)
	case "f":
		return r.a.readTree(out)
	default:
		return 0, protocolError("an answer %q was not asked for", s.kind)
	}
	return 1, nil
}

// name reads a section that holds a name, whose length it says.
func (r *reading) name(s *section) error {
	i, ok := s.num(0)
	n, ok2 := s.num(2)
	if !ok || !ok2 || len(s.args) != 3 || n != len(s.data) || n == 0 || s.data[0] != '/' {
		return protocolError("a name is not as long as it says")
	}
	e := entry{flags: s.args[1], name: string(s.data)}
	if s.kind == "d" {
		if i != len(r.dirs) || i >= len(r.a.dirs) {
			return protocolError("a folder was not asked for")
		}
		r.dirs = append(r.dirs, e)
		return nil
	}
	if r.asked >= len(r.a.paths) || i != r.a.paths[r.asked] {
		return protocolError("a path was not asked for")
	}
	r.asked++
	r.entries[i] = e
	return nil
}

// files puts the answers of the path queries together.
func (r *reading) files() error {
	a := r.a
	if r.asked != len(a.paths) || len(r.dirs) != len(a.dirs) {
		return protocolError("not every path was answered")
	}
	var asked []string // names in the order in which stat got them
	var links, dangling []string
	gone := 0
	dir := -1
	for _, i := range a.paths {
		for dir < a.dirOf[i] {
			dir++
			if d := r.dirs[dir]; d.flags == "0" {
				asked = append(asked, d.name)
			}
		}
		e := r.entries[i]
		switch {
		case e.flags[0] == 'N':
			gone++
			continue
		case strings.HasPrefix(e.flags, "Le"):
			links = append(links, e.name)
		case e.flags[0] == 'L':
			dangling = append(dangling, e.name)
		}
		asked = append(asked, e.name)
	}
	if !r.hasStat && len(asked) > 0 { // paths in missing folders need none
		return diag.New(diag.Failed, diag.Pos{}, "no-stat", "the host has no stat program that Fairlead understands")
	}
	stats, targets, err := parseStats(r.stats, asked, r.s.stat)
	if err != nil {
		return err
	}
	follow, _, err := parseStats(r.follow, links, r.s.stat)
	if err != nil {
		return err
	}
	res, err := r.resolutions(len(links), len(dangling))
	if err != nil {
		return err
	}
	if r.s.stat == 'b' {
		if targets, err = r.plainTargets(asked, stats); err != nil {
			return err
		}
	}
	return r.assemble(stats, targets, follow, res)
}

// resolved names: of links that lead somewhere in order, then of dangling ones.
type resolutions struct{ links, dangling []string }

func (r *reading) resolutions(links, dangling int) (resolutions, error) {
	var res resolutions
	if r.s.stat == 'g' {
		if links > 0 {
			parts := strings.Split(string(r.resolved), "\x00")
			res.links = parts[:len(parts)-1]
		}
	} else {
		for _, l := range r.rlines {
			res.links = append(res.links, strings.TrimSuffix(string(l), "\n"))
		}
	}
	for _, l := range r.single {
		res.dangling = append(res.dangling, strings.TrimSuffix(string(l), "\n"))
	}
	if len(res.links) != links || len(res.dangling) != dangling {
		return res, errMoved
	}
	return res, nil
}

// plainTargets are the targets that busybox tells link by link: first of those
// that lead somewhere, then of dangling ones.
func (r *reading) plainTargets(asked []string, stats []state.Stat) ([]string, error) {
	out := make([]string, len(asked))
	var order []int
	at := map[string]int{}
	for i, n := range asked {
		at[n] = i
	}
	for _, alive := range []bool{true, false} {
		for _, i := range r.a.paths {
			e := r.entries[i]
			if e.flags[0] == 'L' && strings.HasPrefix(e.flags, "Le") == alive {
				order = append(order, at[e.name])
			}
		}
	}
	if len(order) != len(r.targets) {
		return nil, errMoved
	}
	for n, i := range order {
		out[i] = strings.TrimSuffix(string(r.targets[n]), "\n")
	}
	return out, nil
}

func (r *reading) assemble(stats []state.Stat, targets []string, follow []state.Stat, res resolutions) error {
	a := r.a
	sums, contents, err := r.bodies(stats, follow)
	if err != nil {
		return err
	}
	dir, next := -1, 0
	var parent state.Stat
	for _, i := range a.paths {
		for dir < a.dirOf[i] {
			dir++
			parent = state.Stat{}
			if r.dirs[dir].flags == "0" {
				parent = stats[next]
				next++
			}
		}
		q, e := a.queries[i].(state.Path), r.entries[i]
		if r.dirs[dir].flags == "2" {
			a.fail(i, fmt.Errorf("%s: %w", q.Path, fs.ErrPermission))
			continue
		}
		f := state.File{Canonical: e.name, Resolved: e.name, Parent: parent, Readable: e.has('r'), Writable: e.has('w'), Executable: e.has('x')}
		if e.flags[0] != 'N' {
			f.Stat, f.Followed, f.Target = stats[next], stats[next], targets[next]
			next++
		}
		if e.flags[0] == 'L' {
			f.Followed = state.Stat{}
			if strings.HasPrefix(e.flags, "Le") {
				f.Followed, follow = follow[0], follow[1:]
				f.Resolved, res.links = res.links[0], res.links[1:]
			} else {
				f.Resolved, res.dangling = res.dangling[0], res.dangling[1:]
				if f.Resolved == "" { // busybox cannot tell
					f.Resolved = lead(e.name, f.Target)
				}
			}
			if !path.IsAbs(f.Resolved) {
				a.fail(i, fmt.Errorf("%s: where the link leads cannot be told", q.Path))
				continue
			}
		}
		f.SHA256, f.SHA1, f.MD5 = sums[sumKey{i, '2'}], sums[sumKey{i, '1'}], sums[sumKey{i, '5'}]
		r.finish(i, q, f, contents)
	}
	return nil
}

// lead is where a link leads by its words alone.
func lead(link, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(path.Dir(link), target)
}

// finish sets an answer, or the error that belongs to it.
func (r *reading) finish(i int, q state.Path, f state.File, contents map[int][]byte) {
	if q.Want&state.WantContent != 0 && f.IsRegular() {
		c, ok := contents[i]
		switch {
		case !ok:
			r.a.fail(i, fmt.Errorf("%s: %w", q.Path, fs.ErrPermission))
			return
		case len(c) > state.MaxContent:
			r.a.fail(i, fmt.Errorf("%s is larger than the %d MiB that can be read", q.Path, state.MaxContent>>20))
			return
		}
		f.Content = append([]byte{}, c...)
	}
	r.a.answers[i].Value = f
}

type sumKey struct {
	query int
	kind  byte
}

// bodies reads sums and contents. Files with odd names came on their own.
func (r *reading) bodies(stats, follow []state.Stat) (map[sumKey]string, map[int][]byte, error) {
	sums, contents := map[sumKey]string{}, map[int][]byte{}
	lines := map[byte][]string{}
	for kind, data := range r.sums {
		lines[kind] = strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	}
	content, moved := r.content, false
	r.sizes(stats, follow, func(i int, size int64, body bool) {
		q := r.a.queries[i].(state.Path)
		_, base, _ := splitPath(q.Path)
		letters := r.a.wants(q, base)
		if !body {
			return
		}
		alone := strings.HasSuffix(letters, "o")
		for _, k := range []byte("215") {
			if strings.IndexByte(letters, k) < 0 {
				continue
			}
			line := ""
			if alone {
				line = string(r.one[fmt.Sprintf("H %d %c", i, k)])
			} else if len(lines[k]) > 0 {
				line, lines[k] = lines[k][0], lines[k][1:]
			}
			sums[sumKey{i, k}] = parseSum(line, k)
		}
		if strings.IndexByte(letters, 'c') < 0 {
			return
		}
		if alone {
			if c, ok := r.one["C "+strconv.Itoa(i)]; ok {
				contents[i] = c
			}
		} else if n := min(size, r.a.most()+1); n <= int64(len(content)) {
			contents[i], content = content[:n:n], content[n:]
		} else {
			moved = true
			return
		}
		if r.a.small {
			c, ok := contents[i]
			moved = moved || !ok || len(c) > largeContent // it is no small file
			if q.Want&state.WantSHA256 != 0 {
				sums[sumKey{i, '2'}] = state.Bytes(c).SHA256
			}
		}
	})
	for k, v := range sums {
		if v == "" && !r.a.single {
			return nil, nil, errMoved
		} else if v == "" {
			r.a.fail(k.query, fmt.Errorf("%s: the host cannot tell its checksum", r.a.queries[k.query].Query()))
		}
	}
	if moved || len(content) > 0 {
		return nil, nil, errMoved
	}
	return sums, contents, nil
}

// sizes calls visit for each path with the size of the file it leads to, and
// whether its sums and content were read.
func (r *reading) sizes(stats, follow []state.Stat, visit func(i int, size int64, body bool)) {
	dir, next, link := -1, 0, 0
	for _, i := range r.a.paths {
		for dir < r.a.dirOf[i] {
			dir++
			if r.dirs[dir].flags == "0" {
				next++
			}
		}
		e := r.entries[i]
		if e.flags[0] == 'N' {
			continue
		}
		st := stats[next]
		next++
		if strings.HasPrefix(e.flags, "Le") {
			st = follow[link]
			link++
		}
		visit(i, st.Size, e.has('r') && e.has('f'))
	}
}

// parseSum reads a line of sha256sum and its like; "" when it is none.
func parseSum(line string, kind byte) string {
	n := map[byte]int{'2': 64, '1': 40, '5': 32}[kind]
	line = strings.TrimPrefix(line, "\\")
	if len(line) < n || strings.Trim(line[:n], "0123456789abcdef") != "" {
		return ""
	}
	if len(line) > n && line[n] != ' ' {
		return ""
	}
	return line[:n]
}
