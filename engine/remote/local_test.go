package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// shells are the shells that hosts have, each driven through a local process.
func shells(t *testing.T, f func(t *testing.T, h *remote.Host)) {
	for _, sh := range []struct {
		name string
		argv []string
		path string
	}{
		{"dash", []string{"dash"}, ""},
		{"bash", []string{"bash", "--posix"}, ""},
		{"bash-plain", []string{"bash"}, ""},
		{"busybox", []string{"busybox", "sh"}, "busybox"},
	} {
		t.Run(sh.name, func(t *testing.T) {
			if _, err := exec.LookPath(sh.argv[0]); err != nil {
				testbed.Missing(t, err.Error())
			}
			opts := remote.Options{Shell: sh.argv, OpTimeout: 20 * time.Second}
			if sh.path == "busybox" {
				opts.Shell = append([]string{"env", "PATH=" + applets(t)}, sh.argv...)
				opts.Path = ":"
			}
			h := remote.Local(opts)
			t.Cleanup(func() { _ = h.Close() })
			f(t, h)
		})
	}
}

// TestShellsAreThoseNamed: what the other tests say of dash, bash and busybox holds for these.
func TestShellsAreThoseNamed(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		out := do(t, h, state.Batch{Ops: []state.Op{state.Exec{Argv: []string{"/bin/sh", "-c", "readlink /proc/$PPID/exe"}}}})
		_, want, _ := strings.Cut(t.Name(), "/")
		want, _, _ = strings.Cut(want, "-")
		if got := strings.TrimSpace(string(out.Results[0].Stdout)); filepath.Base(got) != want {
			t.Errorf("the driver runs in %q", got)
		}
	})
}

// TestFirstFrameWithContent: a shell that reads its first frame ahead takes no content for a part of it.
func TestFirstFrameWithContent(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		name, content := filepath.Join(t.TempDir(), "file"), bytes.Repeat([]byte("a\x00b\n"), 30000)
		out := do(t, h, state.Batch{Ops: []state.Op{state.WriteFile{Path: name, Content: state.Bytes(content)}}})
		allOK(t, out, 1)
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes of %d came, %v", len(got), len(content), err)
		}
	})
}

// applets is a folder that holds busybox under the names of all its applets.
func applets(t *testing.T) string {
	t.Helper()
	bb, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if out, err := exec.Command(bb, "--install", "-s", dir).CombinedOutput(); err != nil {
		t.Skipf("busybox --install: %v: %s", err, out)
	}
	return dir
}

func do(t *testing.T, h *remote.Host, b state.Batch) state.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := h.Do(ctx, b)
	if err != nil {
		t.Fatalf("Do: %v", err)
	}
	return out
}

func file(t *testing.T, out state.Outcome, i int) state.File {
	t.Helper()
	a := out.Answers[i]
	if a.Err != nil {
		t.Fatalf("%s: %v", a.Query.Query(), a.Err)
	}
	return a.Value.(state.File)
}

func allOK(t *testing.T, out state.Outcome, n int) {
	t.Helper()
	if len(out.Changed) > 0 || len(out.Results) != n {
		t.Fatalf("changed %v, results %+v", out.Changed, out.Results)
	}
	for i, r := range out.Results {
		if !r.OK {
			t.Fatalf("operation %d: %s", i, r.Msg)
		}
	}
}

func mode(m uint32) *uint32 { return &m }

