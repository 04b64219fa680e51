package files

import (
	"os"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestRecorded compares edits with what real Ansible made of the same text;
// testdata was recorded from ansible-core 2.14 with community.general.
func TestRecorded(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]module.Module{"lineinfile": LineInFile(), "ini_file": IniFile()} {
		data, err := os.ReadFile("testdata/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		cases, err := value.ParseJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cases.Items() {
			recorded(t, m, c)
		}
	}
}

func recorded(t *testing.T, m module.Module, c value.Value) {
	before, _ := c.Get("before")
	after, _ := c.Get("after")
	args, _ := c.Get("args")
	want, _ := c.Get("result")
	a := args.Map().Clone()
	a.Set("path", value.String("/d/f"))
	h := newHost(t)
	h.file("/d/f", before.Str(), 0o644)
	name := m.Spec().Name + " " + args.Repr() + " on " + before.Repr()
	got, err := h.plan(m, a)
	if failed, _ := want.Get("failed"); failed.Truthy() {
		if err == nil {
			t.Errorf("%s: no failure", name)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	text := before.Str()
	for _, op := range got.Ops {
		text = string(op.(state.WriteFile).Content.Data)
	}
	if text != after.Str() {
		t.Errorf("%s:\n got %q\nwant %q", name, text, after.Str())
	}
	for k, v := range want.Map().All() {
		if g := get(got, k.Str()); k.Str() != "failed" && g != v.Text() {
			t.Errorf("%s: %s = %q, want %q", name, k.Str(), g, v.Text())
		}
	}
}

func TestEditsFail(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/f", "a\n", 0o644)
	line, ini := LineInFile(), IniFile()
	check(t, h, line, value.M("path", "/d/none", "line", "x"), "! Destination /d/none does not exist !", "", false)
	check(t, h, line, value.M("path", "/d/none", "line", "x", "create", true, "mode", "0600"), `write /d/none "x\n" 0600`,
		"changed=True backup=", false)
	check(t, h, line, value.M("path", "/d", "line", "x"), "! Path /d is a directory !", "", false)
	check(t, h, line, value.M("path", "/d/f"), "! line is required with state=present", "", false)
	check(t, h, line, value.M("path", "/d/f", "state", "absent"), "! one of line, search_string, or regexp is required with state=absent", "", false)
	check(t, h, line, value.M("path", "/d/f", "line", "x", "regexp", "("), `! regexp "("`, "", false)
	check(t, h, line, value.M("path", "/d/f", "line", "a", "mode", "0600"), "set /d/f 0600", "changed=True", false)
	check(t, h, ini, value.M("path", "/d/none2", "option", "x", "value", "1", "create", false), "! Destination /d/none2 does not exist!", "", false)
	check(t, h, ini, value.M("path", "/d/none3/x", "section", "s", "option", "x", "value", "1"), `mkdir /d/none3; write /d/none3/x "\n[s]\nx = 1\n"`, "state=file mode=0644", false)
	check(t, h, ini, value.M("path", "/d/f", "option", "x"), "! Parameter 'value(s)' must be defined", "", false)
}
