package files

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// node is one entry of the host of a test.
type node struct {
	state.Stat
	content, target string
}

// host is a host of a test: what is on it, and the view that a plan sees.
type host struct {
	listed map[string]int  // places of entries in what the host lists of folders
	login  state.LoginInfo // who acts
	t      *testing.T
	nodes  map[string]node
	view   *state.HostView
	in     module.Inputs
	asked  int
	says   string // what a script prints that is asked for, and returns
	saysRC int
}

func newHost(t *testing.T) *host {
	h := &host{login: state.LoginInfo{User: "root", Home: "/root", Umask: 0o022}, t: t, nodes: map[string]node{}, view: state.NewHostView()}
	h.in = module.Inputs{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Diff: true, Sources: sources{}}
	h.dir("/", 0o755)
	h.dir("/d", 0o755)
	return h
}

func (h *host) add(p string, n node) {
	n.Dev, n.Ino = 1, uint64(len(h.nodes)+10)
	if n.Nlink == 0 {
		n.Nlink = 1
	}
	n.User, n.Group = map[int]string{0: "root", 1000: "app"}[n.UID], map[int]string{0: "root", 1000: "app", 50: "staff"}[n.GID]
	h.nodes[p] = n
}

func (h *host) dir(p string, mode uint32) {
	h.add(p, node{Stat: state.Stat{Type: state.TypeDir, Mode: mode, Size: 4096, Nlink: 2}})
}

func (h *host) file(p, content string, mode uint32) {
	h.add(p, node{Stat: state.Stat{Type: state.TypeFile, Mode: mode, Size: int64(len(content))}, content: content})
}

func (h *host) link(p, target string) {
	h.add(p, node{Stat: state.Stat{Type: state.TypeLink, Mode: 0o777, Size: int64(len(target))}, target: target})
}

func (h *host) resolve(p string) string {
	for range 10 {
		n, ok := h.nodes[p]
		if !ok || n.Type != state.TypeLink {
			return p
		}
		if path.IsAbs(n.target) {
			p = n.target
		} else {
			p = path.Join(path.Dir(p), n.target)
		}
	}
	return p
}

func (h *host) answer(q state.Query) state.Answer {
	h.asked++
	a := state.Answer{Query: q}
	switch q := q.(type) {
	case state.Login:
		a.Value = h.login
	case state.User:
		u := map[string]state.UserInfo{"app": {Exists: true, Name: "app", UID: 1000, GID: 1000, Home: "/home/app"}, "root": {Exists: true, Name: "root"}}[q.Name]
		a.Value = u
	case state.Group:
		a.Value = map[string]state.GroupInfo{"0": {Exists: true, Name: "root"}, "root": {Exists: true, Name: "root"},
			"app": {Exists: true, Name: "app", GID: 1000}, "50": {Exists: true, Name: "staff", GID: 50}}[q.Name]
	case state.Tree:
		var out []state.TreeEntry
		for p, n := range h.nodes {
			if rel, ok := strings.CutPrefix(p, strings.TrimSuffix(q.Path, "/")+"/"); ok && (q.Depth == 0 || strings.Count(rel, "/") < q.Depth) {
				out = append(out, state.TreeEntry{Rel: rel, Stat: n.Stat, Target: n.target, Listed: h.listed[p]})
			}
		}
		sort.Slice(out, func(i, j int) bool { return out[i].Rel < out[j].Rel })
		a.Value = out
	case state.Path:
		a.Value = h.lookup(q)
	case state.Output:
		a.Value = state.OutputInfo{Stdout: h.says, RC: h.saysRC}
	default:
		h.t.Fatalf("unexpected query %v", q)
	}
	return a
}

func (h *host) lookup(q state.Path) state.File {
	dir := h.resolve(path.Dir(q.Path))
	c := path.Join(dir, path.Base(q.Path))
	n := h.nodes[c]
	r := h.resolve(c)
	l := h.nodes[r]
	f := state.File{Canonical: c, Stat: n.Stat, Target: n.target, Resolved: r, Followed: l.Stat, Parent: h.nodes[dir].Stat,
		Readable: true, Writable: true}
	if l.Type == state.TypeFile {
		f.SHA256 = state.Bytes([]byte(l.content)).SHA256
		f.SHA1, f.MD5 = sums(l.content)
		if q.Want&state.WantContent != 0 {
			f.Content = []byte(l.content)
		}
	}
	return f
}

