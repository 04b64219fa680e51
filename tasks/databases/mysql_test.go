package databases

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// ran are the statements that were run, of all commands but those that look.
func ran(h *moduletest.Host) string {
	var all []string
	for _, r := range h.Ran {
		_, input, _ := strings.Cut(r, " <")
		_, input, _ = strings.Cut(input, "--\n")
		for line := range strings.SplitSeq(input, ";\n") {
			if line = strings.TrimSuffix(line, ";"); line != "" && !strings.HasPrefix(line, "SELECT") && !strings.HasPrefix(line, "SHOW") {
				all = append(all, line)
			}
		}
	}
	return strings.Join(all, "|")
}

func said(texts ...string) []state.OpResult {
	out := make([]state.OpResult, len(texts))
	for i, t := range texts {
		out[i] = moduletest.Ended(0, t, "")
	}
	return out
}

func check(t *testing.T, name string, m module.Module, args *value.Map, results []state.OpResult, want string) (*value.Map, *moduletest.Host) {
	t.Helper()
	h := &moduletest.Host{Said: append(results, moduletest.Ended(0, "", ""))}
	got, err := h.Run(t, m, args)
	if fails, ok := strings.CutPrefix(want, "! "); ok {
		if err == nil || !strings.Contains(err.Error(), fails) {
			t.Errorf("%s: %v, want the failure %q", name, err, fails)
		}
		return value.NewMap(), h
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return value.NewMap(), h
	}
	if did := ran(h); did != want {
		t.Errorf("%s: ran %s\nwant %s", name, did, want)
	}
	if c, _ := got.Get("changed"); c.Truthy() != (want != "") {
		t.Errorf("%s: changed is %s", name, c.Repr())
	}
	return got, h
}

func TestMySQLDB(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		said string
		want string
	}{
		"new":      {value.M("name", "a`b", "encoding", "utf8mb4", "collation", "utf8mb4_bin"), "", "CREATE DATABASE `a``b` CHARACTER SET 'utf8mb4' COLLATE 'utf8mb4_bin'"},
		"there":    {value.M("name", "a"), "a\n", ""},
		"some":     {value.M("name", "a,b"), "a\n", "CREATE DATABASE `b`"},
		"gone":     {value.M("name", "a,b", "state", "absent"), "b\n", "DROP DATABASE `b`"},
		"no dump":  {value.M("name", "a", "state", "dump", "target", "/x"), "", "! Cannot dump database(s) 'a' - not found"},
		"no file":  {value.M("name", "a", "state", "import", "target", "/x"), "a\n", "! target /x does not exist"},
		"all":      {value.M("name", "all"), "", "! name is not allowed to equal 'all'"},
		"two":      {value.M("name", "a,b", "state", "import"), "", "! Multiple databases are not supported"},
		"no where": {value.M("name", "a", "state", "dump"), "", "! with state=dump target is required"},
		"port":     {value.M("name", "a", "login_port", 70000), "", "! login_port must be a valid unix port number"},
	} {
		check(t, name, MySQLDB(), c.args, said(c.said), c.want)
	}
	_, h := check(t, "login", MySQLDB(), value.M("name", "a", "login_user", "me", "login_password", `p"\w`, "login_host", "db"), said("a\n"), "")
	if !strings.Contains(h.Ran[0], "<user=\"me\"\npassword=\"p\\\"\\\\w\"\nhost=\"db\"\nport=\"3306\"\nprotocol=TCP\n--\n") {
		t.Errorf("options: %s", h.Ran[0])
	}
	h = &moduletest.Host{Files: map[string]string{"/x": ""}, Said: said("")}
	if _, err := h.Run(t, MySQLDB(), value.M("name", "a", "state", "import", "target", "/x")); err != nil || ran(h) != "CREATE DATABASE `a`" {
		t.Errorf("import: %v, ran %s", err, ran(h))
	}
	if _, err := (&moduletest.Host{Said: []state.OpResult{moduletest.Ended(1, "", "ERROR 1045 (28000): Access denied")}}).Run(t, MySQLDB(), value.M("name", "a")); err == nil ||
		!strings.HasPrefix(err.Error(), "unable to connect to database") || !strings.Contains(err.Error(), "Access denied") {
		t.Errorf("refused: %v", err)
	}
}

