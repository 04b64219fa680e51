package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// TestReplace: the texts come from runs of ansible-core 2.14.18.
func TestReplace(t *testing.T) {
	t.Parallel()
	const text = "a\nb\nl1 é1\nl2\nb\n"
	for name, c := range map[string]struct {
		args *value.Map
		want string
		msg  string
	}{
		"each line":        {value.M("regexp", "^b$", "replace", `B\g<0>`), "a\nBb\nl1 é1\nl2\nBb\n", "2 replacements made"},
		"clean":            {value.M("regexp", "^q$", "replace", "z"), "", ""},
		"removed":          {value.M("regexp", `^b\n`), "a\nl1 é1\nl2\n", "2 replacements made"},
		"a character":      {value.M("regexp", " (.)1", "replace", ` \1`), "a\nb\nl1 é\nl2\nb\n", "1 replacements made"},
		"same text":        {value.M("regexp", "a", "replace", "a"), "", ""},
		"between":          {value.M("regexp", "l", "after", "b", "before", "l2", "replace", "L"), "a\nb\nL1 é1\nl2\nb\n", "1 replacements made"},
		"behind":           {value.M("regexp", "^b$", "after", "l2", "replace", "c"), "a\nb\nl1 é1\nl2\nc\n", "1 replacements made"},
		"before the last":  {value.M("regexp", "^b$", "before", "l2", "replace", "c"), "a\nc\nl1 é1\nl2\nb\n", "1 replacements made"},
		"no such part":     {value.M("regexp", "b", "after", "zzz", "replace", "c"), "", "Pattern for before/after params did not match the given file: zzz(?P<subsection>.*)"},
		"one byte each":    {value.M("regexp", `\xc3`, "encoding", "latin-1", "replace", "C"), "a\nb\nl1 C\xa91\nl2\nb\n", "1 replacements made"},
		"written so":       {value.M("regexp", `\xa9(.)`, "encoding", "latin-1", "replace", `ü\1`), "a\nb\nl1 \xc3\xfc1\nl2\nb\n", "1 replacements made"},
		"no such letter":   {value.M("regexp", "^a", "encoding", "latin-1", "replace", "€"), "?\nb\nl1 é1\nl2\nb\n", "1 replacements made"},
		"bad pattern":      {value.M("regexp", "("), "! regexp \"(\"", ""},
		"bad group":        {value.M("regexp", "a", "replace", `\9`), "! invalid group reference 9", ""},
		"missing":          {value.M("regexp", "a", "path", "/d/no"), "! Path /d/no does not exist !", ""},
		"a folder":         {value.M("regexp", "a", "path", "/d"), "! Path /d is a directory !", ""},
		"bad validate":     {value.M("regexp", "a", "validate", "x"), "! validate must contain %s: x", ""},
		"mode and content": {value.M("regexp", "a", "replace", "A", "mode", "0600"), "", "1 replacements made and ownership, perms or SE linux context changed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/f", text, 0o644)
			if !c.args.Has("path") {
				c.args.Set("path", value.String("/d/f"))
			}
			if c.args.Has("mode") {
				got := check(t, h, Replace(), c.args, "write /d/f \"A\\nb\\nl1 é1\\nl2\\nb\\n\" 0600", "changed=True rc=0", false)
				if get(got, "msg") != c.msg {
					t.Errorf("msg %q", get(got, "msg"))
				}
				return
			}
			edited(t, h, Replace(), c.args, c.want, c.msg)
		})
	}
}
