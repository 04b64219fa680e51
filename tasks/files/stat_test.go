package files

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestStatKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says, want string
	}{
		"both programs":    {"attr 77 --i---------e-------\nmime text/plain; charset=us-ascii\n", "text/plain us-ascii 77 ie ['immutable', 'extents']"},
		"neither":          {"", "unknown unknown None  []"},
		"no character set": {"mime inode/symlink\n", "unknown unknown None  []"},
		"no version":       {"attr\nmime a/b; charset=binary\n", "a/b binary   []"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.says = c.says
			h.file("/d/f", "hi", 0o644)
			got, err := h.plan(Stat(), value.M("path", "/d/f"))
			if err != nil {
				t.Fatal(err)
			}
			s, _ := got.Result.Get("stat")
			text := ""
			for i, k := range []string{"mimetype", "charset", "version", "attr_flags", "attributes"} {
				v, _ := s.Map().Get(k)
				shown := v.Text()
				if v.Kind() == value.KindList || v.IsNull() {
					shown = v.Repr()
				}
				if i > 0 {
					text += " "
				}
				text += shown
			}
			if text != c.want {
				t.Errorf("stat says %q, not %q", text, c.want)
			}
		})
	}
}

func TestStatOfNoPath(t *testing.T) {
	t.Parallel()
	got, err := newHost(t).plan(Stat(), value.M("path", ""))
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := got.Result.Get("stat"); s.Repr() != "{'exists': False}" {
		t.Errorf("stat of no path: %s", s.Repr())
	}
}
