package remote

import (
	"fmt"
	"math/bits"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
)

// asking is the queries of one frame, put into shell text, and what is needed
// to read their answers.
type asking struct {
	queries []state.Query
	answers []state.Answer
	paths   []int // queries that are paths, in the order they were put
	dirs    []string
	dirOf   map[int]int // query -> place in dirs
	parse   map[int]func(ScriptResult) (any, error)
	scripts []int // query of each script, in order; -1-n for the caller's own
	// single puts each content and sum on its own, for files that do not hold
	// as many bytes as their stat says.
	single bool
	// small has the contents of small files brought instead of their sums.
	small bool
}

// newAsking begins a frame's questions.
func newAsking(queries []state.Query) *asking {
	a := &asking{queries: queries, answers: make([]state.Answer, len(queries)), dirOf: map[int]int{}, parse: map[int]func(ScriptResult) (any, error){}}
	for i, q := range queries {
		a.answers[i].Query = q
	}
	return a
}

func (a *asking) fail(i int, err error) {
	if a.answers[i].Err == nil {
		a.answers[i].Err = err
	}
}

// put writes the questions. Every query ends up with an answer, an error, or
// text in the frame.
func (a *asking) put(f *frame, s *shell, prober Prober) {
	byDir := map[string][]int{}
	var dirs []string
	for i, q := range a.queries {
		switch q := q.(type) {
		case state.Path:
			dir, _, err := splitPath(q.Path)
			if err != nil {
				a.fail(i, err)
				continue
			}
			if byDir[dir] == nil {
				dirs = append(dirs, dir)
			}
			byDir[dir] = append(byDir[dir], i)
		case state.Tree:
			if _, _, err := splitPath(q.Path); err != nil {
				a.fail(i, err)
				continue
			}
			args := []string{q.Path}
			if q.Depth > 0 {
				args = append(args, strconv.Itoa(q.Depth))
			}
			f.line("_tree "+strconv.Itoa(i), args...)
			f.procs++
		case state.User:
			a.putDB(f, i, "passwd", q.Name)
		case state.Group:
			a.putDB(f, i, "group", q.Name)
		case state.Login:
			f.text.WriteString("_db " + strconv.Itoa(i) + " passwd $_i\n")
		default:
			a.probe(f, i, q, prober)
		}
	}
	if len(dirs) > 0 {
		a.putPaths(f, dirs, byDir)
	}
}

func (a *asking) putDB(f *frame, i int, db, name string) {
	if name == "" || strings.ContainsAny(name, "\x00\n:") {
		a.fail(i, fmt.Errorf("%q is no name of a %s", name, map[string]string{"passwd": "user", "group": "group"}[db]))
		return
	}
	f.line("_db "+strconv.Itoa(i)+" "+db, name)
}

func (a *asking) probe(f *frame, i int, q state.Query, prober Prober) {
	if prober == nil {
		a.fail(i, fmt.Errorf("%s: nobody knows how to ask this", q.Query()))
		return
	}
	script, parse, ok := prober.Probe(q)
	if !ok {
		a.fail(i, fmt.Errorf("%s: nobody knows how to ask this", q.Query()))
		return
	}
	if err := f.script(len(a.scripts), script); err != nil {
		a.fail(i, err)
		return
	}
	a.parse[i] = parse
	a.scripts = append(a.scripts, i)
}

// script adds a script as the body of a function in a subshell.
func (f *frame) script(n int, s Script) error {
	if err := checkText("a script", append(s.Args, s.Text)...); err != nil {
		return err
	}
	fmt.Fprintf(f.text, "_M g %d\n(_s() {\n%s\n}\n", n, s.Text)
	f.line("_s", s.Args...)
	fmt.Fprintf(f.text, ") </dev/null 3<&- 5>&- 9<&-\n_M G %d $?\n", n)
	f.procs++
	return nil
}

