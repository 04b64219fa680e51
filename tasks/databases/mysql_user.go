package databases

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type mysqlUserArgs struct {
	mysqlLogin
	Name         string             `arg:"user"`
	Secret       module.Opt[string] `arg:"password"`
	Encrypted    bool               `arg:"encrypted"`
	From         string             `arg:"host"`
	FromAll      bool               `arg:"host_all"`
	State        string             `arg:"state"`
	Priv         value.Value        `arg:"priv"`
	TLS          *value.Map         `arg:"tls_requires"`
	Append       bool               `arg:"append_privs"`
	Subtract     bool               `arg:"subtract_privs"`
	ImplicitRoot bool               `arg:"check_implicit_admin"`
	Update       string             `arg:"update_password"`
	BinLog       bool               `arg:"sql_log_bin"`
	Plugin       string             `arg:"plugin"`
	PluginHash   string             `arg:"plugin_hash_string"`
	PluginAuth   string             `arg:"plugin_auth_string"`
	Limits       *value.Map         `arg:"resource_limits"`
	ForceContext bool               `arg:"force_context"`
	SessionVars  *value.Map         `arg:"session_vars"`
}

var mysqlUserSpec = module.Spec{
	Name:    "mysql_user",
	Aliases: []string{"community.mysql.mysql_user"},
	Summary: "Have a user of MySQL or MariaDB with privileges, or not",
	Doc: "Works with the client mysql of the host (or mariadb), which gets a password neither by its arguments nor by a file; only its hash is in a statement. " +
		"Needs MySQL 5.7 or MariaDB 10.2, or newer. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "user", Aliases: []string{"name"}, Required: true, Doc: "The user."},
		{Name: "password", Secret: true, Doc: "The user's password, kept as mysql_native_password."},
		{Name: "encrypted", Type: module.Bool, Default: false, Doc: "The password is such a hash: a star and 40 hexadecimal digits."},
		{Name: "host", Default: "localhost", Doc: "From where the user comes."},
		{Name: "host_all", Type: module.Bool, Default: false, Doc: "The user from all hosts for which there is one."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the user is to be there."},
		{Name: "priv", Type: module.Raw, Doc: "Privileges: db.table:priv1,priv2/db.table:priv, or a dict of them."},
		{Name: "tls_requires", Type: module.Dict, Doc: "What TLS must be like: SSL, X509, or SUBJECT, ISSUER and CIPHER with values."},
		{Name: "append_privs", Type: module.Bool, Default: false, Doc: "Other privileges stay."},
		{Name: "subtract_privs", Type: module.Bool, Default: false, Doc: "Take the privileges away."},
		{Name: "check_implicit_admin", Type: module.Bool, Default: false, Doc: "First try root without a password."},
		{Name: "update_password", Choices: []string{"always", "on_create", "on_new_username"}, Default: "always",
			Doc: "When a password is set: also of a user who is there; only of a new one; of a new one unless the name has one already, which is taken."},
		{Name: "sql_log_bin", Type: module.Bool, Default: true, Doc: "Whether the binary log is written."},
		{Name: "plugin", Doc: "The plugin that authenticates the user."},
		{Name: "plugin_hash_string", Doc: "What the plugin keeps of the user."},
		{Name: "plugin_auth_string", Doc: "What the plugin is told of the user."},
		{Name: "resource_limits", Type: module.Dict, Doc: "Limits by their names, such as MAX_QUERIES_PER_HOUR."},
		{Name: "force_context", Type: module.Bool, Default: false, Doc: "Work in the database mysql, for filters of replication."},
		{Name: "session_vars", Type: module.Dict, Doc: "Variables to set for the session."},
	}, mysqlArgs()...),
	MutuallyExclusive: [][]string{{"append_privs", "subtract_privs"}},
	Returns: []module.Return{
		{Name: "user", Type: "str", When: "always", Doc: "The user."},
		{Name: "msg", Type: "str", When: "always", Doc: "What was done."},
		{Name: "password_changed", Type: "bool", When: "always", Doc: "Whether the password was set; null for a user who would be added."},
	},
	Examples: "- mysql_user: {name: shop, password: \"{{ shop_password }}\", priv: \"shop.*:ALL\", login_unix_socket: /run/mysqld/mysqld.sock}\n" +
		"- mysql_user: {name: \"\", host_all: true, state: absent}\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// MySQLUser is the module mysql_user.
func MySQLUser() module.Module { return module.New(mysqlUserSpec, planMySQLUser) }

// mysqlAccount is a user from one host.
type mysqlAccount struct {
	host, plugin, auth string
	hash               string // of the password, wherever it is kept
	limits             map[string]string
	grants             []string
	requires           string // what TLS must be like, as SHOW CREATE USER says it
}

