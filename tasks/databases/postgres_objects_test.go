package databases

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPgDotted(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a":          `"a"`,
		"a.b":        `"a"."b"`,
		`a."b.c"`:    `"a"."b.c"`,
		`"a""x".b`:   `"a""x"."b"`,
		`a"b`:        `"a""b"`,
		`"a`:         `"""a"`,
		"a.":         `"a."`,
		"":           "! Identifier name unspecified",
		`"a"b`:       "! User escaped identifiers must escape extra quotes",
		"a.b.c":      `"a"."b"."c"`,
		"a.b.c.d":    "! PostgreSQL does not support table with more than 3 dots",
		`"a"."b"."c`: `"a"."b"."""c"`,
	} {
		got, err := pgDotted(name, "table", 3)
		if err != nil {
			got = "! " + err.Error()
		}
		if got != want && !(strings.HasPrefix(want, "!") && strings.HasPrefix(got, want)) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestPgSetValues(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"search_path", "a, b", "'a','b'"}, {"archive_command", "cp a, b", "'cp a, b'"}, {"x", "Default", "DEFAULT"}, {"x", `it's`, `'it''s'`}, {"x", "", "''"},
	} {
		if got := pgAssigned(c[0], c[1]); got != c[2] {
			t.Errorf("%s = %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	for text, want := range map[string]string{"1MB": "1048576", "1024kB": "1048576", "10B": "10", "5.0": "5", "on": "on", "": "", "1min": "1min", "99999999999999999999MB": "99999999999999999999MB"} {
		if got := pgBytes(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// What is granted, and what stands around it.
func TestPgPrivs(t *testing.T) {
	t.Parallel()
	roles := pgSays("role~joe", "role~ann", "schema~public")
	for name, c := range map[string]struct {
		args  []any
		said  []string
		check bool
		want  string
	}{
		"table":     {[]any{"privs", "select,INSERT", "objs", "a,b"}, []string{roles, pgChanged + "\n"}, false, `GRANT SELECT,INSERT ON table "public"."a","public"."b" TO "joe";|COMMIT`},
		"unchanged": {[]any{"privs", "SELECT", "objs", "a"}, []string{roles, "\n"}, false, `GRANT SELECT ON table "public"."a" TO "joe";|COMMIT`},
		"check":     {[]any{"privs", "SELECT", "objs", "a"}, []string{roles, pgChanged + "\n"}, true, `GRANT SELECT ON table "public"."a" TO "joe";|ROLLBACK`},
		"absent":    {[]any{"privs", "ALL", "objs", "x", "type", "schema", "state", "absent", "roles", "joe,ann"}, []string{roles, pgChanged + "\n"}, false, `REVOKE ALL ON schema "x" FROM "joe","ann";|COMMIT`},
		"no role":   {[]any{"privs", "ALL", "objs", "x", "roles", "bob"}, []string{roles}, false, "! Role 'bob' does not exist"},
		"no objs":   {[]any{"privs", "SELECT", "objs", "ALL_IN_SCHEMA"}, []string{roles}, false, ""},
		"fails":     {[]any{"privs", "SELECT", "objs", "a"}, []string{roles, "!ERROR:  no such table"}, false, "! no such table"},
		"privs":     {[]any{"privs", "DANCE", "objs", "a"}, nil, false, "! Invalid privileges specified: frozenset({'DANCE'})"},
	} {
		h := &moduletest.Host{Check: c.check}
		for _, s := range c.said {
			if text, failed := strings.CutPrefix(s, "!"); failed {
				h.Said = append(h.Said, moduletest.Ended(3, "", text))
				continue
			}
			h.Said = append(h.Said, moduletest.Ended(0, s, ""))
		}
		got, err := h.Run(t, PostgresPrivs(), value.M(append([]any{"db", "shop", "roles", "joe"}, c.args...)...))
		is := ""
		if err != nil {
			is = "! " + err.Error()
		} else if len(h.Ran) > 1 {
			text := h.Ran[1]
			q, _ := got.Get("queries")
			end := "COMMIT"
			if !strings.Contains(text, "\nCOMMIT;") {
				end = "ROLLBACK"
			}
			is = q.Items()[0].Str() + "|" + end
			if changed, _ := got.Get("changed"); changed.Truthy() != strings.Contains(c.said[1], pgChanged) {
				t.Errorf("%s: changed is %v", name, changed)
			}
		}
		if is != c.want && !(c.want != "" && c.want[0] == '!' && strings.HasPrefix(is, c.want)) {
			t.Errorf("%s: %s, want %s", name, is, c.want)
		}
	}
}

// A failure names the statement that failed.
func TestPgFailedStatement(t *testing.T) {
	t.Parallel()
	a := pgLogin{Role: module.Some("admin")}
	c := a.change("", "", pgCannot, module.Change{}, []string{"GRANT a", "GRANT b"})
	_, err := c.Then(nil, []state.OpResult{moduletest.Ended(3, "", "psql:<stdin>:3: ERROR:  role \"b\" does not exist\n")})
	if want := `Cannot execute SQL 'GRANT b': role "b" does not exist`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
