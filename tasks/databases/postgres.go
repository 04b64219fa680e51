package databases

import (
	"path"
	"regexp"
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
	argv := []string{"/bin/sh", "-c", pgRun, "sh", "psql", "-X", "-w", "-q", "-A", "-t", "-F", fieldSep, "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"}
	if one {
		argv = append(argv, "-1")
	}
	if role, ok := a.Role.Get(); ok {
		statements = append([]string{"SET ROLE " + pgName(role)}, statements...)
	}
	return state.Exec{Argv: append(argv, "-d", conninfo), Env: []string{"LC_ALL=C"}, Shown: shown,
		Stdin: []byte(a.Password + "\n" + strings.Join(statements, ";\n") + ";\n"), HasStdin: true}
}

var pgSaid = lazyregexp.New(`^(?:psql:)?(?:<stdin>:\d+: )?`)

// pgError is what psql said, without its place in the input.
func pgError(r state.OpResult) string {
	return pgSaid().ReplaceAllString(strings.TrimSpace(string(r.Stderr)), "")
}

// refused is the failure of a client that could not log in or was not found.
func (a pgLogin) refused(r state.OpResult) *module.Failure {
	switch said := strings.TrimSpace(string(r.Stderr)); {
	case r.RC == 0:
		return nil
	case r.RC == 127:
		return module.Fail(said, "rc", r.RC)
	case r.RC == 2:
		return module.Fail("unable to connect to database: " + strings.TrimPrefix(said, "psql: error: "))
	default:
		return module.Fail("Database query failed: " + pgError(r))
	}
}

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

// dangerous is what a text that is not trusted may not hold.
var dangerous = []func() *regexp.Regexp{
	lazyregexp.New(`(?i).*--`),
	lazyregexp.New(`(?is)(?:;|\bunion\b).*\bselect\b|;.*\b(?:drop|delete|update|insert|alter|create|grant|truncate)\b`),
	lazyregexp.New(`(?i)\bor\b\s*\S+\s*=\s*\S+`),
}

// checkInput refuses texts that look like an attack, unless they are trusted.
func (a pgLogin) checkInput(texts ...string) error {
	if a.TrustInput {
		return nil
	}
	for _, t := range append(texts, a.Role.Or("")) {
		for _, p := range dangerous {
			if p().MatchString(t) {
				return module.Fail("Passed input '" + t + "' is potentially dangerous")
			}
		}
	}
	return nil
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
