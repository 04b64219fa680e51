package databases

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// pgSays writes rows as psql does.
func pgSays(rows ...string) string {
	return strings.ReplaceAll(strings.Join(rows, "\n"), "~", fieldSep) + "\n"
}

// pgRan are the statements that were run but those that look.
func pgRan(h *moduletest.Host) string {
	var all []string
	for _, r := range h.Ran {
		_, input, _ := strings.Cut(r, " <")
		for line := range strings.SplitSeq(strings.TrimPrefix(input, "\n"), ";\n") {
			if line = strings.TrimSpace(strings.TrimSuffix(line, ";")); line != "" && !strings.HasPrefix(line, "SELECT") && !strings.HasPrefix(line, `\`) {
				all = append(all, line)
			}
		}
	}
	return strings.Join(all, "|")
}

func TestPostgresDB(t *testing.T) {
	t.Parallel()
	there := pgSays("shop~joe~UTF8~C~C~-1~pg_default~t~150004", "~150004")
	none := pgSays("~150004")
	for name, c := range map[string]struct {
		args []any
		said string
		want string
	}{
		"new": {[]any{"owner", `j"oe`, "encoding", "UTF-8", "template", "template0", "lc_collate", "C", "conn_limit", "5"}, none,
			`CREATE DATABASE "shop" OWNER "j""oe" TEMPLATE "template0" ENCODING 'UTF-8' LC_COLLATE 'C' CONNECTION LIMIT 5`},
		"same":      {[]any{"owner", "joe", "encoding", "UTF-8", "lc_ctype", "C"}, there, ""},
		"owner":     {[]any{"owner", "ann", "conn_limit", "3"}, there, `ALTER DATABASE "shop" OWNER TO "ann"|ALTER DATABASE "shop" CONNECTION LIMIT 3`},
		"encoding":  {[]any{"encoding", "LATIN1"}, strings.Replace(there, fieldSep+"t"+fieldSep, fieldSep+"f"+fieldSep, 1), "! Changing database encoding is not supported. Current encoding: UTF8"},
		"collation": {[]any{"lc_collate", "de_DE"}, there, "! Changing LC_COLLATE is not supported"},
		"gone":      {[]any{"state", "absent"}, there, `DROP DATABASE "shop"`},
		"force":     {[]any{"state", "absent", "force", true}, there, `DROP DATABASE "shop" WITH (FORCE)`},
		"was gone":  {[]any{"state", "absent"}, none, ""},
		"rename":    {[]any{"state", "rename", "target", "new"}, there, `ALTER DATABASE "shop" RENAME TO "new"`},
		"renamed":   {[]any{"state", "rename", "target", "new"}, pgSays("new~joe~UTF8~C~C~-1~pg_default~~150004"), ""},
		"role":      {[]any{"session_role", "admin"}, none, `SET ROLE "admin"|SET ROLE "admin"|CREATE DATABASE "shop"`},
		"attack":    {[]any{"owner", "x'; drop table y", "trust_input", false}, none, "! Passed input"},
		"no name":   {[]any{"state", "rename"}, none, `! The "target" option must be defined`},
	} {
		h := &moduletest.Host{Said: said(c.said, "")}
		got, err := h.Run(t, PostgresDB(), value.M(append([]any{"name", "shop"}, c.args...)...))
		checkPg(t, name, h, got, err, c.want)
	}
}

func checkPg(t *testing.T, name string, h *moduletest.Host, got *value.Map, err error, want string) {
	t.Helper()
	if fails, ok := strings.CutPrefix(want, "! "); ok {
		if err == nil || !strings.Contains(err.Error(), fails) {
			t.Errorf("%s: %v, want %s", name, err, fails)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if did := pgRan(h); did != want {
		t.Errorf("%s: ran %s\nwant %s", name, did, want)
	}
	if c, _ := got.Get("changed"); c.Truthy() != (want != "") {
		t.Errorf("%s: changed is %s", name, c.Repr())
	}
}

func TestPostgresUser(t *testing.T) {
	t.Parallel()
	role := pgSays("role~-1~f~f~f~f~t~t~f~f")
	// The password "sesame" (worked out with Python's hashlib), and the same by MD5 for joe.
	const scramHash = "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$hn4FUIkYt7Fy4b6A2QilBRpntUViQLMX9F3hmowbDlg=:VN7TGXR2mKZKoVdTp1SdRWBKnlXaYulCWS/O1xCfZeI="
	md5Hash := "md5688376570e45c6009b9fd0b578bd0813"
	for name, c := range map[string]struct {
		args []any
		said string
		want string
	}{
		"new": {[]any{"password", `it's\`, "role_attr_flags", "CREATEDB,NOSUPERUSER", "expires", "infinity", "conn_limit", 3}, "",
			`CREATE USER "joe" WITH ENCRYPTED PASSWORD E'it''s\\' VALID UNTIL 'infinity' CONNECTION LIMIT 3 CREATEDB NOSUPERUSER`},
		"same":         {[]any{"password", "sesame", "role_attr_flags", "LOGIN,NOCREATEDB"}, role + pgSays("hash~f~"+scramHash), ""},
		"same by md5":  {[]any{"password", "sesame"}, role + pgSays("hash~f~"+md5Hash), ""},
		"the hash":     {[]any{"password", scramHash}, role + pgSays("hash~f~"+scramHash), ""},
		"other":        {[]any{"password", "other"}, role + pgSays("hash~f~"+scramHash), `ALTER USER "joe" WITH ENCRYPTED PASSWORD 'other'`},
		"not readable": {[]any{"password", "sesame"}, role, `ALTER USER "joe" WITH ENCRYPTED PASSWORD 'sesame'`},
		"none":         {[]any{"password", ""}, role + pgSays("hash~f~"+scramHash), `ALTER USER "joe" WITH PASSWORD NULL`},
		"flags":        {[]any{"role_attr_flags", "createdb"}, role, `ALTER USER "joe" WITH CREATEDB`},
		"left":         {[]any{"password", "other", "no_password_changes", true}, role, ""},
		"limit":        {[]any{"conn_limit", 7}, role, `ALTER USER "joe" CONNECTION LIMIT 7`},
		"groups":       {[]any{"groups", value.Strings("a", "b")}, role + pgSays("member~a", "group~a", "group~b"), `GRANT "b" TO "joe"`},
		"no group":     {[]any{"groups", value.Strings("a")}, role, "! Role a does not exist"},
		"comment":      {[]any{"comment", "hi"}, role + pgSays("comment~ho"), `COMMENT ON ROLE "joe" IS 'hi'`},
		"privileges": {[]any{"db", "shop", "priv", "CONNECT,TEMP/items:ALL"}, role + pgSays("acl~{=Tc/ann,joe=c/ann}", "table~public.items~SELECT"),
			`GRANT CONNECT, TEMPORARY ON DATABASE "shop" TO "joe"|GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLE "items" TO "joe"`},
		"held":     {[]any{"db", "shop", "priv", "CONNECT/items:SELECT"}, role + pgSays("acl~{=Tc/ann,joe=c/ann}", "table~public.items~SELECT"), ""},
		"gone":     {[]any{"state", "absent"}, role, `DROP USER "joe"`},
		"was gone": {[]any{"state", "absent"}, "", ""},
		"no flag":  {[]any{"role_attr_flags", "FLY"}, "", "! Invalid role_attr_flags specified: FLY"},
		"no db":    {[]any{"priv", "ALL"}, "", "! privileges require a database to be specified"},
		"no priv":  {[]any{"db", "x", "priv", "FLY"}, "", "! Invalid privs specified for database: FLY"},
	} {
		h := &moduletest.Host{Said: said(c.said, "")}
		got, err := h.Run(t, PostgresUser(), value.M(append([]any{"name", "joe"}, c.args...)...))
		checkPg(t, name, h, got, err, c.want)
		if q, ok := got.Get("queries"); ok && strings.Contains(q.Repr(), "sesame") {
			t.Errorf("%s: a password is registered: %s", name, q.Repr())
		}
	}
}

func TestPostgresUserThatStays(t *testing.T) {
	t.Parallel()
	for fail, want := range map[bool]string{true: "! Unable to remove user", false: ""} {
		h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, pgSays("role~-1~f~f~f~f~t~t~f~f"), ""), moduletest.Ended(3, "", "ERROR: objects depend on it")}}
		got, err := h.Run(t, PostgresUser(), value.M("name", "joe", "state", "absent", "fail_on_user", fail))
		if (err != nil) != (want != "") || err != nil && err.Error() != want[2:] {
			t.Errorf("fail_on_user %v: %v", fail, err)
		} else if err == nil {
			if c, _ := got.Get("changed"); c.Truthy() {
				t.Error("a user who stays is a change")
			}
		}
	}
}

func TestPostgresExt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []any
		said string
		want string
	}{
		"new":     {[]any{"schema", "s", "cascade", true}, pgSays("some~1.0"), `CREATE EXTENSION "x" WITH SCHEMA "s" CASCADE`},
		"there":   {nil, pgSays("have~1.0", "some~1.0"), ""},
		"update":  {[]any{"version", "1.1"}, pgSays("have~1.0", "some~1.1", "path~1.0"), `ALTER EXTENSION "x" UPDATE TO '1.1'`},
		"no path": {[]any{"version", "1.1"}, pgSays("have~1.0", "some~1.1"), "! has no valid update path"},
		"latest":  {[]any{"version", "latest"}, pgSays("have~1.0"), `ALTER EXTENSION "x" UPDATE`},
		"none":    {nil, "", "! Extension x is not available"},
		"version": {[]any{"version", "9"}, pgSays("some~1.0"), "! Passed version '9' is not available"},
		"gone":    {[]any{"state", "absent", "cascade", true}, pgSays("have~1.0"), `DROP EXTENSION "x" CASCADE`},
	} {
		h := &moduletest.Host{Said: said(c.said, "")}
		got, err := h.Run(t, PostgresExt(), value.M(append([]any{"db", "shop", "name", "x"}, c.args...)...))
		checkPg(t, name, h, got, err, c.want)
	}
}
