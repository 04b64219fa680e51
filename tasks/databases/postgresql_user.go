package databases

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgUserArgs struct {
	pgLogin
	Name      string             `arg:"user"`
	Secret    module.Opt[string] `arg:"password"`
	State     string             `arg:"state"`
	Priv      module.Opt[string] `arg:"priv"`
	DB        string             `arg:"db"`
	FailOn    bool               `arg:"fail_on_user"`
	Flags     string             `arg:"role_attr_flags"`
	Encrypted bool               `arg:"encrypted"`
	NoChanges bool               `arg:"no_password_changes"`
	Expires   module.Opt[string] `arg:"expires"`
	ConnLimit module.Opt[int]    `arg:"conn_limit"`
	Groups    []string           `arg:"groups"`
	Comment   module.Opt[string] `arg:"comment"`
}

var pgUserSpec = module.Spec{
	Name:    "postgresql_user",
	Aliases: []string{"community.postgresql.postgresql_user"},
	Summary: "Have a user (a role) of PostgreSQL, or not",
	Doc: "Works with the client psql of the host; a password goes over its input. That a password is set already is told by its hash, of SCRAM or MD5, " +
		"which only a superuser may read. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "user", Aliases: []string{"name"}, Required: true, Doc: "The user."},
		{Name: "password", Secret: true, Doc: "The password, or its hash; an empty one takes it away."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the user is to be there."},
		{Name: "priv", Doc: "Privileges on db and its tables: CONNECT/table:SELECT,INSERT."},
		{Name: "db", Aliases: []string{"login_db"}, Default: "", Doc: "The database to log in to, which priv is about."},
		{Name: "fail_on_user", Aliases: []string{"fail_on_role"}, Type: module.Bool, Default: true, Doc: "Fail when the user cannot be removed."},
		{Name: "role_attr_flags", Default: "", Doc: "What the role may: SUPERUSER, CREATEROLE, CREATEDB, INHERIT, LOGIN, REPLICATION, BYPASSRLS, each also with NO in front."},
		{Name: "encrypted", Type: module.Bool, Default: true, Doc: "Whether the server is to hash the password."},
		{Name: "no_password_changes", Type: module.Bool, Default: false, Doc: "Leave the password of a user who is there, and do not read its hash."},
		{Name: "expires", Doc: "Until when the password is valid; infinity is always."},
		{Name: "conn_limit", Type: module.Int, Doc: "How many connections the user may have."},
		{Name: "groups", Type: module.List, Elem: module.Str, Doc: "Roles that the user is to be in."},
		{Name: "comment", Doc: "A comment on the role."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "user", Type: "str", When: "always", Doc: "The user."},
		{Name: "queries", Type: "list", When: "always", Doc: "The statements, without passwords."},
		{Name: "user_removed", Type: "bool", When: "the user was there and is not to be", Doc: "Whether the user was removed."},
	},
	Examples: "- postgresql_user: {name: shop, password: \"{{ shop_password }}\"}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresUser is the module postgresql_user.
func PostgresUser() module.Module { return module.New(pgUserSpec, planPgUser) }

// roleFlags are the columns of what a role may.
var roleFlags = map[string]string{"SUPERUSER": "rolsuper", "CREATEROLE": "rolcreaterole", "CREATEDB": "rolcreatedb", "INHERIT": "rolinherit",
	"LOGIN": "rolcanlogin", "REPLICATION": "rolreplication", "BYPASSRLS": "rolbypassrls"}

// pgUserPlan is what becomes of a user.
type pgUserPlan struct {
	pgUserArgs
	login string
	flags []string
	privs []pgPrivilege

	exists bool
	has    map[string]bool // what the role may, by its flags
	hash   *string         // of the password, nil when there is none
	// read tells that the hash could be read.
	read        bool
	sameExpires bool
	limit       string
	comment     *string
	member, all []string // roles that the user is in, and all that are asked for
	acl         string   // of the database
	tables      map[string][]string
	queries     []string // as they are registered
	statements  []string // as they are run
}

func planPgUser(a pgUserArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if a.DB == "" && a.Priv.Given() {
		return module.Change{}, module.Fail("privileges require a database to be specified")
	}
	for i := range a.Groups {
		a.Groups[i] = strings.TrimSpace(a.Groups[i])
	}
	if err := a.checkInput(append([]string{a.Name, a.Secret.Or(""), a.Priv.Or(""), a.Expires.Or(""), a.Flags, a.Comment.Or("")}, a.Groups...)...); err != nil {
		return module.Change{}, err
	}
	p := &pgUserPlan{pgUserArgs: a}
	if err := p.readFlags(); err != nil {
		return module.Change{}, err
	}
	var err error
	if p.privs, err = parsePgPrivileges(a.Priv, a.DB); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	p.login = a.conninfo(g, orElse(a.DB, "postgres"))
	if a.DB == "" {
		p.login = strings.Replace(p.login, "dbname='postgres'", "dbname="+connText(orElse(a.User, "postgres")), 1)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	predicted := value.M("changed", module.Later(), "user", a.Name, "queries", module.Later())
	return module.Look(a.exec(p.login, "look at the user "+a.Name, false, p.asks()...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		p.take(pgRows(r.Stdout))
		return p.settle()
	}), nil
}

func connText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func (p *pgUserPlan) readFlags() error {
	var wrong []string
	for f := range strings.SplitSeq(p.Flags, ",") {
		if f = strings.ToUpper(f); f == "" {
			continue
		}
		if _, ok := roleFlags[strings.TrimPrefix(f, "NO")]; !ok {
			wrong = append(wrong, f)
		}
		if !slices.Contains(p.flags, f) {
			p.flags = append(p.flags, f)
		}
	}
	if len(wrong) > 0 {
		return module.Fail("Invalid role_attr_flags specified: " + strings.Join(wrong, " "))
	}
	return nil
}

// asks are the questions about the user. Each row begins with what it tells.
func (p *pgUserPlan) asks() []string {
	name, expires := pgText(p.Name), "'infinity'"
	if e, ok := p.Expires.Get(); ok {
		expires = pgText(e)
	}
	columns := "rolconnlimit, coalesce(rolvaliduntil = " + expires + "::timestamptz, false)"
	for _, f := range pgFlagNames {
		columns += ", " + roleFlags[f]
	}
	asks := []string{
		"SELECT 'role', " + columns + " FROM pg_catalog.pg_roles WHERE rolname = " + name,
		"SELECT 'comment', d FROM (SELECT pg_catalog.shobj_description(oid, 'pg_authid') d FROM pg_catalog.pg_roles WHERE rolname = " + name + ") x WHERE d IS NOT NULL",
		"SELECT 'member', g.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member WHERE u.rolname = " + name,
	}
	if len(p.Groups) > 0 {
		var names []string
		for _, g := range p.Groups {
			names = append(names, pgText(g))
		}
		asks = append(asks, "SELECT 'group', rolname FROM pg_catalog.pg_roles WHERE rolname IN ("+strings.Join(names, ", ")+")")
	}
	if len(p.privs) > 0 {
		asks = append(asks, "SELECT 'acl', coalesce(datacl::text, '') FROM pg_catalog.pg_database WHERE datname = "+pgText(p.DB),
			"SELECT 'table', table_schema || '.' || table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = "+name)
	}
	if p.Secret.Given() && !p.NoChanges {
		// A role that may not read hashes must not ask for them: that would fail.
		asks = append(asks, "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT') AS may \\gset\n\\if :may\n"+
			"SELECT 'hash', rolpassword IS NULL, rolpassword FROM pg_catalog.pg_authid WHERE rolname = "+name+";\n\\endif\nSELECT 'end'")
	}
	return asks
}

var pgFlagNames = []string{"SUPERUSER", "CREATEROLE", "CREATEDB", "INHERIT", "LOGIN", "REPLICATION", "BYPASSRLS"}

func (p *pgUserPlan) take(said [][]string) {
	p.has, p.tables = map[string]bool{}, map[string][]string{}
	for _, f := range said {
		switch {
		case f[0] == "role" && len(f) == 3+len(pgFlagNames):
			p.exists, p.limit, p.sameExpires = true, f[1], f[2] == "t"
			for i, name := range pgFlagNames {
				p.has[name] = f[3+i] == "t"
			}
		case f[0] == "comment" && len(f) > 1:
			p.comment = &f[1]
		case f[0] == "member" && len(f) > 1:
			p.member = append(p.member, f[1])
		case f[0] == "group" && len(f) > 1:
			p.all = append(p.all, f[1])
		case f[0] == "acl" && len(f) > 1:
			p.acl = f[1]
		case f[0] == "table" && len(f) > 2:
			p.tables[f[1]] = append(p.tables[f[1]], f[2])
		case f[0] == "hash" && len(f) > 2:
			if p.read = true; f[1] == "f" {
				p.hash = &f[2]
			}
		}
	}
}

// do adds a statement; shown is how it is registered.
func (p *pgUserPlan) do(statement, shown string) {
	p.statements, p.queries = append(p.statements, statement), append(p.queries, shown)
}

func (p *pgUserPlan) settle() (module.Change, error) {
	p.statements, p.queries = nil, []string{}
	if p.State == "absent" {
		return p.remove(), nil
	}
	if p.Name == "PUBLIC" {
		if p.Secret.Given() {
			return module.Change{}, module.Fail("cannot change the password for PUBLIC user")
		}
		if len(p.flags) > 0 {
			return module.Change{}, module.Fail("cannot change the role_attr_flags for PUBLIC user")
		}
	} else if p.exists {
		p.alter()
	} else {
		p.add()
	}
	for _, x := range p.privs {
		if len(without(x.privs, p.held(x))) > 0 {
			q := "GRANT " + strings.Join(x.privs, ", ") + " ON " + x.on() + " TO " + p.grantee()
			p.do(q, q)
		}
	}
	for _, g := range p.Groups {
		if !slices.Contains(p.all, g) {
			return module.Change{}, module.Fail("Role " + g + " does not exist")
		}
		if !slices.Contains(p.member, g) {
			q := "GRANT " + pgName(g) + " TO " + pgName(p.Name)
			p.do(q, q)
		}
	}
	if c, given := p.Comment.Get(); given && (p.comment == nil || *p.comment != c) {
		q := "COMMENT ON ROLE " + pgName(p.Name) + " IS " + pgText(c)
		p.do(q, q)
	}
	return p.run(value.M("changed", len(p.statements) > 0, "user", p.Name, "queries", value.Strings(p.queries...)), "Database query failed: "), nil
}

func (p *pgUserPlan) grantee() string {
	if p.Name == "PUBLIC" {
		return p.Name
	}
	return pgName(p.Name)
}

// crypt is how the server is to take the password. Since PostgreSQL 10 it knows
// one way only.
func (p *pgUserPlan) crypt() string {
	if p.Encrypted {
		return "ENCRYPTED"
	}
	return "UNENCRYPTED"
}

// both adds words to a statement and to how it is registered.
type both struct{ run, shown []string }

func (b *both) add(run, shown string) { b.run, b.shown = append(b.run, run), append(b.shown, shown) }

func (b *both) same(words string) { b.add(words, words) }

func (p *pgUserPlan) add() {
	b := &both{}
	b.same("CREATE USER " + pgName(p.Name))
	if pass := p.Secret.Or(""); pass != "" {
		b.same("WITH " + p.crypt())
		b.add("PASSWORD "+pgText(pass), "PASSWORD %(password)s")
	}
	p.ends(b, true)
}

// ends adds what stands at the end of CREATE USER (flags last) and ALTER USER.
func (p *pgUserPlan) ends(b *both, create bool) {
	if e, ok := p.Expires.Get(); ok {
		b.add("VALID UNTIL "+pgText(e), "VALID UNTIL %(expires)s")
	}
	if n, ok := p.ConnLimit.Get(); ok {
		b.same("CONNECTION LIMIT " + strconv.Itoa(n))
	}
	if create {
		b.same(strings.Join(p.flags, " "))
	}
	p.do(strings.Join(b.run, " "), strings.Join(b.shown, " "))
}

func (p *pgUserPlan) alter() {
	flagsChange := slices.ContainsFunc(p.flags, func(f string) bool {
		name, no := strings.CutPrefix(f, "NO")
		return p.has[name] == no
	})
	b := &both{}
	b.same("ALTER USER " + pgName(p.Name))
	flags := strings.Join(p.flags, " ")
	if p.NoChanges {
		if flagsChange {
			b.same("WITH " + flags)
			p.do(strings.Join(b.run, " "), strings.Join(b.shown, " "))
		}
		return
	}
	password := p.passwordChanges()
	n, limited := p.ConnLimit.Get()
	if !password && !flagsChange && (!p.Expires.Given() || p.sameExpires) && (!limited || strconv.Itoa(n) == p.limit) {
		return
	}
	switch pass := p.Secret.Or(""); {
	case password && pass == "":
		b.same("WITH PASSWORD NULL")
		b.same(flags)
	case password:
		b.same("WITH " + p.crypt())
		b.add("PASSWORD "+pgText(pass), "PASSWORD %(password)s")
		b.same(flags)
	case flags != "":
		b.same("WITH " + flags)
	}
	p.ends(b, false)
}

// passwordChanges tells whether the password differs from what is set. When its
// hash cannot be read, it does.
func (p *pgUserPlan) passwordChanges() bool {
	pass, given := p.Secret.Get()
	switch {
	case !given:
		return false
	case !p.read:
		return true
	case pass == "":
		return p.hash != nil
	case p.hash == nil:
		return true
	}
	return !samePgPassword(*p.hash, pass, p.Name, p.Encrypted)
}

func (p *pgUserPlan) remove() module.Change {
	if !p.exists && p.Name != "PUBLIC" {
		return module.Change{Result: value.M("changed", false, "user", p.Name, "queries", value.List())}
	}
	for _, x := range p.privs {
		if len(without(x.privs, p.held(x))) < len(x.privs) {
			q := "REVOKE " + strings.Join(x.privs, ", ") + " ON " + x.on() + " FROM " + p.grantee()
			p.do(q, q)
		}
	}
	revoked := len(p.statements) > 0
	drop := "DROP USER " + pgName(p.Name)
	p.do(drop, drop)
	r := value.M("user_removed", true, "changed", true, "user", p.Name, "queries", value.Strings(p.queries...))
	c := p.run(r, "Database query failed: ")
	c.Still = value.M("queries", value.List())
	then := c.Then
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		switch {
		case did[0].RC == 0 || did[0].RC == 2 || did[0].RC == 127:
			return then(v, did)
		case p.FailOn:
			return module.Change{}, module.Fail("Unable to remove user")
		}
		kept := r.Clone()
		kept.Set("user_removed", value.Bool(false))
		kept.Set("changed", value.Bool(false))
		if !revoked {
			return module.Change{Result: kept}, nil
		}
		p.statements = p.statements[:len(p.statements)-1]
		kept.Set("changed", value.Bool(true))
		return p.run(kept, "Database query failed: "), nil
	}
	return c
}

// run plans the statements, in one transaction.
func (p *pgUserPlan) run(r *value.Map, fails string) module.Change {
	return p.change(p.login, "change the user "+p.Name, fails, module.Change{Result: r}, p.statements)
}

// pgPrivilege are privileges on a database, or with a table on that.
type pgPrivilege struct {
	db, table string
	privs     []string
}

func (x pgPrivilege) on() string {
	if x.table == "" {
		return "DATABASE " + pgName(x.db)
	}
	parts := strings.Split(x.table, ".")
	for i, s := range parts {
		if !strings.HasPrefix(s, `"`) {
			parts[i] = pgName(s)
		}
	}
	return "TABLE " + strings.Join(parts, ".")
}

var (
	tablePrivs    = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}
	databasePrivs = []string{"CREATE", "CONNECT", "TEMPORARY"}
)