// mysqlUserPlan is what becomes of a user.
type mysqlUserPlan struct {
	mysqlUserArgs
	server mysqlServer
	want   privileges // nil: none are asked for
	text   string     // privileges as given
	check  bool       // nothing will be applied
	maria  bool
	all    []mysqlAccount // those with the user's name
	mine   []mysqlAccount // those that are meant
}

func planMySQLUser(a mysqlUserArgs, in module.Inputs, v state.View) (module.Change, error) {
	a.From = strings.ToLower(a.From)
	p := &mysqlUserPlan{mysqlUserArgs: a, check: in.Check}
	if err := p.readPriv(); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	var err error
	if p.server, err = a.server(g); err != nil {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	servers := []mysqlServer{p.server}
	if a.ImplicitRoot {
		servers = []mysqlServer{p.server.asRoot(), p.server}
	}
	return p.look(servers), nil
}

// readPriv takes the privileges, a text or a dict of texts.
func (p *mysqlUserPlan) readPriv() error {
	switch {
	case p.Priv.IsNull():
	case p.Priv.IsString():
		p.text = p.Priv.Str()
	case p.Priv.Map() != nil:
		var parts []string
		for k, x := range p.Priv.Map().All() {
			parts = append(parts, k.Text()+":"+x.Text())
		}
		p.text = strings.Join(parts, "/")
	default:
		return module.Fail("priv parameter must be str or dict but <class '" + p.Priv.TypeName() + "'> was passed")
	}
	return nil
}

// look asks for the users of the name, as the first who may.
func (p *mysqlUserPlan) look(servers []mysqlServer) module.Change {
	ask := servers[0].exec("look at users", nil, "SELECT VERSION() AS version, @@GLOBAL.sql_mode AS mode",
		"SELECT * FROM mysql.user WHERE user = "+sqlText(p.Name))
	predicted := value.M("changed", module.Later(), "user", p.Name, "msg", module.Later(), "password_changed", module.Later())
	return module.Look(ask, predicted, func(v state.View, r state.OpResult) (module.Change, error) {
		if f := servers[0].refused(r); f != nil {
			if len(servers) > 1 {
				return p.look(servers[1:]), nil
			}
			return module.Change{}, f
		}
		p.server = servers[0]
		return p.settle(rows(r.Stdout))
	})
}

// settle takes what the server said, and says what must be done.
func (p *mysqlUserPlan) settle(said [][]string) (module.Change, error) {
	if len(said) < 2 || len(said[1]) < 2 {
		return module.Change{}, module.Fail("the server did not tell its version")
	}
	version, mode := said[1][0], said[1][1]
	p.maria = strings.Contains(strings.ToLower(version), "mariadb")
	if oldServer(version, p.maria) {
		return module.Change{}, module.Fail("the server is too old: mysql_user needs MySQL 5.7 or MariaDB 10.2, or newer; it is " + version)
	}
	if !p.Priv.IsNull() {
		var err error
		if p.want, err = unpackPrivileges(p.text, strings.Contains(mode, "ANSI"), !p.Subtract); err != nil {
			return module.Change{}, err
		}
	}
	p.all, p.mine = nil, nil
	if len(said) > 2 {
		for _, row := range said[3:] {
			acc := accountOf(said[2], row)
			if p.all = append(p.all, acc); p.FromAll || acc.host == p.From {
				p.mine = append(p.mine, acc)
			}
		}
	}
	switch {
	case p.State == "absent":
		return p.remove(), nil
	case len(p.mine) == 0 && p.FromAll:
		return module.Change{}, module.Fail("host_all parameter cannot be used when adding a user")
	case len(p.mine) == 0:
		return p.add()
	}
	return p.lookGrants(p.mine, func(mine []mysqlAccount) (module.Change, error) {
		p.mine = mine
		return p.modify()
	}), nil
}

// oldServer tells whether a server has no ALTER USER that is needed.
func oldServer(version string, maria bool) bool {
	var major, minor int
	_, _ = fmt.Sscanf(version, "%d.%d", &major, &minor) // what is no number counts as old
	if maria {
		return major < 10 || major == 10 && minor < 2
	}
	return major < 5 || major == 5 && minor < 7
}

// limitColumns are the columns of limits by their names.
var limitColumns = map[string]string{"MAX_QUERIES_PER_HOUR": "max_questions", "MAX_UPDATES_PER_HOUR": "max_updates",
	"MAX_CONNECTIONS_PER_HOUR": "max_connections", "MAX_USER_CONNECTIONS": "max_user_connections", "MAX_STATEMENT_TIME": "max_statement_time"}

func accountOf(columns, row []string) mysqlAccount {
	of := map[string]string{}
	for i, c := range columns {
		if i < len(row) {
			of[strings.ToLower(c)] = row[i]
		}
	}
	acc := mysqlAccount{host: of["host"], plugin: of["plugin"], auth: of["authentication_string"], limits: map[string]string{}}
	if acc.hash = of["password"]; acc.hash == "" {
		acc.hash = acc.auth
	}
	for name, column := range limitColumns {
		if n, ok := of[column]; ok {
			acc.limits[name] = n
		}
	}
	return acc
}

func (p *mysqlUserPlan) at(host string) string { return sqlText(p.Name) + "@" + sqlText(host) }

// lookGrants asks for the privileges of users, and what they need of TLS.
func (p *mysqlUserPlan) lookGrants(of []mysqlAccount, then func([]mysqlAccount) (module.Change, error)) module.Change {
	var ask []string
	for _, acc := range of {
		ask = append(ask, "SELECT '-- user'", "SHOW GRANTS FOR "+p.at(acc.host), "SELECT '-- made'", "SHOW CREATE USER "+p.at(acc.host))
	}
	predicted := value.M("changed", module.Later(), "user", p.Name, "msg", module.Later(), "password_changed", module.Later())
	return module.Look(p.server.exec("look at privileges", []string{"--skip-column-names"}, ask...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC != 0 {
			return module.Change{}, module.Fail(mysqlError(r))
		}
		out, made, n := slices.Clone(of), false, -1
		for line := range strings.Lines(string(r.Stdout)) {
			line = strings.TrimRight(line, "\n")
			switch {
			case line == "-- user":
				n, made = n+1, false
				out[n].grants = nil
			case line == "-- made":
				made = true
			case n < 0 || n >= len(out):
			case made:
				out[n].requires = tlsRequires(line)
			default:
				out[n].grants = append(out[n].grants, line)
			}
		}
		return then(out)
	})
}

var requireWords = lazyregexp.New(`\bREQUIRE\b(.*?)(?:\bPASSWORD\b|$)`)

// tlsRequires is what a user needs of TLS, in a form to compare.
func tlsRequires(made string) string {
	m := requireWords().FindStringSubmatch(made)
	if m == nil {
		return ""
	}
	words := strings.Fields(m[1])
	switch {
	case len(words) == 0 || words[0] == "NONE":
		return ""
	case words[0] == "SSL" || words[0] == "X509":
		return words[0]
	}
	var parts []string
	for _, kv := range regexp.MustCompile(`(\w+) '((?:[^'\\]|\\.|'')*)'`).FindAllStringSubmatch(m[1], -1) {
		parts = append(parts, kv[1]+" "+sqlText(kv[2]))
	}
	slices.Sort(parts)
	return strings.Join(parts, " AND ")
}

// wantedTLS is what is asked of TLS in that form.
func (p *mysqlUserPlan) wantedTLS() string {
	if p.TLS == nil || p.TLS.Len() == 0 {
		return ""
	}
	var parts []string
	kind := "SSL"
	for k, v := range p.TLS.All() {
		switch name := strings.ToUpper(k.Text()); name {
		case "CIPHER", "ISSUER", "SUBJECT":
			parts = append(parts, name+" "+sqlText(v.Text()))
		case "X509":
			kind = name
		}
	}
	if len(parts) == 0 {
		return kind
	}
	slices.Sort(parts)
	return strings.Join(parts, " AND ")
}

// prefix are the statements that every session begins with.
func (p *mysqlUserPlan) prefix() (all []string) {
	if p.ForceContext {
		all = append(all, "USE mysql")
	}
	if !p.BinLog {
		all = append(all, "SET SQL_LOG_BIN=0")
	}
	if p.SessionVars != nil {
		for k, v := range p.SessionVars.All() {
			text := sqlText(v.Text())
			if v.IsNumber() {
				text = v.Text()
			}
			all = append(all, "SET SESSION "+sqlName(k.Text())+" = "+text)
		}
	}
	return all
}

// result is what is registered; password nil is not known.
func (p *mysqlUserPlan) result(changed bool, msg string, password any) *value.Map {
	return value.M("changed", changed, "user", p.Name, "msg", msg, "password_changed", password)
}

// run plans statements; end makes what is registered, nil keeps what is predicted.
func (p *mysqlUserPlan) run(c module.Change, statements []string, end func() (module.Change, error)) module.Change {
	e := p.server.exec("change the user "+p.Name, nil, append(p.prefix(), statements...)...)
	return module.Steps([]state.Exec{e}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail(mysqlError(did[0]))
		}
		if end != nil {
			return end()
		}
		return module.Change{Result: c.Result}, nil
	})
}