func TestPath(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d, err := filepath.EvalSymlinks(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		write := func(name, text string) string {
			p := filepath.Join(d, name)
			if err := os.WriteFile(p, []byte(text), 0o640); err != nil {
				t.Fatal(err)
			}
			return p
		}
		plain := write("plain", "hello\n")
		empty := write("empty", "")
		odd := []string{
			write(" two  words ", "a"), write("qu'ote\"s", "b"), write("new\nline", "c"), write("-dash", "d"),
			write("gl*b?[x]", "e"), write("ünï→", "f"), write("back\\slash", "g"), write("$(id)`id`", "h"), write("a:b -> c", "i"),
		}
		_ = os.Mkdir(filepath.Join(d, "real"), 0o755)
		_ = os.Symlink("real", filepath.Join(d, "way"))
		_ = os.Symlink("../plain", filepath.Join(d, "real", "up"))
		_ = os.Symlink("nowhere/at all", filepath.Join(d, "dangling"))
		write("real/inner", "inner")
		qs := []state.Query{
			state.Path{Path: plain, Want: state.WantSHA256 | state.WantSHA1 | state.WantMD5 | state.WantContent},
			state.Path{Path: filepath.Join(d, "missing", "deep", "er")},
			state.Path{Path: filepath.Join(d, "way", "inner"), Want: state.WantContent},
			state.Path{Path: filepath.Join(d, "way", "up"), Want: state.WantContent | state.WantSHA1},
			state.Path{Path: filepath.Join(d, "dangling")},
			state.Path{Path: "/"},
			state.Path{Path: empty, Want: state.WantContent | state.WantSHA256},
			state.Path{Path: filepath.Join(plain, "below-a-file")},
			state.Path{Path: "/proc/sys/kernel/ostype", Want: state.WantContent},
			state.Path{Path: d + "/way/.."},
		}
		n := len(qs)
		for _, p := range odd {
			qs = append(qs, state.Path{Path: p, Want: state.WantContent | state.WantSHA256})
		}
		out := do(t, h, state.Batch{Ask: qs})
		f := file(t, out, 0)
		if f.Canonical != plain || string(f.Content) != "hello\n" || f.Stat.Type != state.TypeFile || f.Stat.Mode != 0o640 || f.Stat.Size != 6 ||
			f.MD5 != "b1946ac92492d2347c6235b4d2611184" || f.SHA1 != "f572d396fae9206628714fb2ce00f72e94f2258f" ||
			f.SHA256 != "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" || f.Parent.Type != state.TypeDir {
			t.Errorf("plain: %+v", f)
		}
		info, _ := os.Stat(plain)
		if f.Stat.MTime.Unix() != info.ModTime().Unix() {
			t.Errorf("mtime %v, want %v", f.Stat.MTime, info.ModTime())
		}
		if f := file(t, out, 1); f.Exists() || f.Canonical != filepath.Join(d, "missing", "deep", "er") || f.Parent.Type != state.TypeNone {
			t.Errorf("missing: %+v", f)
		}
		if f := file(t, out, 2); f.Canonical != filepath.Join(d, "real", "inner") || string(f.Content) != "inner" {
			t.Errorf("inner: %+v", f)
		}
		if f := file(t, out, 3); f.Canonical != filepath.Join(d, "real", "up") || f.Target != "../plain" || f.Resolved != plain ||
			string(f.Content) != "hello\n" || f.Followed.Type != state.TypeFile || !f.IsLink() || f.SHA1 == "" {
			t.Errorf("up: %+v", f)
		}
		if f := file(t, out, 4); f.Target != "nowhere/at all" || f.Followed.Type != state.TypeNone || !f.IsLink() {
			t.Errorf("dangling: %+v", f)
		} else if f.Resolved != filepath.Join(d, "nowhere/at all") {
			t.Logf("dangling resolved %q", f.Resolved)
		}
		if f := file(t, out, 5); f.Canonical != "/" || !f.IsDir() || f.Parent.Type != state.TypeDir {
			t.Errorf("root: %+v", f)
		}
		if f := file(t, out, 6); f.Content == nil || len(f.Content) != 0 || f.SHA256 != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			t.Errorf("empty: %+v", f)
		}
		if f := file(t, out, 7); f.Exists() || f.Parent.Type == state.TypeDir {
			t.Errorf("below a file: %+v", f)
		}
		if f := file(t, out, 8); string(f.Content) != "Linux\n" {
			t.Errorf("proc: %+v", f)
		}
		if f := file(t, out, 9); f.Canonical != d || f.Parent.Type != state.TypeDir {
			t.Errorf("way/..: %+v", f)
		}
		for i := range odd {
			f := file(t, out, n+i)
			if f.Canonical != odd[i] || string(f.Content) != string(rune('a'+i)) || len(f.SHA256) != 64 {
				t.Errorf("odd %q: %+v", odd[i], f)
			}
		}
		if s := h.Stats(); s.Frames != 1 {
			t.Errorf("%d frames, want 1", s.Frames)
		}
	})
}

