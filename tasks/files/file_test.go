package files

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		args    *value.Map
		ops     string // expected operations, or "! message" of a failure
		results string // "key=value ..."
		repeats bool   // changes each time
	}{
		{"make a folder", value.M("path", "/d/new", "state", "directory"), "mkdir /d/new", "changed=True mode=0755 state=directory owner=root", false},
		{"make missing folders with the mode", value.M("path", "/d/x/y", "state", "directory", "mode", "0750", "owner", "app"),
			"mkdir /d/x 0750 owner=app; mkdir /d/x/y 0750 owner=app", "mode=0750 uid=1000 owner=app", false},
		{"a folder that is there", value.M("path", "/d", "state", "directory", "mode", "u=rwx,go=rx"), "", "changed=False path=/d size=4096", false},
		{"a folder where a file is", value.M("path", "/d/f", "state", "directory"), "! /d/f already exists as a file", "", false},
		{"a folder below a file", value.M("path", "/d/f/x", "state", "directory"), "! There was an issue creating /d/f/x as requested: [Errno 20] Not a directory: b'/d/f/x'", "", false},
		{"mode of a file", value.M("path", "/d/f", "mode", 384), "set /d/f 0600", "changed=True mode=0600 state=file path=/d/f", false},
		{"symbolic mode", value.M("path", "/d/f", "mode", "g+w,o="), "set /d/f 0660", "mode=0660", false},
		{"a bad mode", value.M("path", "/d/f", "mode", "u+q"), "! mode must be in octal or symbolic form", "", false},
		{"an unknown owner", value.M("path", "/d/f", "owner", "nobody9"), "! chown failed: failed to look up user nobody9", "", false},
		{"a missing file", value.M("path", "/d/none"), "! file (/d/none) is absent, cannot continue", "", false},
		{"remove a file", value.M("path", "/d/f", "state", "absent"), "remove /d/f", "changed=True state=absent", false},
		{"remove nothing", value.M("path", "/d/none", "state", "absent"), "", "changed=False state=absent path=/d/none", false},
		{"touch a new file", value.M("path", "/d/t", "state", "touch", "mode", "0600"), "touch /d/t 0600", "changed=True dest=/d/t mode=0600 size=0", true},
		{"touch in no folder", value.M("path", "/d/no/t", "state", "touch"), "! Error, could not touch target: [Errno 2] No such file or directory: b'/d/no/t'", "", false},
		{"touch that preserves", value.M("path", "/d/f", "state", "touch", "access_time", "preserve", "modification_time", "preserve"), "", "changed=False", false},
		{"a new link", value.M("path", "/d/l2", "src", "f", "state", "link"), "link /d/l2 -> f", "changed=True dest=/d/l2 src=f state=link mode=0777 size=1", false},
		{"a link that is right", value.M("path", "/d/l", "src", "f", "state", "link"), "", "changed=False", false},
		{"a link to elsewhere", value.M("path", "/d/l", "src", "/d/none", "state", "link"), `! src file does not exist, use "force=yes" if you really want to create the link: /d/none`, "", false},
		{"a link by force", value.M("path", "/d/l", "src", "/d/none", "state", "link", "force", true, "follow", false), "link /d/l -> /d/none", "changed=True", false},
		{"a link to what is at home", value.M("path", "/d/l3", "src", "$HOME/x", "state", "link", "force", true, "follow", false), "link /d/l3 -> /root/x", "changed=True src=/root/x", false},
		{"a link in place of a file", value.M("path", "/d/f", "src", "/d", "state", "link"), "! refusing to convert from file to symlink for /d/f", "", false},
		{"attributes through a link", value.M("path", "/d/l", "mode", "0600", "state", "file"), "set /d/f 0600", "path=/d/f mode=0600", false},
		{"src without state", value.M("path", "/d/f", "src", "/x"), "! src option requires state to be 'link' or 'hard'", "", false},
		{"recurse", value.M("path", "/d/tree", "state", "directory", "recurse", true, "mode", "u=rwX,go=rX"), "set /d/tree/a 0644; set /d/tree/s 0755", "changed=True", true},
		{"a hard link", value.M("path", "/d/h", "src", "/d/f", "state", "hard"), "hard link /d/h = /d/f", "changed=True dest=/d/h state=hard", true},
		{"a slash at the end is told", value.M("path", "/d/new/", "state", "directory"), "mkdir /d/new", "changed=True path=/d/new/", false},
		{"home", value.M("path", "~/x", "state", "absent"), "", "path=/root/x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", "hi\n", 0o640)
			h.link("/d/l", "f")
			h.dir("/d/tree", 0o755)
			h.file("/d/tree/a", "", 0o600)
			h.dir("/d/tree/s", 0o700)
			check(t, h, File(), c.args, c.ops, c.results, c.repeats)
		})
	}
}

// check plans a task and compares operations and result, and that a second
// plan is clean.
func check(t *testing.T, h *host, m module.Module, args *value.Map, ops, results string, repeats bool) module.Change {
	t.Helper()
	want, fails := strings.CutPrefix(ops, "! ")
	if fails {
		_, err := h.plan(m, args)
		if f, ok := errors.AsType[*module.Failure](err); !ok || !strings.HasPrefix(f.Msg, want) {
			t.Fatalf("got %v, want a failure %q", err, want)
		}
		return module.Change{}
	}
	var c module.Change
	if repeats {
		var err error
		if c, err = h.plan(m, args); err != nil {
			t.Fatal(err)
		}
	} else {
		c = h.twice(m, args)
	}
	if got := opsText(c.Ops); got != want {
		t.Errorf("operations: %s\nwant: %s", got, want)
	}
	for _, kv := range strings.Fields(results) {
		k, v, _ := strings.Cut(kv, "=")
		if got := get(c, k); got != v {
			t.Errorf("%s = %s, want %s", k, got, v)
		}
	}
	return c
}

func TestFileSetgidParent(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	n := h.nodes["/d"]
	n.Mode, n.GID, n.Group = 0o2775, 50, "staff"
	h.nodes["/d"] = n
	c := h.twice(File(), value.M("path", "/d/x", "state", "directory"))
	if get(c, "mode") != "02755" || get(c, "group") != "staff" {
		t.Errorf("mode %s group %s", get(c, "mode"), get(c, "group"))
	}
	c = h.twice(Copy(), value.M("content", "x", "dest", "/d/y"))
	if get(c, "group") != "root" || !strings.Contains(opsText(c.Ops), "group=0") {
		t.Errorf("copy into a setgid folder: group %s, %s", get(c, "group"), opsText(c.Ops))
	}
}

func TestFileDiffAndTrap(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/f", "", 0o644)
	c, err := h.plan(File(), value.M("path", "/d/f", "mode", 644))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "01204") {
		t.Errorf("warnings = %q", c.Warnings)
	}
	want := "{\n    \"mode\": \"0644\",\n    \"path\": \"/d/f\"\n}\n"
	if len(c.Diff) != 1 || c.Diff[0].Before != want {
		t.Errorf("diff = %+v", c.Diff)
	}
}