func (a *asking) putPaths(f *frame, dirs []string, byDir map[string][]int) {
	a.small = a.bringsSmall()
	fmt.Fprintf(f.text, "{\n_MAX=%d\n_q0\n", a.most()+1)
	for _, dir := range dirs {
		if whole, itself := strings.CutSuffix(dir, "/."); itself {
			f.line("_d "+strconv.Itoa(len(a.dirs)), whole, "up")
		} else {
			f.line("_d "+strconv.Itoa(len(a.dirs)), dir)
		}
		for _, i := range byDir[dir] {
			q := a.queries[i].(state.Path)
			_, base, _ := splitPath(q.Path)
			f.line("_q "+strconv.Itoa(i), a.wants(q, base), base)
			a.paths = append(a.paths, i)
			a.dirOf[i] = len(a.dirs)
		}
		a.dirs = append(a.dirs, dir)
	}
	f.text.WriteString("_Q\n} 2>/dev/null\n") // what is wrong shows in the answers
	var want state.Want
	for _, i := range a.paths {
		want |= a.brought(a.queries[i].(state.Path))
	}
	f.procs += 1 + bits.OnesCount8(uint8(want&^(state.WantAccess|state.WantSmall)))
}

// A process more on each host costs more than a few KB more on the way: where contents
// are brought anyway, by one program for all of them, a few small files come with them
// instead of being summed by another. A file that turns out to be larger than
// largeContent is asked about again as if it had never been called small.
const (
	mostSmall    = 8
	largeContent = 32 << 10
)

// bringsSmall tells whether small files come whole.
func (a *asking) bringsSmall() bool {
	contents, small := 0, 0
	for _, q := range a.queries {
		p, ok := q.(state.Path)
		if !ok {
			continue
		}
		if p.Want&state.WantContent != 0 {
			contents++
		}
		switch p.Want & (state.WantSHA256 | state.WantSHA1 | state.WantMD5 | state.WantSmall) {
		case state.WantSHA256 | state.WantSmall:
			small++
		case 0, state.WantSmall:
		default:
			return false // a program that sums is needed
		}
	}
	return !a.single && contents > 0 && 0 < small && small <= mostSmall
}

// most is how many bytes of a content are brought.
func (a *asking) most() int64 {
	if a.small {
		return largeContent
	}
	return state.MaxContent
}

// brought is what is read of a file to learn what is wanted of it.
func (a *asking) brought(q state.Path) state.Want {
	if a.small && q.Want&state.WantSmall != 0 {
		return q.Want&^state.WantSHA256 | state.WantContent
	}
	return q.Want
}

// wants writes what is read of a file, in letters.
func (a *asking) wants(q state.Path, base string) string {
	var b strings.Builder
	want := a.brought(q)
	for _, w := range []struct {
		bit    state.Want
		letter byte
	}{{state.WantSHA256, '2'}, {state.WantSHA1, '1'}, {state.WantMD5, '5'}, {state.WantContent, 'c'}} {
		if want&w.bit != 0 {
			b.WriteByte(w.letter)
		}
	}
	odd := strings.ContainsAny(base, "\n\\") || strings.HasPrefix(q.Path, "/proc/") || strings.HasPrefix(q.Path, "/sys/")
	if b.Len() > 0 && (a.single || odd) {
		b.WriteByte('o')
	}
	return b.String()
}

// splitPath cuts an absolute path into the folder, as given but for needless
// slashes, and the name in it. For "/" and what ends in "..", the folder is the
// path itself with "/." behind it and the name "".
func splitPath(p string) (dir, base string, err error) {
	if !strings.HasPrefix(p, "/") {
		return "", "", diag.New(diag.Usage, diag.Pos{}, "path", "%q is no absolute path", p)
	}
	if strings.IndexByte(p, 0) >= 0 {
		return "", "", diag.New(diag.Usage, diag.Pos{}, "path", "a path holds a NUL byte: %q", p)
	}
	if p != "/" && path.Clean(p) == p { // as most are
		i := strings.LastIndexByte(p, '/')
		return p[:i], p[i+1:], nil
	}
	var parts []string
	up := false
	for part := range strings.SplitSeq(p, "/") {
		if part == "" || part == "." {
			continue
		}
		up = part == ".."
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "/.", "", nil
	}
	whole := "/" + strings.Join(parts, "/")
	if up {
		return whole + "/.", "", nil
	}
	dir, base = path.Split(whole)
	return strings.TrimSuffix(dir, "/"), base, nil
}