func TestWriteFile(t *testing.T) {
	every := make([]byte, 0, 256*3)
	for i := 1; i < 256; i++ {
		every = append(every, byte(i), 'x', byte(i))
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 600<<10) // 9.4 MiB
	contents := map[string][]byte{
		"text": []byte("a\nb 'quoted' $x `y` \\ \n"), "empty": {}, "no-newline": []byte("x"), "newlines": []byte("\n\n\n"),
		"every": every, "binary": append([]byte{0, 1, 2}, every...), "quotes": bytes.Repeat([]byte("'"), 5000), "big": big,
		"64k": bytes.Repeat([]byte("y"), 64<<10), "64k+1": bytes.Repeat([]byte("z"), 64<<10+1),
	}
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		var ops []state.Op
		var qs []state.Query
		var names []string
		for name, c := range contents {
			p := filepath.Join(d, name)
			names = append(names, name)
			ops = append(ops, state.WriteFile{Path: p, Content: state.Bytes(c), Attrs: state.Attrs{Mode: mode(0o640)}})
			qs = append(qs, state.Path{Path: p, Want: state.WantSHA256})
		}
		out := do(t, h, state.Batch{Ops: ops, Ask: qs})
		allOK(t, out, len(ops))
		for i, name := range names {
			if f := file(t, out, i); f.SHA256 != state.Bytes(contents[name]).SHA256 || f.Stat.Mode != 0o640 {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(d, ".fairlead*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestOperations(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		p := func(name string) string { return filepath.Join(d, name) }
		when := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
		c := func(s string) *state.Content { return state.Bytes([]byte(s)) }
		out := do(t, h, state.Batch{Ops: []state.Op{
			state.Mkdir{Path: p("dir"), Attrs: state.Attrs{Mode: mode(0o2750)}},
			state.Mkdir{Path: p("dir/below"), Attrs: state.Attrs{Mode: mode(0o755)}},
			state.WriteFile{Path: p("exec"), Content: c("#!/bin/sh\n"), Attrs: state.Attrs{Mode: mode(0o755)}},
			state.WriteFile{Path: p("plain"), Content: c("one\n")},
			state.SetAttrs{Path: p("plain"), Attrs: state.Attrs{Mode: mode(0o600), MTime: &when}},
			state.WriteFile{Path: p("plain"), Content: c("two\n"), Backup: p("plain.bak")},
			state.CopyFile{Src: p("exec"), Path: p("copy"), Preserve: true},
			state.Symlink{Path: p("link"), Target: "plain"},
			state.Symlink{Path: p("link"), Target: "exec", Replace: true},
			state.Symlink{Path: p("dirlink"), Target: "dir"},
			state.Symlink{Path: p("dirlink"), Target: "dir/below", Replace: true},
			state.HardLink{Path: p("hard"), Target: p("plain")},
			state.Touch{Path: p("touched"), MTime: &when, Attrs: state.Attrs{Mode: mode(0o664)}},
			state.WriteFile{Path: p("hard"), Content: c("in place\n"), InPlace: true},
			state.WriteFile{Path: p("valid"), Content: c("ok\n"), Validate: "grep -q ok %s"},
			state.WriteFile{Path: p("dirlink"), Content: c("over a link to a folder"), Attrs: state.Attrs{Mode: mode(0o644)}},
			state.Mkdir{Path: p("gone")},
			state.WriteFile{Path: p("gone/x"), Content: c("x")},
			state.Remove{Path: p("gone"), Recursive: true},
			state.Remove{Path: p("copy.not")},
			state.WriteFile{Path: p("ro"), Content: c("r"), Attrs: state.Attrs{Mode: mode(0o444)}},
			state.WriteFile{Path: p("bin"), Content: c("r\x00"), Attrs: state.Attrs{Mode: mode(0o444)}},
		}})
		allOK(t, out, 22)
		text := func(name string) string {
			b, err := os.ReadFile(p(name))
			if err != nil {
				return err.Error()
			}
			return string(b)
		}
		perm := func(name string) os.FileMode {
			i, err := os.Lstat(p(name))
			if err != nil {
				t.Error(err)
				return 0
			}
			return i.Mode()
		}
		for name, want := range map[string]string{"plain": "in place\n", "plain.bak": "one\n", "copy": "#!/bin/sh\n", "valid": "ok\n", "link": "#!/bin/sh\n", "dirlink": "over a link to a folder", "touched": ""} {
			if got := text(name); got != want {
				t.Errorf("%s holds %q, want %q", name, got, want)
			}
		}
		for name, want := range map[string]os.FileMode{
			"dir": os.ModeDir | os.ModeSetgid | 0o750, "dir/below": os.ModeDir | 0o755, "exec": 0o755, "plain": 0o600, "plain.bak": 0o600,
			"copy": 0o755, "touched": 0o664, "dirlink": 0o644, "ro": 0o444, "bin": 0o444,
		} {
			if got := perm(name); got != want {
				t.Errorf("%s has mode %v, want %v", name, got, want)
			}
		}
		if i, _ := os.Stat(p("touched")); i == nil || !i.ModTime().Equal(when) {
			t.Errorf("touched: %v", i)
		}
		if _, err := os.Stat(p("gone")); !errors.Is(err, fs.ErrNotExist) {
			t.Error("gone is still there")
		}
		if left, _ := filepath.Glob(p(".fairlead*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestStopsAtFirstFailure(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		p := func(name string) string { return filepath.Join(d, name) }
		raw := state.Bytes(bytes.Repeat([]byte{0}, 5<<20))
		out := do(t, h, state.Batch{
			Ops: []state.Op{
				state.Mkdir{Path: p("a")},
				state.WriteFile{Path: p("none/x"), Content: raw},
				state.WriteFile{Path: p("y"), Content: raw},
				state.Mkdir{Path: p("b")},
			},
			Ask: []state.Query{state.Path{Path: p("a")}, state.Path{Path: p("b")}},
		})
		if len(out.Results) != 2 || !out.Results[0].OK || out.Results[1].OK || out.Results[1].Err == nil {
			t.Fatalf("%+v", out.Results)
		}
		t.Log(out.Results[1].Msg)
		if !file(t, out, 0).IsDir() || file(t, out, 1).Exists() {
			t.Error("the batch did not stop where it should")
		}
		for _, op := range []state.Op{
			state.Mkdir{Path: "/proc/x"}, state.WriteFile{Path: "/proc/x", Content: raw}, state.WriteFile{Path: "/proc/x", Content: state.Bytes([]byte("t"))},
			state.Symlink{Path: p("a/b/c"), Target: "x"}, state.SetAttrs{Path: p("none"), Attrs: state.Attrs{Mode: mode(0o600)}}, state.Remove{Path: "/proc/1", Recursive: false},
			state.WriteFile{Path: p("a"), Content: state.Bytes([]byte("over a folder"))},
			state.WriteFile{Path: p("v"), Content: state.Bytes([]byte("bad")), Validate: "sh -c 'echo refused >&2; exit 3' %s"},
			state.WriteFile{Path: p("v"), Content: raw, Validate: "sh -c 'echo refused >&2; exit 3' %s"},
			state.SetAttrs{Path: p("a"), Attrs: state.Attrs{Owner: "nobody-there"}},
		} {
			out := do(t, h, state.Batch{Ops: []state.Op{op}})
			if len(out.Results) != 1 || out.Results[0].OK || out.Results[0].Msg == "" {
				t.Errorf("%s: %+v", op, out.Results)
				continue
			}
			if strings.Contains(out.Results[0].Msg, "records") {
				t.Errorf("%s: what carried the content talks: %s", op, out.Results[0].Msg)
			}
			t.Logf("%s: %s", op, out.Results[0].Msg)
		}
		if left, _ := filepath.Glob(p(".fairlead*")); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestExec(t *testing.T) {
	t.Setenv("LC_ALL", "C.UTF-8")
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		run := func(o state.Exec) state.OpResult {
			t.Helper()
			out := do(t, h, state.Batch{Ops: []state.Op{o}})
			if len(out.Results) != 1 {
				t.Fatalf("%+v", out)
			}
			return out.Results[0]
		}
		for _, c := range []struct {
			name     string
			op       state.Exec
			rc       int
			out, err string
		}{
			{"argv", state.Exec{Argv: []string{"echo", "a  b", "$HOME", "'"}}, 0, "a  b $HOME '\n", ""},
			{"shell", state.Exec{Shell: "echo out; echo err >&2; exit 3"}, 3, "out\n", "err\n"},
			{"chdir and env", state.Exec{Shell: "pwd; echo \"$A\"", Chdir: d, Env: []string{"A=x 'y'"}}, 0, d + "\nx 'y'\n", ""},
			{"stdin", state.Exec{Argv: []string{"cat"}, HasStdin: true, Stdin: []byte("in\nput'")}, 0, "in\nput'", ""},
			{"stdin binary", state.Exec{Argv: []string{"wc", "-c"}, HasStdin: true, Stdin: bytes.Repeat([]byte{0}, 100000)}, 0, "100000\n", ""},
			{"stdin not read", state.Exec{Argv: []string{"true"}, HasStdin: true, Stdin: bytes.Repeat([]byte{0}, 3<<20)}, 0, "", ""},
			{"stdin closed", state.Exec{Argv: []string{"cat"}}, 0, "", ""},
			{"secret text", state.Exec{Shell: "echo sec\ntr '\\0' ' ' </proc/$$/cmdline | grep -c sec", Shown: "hidden"}, 1, "sec\n0\n", ""},
			{"locale", state.Exec{Shell: "echo $LC_ALL"}, 0, "C.UTF-8\n", ""},
			{"no descriptors", state.Exec{Shell: "for i in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"}, 0, "", ""},
			{"long text", state.Exec{Shell: ": " + strings.Repeat("x", 300<<10) + "\necho done"}, 0, "done\n", ""},
			{"signal", state.Exec{Shell: "kill -9 $$"}, 137, "", ""},
		} {
			r := run(c.op)
			if !r.OK || r.RC != c.rc || string(r.Stdout) != c.out || string(r.Stderr) != c.err {
				t.Errorf("%s: ok %v rc %d stdout %q stderr %q msg %q", c.name, r.OK, r.RC, r.Stdout, r.Stderr, r.Msg)
			}
		}
		if r := run(state.Exec{Argv: []string{"no-such-program"}}); r.OK || r.Err == nil {
			t.Errorf("no such program: %+v", r)
		}
		if r := run(state.Exec{Argv: []string{"true"}, Chdir: "/none"}); r.OK || r.Err == nil {
			t.Errorf("no such folder: %+v", r)
		}
		// Commands leave processes behind that hold their output.
		out := do(t, h, state.Batch{
			Ops: []state.Op{state.Exec{Shell: "(while [ ! -e stop ]; do sleep 0.01; echo chatter; done) & echo started", Chdir: d}},
			Ask: []state.Query{state.Path{Path: d}, state.Login{}},
		})
		allOK(t, out, 1)
		if !file(t, out, 0).IsDir() {
			t.Error("no answer behind a daemon")
		}
		_ = os.WriteFile(d+"/stop", nil, 0o600)
		start := time.Now()
		r := run(state.Exec{Shell: "sleep 60", Deadline: 200 * time.Millisecond})
		if r.OK || r.Err == nil || time.Since(start) > 10*time.Second {
			t.Errorf("deadline: %+v after %s", r, time.Since(start))
		}
		r = run(state.Exec{Shell: "echo > " + d + "/detached; sleep 1", Detach: true})
		if !r.OK {
			t.Errorf("detach: %+v", r)
		}
		for i := 0; i < 100; i++ {
			if _, err := os.Stat(d + "/detached"); err == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Error("what was detached does not run")
	})
}

func TestAccountsAndTree(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		_ = os.MkdirAll(d+"/a/b", 0o750)
		_ = os.WriteFile(d+"/a/f", []byte("123"), 0o600)
		_ = os.Symlink("f", d+"/a/l")
		out := do(t, h, state.Batch{Ask: []state.Query{
			state.Login{}, state.User{Name: "root"}, state.User{Name: "0"}, state.User{Name: "nobody-there"},
			state.Group{Name: "daemon"}, state.Group{Name: "0"}, state.Group{Name: "none-such"},
			state.Tree{Path: d}, state.Tree{Path: d + "/none"}, state.Tree{Path: d + "/a/b"},
			state.Tree{Path: d, Depth: 1}, state.Tree{Path: d + "/a", Depth: 1},
		}})
		l := out.Answers[0].Value.(state.LoginInfo)
		if l.UID != os.Getuid() || l.User == "" || l.Home == "" || l.Umask == 0 {
			t.Errorf("%+v", l)
		}
		if u := out.Answers[1].Value.(state.UserInfo); !u.Exists || u.UID != 0 || u.Home != "/root" || u.Shell == "" {
			t.Errorf("%+v", u)
		}
		if u := out.Answers[2].Value.(state.UserInfo); u.Name != "root" {
			t.Errorf("%+v", u)
		}
		if u := out.Answers[3].Value.(state.UserInfo); u.Exists {
			t.Errorf("%+v", u)
		}
		if g := out.Answers[4].Value.(state.GroupInfo); !g.Exists || g.GID != 1 {
			t.Errorf("%+v", g)
		}
		if g := out.Answers[5].Value.(state.GroupInfo); g.Name != "root" {
			t.Errorf("%+v", g)
		}
		if g := out.Answers[6].Value.(state.GroupInfo); g.Exists {
			t.Errorf("%+v", g)
		}
		tree := out.Answers[7].Value.([]state.TreeEntry)
		if len(tree) != 4 || tree[0].Rel != "a" || tree[2].Rel != "a/f" || tree[2].Stat.Size != 3 || tree[2].Stat.Mode != 0o600 || tree[3].Target != "f" {
			t.Errorf("%+v", tree)
		}
		listed := slices.Clone(tree[1:])
		slices.SortFunc(listed, func(a, b state.TreeEntry) int { return a.Listed - b.Listed })
		for i, name := range listedIn(t, d+"/a") {
			if listed[i].Rel != "a/"+name {
				t.Errorf("entry %d of the folder is %s, not %s", i, listed[i].Rel, name)
			}
		}
		if out.Answers[8].Err == nil {
			t.Error("a missing tree has no error")
		}
		if tree := out.Answers[9].Value.([]state.TreeEntry); len(tree) != 0 {
			t.Errorf("%+v", tree)
		}
		if tree := out.Answers[10].Value.([]state.TreeEntry); len(tree) != 1 || tree[0].Rel != "a" {
			t.Errorf("one level: %+v", tree)
		}
		if tree := out.Answers[11].Value.([]state.TreeEntry); len(tree) != 3 || tree[2].Rel != "l" || tree[2].Target != "f" {
			t.Errorf("one level with a link: %+v", tree)
		}
	})
}

func TestKeepsOwnerAndMode(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to give files away")
	}
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		p := d + "/f"
		_ = os.WriteFile(p, []byte("1"), 0o600)
		_ = os.Chown(p, 1, 2)
		_ = os.Chmod(p, 0o640)
		for _, rely := range []bool{false, true} {
			out := do(t, h, state.Batch{Ask: []state.Query{state.Path{Path: p}}})
			b := state.Batch{Ops: []state.Op{state.WriteFile{Path: p, Content: state.Bytes([]byte("new"))}}, Ask: []state.Query{state.Path{Path: p}}}
			if rely {
				b.Rely = []state.Relied{{Path: p, Stat: file(t, out, 0).Stat}}
			}
			out = do(t, h, b)
			allOK(t, out, 1)
			if f := file(t, out, 0); f.Stat.UID != 1 || f.Stat.GID != 2 || f.Stat.Mode != 0o640 || f.Stat.Size != 3 {
				t.Errorf("rely %v: %+v", rely, f.Stat)
			}
		}
		own := state.Attrs{Owner: "daemon", Group: "bin", Mode: mode(0o4755)}
		out := do(t, h, state.Batch{Ops: []state.Op{
			state.WriteFile{Path: d + "/g", Content: state.Bytes([]byte("new")), Attrs: own},
			state.Mkdir{Path: d + "/h", Attrs: state.Attrs{Owner: "root", Group: "root", Mode: mode(0o700)}},
		}, Ask: []state.Query{state.Path{Path: d + "/g"}, state.Path{Path: d + "/h"}}})
		allOK(t, out, 2)
		if f := file(t, out, 0); f.Stat.UID != 1 || f.Stat.GID != 2 || f.Stat.Mode != 0o4755 || f.Stat.User != "daemon" || f.Stat.Group != "bin" {
			t.Errorf("%+v", f.Stat)
		}
	})
}

