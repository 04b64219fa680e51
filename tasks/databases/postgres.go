package databases

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// pgLogin are the arguments that say how the server is reached.
type pgLogin struct {
	User       string             `arg:"login_user"`
	Password   string             `arg:"login_password"`
	Host       string             `arg:"login_host"`
	Socket     string             `arg:"login_unix_socket"`
	Port       int                `arg:"port"`
	SSLMode    string             `arg:"ssl_mode"`
	CACert     module.Opt[string] `arg:"ca_cert"`
	SSLCert    module.Opt[string] `arg:"ssl_cert"`
	SSLKey     module.Opt[string] `arg:"ssl_key"`
	Params     *value.Map         `arg:"connect_params"`
	Role       module.Opt[string] `arg:"session_role"`
	TrustInput bool               `arg:"trust_input"`
}

// pgArgs declares them.
func pgArgs() []module.Arg {
	return []module.Arg{
		{Name: "login_user", Aliases: []string{"login"}, Default: "postgres", Doc: "Who logs in. Without a password become this user of the host."},
		{Name: "login_password", Default: "", Secret: true, Doc: "The password for that."},
		{Name: "login_host", Aliases: []string{"host"}, Default: "", Doc: "The server; without it its socket."},
		{Name: "login_unix_socket", Aliases: []string{"unix_socket"}, Default: "", Doc: "The folder of its socket."},
		{Name: "port", Aliases: []string{"login_port"}, Type: module.Int, Default: 5432, Doc: "Its port."},
		{Name: "ssl_mode", Choices: []string{"allow", "disable", "prefer", "require", "verify-ca", "verify-full"}, Default: "prefer", Doc: "Whether and how TLS is used."},
		{Name: "ca_cert", Aliases: []string{"ssl_rootcert"}, Doc: "Certificates to trust."},
		{Name: "ssl_cert", Type: module.Path, Doc: "The client's certificate."},
		{Name: "ssl_key", Type: module.Path, Doc: "The client's key."},
		{Name: "connect_params", Type: module.Dict, Doc: "More parameters of libpq by their names."},
		{Name: "session_role", Doc: "The role to take after the login."},
		{Name: "trust_input", Type: module.Bool, Default: true, Doc: "Whether names and texts may hold what looks like an attack on SQL."},
	}
}

// pgFront begins a script: the first line of its input is the password, which so
// is in no argument list.
const pgFront = `IFS= read -r p; [ -z "$p" ] || export PGPASSWORD="$p"; unset p
command -v "$1" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\"" >&2; exit 127; }
`

// pgRun runs a client with what is left of the input.
const pgRun = pgFront + `exec "$@"`

// fieldSep separates the fields of an answer.
const fieldSep = "\x1f"

// conninfo writes parameters of libpq.
func (a pgLogin) conninfo(g *module.Gather, db string) string {
	var parts []string
	add := func(name, text string) {
		if text != "" {
			parts = append(parts, name+"='"+strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text)+"'")
		}
	}
	host := a.Host
	if a.Host == "" || a.Host == "localhost" && a.Socket != "" {
		host = a.Socket
	}
	add("dbname", db)
	add("host", host)
	add("port", strconv.Itoa(a.Port))
	add("user", a.User)
	add("sslmode", a.SSLMode)
	add("sslrootcert", a.CACert.Or(""))
	if p, ok := a.SSLCert.Get(); ok {
		add("sslcert", g.Path(p))
	}
	if p, ok := a.SSLKey.Get(); ok {
		add("sslkey", g.Path(p))
	}
	if a.Params != nil {
		for k, v := range a.Params.All() {
			add(k.Text(), v.Text())
		}
	}
	return strings.Join(parts, " ")
}

// exec runs statements, those that change something in one transaction when that is
// asked.
func (a pgLogin) exec(conninfo, shown string, one bool, statements ...string) state.Exec {
	return a.script(conninfo, shown, one, strings.Join(statements, ";\n")+";\n")
}

// script runs a text of psql, which may hold its own commands.
func (a pgLogin) script(conninfo, shown string, one bool, text string) state.Exec {
	argv := []string{"/bin/sh", "-c", pgRun, "sh", "psql", "-X", "-w", "-q", "-A", "-t", "-F", fieldSep, "-v", "ON_ERROR_STOP=1"}
	if one {
		argv = append(argv, "-1")
	}
	if role, ok := a.Role.Get(); ok {
		text = "SET ROLE " + pgName(role) + ";\n" + text
	}
	return state.Exec{Argv: append(argv, "-d", conninfo), Env: []string{"LC_ALL=C"}, Shown: shown, Stdin: []byte(a.Password + "\n" + text), HasStdin: true}
}

