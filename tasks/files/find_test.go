package files

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestFind: what is found and how many are examined come from runs of
// ansible-core 2.14.18 over the same tree.
func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		args     *value.Map
		found    string
		examined string
	}{
		{"the folder", value.M(), "f.txt old.txt", "7"},
		{"shell patterns", value.M("patterns", "*.txt,*.log", "recurse", true), "f.txt old.txt .hid/h2.txt sub/n.log sub/deep/h.txt sub/deep/er/q.txt", "13"},
		{"a set", value.M("patterns", "[!f]*.txt"), "old.txt", "7"},
		{"regular expressions", value.M("patterns", `.*\.txt`, "use_regex", true, "recurse", true, "hidden", true), "f.txt old.txt .hid/h2.txt sub/deep/h.txt sub/deep/er/q.txt", "13"},
		{"they start at the start", value.M("patterns", `\.txt`, "use_regex", true, "recurse", true), "", "13"},
		{"and need not go to the end", value.M("patterns", []string{"f", "^o"}, "use_regex", true), "f.txt old.txt", "7"},
		{"depth", value.M("recurse", true, "depth", 2), "f.txt old.txt .hid/h2.txt sub/n.log", "12"},
		{"folders", value.M("recurse", true, "file_type", "directory"), "sub sub/deep sub/deep/er", "13"},
		{"anything but", value.M("recurse", true, "file_type", "any", "excludes", "*.log"), "f.txt lnk old.txt dl sub .hid/h2.txt sub/deep sub/deep/h.txt sub/deep/er sub/deep/er/q.txt", "13"},
		{"links", value.M("recurse", true, "file_type", "link"), "lnk dl", "13"},
		{"old", value.M("recurse", true, "age", "1d"), "old.txt", "13"},
		{"new", value.M("recurse", true, "age", "-1d"), "f.txt .hid/h2.txt sub/n.log sub/deep/h.txt sub/deep/er/q.txt", "13"},
		{"big", value.M("recurse", true, "size", "5"), "f.txt .hid/h2.txt sub/deep/h.txt", "13"},
		{"small", value.M("recurse", true, "size", "-4b"), "old.txt sub/n.log sub/deep/er/q.txt", "13"},
		{"size counts for files", value.M("recurse", true, "size", "1k", "file_type", "any"), "lnk dl sub sub/deep sub/deep/er", "13"},
		{"contains from the start", value.M("recurse", true, "contains", "wor"), "", "13"},
		{"contains a line", value.M("recurse", true, "contains", ".*wor"), "sub/deep/h.txt", "13"},
		{"contains, whole", value.M("recurse", true, "contains", "wor", "read_whole_file", true), "sub/deep/h.txt", "13"},
		{"contains across lines", value.M("recurse", true, "contains", "d.foo", "read_whole_file", true), "", "13"},
		{"hidden", value.M("hidden", true), ".dot f.txt old.txt", "7"},
		{"through a link", value.M("paths", "/d/dl"), "dl/n.log", "2"},
		{"follow", value.M("recurse", true, "follow", true), "f.txt old.txt .hid/h2.txt dl/n.log dl/deep/h.txt dl/deep/er/q.txt sub/n.log sub/deep/h.txt sub/deep/er/q.txt", "18"},
		{"no folder", value.M("paths", "/d/f.txt,/d/none"), "", "0"},
		{"mode", value.M("mode", "0600"), "", "7"},
		{"symbolic mode", value.M("mode", "u=rw,go=r"), "f.txt old.txt", "7"},
		{"any bit of a mode", value.M("mode", "u+w", "exact_mode", false), "f.txt old.txt", "7"},
		{"limit", value.M("recurse", true, "limit", 3), "f.txt old.txt .hid/h2.txt", "13"},
		{"bad age", value.M("age", "bad"), "! failed to process age", ""},
		{"bad size", value.M("size", "bad"), "! failed to process size", ""},
		{"bad pattern", value.M("patterns", "(", "use_regex", true), "! pattern \"(\"", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := findHost(t)
			if !c.args.Has("paths") {
				c.args.Set("paths", value.String("/d"))
			}
			if strings.HasPrefix(c.found, "! ") {
				check(t, h, Find(), c.args, c.found, "", false)
				return
			}
			got := check(t, h, Find(), c.args, "", "changed=False examined="+c.examined, false)
			files, _ := got.Result.Get("files")
			var names []string
			for _, f := range files.Items() {
				p, _ := f.Get("path")
				names = append(names, strings.TrimPrefix(p.Text(), "/d/"))
			}
			if found := strings.Join(names, " "); found != c.found {
				t.Errorf("found %s, want %s", found, c.found)
			}
			if skips := c.examined == "0"; skips != (len(got.Warnings) == 2) || skips != (get(got, "msg") != "All paths examined") {
				t.Errorf("msg %s, warnings %q", get(got, "msg"), got.Warnings)
			}
		})
	}
}