const (
	versions = "version\tmode\n10.11.6-MariaDB\tSTRICT_TRANS_TABLES\n"
	columns  = "Host\tUser\tPassword\tplugin\tauthentication_string\tmax_questions\tmax_statement_time\n"
)

func TestMySQLUser(t *testing.T) {
	t.Parallel()
	hash := nativeHash("sesame")
	row := "localhost\tjoe\t" + hash + "\tmysql_native_password\t" + hash + "\t0\t0.000000\n"
	grants := "-- user\nGRANT SELECT (`b`, `a`), INSERT ON `x`.`t` TO `joe`@`localhost`\nGRANT USAGE ON *.* TO `joe`@`localhost` IDENTIFIED BY PASSWORD '*AB'\n-- made\nCREATE USER `joe`@`localhost` REQUIRE SSL\n"
	plain := strings.Replace(grants, " REQUIRE SSL", "", 1)
	for name, c := range map[string]struct {
		args    []any
		answers []string
		want    string
		msg     string
	}{
		"new": {[]any{"password", "sesame", "priv", "x.*:ALL,GRANT"}, []string{versions},
			"CREATE USER 'joe'@'localhost' IDENTIFIED WITH `mysql_native_password` AS '" + hash + "'|GRANT USAGE ON *.* TO 'joe'@'localhost'|GRANT ALL ON `x`.* TO 'joe'@'localhost' WITH GRANT OPTION", "User added"},
		"same":     {[]any{"password", "sesame", "priv", "x.t:INSERT,SELECT(a,b)"}, []string{versions + columns + row, plain}, "", "User unchanged"},
		"password": {[]any{"password", "other"}, []string{versions + columns + row, plain}, "ALTER USER 'joe'@'localhost' IDENTIFIED WITH `mysql_native_password` AS '" + nativeHash("other") + "'", "Password updated (new style)"},
		"kept":     {[]any{"password", "other", "update_password", "on_create"}, []string{versions + columns + row, plain}, "", "User unchanged"},
		"added": {[]any{"priv", "x.t:DELETE", "append_privs", true}, []string{versions + columns + row, plain, "", strings.Replace(plain, "INSERT", "INSERT, DELETE", 1)},
			"GRANT DELETE ON `x`.`t` TO 'joe'@'localhost'", "Privileges updated: granted ['DELETE'], revoked []"},
		"replaced": {[]any{"priv", "y.*:SELECT"}, []string{versions + columns + row, plain},
			"REVOKE SELECT (a, b),INSERT ON `x`.`t` FROM 'joe'@'localhost'|FLUSH PRIVILEGES|GRANT SELECT ON `y`.* TO 'joe'@'localhost'", "New privileges granted"},
		"taken": {[]any{"priv", "x.t:INSERT", "subtract_privs", true}, []string{versions + columns + row, plain, "", strings.Replace(plain, ", INSERT", "", 1)},
			"REVOKE INSERT ON `x`.`t` FROM 'joe'@'localhost'|FLUSH PRIVILEGES", "Privileges updated: granted [], revoked ['INSERT']"},
		"tls":      {[]any{"tls_requires", value.FromMap(value.M("SUBJECT", "/CN=x"))}, []string{versions + columns + row, grants}, "ALTER USER 'joe'@'localhost' REQUIRE SUBJECT '/CN=x'", "TLS requires updated"},
		"no tls":   {nil, []string{versions + columns + row, grants}, "ALTER USER 'joe'@'localhost' REQUIRE NONE", "TLS requires updated"},
		"limit":    {[]any{"resource_limits", value.FromMap(value.M("MAX_QUERIES_PER_HOUR", 10, "MAX_STATEMENT_TIME", 0))}, []string{versions + columns + row, plain}, "ALTER USER 'joe'@'localhost' WITH MAX_QUERIES_PER_HOUR 10", "User unchanged"},
		"gone":     {[]any{"state", "absent"}, []string{versions + columns + row}, "DROP USER IF EXISTS 'joe'@'localhost'", "User deleted"},
		"not here": {[]any{"state", "absent", "host", "Other"}, []string{versions + columns + row}, "", "User doesn't exist"},
		"session":  {[]any{"sql_log_bin", false, "session_vars", value.FromMap(value.M("wait_timeout", 5))}, []string{versions}, "SET SQL_LOG_BIN=0|SET SESSION `wait_timeout` = 5|CREATE USER 'joe'@'localhost'", "User added"},
		"old":      {nil, []string{"version\tmode\n5.6.1\t\n"}, "! the server is too old", ""},
		"no hash":  {[]any{"password", "x", "encrypted", true}, []string{versions}, "! encrypted was specified however", ""},
		"all":      {[]any{"host_all", true}, []string{versions}, "! host_all parameter cannot be used when adding a user", ""},
		"broken":   {[]any{"priv", "x.*"}, []string{versions}, "! has no colon", ""},
	} {
		got, _ := check(t, name, MySQLUser(), value.M(append([]any{"name", "joe"}, c.args...)...), said(c.answers...), c.want)
		if m, ok := got.Get("msg"); ok && m.Text() != c.msg {
			t.Errorf("%s: %s, want %s", name, m.Text(), c.msg)
		}
	}
}

