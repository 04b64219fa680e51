package files

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func controller() sources {
	return sources{"/c/files/a.conf": "A\n", "/c/files/tree/x": "X", "/c/files/tree/sub/y": "Y", "/c/templates/t.j2": "T\n"}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ops, results string
		args               *value.Map
	}{
		{"a new file", `write /d/a "A\n"`, "changed=True dest=/d/a mode=0644 size=2 state=file checksum=" + sha1of("A\n"), value.M("src", "a.conf", "dest", "/d/a")},
		{"into a folder", `write /d/a.conf "A\n" 0600 owner=app`, "dest=/d/a.conf mode=0600 owner=app", value.M("src", "a.conf", "dest", "/d", "mode", "0600", "owner", "app")},
		{"into a folder that is made", `mkdir /d/n 0700; mkdir /d/n/m 0700; write /d/n/m/a.conf "A\n"`, "dest=/d/n/m/a.conf", value.M("src", "a.conf", "dest", "/d/n/m/", "directory_mode", "0700")},
		{"preserve", `write /d/a "A\n" 0640`, "mode=0640", value.M("src", "a.conf", "dest", "/d/a", "mode", "preserve")},
		{"the same content", ``, "changed=False path=/d/same dest=/d/same mode=0644 state=file", value.M("content", "S\n", "dest", "/d/same")},
		{"the same content, another mode", `set /d/same 0600`, "changed=True mode=0600 checksum=" + sha1of("S\n"), value.M("content", "S\n", "dest", "/d/same", "mode", "0600")},
		{"a file that differs keeps its mode", `write /d/old "N"`, "changed=True mode=0600 md5sum=8d9c307cb7f3c4a32822a51922d1ceaa", value.M("content", "N", "dest", "/d/old")},
		{"no force", ``, "changed=False dest=/d/old", value.M("content", "N", "dest", "/d/old", "force", false)},
		{"a link is replaced", `write /d/l "N"`, "dest=/d/l mode=0644", value.M("content", "N", "dest", "/d/l")},
		{"a link is followed", `write /d/old "N"`, "dest=/d/old mode=0600", value.M("content", "N", "dest", "/d/l", "follow", true)},
		{"no parent", `! Destination directory /no does not exist`, "", value.M("content", "N", "dest", "/no/x")},
		{"content into a folder", `! can not use content with a dir as dest`, "", value.M("content", "N", "dest", "/d")},
		{"content and src", `! src and content are mutually exclusive`, "", value.M("content", "N", "src", "a", "dest", "/d")},
		{"nothing", `! src (or content) is required`, "", value.M("dest", "/d")},
		{"a missing src", `! Could not find or access 'nope'`, "", value.M("src", "nope", "dest", "/d/")},
		{"a dict is JSON", `write /d/j "{\"a\": [1, \"\\u00e9\"]}"`, "", value.M("content", map[string]any{"a": []any{1, "é"}}, "dest", "/d/j")},
		{"a tree", `mkdir /d/tree; mkdir /d/tree/sub; write /d/tree/sub/y "Y" 0600; write /d/tree/x "X" 0600`, "changed=True dest=/d/", value.M("src", "tree", "dest", "/d", "mode", "0600")},
		{"what is in a tree", `mkdir /d/sub; write /d/sub/y "Y"; write /d/x "X"`, "changed=True src=/c/files/tree/", value.M("src", "tree/", "dest", "/d/")},
		{"a copy on the host", `copy /d/old to /d/c`, "changed=True mode=0644 src=/d/old size=3", value.M("src", "/d/old", "dest", "/d/c", "remote_src", true)},
		{"a copy on the host that is there", ``, "changed=False", value.M("src", "/d/old", "dest", "/d/old2", "remote_src", true)},
		{"nothing to copy on the host", `! Source /d/none not found`, "", value.M("src", "/d/none", "dest", "/d/c", "remote_src", true)},
		{"bad validate", `! validate must contain %s: true`, "", value.M("content", "x", "dest", "/d/c", "validate", "true")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.in.Sources = controller()
			h.file("/d/same", "S\n", 0o644)
			h.file("/d/old", "old", 0o600)
			h.file("/d/old2", "old", 0o600)
			h.link("/d/l", "old")
			check(t, h, Copy(), c.args, c.ops, c.results, false)
		})
	}
}