func TestManyFolders(t *testing.T) {
	shells(t, func(t *testing.T, h *remote.Host) {
		d := t.TempDir()
		mk := func(names ...string) []state.Op {
			var ops []state.Op
			for _, n := range names {
				ops = append(ops, state.Mkdir{Path: filepath.Join(d, n), Attrs: state.Attrs{Mode: mode(0o711)}})
			}
			return ops
		}
		is := func(n string) bool {
			i, err := os.Stat(filepath.Join(d, n))
			return err == nil && i.IsDir() && i.Mode().Perm() == 0o711
		}
		allOK(t, do(t, h, state.Batch{Ops: mk("a", "a/b", "c")}), 3)
		allOK(t, do(t, h, state.Batch{Ops: mk("e", "a", "f")}), 3)
		if !is("a/b") || !is("c") || !is("e") || !is("f") {
			t.Error("a folder is missing")
		}
		out := do(t, h, state.Batch{Ops: mk("g", "none/x", "h", "i")})
		if len(out.Results) != 2 || !out.Results[0].OK || out.Results[1].OK || !strings.Contains(out.Results[1].Msg, "none/x") {
			t.Errorf("%+v", out.Results)
		}
		if !is("g") || is("h") || is("i") {
			t.Error("the batch did not stop where it should")
		}
		_ = os.WriteFile(d+"/file", nil, 0o600)
		out = do(t, h, state.Batch{Ops: mk("j", "file", "k")})
		if len(out.Results) != 2 || out.Results[1].OK || !is("j") || is("k") {
			t.Errorf("%+v", out.Results)
		}
	})
}

// listedIn are the names in a folder as the system lists them.
func listedIn(t *testing.T, dir string) []string {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(-1)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
