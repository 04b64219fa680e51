package databases

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPgSplit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"select 1":                                   "select 1",
		"select ';' ; -- a; b\n select 2;":           "select ';'|select 2",
		"/* a /* ; */ ; */ select 1; /* none */":     "select 1",
		`select E'\';', 'a''b', ";"; x`:              `select E'\';', 'a''b', ";"|x`,
		`select 'a\'; y`:                             `select  E'a\\'|y`,
		"select $a$ ; $$ $a$, a$b$c; x":              "select $a$ ; $$ $a$, a$b$c|x",
		"select a[1:n], :HOST, b::text":              "select a[1: n], : HOST, b::text",
		`select 1 \! touch /tmp/x`:                   "",
		`select '\' \! touch /tmp/x'`:                "",
		"select 'open \\! x":                         "",
		"select $$ open":                             "",
		"create rule r as do (a; b); c":              "create rule r as do (a; b)|c",
		"create function f() begin atomic a; b; end": "",
		" ; -- nothing":                              "none",
	} {
		var plain []string
		for _, p := range pgSplit(text) {
			plain = append(plain, p.plain)
		}
		if got := strings.Join(plain, "|"); got != want && (want != "none" || len(plain) > 0) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestPgValue(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"integer", "-5"}:             "-5",
		{"numeric(10,2)", "1.50"}:     "1.5",
		{"numeric(10,0)", "3"}:        "3.0",
		{"boolean", "t"}:              "True",
		{"boolean", "f"}:              "False",
		{"jsonb", `{"a": [1, null]}`}: "{'a': [1, None]}",
		{"date", "2024-02-03"}:        "'2024-02-03'",
		{"timestamp(3) without time zone", "2024-02-03 04:05:06.7"}: "'2024-02-03T04:05:06.700000'",
		{"timestamp with time zone", "2024-02-03 04:05:06+00"}:      "'2024-02-03T04:05:06+00:00'",
		{"timestamp with time zone", "2024-02-03 04:05:06+05:30"}:   "'2024-02-03T04:05:06+05:30'",
		{"timestamp without time zone", "infinity"}:                 "'infinity'",
		{"interval", "1 day 02:03:04"}:                              "'1 day, 2:03:04'",
		{"interval", "-01:00:00"}:                                   "'-1 day, 23:00:00'",
		{"interval", "1 year 2 mons 00:00:03.5"}:                    "'425 days, 0:00:03.500000'",
		{"interval", "00:00:00"}:                                    "'0:00:00'",
		{"integer[]", "{1,NULL,{2,3}}"}:                             "[1, None, [2, 3]]",
		{"text[]", `{"a b","c\"\\",d,"NULL"}`}:                      `['a b', 'c"\\', 'd', 'NULL']`,
		{"text[]", `{"open`}:                                        `'{"open'`,
		{"uuid[]", "{a}"}:                                           "'{a}'",
		{"integer[]", "{}"}:                                         "[]",
		{"", "x"}:                                                   "'x'",
	} {
		if got := pgValue(in[0], in[1]).Repr(); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
}