func sha1of(s string) string { a, _ := sums(s); return a }

func TestCopyBackupValidateDiff(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/f", "old\n", 0o644)
	c, err := h.plan(Copy(), value.M("content", "new\n", "dest", "/d/f", "backup", true, "validate", "check %s"))
	if err != nil {
		t.Fatal(err)
	}
	w := c.Ops[0].(state.WriteFile)
	if w.Backup != get(c, "backup_file") || !strings.HasSuffix(w.Backup, ".2026-01-02@03:04:05~") || w.Validate != "check %s" {
		t.Errorf("backup %q validate %q", w.Backup, w.Validate)
	}
	if len(c.Diff) != 1 || c.Diff[0].Before != "old\n" || c.Diff[0].After != "new\n" || c.Diff[0].BeforeHeader != "/d/f" {
		t.Errorf("diff = %+v", c.Diff)
	}
	f := c.Failed(0, state.OpResult{RC: 3, Stderr: []byte("bad")})
	if f == nil || f.Msg != "failed to validate" {
		t.Errorf("failure = %+v", f)
	}
}

func TestSecretContentIsNotShown(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	c, err := h.plan(Copy(), value.M("content", value.String("pw").WithMarks(value.Secret), "dest", "/d/s"))
	if err != nil || len(c.Diff) != 1 || c.Diff[0].Note != "secret" || c.Diff[0].After != "" {
		t.Errorf("diff = %+v, %v", c.Diff, err)
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ops, results string
		args               *value.Map
	}{
		{"new", `write /d/t "T\n" 0600`, "changed=True dest=/d/t mode=0600 checksum=" + sha1of("T\n"), value.M("src", "t.j2", "dest", "/d/t", "mode", "0600")},
		{"into a folder", `write /d/t.j2 "T\n"`, "dest=/d/t.j2", value.M("src", "t.j2", "dest", "/d")},
		{"unchanged", ``, "changed=False", value.M("src", "t.j2", "dest", "/d/same")},
		{"missing", `! Could not find or access 'n.j2'`, "", value.M("src", "n.j2", "dest", "/d/t")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.in.Sources = controller()
			h.file("/d/same", "T\n", 0o644)
			check(t, h, Template(), c.args, c.ops, c.results, false)
		})
	}
}

func TestStatAndSlurp(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/f", "hi", 0o640)
	h.link("/d/l", "f")
	c := check(t, h, Stat(), value.M("path", "/d/f"), "", "changed=False", false)
	st, _ := c.Result.Get("stat")
	for k, want := range map[string]string{"exists": "True", "checksum": sha1of("hi"), "mode": "0640", "isreg": "True", "size": "2", "pw_name": "root", "rgrp": "True"} {
		if v, _ := st.Get(k); v.Text() != want {
			t.Errorf("%s = %s, want %s", k, v.Text(), want)
		}
	}
	c = check(t, h, Stat(), value.M("path", "/d/l", "checksum_algorithm", "sha512"), "", "", false)
	st, _ = c.Result.Get("stat")
	if v, _ := st.Get("lnk_target"); v.Str() != "f" || !v.IsUnsafe() {
		t.Errorf("lnk_target = %v", v)
	}
	c = check(t, h, Stat(), value.M("path", "/d/none"), "", "", false)
	if st, _ = c.Result.Get("stat"); st.Repr() != "{'exists': False}" {
		t.Errorf("stat of nothing = %s", st.Repr())
	}
	c = check(t, h, Slurp(), value.M("src", "/d/f"), "", "content=aGk= encoding=base64 source=/d/f", false)
	if v, _ := c.Result.Get("content"); !v.IsUnsafe() {
		t.Error("what comes from the host is not marked unsafe")
	}
	check(t, h, Slurp(), value.M("src", "/d/none"), "! file not found: /d/none", "", false)
	check(t, h, Slurp(), value.M("src", "/d"), "! source is a directory and must be a file: /d", "", false)
}
