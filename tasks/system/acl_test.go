package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestACL(t *testing.T) {
	t.Parallel()
	h := &fakeHost{files: map[string]string{"/f": "x"}, out: state.OutputInfo{Stdout: "/f: u::rw-,u:app:r--,*\n"}, said: state.OpResult{Stdout: []byte("user::rw-\nuser:app:r--\n\n")}}
	_, r, err := h.run(t, ACL(), value.M("path", "/f", "entry", "u:app:r", "state", "present"))
	acl, _ := r.Get("acl")
	if err != nil || !changed(r) || acl.Repr() != "['user::rw-', 'user:app:r--']" ||
		!slices.Equal(h.ran, []string{"setfacl -m user:app:r /f", "getfacl --omit-header --absolute-names /f"}) {
		t.Errorf("%v %q %s", err, h.ran, value.FromMap(r).Repr())
	}
	h = &fakeHost{files: map[string]string{"/f": "x"}, out: state.OutputInfo{Stdout: "/f: *,*\n"}}
	if c, r, err := h.run(t, ACL(), value.M("path", "/f", "entity", "app", "etype", "user", "state", "absent", "default", true)); err != nil || changed(r) || len(c.Ops) > 0 {
		t.Errorf("no change: %v %q", err, h.ran)
	}
	for want, args := range map[string]*value.Map{
		"Path not found or not accessible.":                         value.M("path", "/none"),
		"'etype' MUST be set when 'state=present'.":                 value.M("path", "/f", "state", "present"),
		"'entry' MUST NOT be set when 'state=query'.":               value.M("path", "/f", "entry", "u:a:r"),
		"'entry' MUST have 3 or 4 sections":                         value.M("path", "/f", "entry", "u:a", "state", "present"),
		"'recursive' MUST NOT be set when 'state=query'.":           value.M("path", "/f", "recursive", true),
		"'permissions' MUST NOT be set when 'state=absent'.":        value.M("path", "/f", "state", "absent", "permissions", "r", "etype", "user", "entity", "a"),
		"'entry' begins with no kind that is known: x:app:r":        value.M("path", "/f", "entry", "x:app:r", "state", "present"),
		"'entry' MUST NOT be set when 'entity', 'etype' or 'permis": value.M("path", "/f", "entry", "u:a:r", "entity", "a", "state", "present"),
	} {
		_, _, err := h.run(t, ACL(), args)
		failsWith(t, err, want)
	}
	h.out = state.OutputInfo{RC: 127, Stderr: "Failed to find required executable \"getfacl\"\n"}
	_, _, err = h.run(t, ACL(), value.M("path", "/f"))
	failsWith(t, err, "Failed to find required executable")
}

const editors = `editor - auto mode
  link best version is /usr/bin/vim
  link currently points to /usr/bin/vim
  link editor is /usr/bin/editor
  slave editor.1.gz is /usr/share/man/man1/editor.1.gz
/bin/ed - priority -100
/usr/bin/nano - priority 40
  slave editor.1.gz: /usr/share/man/man1/nano.1.gz
/usr/bin/vim - priority 50
`

func TestAlternatives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out  string
		args *value.Map
		want string // the commands
	}{
		"selected already": {editors, value.M("path", "/usr/bin/vim"), ""},
		"another":          {editors, value.M("path", "/usr/bin/nano"), "--set editor /usr/bin/nano"},
		"new":              {editors, value.M("path", "/usr/bin/e3", "state", "present"), "--install /usr/bin/editor editor /usr/bin/e3 50"},
		"first":            {"", value.M("path", "/usr/bin/e3", "link", "/l", "priority", 7), "--install /l editor /usr/bin/e3 7; --set editor /usr/bin/e3"},
		"priority":         {editors, value.M("path", "/usr/bin/nano", "priority", 9, "state", "present"), "--install /usr/bin/editor editor /usr/bin/nano 9 --slave /usr/share/man/man1/editor.1.gz editor.1.gz /usr/share/man/man1/nano.1.gz"},
		"auto":             {strings.Replace(editors, "auto mode", "manual mode", 1), value.M("path", "/usr/bin/vim", "state", "auto"), "--auto editor"},
		"auto already":     {editors, value.M("path", "/usr/bin/vim", "state", "auto"), ""},
		"absent":           {editors, value.M("path", "/usr/bin/nano", "state", "absent"), "--remove editor /usr/bin/nano"},
		"absent already":   {editors, value.M("path", "/usr/bin/e3", "state", "absent"), ""},
		"no program":       {editors, value.M("path", "/none"), "! Specified path /none does not exist"},
		"no link":          {"", value.M("path", "/usr/bin/e3"), "! Needed to install the alternative"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &fakeHost{files: map[string]string{"/usr/bin/vim": "x", "/usr/bin/nano": "x", "/usr/bin/e3": "x"}, out: state.OutputInfo{Stdout: c.out}}
			if c.out == "" {
				h.out.RC = 2
			}
			c.args.Set("name", value.String("editor"))
			_, r, err := h.run(t, Alternatives(), c.args)
			if msg, fails := strings.CutPrefix(c.want, "! "); fails {
				failsWith(t, err, msg)
				return
			}
			got := strings.ReplaceAll(strings.Join(h.ran, "; "), "update-alternatives ", "")
			if err != nil || got != c.want || changed(r) != (c.want != "") {
				t.Errorf("%v: %s\nwant %s", err, got, c.want)
			}
		})
	}
	h := &fakeHost{files: map[string]string{"/usr/bin/nano": "x"}, out: state.OutputInfo{Stdout: editors}, said: state.OpResult{RC: 2, Stderr: []byte("no")}}
	_, _, err := h.run(t, Alternatives(), value.M("name", "editor", "path", "/usr/bin/nano"))
	failsWith(t, err, "no")
}