func TestMySQLPrivileges(t *testing.T) {
	t.Parallel()
	if h := nativeHash("sesame"); len(h) != 41 || nativeHash("mypass") != "*6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4" { // MySQL's manual
		t.Errorf("hash: %s", h)
	}
	for text, want := range map[string]string{
		"mydb.*:insert,UPDATE":                 "map[*.*:[USAGE] `mydb`.*:[INSERT UPDATE]]",
		"*.*:ALL":                              "map[*.*:[ALL]]",
		"PROCEDURE a.b:EXECUTE":                "map[*.*:[USAGE] PROCEDURE `a`.`b`:[EXECUTE]]",
		"a.b:SELECT(Y, x),INSERT":              "map[*.*:[USAGE] `a`.`b`:[SELECT (Y, x) INSERT]]",
		"`a.b`.*:select/c%.*:all":              "map[*.*:[USAGE] `a.b`.*:[SELECT] `c%`.*:[ALL]]",
		"a.*:ALL PRIVILEGES,grant /b.c:SELECT": "map[*.*:[USAGE] `a`.*:[ALL GRANT] `b`.`c`:[SELECT]]",
	} {
		got, err := unpackPrivileges(text, false, true)
		if s := fmt.Sprint(got); err != nil || s != want {
			t.Errorf("%s: %s, %v", text, s, err)
		}
	}
	got, err := privilegesOf([]string{"GRANT ALL PRIVILEGES ON *.* TO 'a'@'%' WITH GRANT OPTION", "GRANT `role` TO `a`@`%`", "SET DEFAULT ROLE `role` FOR `a`@`%`"})
	if s := fmt.Sprint(got); err != nil || s != "map[*.*:[ALL GRANT]]" {
		t.Errorf("%s %v", s, err)
	}
	if _, err := privilegesOf([]string{"nonsense"}); err == nil {
		t.Error("nonsense is read")
	}
}

func TestMySQLVariables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		said string
		want string
		msg  string
	}{
		"read":   {value.M("variable", "max_connections"), "max_connections\t151\n", "", "151"},
		"same":   {value.M("variable", "max_connections", "value", "151.0"), "max_connections\t151\n", "", "Variable is already set to requested value."},
		"set":    {value.M("variable", "max_connections", "value", "200"), "max_connections\t151\n", "SET GLOBAL `max_connections` = 200", "Variable change succeeded prev_value=151"},
		"text":   {value.M("variable", "sql_mode", "value", "A'B"), "sql_mode\t\n", `SET GLOBAL ` + "`sql_mode`" + ` = 'A\'B'`, "Variable change succeeded prev_value="},
		"keep":   {value.M("variable", "x", "value", "1", "mode", "persist"), "x\t1\n", "SET PERSIST `x` = 1", "Variable change succeeded prev_value=1"},
		"kept":   {value.M("variable", "x", "value", "1", "mode", "persist_only"), "x\t0\nkept\t1\n", "", "Variable is already stored into mysqld-auto.cnf with requested value."},
		"none":   {value.M("variable", "nothing"), "", "! Variable not available \"nothing\"", ""},
		"broken": {value.M("variable", "x;y"), "", "! invalid variable name", ""},
	} {
		got, _ := check(t, name, MySQLVariables(), c.args, said(c.said), c.want)
		if m, ok := got.Get("msg"); ok && m.Text() != c.msg {
			t.Errorf("%s: %s", name, m.Text())
		}
	}
}