func (p *mysqlUserPlan) remove() module.Change {
	if len(p.mine) == 0 {
		return module.Change{Result: p.result(false, "User doesn't exist", false)}
	}
	var drops []string
	for _, acc := range p.mine {
		drops = append(drops, "DROP USER IF EXISTS "+p.at(acc.host))
	}
	return p.run(module.Change{Result: p.result(true, "User deleted", false)}, drops, nil)
}

var passwordHash = lazyregexp.New(`^\*[0-9A-Fa-f]{40}$`)

// hash is the hash of the password that is asked for; "" without one.
func (p *mysqlUserPlan) hash() (string, error) {
	pass := p.Secret.Or("")
	switch {
	case pass == "":
		return "", nil
	case !p.Encrypted:
		return nativeHash(pass), nil
	case !passwordHash().MatchString(pass):
		return "", module.Fail("encrypted was specified however it does not appear to be a valid hash expecting: *SHA1(SHA1(your_password))")
	}
	return pass, nil
}

// byPlugin is how a user is known by a plugin.
func byPlugin(plugin, hash, auth string) string {
	switch {
	case hash != "":
		return " IDENTIFIED WITH " + sqlName(plugin) + " AS " + sqlText(hash)
	case auth != "" && plugin == "pam": // MariaDB's has another word
		return " IDENTIFIED WITH " + sqlName(plugin) + " USING " + sqlText(auth)
	case auth != "":
		return " IDENTIFIED WITH " + sqlName(plugin) + " BY " + sqlText(auth)
	}
	return " IDENTIFIED WITH " + sqlName(plugin)
}