func sums(s string) (string, string) {
	a, b := sha1.Sum([]byte(s)), md5.Sum([]byte(s))
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
}

// plan plans a task, asking the host what the plan needs.
func (h *host) plan(m module.Module, args *value.Map) (module.Change, error) {
	h.t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	for range 12 {
		c, err := m.Plan(a, h.in, h.view)
		if err != nil || len(c.Need) == 0 {
			return c, err
		}
		for _, q := range c.Need {
			h.view.Learn(h.answer(q))
		}
	}
	h.t.Fatalf("%s: the plan never has what it needs", m.Spec().Name)
	return module.Change{}, nil
}

// twice plans, writes through, and fails the test unless the second plan is
// clean.
func (h *host) twice(m module.Module, args *value.Map) module.Change {
	h.t.Helper()
	c, err := h.plan(m, args)
	if err != nil {
		h.t.Fatalf("%s %s: %v", m.Spec().Name, value.FromMap(args).Repr(), err)
	}
	for _, op := range c.Ops {
		h.view.WriteThrough(op)
	}
	again, err := h.plan(m, args)
	if err != nil {
		h.t.Fatalf("%s again: %v", m.Spec().Name, err)
	}
	if len(again.Ops) > 0 || get(again, "changed") != "False" {
		h.t.Errorf("%s %s: the second plan is not clean: %s", m.Spec().Name, value.FromMap(args).Repr(), opsText(again.Ops))
	}
	return c
}

func get(c module.Change, key string) string {
	v, ok := c.Result.Get(key)
	if !ok {
		return "-"
	}
	return v.Text()
}

// opsText writes operations on one line, with what matters of them.
func opsText(ops []state.Op) string {
	out := make([]string, len(ops))
	for i, o := range ops {
		switch o := o.(type) {
		case state.WriteFile:
			out[i] = fmt.Sprintf("write %s %q%s", o.Path, o.Content.Data, attrsText(o.Attrs))
		case state.Mkdir:
			out[i] = "mkdir " + o.Path + attrsText(o.Attrs)
		case state.SetAttrs:
			out[i] = "set " + o.Path + attrsText(o.Attrs)
		case state.Touch:
			out[i] = "touch " + o.Path + attrsText(o.Attrs)
		default:
			out[i] = o.String()
		}
	}
	return strings.Join(out, "; ")
}

func attrsText(a state.Attrs) string {
	s := ""
	if a.Mode != nil {
		s += fmt.Sprintf(" %04o", *a.Mode)
	}
	if a.Owner != "" {
		s += " owner=" + a.Owner
	}
	if a.Group != "" {
		s += " group=" + a.Group
	}
	return s
}

// sources are the controller's files of a test.
type sources map[string]string

func (s sources) Find(kind, src string) (string, error) {
	p := path.Join("/c", kind, src)
	for name := range s {
		if name == p || strings.HasPrefix(name, p+"/") {
			return p, nil
		}
	}
	return "", errors.New("Could not find or access '" + src + "'")
}

func (s sources) File(p string) (module.SourceFile, error) {
	text, ok := s[p]
	if !ok {
		return module.SourceFile{Path: p, IsDir: true, Mode: 0o755}, nil
	}
	a, b := sums(text)
	return module.SourceFile{Path: p, Mode: 0o640, Size: int64(len(text)), Content: state.Bytes([]byte(text)), SHA1: a, MD5: b}, nil
}

func (s sources) Encrypted(p string) (module.SourceFile, error) { return s.File(p) }

func (s sources) Walk(dir string, _ bool) ([]module.SourceFile, error) {
	seen := map[string]bool{}
	var out []module.SourceFile
	for name := range s {
		rel, ok := strings.CutPrefix(name, dir+"/")
		if !ok {
			continue
		}
		for d := path.Dir(rel); d != "."; d = path.Dir(d) {
			if !seen[d] {
				seen[d] = true
				out = append(out, module.SourceFile{Path: path.Join(dir, d), Rel: d, IsDir: true})
			}
		}
		f, _ := s.File(name)
		f.Rel = rel
		out = append(out, f)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Rel < out[j].Rel })
	return out, nil
}

func (s sources) Render(p string, _ module.RenderOptions) (value.Value, error) {
	return value.String(s[p]), nil
}