func TestSQLBind(t *testing.T) {
	t.Parallel()
	named := value.FromMap(value.M("a", `it's \`, "b", value.List(value.Int(1), value.String("x"))))
	pos := value.List(value.Int(-1), value.Null, value.Bool(true))
	for _, c := range []struct {
		query string
		args  value.Value
		want  string
	}{
		{"x = %(a)s and %(b)s like '%%s'", named, `x = 'it''s \' and '{1, ''x''}' like '%s'`},
		{"%s, %s, %s", pos, " -1, NULL, true"},
		{"%s", pos, "! not all of positional_args"},
		{"%s%s%s%s", pos, "! more places"},
		{"%(c)s", named, `! no "c"`},
		{"%d", pos, "! no place"},
		{"%", named, "! no place"},
		{"%(a)s", pos, "! no place"},
		{"%s", value.List(value.FromMap(value.NewMap())), "! can't adapt type 'dict'"},
	} {
		got, err := sqlBind(c.query, c.args, pgLiteral)
		if fails, ok := strings.CutPrefix(c.want, "! "); ok {
			if err == nil || !strings.Contains(err.Error(), fails) {
				t.Errorf("%s: %v", c.query, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.query, got, err)
		}
	}
}

func TestPostgresQuery(t *testing.T) {
	t.Parallel()
	var seed [32]byte
	mark := func(kind string) string { return "fairlead-" + hex.EncodeToString(seed[:16]) + " " + kind + "\n" }
	null := "null-" + hex.EncodeToString(seed[16:])
	none := "The command has no result, or the result has no columns.\n"
	answer := func(types, rows string) string { return mark("begin") + mark("types") + types + mark("rows") + rows }
	for name, c := range map[string]struct {
		query any
		rc    int
		said  string
		errs  string
		want  string
	}{
		"rows": {"select", 0, answer("Column,Type\na,integer\nb,text\n", "a,b\n1,\"x,\"\"\ny\"\n"+null+",\n") + mark("end"), "",
			`False SELECT 2 2 [{'a': 1, 'b': 'x,"\ny'}, {'a': None, 'b': ''}]`},
		"an empty text": {"select ''", 0, answer("Column,Type\nb,text\n", "b\n\n") + mark("end"), "", "False SELECT 1 1 [{'b': ''}]"},
		"insert":        {"insert", 0, answer(none, "INSERT 0 2\n") + mark("end"), "", "True INSERT 0 2 2 {}"},
		"nothing":       {"update", 0, answer(none, "UPDATE 0\n") + mark("end"), "", "False UPDATE 0 0 {}"},
		"create":        {"create", 0, answer(none, "CREATE TABLE\n") + mark("end"), "", "True CREATE TABLE 0 {}"},
		"returning":     {"insert returning", 0, answer("Column,Type\na,integer\n", "a\n7\nINSERT 0 1\n") + mark("end"), "", "True INSERT 0 1 1 [{'a': 7}]"},
		"two": {[]any{"insert", "select"}, 0, answer(none, "INSERT 0 1\n") + answer("Column,Type\na,integer\n", "a\n7\n") + mark("end"), "",
			"True SELECT 1 2 [{'a': 7}]"},
		"fails": {[]any{"select", "nonsense"}, 3, answer("Column,Type\na,integer\n", "a\n7\n") + mark("begin") + mark("types"), "NOTICE:  hm\nERROR:  no\nERROR:  syntax\nLINE 1",
			"! Cannot execute SQL 'nonsense' None: syntax\nLINE 1, query list: ['select', 'nonsense']"},
		"no login": {"select", 2, "", "psql: error: refused\n", "! unable to connect to database: refused"},
		"cut off":  {"select", 0, mark("begin"), "", "! psql gave 0 answers to 1 statements"},
		"copy":     {"copy t from stdin", 0, "", "", "! can't execute COPY"},
		"empty":    {" -- nothing", 0, "", "", "! can't execute an empty query"},
		"none":     {[]any{}, 0, "", "", "! there is no statement to run"},
		"number":   {[]any{5}, 0, "", "", "! a statement must be a text"},
	} {
		h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(c.rc, c.said, c.errs)}}
		got, err := h.Run(t, PostgresQuery(), value.M("db", "shop", "query", value.FromGo(c.query)))
		if fails, ok := strings.CutPrefix(c.want, "! "); ok {
			if err == nil || !strings.Contains(err.Error(), fails) {
				t.Errorf("%s: %v, want %s", name, err, fails)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at := func(k string) value.Value { v, _ := got.Get(k); return v }
		if is := fmt.Sprintf("%s %s %s %s", at("changed").Text(), at("statusmessage").Text(), at("rowcount").Text(), at("query_result").Repr()); is != c.want {
			t.Errorf("%s: %s\nwant %s", name, is, c.want)
		}
	}
}

func TestPostgresQueryHidesSecrets(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{}
	secret := value.List(value.String("abc").WithMarks(value.Secret), value.Int(1))
	_, err := h.Run(t, PostgresQuery(), value.M("query", "select %s", "positional_args", secret))
	if err == nil || strings.Contains(err.Error(), "abc") || !strings.Contains(err.Error(), "['********', 1]") {
		t.Errorf("a secret in a message: %v", err)
	}
}

func TestPostgresQueryInAPlan(t *testing.T) {
	t.Parallel()
	for check, want := range map[bool]string{true: "ROLLBACK;", false: "COMMIT;"} {
		h := &moduletest.Host{Check: check, Said: []state.OpResult{moduletest.Ended(2, "", "no server")}}
		_, err := h.Run(t, PostgresQuery(), value.M("query", `select '\! x'`, "session_role", "a", "search_path", value.Strings("s", "t")))
		if err == nil || len(h.Ran) != 1 || !strings.HasSuffix(strings.TrimSpace(h.Ran[0]), want) {
			t.Errorf("check %v: %v, %s", check, err, h.Ran)
		}
		for _, line := range []string{`SET ROLE "a";`, "SET search_path TO 's', 't';", `SELECT E'select ''\\! x''' \gexec`, `select  E'\\! x'`} {
			if len(h.Ran) == 1 && !strings.Contains(h.Ran[0], "\n"+line+"\n") {
				t.Errorf("no %s in %s", line, h.Ran[0])
			}
		}
	}
	h := &moduletest.Host{Check: true}
	if _, err := h.Run(t, PostgresQuery(), value.M("query", "vacuum", "autocommit", true)); err == nil {
		t.Error("autocommit in a plan is no mistake")
	}
}
