package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const b0, b1 = "# BEGIN ANSIBLE MANAGED BLOCK\n", "# END ANSIBLE MANAGED BLOCK\n"

// TestBlockInFile: the texts come from runs of ansible-core 2.14.18.
func TestBlockInFile(t *testing.T) {
	t.Parallel()
	m := func(kv ...any) *value.Map { return value.M(append([]any{"marker", "# {mark}"}, kv...)...) }
	for name, c := range map[string]struct {
		old     string
		args    *value.Map
		want    string // the new text, or "! failure"
		changed string
	}{
		"append":                {"a\nb", value.M("block", "l1\nl2"), "a\nb\n" + b0 + "l1\nl2\n" + b1, "Block inserted"},
		"is there":              {"a\n" + b0 + "l1\n" + b1, value.M("block", "l1\n"), "", ""},
		"empty file":            {"", value.M("block", "e"), b0 + "e\n" + b1, "Block inserted"},
		"replaced":              {"x\n" + b0 + "old\n" + b1 + "y\n", value.M("block", "n\n\n"), "x\n" + b0 + "n\n\n" + b1 + "y\n", "Block inserted"},
		"removed by no block":   {"x\n" + b0 + "old\n" + b1 + "y\n", value.M("block", ""), "x\ny\n", "Block removed"},
		"removed":               {"x\n" + b0 + "old\n" + b1 + "y\n", value.M("block", "z", "state", "absent"), "x\ny\n", "Block removed"},
		"nothing to remove":     {"x\n", value.M("state", "absent"), "", ""},
		"only a line's end":     {"x\ny", value.M("state", "absent"), "x\ny\n", "Block removed"},
		"before all":            {"x\n", value.M("block", "n", "insertbefore", "BOF"), b0 + "n\n" + b1 + "x\n", "Block inserted"},
		"behind a match":        {"x\ny", value.M("block", "n", "insertafter", "^x"), "x\n" + b0 + "n\n" + b1 + "y", "Block inserted"},
		"behind the last line":  {"k1", value.M("block", "n", "insertafter", "k1"), "k1\n" + b0 + "n\n" + b1, "Block inserted"},
		"before the last match": {"k1\nk2\n", value.M("block", "n", "insertbefore", "k"), "k1\n" + b0 + "n\n" + b1 + "k2\n", "Block inserted"},
		"no match":              {"x\ny\n", value.M("block", "n", "insertbefore", "^z"), "x\ny\n" + b0 + "n\n" + b1, "Block inserted"},
		"multiline after":       {"k1\nk2\nk3\n", value.M("block", "n", "insertafter", "(?m)k1\nk2"), "k1\nk2\n" + b0 + "n\n" + b1 + "k3\n", "Block inserted"},
		"multiline line end":    {"k1\nk2\n", value.M("block", "n", "insertafter", "(?m)k1$"), "k1\n" + b0 + "n\n" + b1 + "k2\n", "Block inserted"},
		"multiline before":      {"k1\nk2\nk3\n", value.M("block", "n", "insertbefore", "(?m)k2\nk3"), "k1\n" + b0 + "n\n" + b1 + "k2\nk3\n", "Block inserted"},
		"end marker first":      {"# E\nm\n# B\nz\n", m("block", "n", "marker_begin", "B", "marker_end", "E"), "# B\nn\n# E\nz\n", "Block inserted"},
		"two blocks":            {"# B\n1\n# E\n# B\n2\n# E\nz\n", m("block", "n", "marker_begin", "B", "marker_end", "E"), "# B\n1\n# E\n# B\nn\n# E\nz\n", "Block inserted"},
		"one marker":            {"a\n# B\nb\n", m("block", "n", "marker_begin", "B", "marker_end", "E"), "a\n# B\nb\n# B\nn\n# E\n", "Block inserted"},
		"end without newline":   {"# B\no\n# E", m("block", "n", "marker_begin", "B", "marker_end", "E"), "# B\no\n# E\n# B\nn\n# E\n", "Block inserted"},
		"empty lines around":    {"x\ny\n", value.M("block", "n", "insertafter", "x", "prepend_newline", true, "append_newline", true), "x\n\n" + b0 + "n\n" + b1 + "\ny\n", "Block inserted"},
		"empty lines are there": {"x\n\n" + b0 + "n\n" + b1 + "\ny\n", value.M("block", "n", "prepend_newline", true, "append_newline", true), "", ""},
		"no empty line at ends": {"", value.M("block", "n", "prepend_newline", true, "append_newline", true), b0 + "n\n" + b1, "Block inserted"},
		"bad pattern":           {"x", value.M("block", "n", "insertafter", "("), "! \"(\"", ""},
		"validate without %s":   {"x", value.M("block", "n", "validate", "cat x"), "! validate must contain %s: cat x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", c.old, 0o644)
			c.args.Set("path", value.String("/d/f"))
			edited(t, h, BlockInFile(), c.args, c.want, c.changed)
		})
	}
}

// edited checks what becomes of /d/f.
func edited(t *testing.T, h *host, m module.Module, args *value.Map, want, msg string) {
	t.Helper()
	if len(want) > 1 && want[:2] == "! " {
		check(t, h, m, args, want, "", false)
		return
	}
	c := h.twice(m, args)
	if got := get(c, "msg"); got != msg {
		t.Errorf("msg %q, want %q", got, msg)
	}
	if want != "" {
		want = "write /d/f " + value.String(want).Repr()
	}
	if got := writes(c); got != want {
		t.Errorf("operations: %s\nwant: %s", got, want)
	}
}

func TestBlockInFileAround(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		args          *value.Map
		ops, results  string
		repeatedlyNew bool
	}{
		{"missing", value.M("path", "/d/no", "block", "n"), "! Path /d/no does not exist !", "", false},
		{"missing, to be absent", value.M("path", "/d/no", "state", "absent"), "! Path /d/no does not exist !", "", false},
		{"missing, absent, create", value.M("path", "/d/no", "state", "absent", "create", true), "", "changed=False", false},
		{"a folder", value.M("path", "/d", "block", "n"), "! Path /d is a directory !", "", false},
		{"created", value.M("path", "/d/s/no", "block", "n", "create", true, "mode", "0600"), "mkdir /d/s; write /d/s/no \"# BEGIN ANSIBLE MANAGED BLOCK\\nn\\n# END ANSIBLE MANAGED BLOCK\\n\" 0600", "changed=True", false},
		{"created empty", value.M("path", "/d/no", "create", true), "write /d/no \"\"", "changed=True", false},
		{"only the mode", value.M("path", "/d/f", "block", "", "mode", "0600"), "set /d/f 0600", "changed=True", false},
		{"through a link", value.M("path", "/d/l", "block", "n", "backup", true), "write /d/f \"x\\n# BEGIN ANSIBLE MANAGED BLOCK\\nn\\n# END ANSIBLE MANAGED BLOCK\\n\"", "backup_file=/d/l.1000.2026-01-02@03:04:05~", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", "x\n", 0o644)
			h.link("/d/l", "f")
			check(t, h, BlockInFile(), c.args, c.ops, c.results, c.repeatedlyNew)
		})
	}
}

// writes is what is written, as Python would write the text.
func writes(c module.Change) string {
	out := ""
	for _, op := range c.Ops {
		w, ok := op.(state.WriteFile)
		if !ok {
			return opsText(c.Ops)
		}
		out += "write " + w.Path + " " + value.String(string(w.Content.Data)).Repr()
	}
	return out
}