func findHost(t *testing.T) *host {
	h := newHost(t)
	for _, d := range []string{"/d/sub", "/d/sub/deep", "/d/sub/deep/er", "/d/.hid"} {
		h.dir(d, 0o755)
	}
	for p, text := range map[string]string{"f.txt": "a\nb\nc\n", "sub/n.log": "x\ny", "sub/deep/h.txt": "hello world\nfoo\n",
		".hid/h2.txt": "0123456789", "old.txt": "", ".dot": "1\n", "sub/deep/er/q.txt": "q\n"} {
		h.file("/d/"+p, text, 0o644)
		n := h.nodes["/d/"+p]
		n.MTime = h.in.Now
		if p == "old.txt" {
			n.MTime = h.in.Now.Add(-48 * time.Hour)
		}
		h.nodes["/d/"+p] = n
	}
	h.link("/d/lnk", "f.txt")
	h.link("/d/dl", "sub")
	return h
}

func TestFindChecksum(t *testing.T) {
	t.Parallel()
	h := findHost(t)
	c, err := h.plan(Find(), value.M("paths", "/d", "patterns", "f.*", "get_checksum", true))
	if err != nil {
		t.Fatal(err)
	}
	files, _ := c.Result.Get("files")
	f := files.Items()[0]
	want, _ := sums("a\nb\nc\n")
	if sum, _ := f.Get("checksum"); sum.Text() != want {
		t.Errorf("checksum %s, want %s", sum.Text(), want)
	}
	for _, k := range strings.Fields("atime ctime dev gid gr_name inode isblk ischr isdir isfifo isgid islnk isreg issock isuid mode mtime nlink path pw_name rgrp roth rusr size uid wgrp woth wusr xgrp xoth xusr") {
		if _, ok := f.Get(k); !ok {
			t.Errorf("no %s", k)
		}
	}
	if f.Map().Len() != 32 {
		t.Errorf("%d fields", f.Map().Len())
	}
}

// A folder that may not be read is skipped, and the rest is found.
func TestFindUnreadable(t *testing.T) {
	t.Parallel()
	h := findHost(t)
	h.dir("/d/locked", 0o700)
	h.dir("/none", 0o711)
	h.login = state.LoginInfo{User: "app", UID: 1000, GID: 1000, Home: "/home/app"}
	c := h.twice(Find(), value.M("paths", []any{"/d", "/none"}, "patterns", "*.log", "recurse", true))
	const want = "{'/d/locked': \"[Errno 13] Permission denied: '/d/locked'\", '/none': \"[Errno 13] Permission denied: '/none'\"}"
	if got := get(c, "skipped_paths"); got != want || get(c, "matched") != "1" || len(c.Warnings) != 2 {
		t.Errorf("skipped %s, matched %s, warnings %q", got, get(c, "matched"), c.Warnings)
	}
	h.login = state.LoginInfo{User: "root"}
	h.view = state.NewHostView()
	if got := get(h.twice(Find(), value.M("paths", "/d", "recurse", true)), "skipped_paths"); got != "{}" {
		t.Errorf("root skipped %s", got)
	}
}

// What is found comes in the order in which the host lists its folders.
func TestFindOrder(t *testing.T) {
	t.Parallel()
	h := findHost(t)
	h.listed = map[string]int{"/d/old.txt": 1, "/d/sub": 2, "/d/f.txt": 3, "/d/.hid": 4}
	files, _ := h.twice(Find(), value.M("paths", "/d", "patterns", "*.txt", "recurse", true)).Result.Get("files")
	var names []string
	for _, f := range files.Items() {
		p, _ := f.Get("path")
		names = append(names, strings.TrimPrefix(p.Text(), "/d/"))
	}
	if got, want := strings.Join(names, " "), "old.txt f.txt sub/deep/h.txt sub/deep/er/q.txt .hid/h2.txt"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}