// change runs statements (a line each) in one transaction, none at all when there are
// none, and ends with c. fails begins the message of a failure; pgCannot does with the
// statement that failed.
func (a pgLogin) change(conninfo, shown, fails string, c module.Change, statements []string) module.Change {
	if len(statements) == 0 {
		return c
	}
	return module.Steps([]state.Exec{a.exec(conninfo, shown, true, statements...)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC == 0 {
			return module.Change{Result: c.Result, Warnings: c.Warnings}, nil
		}
		if fails == pgCannot {
			failed := statements[0]
			if m := pgFailedLine().FindSubmatch(did[0].Stderr); m != nil {
				at, _ := strconv.Atoi(string(m[1]))
				if a.Role.Given() {
					at-- // of SET ROLE
				}
				failed = statements[min(max(at, 1), len(statements))-1]
			}
			return module.Change{}, module.Fail(pgCannot + " '" + failed + "': " + pgError(did[0]))
		}
		return module.Change{}, module.Fail(fails + pgError(did[0]))
	})
}

const pgCannot = "Cannot execute SQL"

var pgFailedLine = lazyregexp.New(`<stdin>:(\d+): ERROR`)

var pgErrorAt = lazyregexp.New(`(?m)^(?:psql:)?(?:<stdin>:\d+: )?(?:ERROR|FATAL|PANIC):  `)

// pgError is what the server said of an error, with the place in the statement and
// details, without notices before it, as Python's library has it.
func pgError(r state.OpResult) string {
	said := string(r.Stderr)
	if all := pgErrorAt().FindAllStringIndex(said, -1); len(all) > 0 {
		said = said[all[len(all)-1][1]:]
	}
	return said
}

// refused is the failure of a client that could not log in or was not found.
func (a pgLogin) refused(r state.OpResult) *module.Failure {
	switch said := strings.TrimSpace(string(r.Stderr)); {
	case r.RC == 0:
		return nil
	case r.RC == 127:
		return module.Fail(said, "rc", r.RC)
	case r.RC == 2:
		return module.Fail("unable to connect to database: " + strings.TrimSuffix(pgConnectError(r), "\n"))
	default:
		return module.Fail("Database query failed: " + pgError(r))
	}
}

// pgConnectError is what psql said when it could not log in, as libpq has it.
func pgConnectError(r state.OpResult) string {
	return strings.TrimPrefix(string(r.Stderr), "psql: error: ")
}

// pgNoDB is the warning of modules that were not told which database to log in to.
const pgNoDB = "Database name has not been passed, used default database to connect to."

// pgText writes a text as PostgreSQL's SQL has it.
func pgText(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// pgName writes a name as SQL has it.
func pgName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// pgNames writes names as SQL has them, with commas between them.
func pgNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = pgName(n)
	}
	return strings.Join(quoted, ",")
}

// pgTexts writes texts as a list of SQL.
func pgTexts(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = pgText(t)
	}
	return "(" + strings.Join(quoted, ", ") + ")"
}

// pgDotted writes a name of at most levels parts, parted by dots, as SQL has it.
// Parts may be quoted already; what (such as "table") names it in the error.
func pgDotted(name, what string, levels int) (string, error) {
	var parts []string
	rest := name
	for {
		if rest == "" {
			return "", module.Fail("Identifier name unspecified or unquoted trailing dot")
		}
		if m := quotedName().FindString(rest); m != "" {
			parts, rest = append(parts, m), rest[len(m):]
			if rest == "" {
				break
			}
			if rest[0] != '.' {
				return "", module.Fail("User escaped identifiers must escape extra quotes")
			}
			rest = rest[1:]
			continue
		}
		dot := strings.IndexByte(rest, '.')
		if dot <= 0 || dot == len(rest)-1 {
			parts = append(parts, pgName(rest))
			break
		}
		parts, rest = append(parts, pgName(rest[:dot])), rest[dot+1:]
	}
	if len(parts) > levels {
		return "", module.Fail(fmt.Sprintf("PostgreSQL does not support %s with more than %d dots", what, levels))
	}
	return strings.Join(parts, "."), nil
}

var quotedName = lazyregexp.New(`^"(?:[^"]|"")*"`)

// dangerous is what a text that is not trusted may not hold.
var dangerous = []func() *regexp.Regexp{
	lazyregexp.New(`['"].*--`),
	lazyregexp.New(`(?i)(UNION|INTERSECT|EXCEPT).*SELECT`),
	lazyregexp.New(`(?i);.*(SELECT|UPDATE|INSERT|DELETE|DROP|TRUNCATE|ALTER)`),
}

// checkInput refuses texts that look like an attack, unless they are trusted.
func (a pgLogin) checkInput(texts ...string) error {
	if a.TrustInput {
		return nil
	}
	var found []string
	for _, t := range append(texts, a.Role.Or("")) {
		if slices.ContainsFunc(dangerous, func(p func() *regexp.Regexp) bool { return p().MatchString(t) }) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return module.Fail("Passed input '" + strings.Join(found, ", ") + "' is potentially dangerous")
}

// pgRows are the rows of an answer.
func pgRows(out []byte) (all [][]string) {
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			all = append(all, strings.Split(line, fieldSep))
		}
	}
	return all
}

// ending is the last part of a file's name.
func ending(p string) string { return strings.TrimPrefix(path.Ext(p), ".") }
