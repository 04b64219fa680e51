package databases

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
)

// mysqlLogin are the arguments that say how the server is reached.
type mysqlLogin struct {
	User       module.Opt[string] `arg:"login_user"`
	Password   module.Opt[string] `arg:"login_password"`
	Host       string             `arg:"login_host"`
	Port       int                `arg:"login_port"`
	Socket     module.Opt[string] `arg:"login_unix_socket"`
	ConfigFile string             `arg:"config_file"`
	Timeout    int                `arg:"connect_timeout"`
	ClientCert module.Opt[string] `arg:"client_cert"`
	ClientKey  module.Opt[string] `arg:"client_key"`
	CACert     module.Opt[string] `arg:"ca_cert"`
	CheckName  module.Opt[bool]   `arg:"check_hostname"`
}

// mysqlArgs declares them.
func mysqlArgs() []module.Arg {
	return []module.Arg{
		{Name: "login_user", Doc: "Who logs in; without it what config_file says."},
		{Name: "login_password", Secret: true, Doc: "The password for that."},
		{Name: "login_host", Default: "localhost", Doc: "The server; localhost is reached by its socket."},
		{Name: "login_port", Type: module.Int, Default: 3306, Doc: "Its port."},
		{Name: "login_unix_socket", Doc: "Its socket."},
		{Name: "config_file", Type: module.Path, Default: "~/.my.cnf", Doc: "A file of options with the credentials; it may be missing."},
		{Name: "connect_timeout", Type: module.Int, Default: 30, Doc: "Seconds to wait for a connection."},
		{Name: "client_cert", Aliases: []string{"ssl_cert"}, Type: module.Path, Doc: "The client's certificate."},
		{Name: "client_key", Aliases: []string{"ssl_key"}, Type: module.Path, Doc: "The client's key."},
		{Name: "ca_cert", Aliases: []string{"ssl_ca"}, Type: module.Path, Doc: "Certificates to trust."},
		{Name: "check_hostname", Type: module.Bool, Doc: "Whether the server's name must be that of its certificate."},
	}
}

// mysqlFront begins a script: it takes options from its input up to a line "--",
// and defines on, which runs a client ($1 names it and what stands in for it)
// with them. The options are in no argument list and no file. $1 is a file of
// options that comes first, if there is one.
const mysqlFront = `c=$1; shift; o=
if [ -e "$c" ]; then o="!include $c
"; fi
o="$o[client]
"
while IFS= read -r l && [ "$l" != -- ]; do o="$o$l
"; done
exec 4<&0
on() {
  p=$1; command -v "$p" >/dev/null 2>&1 || p=$2
  command -v "$p" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\"" >&2; return 127; }
  shift 2; printf '%s' "$o" | "$p" --defaults-file=/dev/fd/3 "$@" 3<&0 0<&4 4<&-
}
`

// mysqlRun runs statements that it reads.
const mysqlRun = mysqlFront + `on mysql mariadb --batch --raw "$@"`

// optionQuote writes a value of a file of options.
func optionQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}

// mysqlServer is the server as a module reaches it.
type mysqlServer struct {
	mysqlLogin
	config string // the path of ConfigFile
	// options are those of the client, one a line.
	options string
}

func (a mysqlLogin) server(g *module.Gather) (mysqlServer, error) {
	s := mysqlServer{mysqlLogin: a, config: g.Path(a.ConfigFile)}
	if a.Port < 0 || a.Port > 65535 {
		return s, module.Fail("login_port must be a valid unix port number (0-65535)")
	}
	var b strings.Builder
	add := func(name, text string) { b.WriteString(name + "=" + optionQuote(text) + "\n") }
	if u, ok := a.User.Get(); ok {
		add("user", u)
	}
	if p, ok := a.Password.Get(); ok {
		add("password", p)
	}
	if p, ok := a.Socket.Get(); ok {
		add("socket", p)
	} else if a.Host != "localhost" || a.Port != 3306 {
		add("host", a.Host)
		add("port", strconv.Itoa(a.Port))
		b.WriteString("protocol=TCP\n")
	}
	for _, o := range []struct {
		name string
		path module.Opt[string]
	}{{"ssl-cert", a.ClientCert}, {"ssl-key", a.ClientKey}, {"ssl-ca", a.CACert}} {
		if p, ok := o.path.Get(); ok {
			add(o.name, g.Path(p))
		}
	}
	s.options = b.String()
	return s, nil
}

// asRoot is the server for root without a password.
func (s mysqlServer) asRoot() mysqlServer {
	s.options += "user=root\npassword=\n"
	return s
}

// exec runs statements; shown says what for.
func (s mysqlServer) exec(shown string, more []string, statements ...string) state.Exec {
	args := []string{"--connect-timeout=" + strconv.Itoa(s.Timeout)}
	if check, ok := s.CheckName.Get(); ok && check {
		args = append(args, "--ssl-verify-server-cert")
	}
	return s.script(mysqlRun, shown, append(args, more...), strings.Join(statements, ";\n")+";\n")
}

// script runs a script that begins with mysqlFront.
func (s mysqlServer) script(text, shown string, args []string, input string) state.Exec {
	return state.Exec{Argv: append([]string{"/bin/sh", "-c", text, "sh", s.config}, args...), Env: []string{"LC_ALL=C"}, Shown: shown,
		Stdin: []byte(s.options + "--\n" + input), HasStdin: true}
}

// refused is the failure of a client that could not log in, nil of another.
func (s mysqlServer) refused(r state.OpResult) *module.Failure {
	said := strings.TrimSpace(string(r.Stderr))
	switch {
	case r.RC == 127 && strings.Contains(said, "required executable"):
		return module.Fail(said, "rc", r.RC)
	case r.RC == 0:
		return nil
	}
	return module.Fail(fmt.Sprintf("unable to connect to database, check login_user and login_password are correct or %s has the credentials. "+
		"Exception message: %s", s.config, mysqlError(r)))
}

// sqlText writes a text as MySQL's SQL has it.
func sqlText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`, "\x00", `\0`, "\n", `\n`, "\r", `\r`, "\x1a", `\Z`).Replace(s) + "'"
}

// sqlName writes a name as MySQL's SQL has it.
func sqlName(s string) string { return "`" + strings.ReplaceAll(strings.Trim(s, "`"), "`", "``") + "`" }

// mysqlError is what a client said of an error; MariaDB's says the statement first,
// which may hold the hash of a password.
func mysqlError(r state.OpResult) string {
	said := strings.TrimSpace(string(r.Stderr))
	if i := strings.LastIndex(said, "ERROR "); i >= 0 {
		said = said[i+len("ERROR "):]
	}
	return said
}

// rows are the lines of an answer, taken apart at tabs.
func rows(out []byte) (all [][]string) {
	for line := range strings.Lines(string(out)) {
		all = append(all, strings.Split(strings.TrimRight(line, "\n"), "\t"))
	}
	return all
}
