package files

import "testing"

// TestIniLater: what later releases of the module ask for.
func TestIniLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		edit      iniEdit
		old, want string
		changed   bool
	}{
		"blanks count":            {iniEdit{}, "[s]\na=1\n", "[s]\na = 1\n", true},
		"blanks do not count":     {iniEdit{loose: true}, "[s]\na=1\n", "[s]\na=1\n", false},
		"another value":           {iniEdit{loose: true}, "[s]\na=2\n", "[s]\na = 1\n", true},
		"a comment is no value":   {iniEdit{loose: true}, "[s]\n#a=1\n", "[s]\na = 1\n", true},
		"a comment is replaced":   {iniEdit{}, "[s]\n#a = 2\nb = 1\n", "[s]\na = 1\nb = 1\n", true},
		"a comment stays":         {iniEdit{active: true}, "[s]\n#a = 1\nb = 1\n", "[s]\n#a = 1\nb = 1\na = 1\n", true},
		"comments beside a value": {iniEdit{active: true}, "[s]\n;a = 2\na = 3\n", "[s]\n;a = 2\na = 1\n", true},
	} {
		e := c.edit
		e.section, e.option, e.hasOption, e.values, e.present, e.exclusive = "s", "a", true, []string{"1"}, true, true
		if got := e.run(c.old); got != c.want || e.changed != c.changed {
			t.Errorf("%s: %q, changed %v; want %q, %v", name, got, e.changed, c.want, c.changed)
		}
	}
}