func (p *mysqlUserPlan) add() (module.Change, error) {
	hash, err := p.hash()
	if err != nil {
		return module.Change{}, err
	}
	plugin, pluginHash, reused := p.Plugin, p.PluginHash, false
	if p.Update == "on_new_username" {
		if known := p.knownAs(); known != nil {
			plugin, pluginHash, hash, reused = known.plugin, known.hash, "", true
		}
	}
	make := "CREATE USER " + p.at(p.From)
	switch {
	case hash != "":
		make += byPlugin("mysql_native_password", hash, "")
	case plugin != "":
		make += byPlugin(plugin, pluginHash, p.PluginAuth)
	}
	if tls := p.wantedTLS(); tls != "" {
		make += " REQUIRE " + tls
	}
	all := []string{make}
	if !p.Subtract {
		for _, on := range slices.Sorted(maps.Keys(p.want)) {
			all = append(all, grant(p.want[on], on, p.at(p.From)))
		}
	}
	limits, err := p.limits(nil)
	if err != nil {
		return module.Change{}, err
	}
	if len(limits) > 0 {
		all = append(all, "ALTER USER "+p.at(p.From)+" WITH "+strings.Join(limits, " "))
	}
	c := module.Change{Result: p.result(true, "User added", !reused)}
	if p.check {
		c.Result.Set("password_changed", module.Later())
		c.Still = value.M("password_changed", nil)
	}
	return p.run(c, all, nil), nil
}

// knownAs is how the name is known already, when that is one way only.
func (p *mysqlUserPlan) knownAs() *mysqlAccount {
	for _, acc := range p.all[min(1, len(p.all)):] {
		if acc.plugin != p.all[0].plugin || acc.hash != p.all[0].hash {
			return nil
		}
	}
	if len(p.all) == 0 {
		return nil
	}
	return &p.all[0]
}

// limits are those that must change. now is nil for a new user.
func (p *mysqlUserPlan) limits(now map[string]string) (all []string, err error) {
	if p.Limits == nil {
		return nil, nil
	}
	for k, v := range p.Limits.All() {
		name := k.Text()
		if name == "MAX_STATEMENT_TIME" && !p.maria {
			return nil, module.Fail("MAX_STATEMENT_TIME resource limit is only supported by MariaDB.")
		}
		n, err := strconv.ParseInt(v.Text(), 10, 64)
		if now == nil {
			all = append(all, name+" "+v.Text())
			continue
		}
		was, known := now[name]
		if !known {
			return nil, module.Fail("resource_limits: key '" + name + "' is unsupported.")
		}
		if err != nil {
			return nil, module.Fail("Can't convert value '" + v.Text() + "' to integer.")
		}
		if f, err := strconv.ParseFloat(was, 64); err != nil || f != float64(n) {
			all = append(all, name+" "+strconv.FormatInt(n, 10))
		}
	}
	return all, nil
}