// parsePgPrivileges reads PRIV,PRIV/table:PRIV,PRIV.
func parsePgPrivileges(text module.Opt[string], db string) (all []pgPrivilege, err error) {
	t, given := text.Get()
	if !given {
		return nil, nil
	}
	for token := range strings.SplitSeq(t, "/") {
		x, known, list := pgPrivilege{db: db}, databasePrivs, token
		kind := "database"
		if table, rest, ok := strings.Cut(token, ":"); ok {
			x.table, known, list, kind = table, tablePrivs, rest, "table"
		}
		for w := range strings.SplitSeq(list, ",") {
			switch w = strings.ToUpper(strings.TrimSpace(w)); {
			case w == "":
			case w == "ALL":
				x.privs = append(x.privs, without(known, x.privs)...)
			case w == "TEMP" && kind == "database":
				x.privs = append(x.privs, without([]string{"TEMPORARY"}, x.privs)...)
			case !slices.Contains(known, w):
				return nil, module.Fail("Invalid privs specified for " + kind + ": " + w)
			default:
				x.privs = append(x.privs, without([]string{w}, x.privs)...)
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// held are the privileges that the user has on something.
func (p *pgUserPlan) held(x pgPrivilege) []string {
	if x.table != "" {
		table := x.table
		if !strings.Contains(table, ".") {
			table = "public." + table
		}
		return p.tables[table]
	}
	m := regexp.MustCompile(`[{,"]"?` + regexp.QuoteMeta(p.Name) + `\\?"?=(C?T?c?)/`).FindStringSubmatch(p.acl)
	if m == nil {
		return nil
	}
	var out []string
	for _, c := range m[1] {
		out = append(out, map[rune]string{'C': "CREATE", 'T': "TEMPORARY", 'c': "CONNECT"}[c])
	}
	return out
}
