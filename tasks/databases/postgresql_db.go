package databases

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgDBArgs struct {
	pgLogin
	DB          string `arg:"db"`
	Owner       string `arg:"owner"`
	Template    string `arg:"template"`
	Encoding    string `arg:"encoding"`
	Collate     string `arg:"lc_collate"`
	CType       string `arg:"lc_ctype"`
	State       string `arg:"state"`
	Target      string `arg:"target"`
	TargetOpts  string `arg:"target_opts"`
	Maintenance string `arg:"maintenance_db"`
	ConnLimit   string `arg:"conn_limit"`
	Tablespace  string `arg:"tablespace"`
	DumpArgs    string `arg:"dump_extra_args"`
	Force       bool   `arg:"force"`
}

var pgDBSpec = module.Spec{
	Name:    "postgresql_db",
	Aliases: []string{"community.postgresql.postgresql_db"},
	Summary: "Have a database of PostgreSQL, or not; write it to a file, or read it from one",
	Doc:     "Works with the clients psql, pg_dump and pg_restore of the host, which get a password not by their arguments. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "db", Aliases: []string{"name"}, Required: true, Doc: "The database."},
		{Name: "owner", Default: "", Doc: "Its owner."},
		{Name: "template", Default: "", Doc: "What a new one is a copy of."},
		{Name: "encoding", Default: "", Doc: "Its encoding, which stays once it is made."},
		{Name: "lc_collate", Default: "", Doc: "Its order of texts, which stays, too."},
		{Name: "lc_ctype", Default: "", Doc: "Its classes of characters, which stay, too."},
		{Name: "state", Choices: []string{"absent", "dump", "present", "rename", "restore"}, Default: "present", Doc: "Whether it is to be there, or what is to be done with it."},
		{Name: "target", Type: module.Path, Default: "", Doc: "The file to write or read, or the new name. Its ending says how: sql, tar, pgc, dir, gz, bz2, xz."},
		{Name: "target_opts", Default: "", Doc: "Words for pg_dump, pg_restore or psql."},
		{Name: "maintenance_db", Default: "postgres", Doc: "The database to log in to."},
		{Name: "conn_limit", Default: "", Doc: "How many connections it takes."},
		{Name: "tablespace", Default: "", Doc: "Where its data are."},
		{Name: "dump_extra_args", Default: "", Doc: "Words for pg_dump."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "End its connections to remove it."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "db", Type: "str", When: "always", Doc: "The database."},
		{Name: "executed_commands", Type: "list", When: "always", Doc: "The statements or the command."},
	},
	Examples: "- postgresql_db: {name: shop, owner: shop, encoding: UTF-8}\n  become: true\n  become_user: postgres\n" +
		"- postgresql_db: {name: shop, state: dump, target: /var/backups/shop.sql.gz}\n  become: true\n  become_user: postgres\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// PostgresDB is the module postgresql_db.
func PostgresDB() module.Module { return module.New(pgDBSpec, planPgDB) }

// pgDatabase is what the server tells of a database.
type pgDatabase struct {
	exists                                             bool
	owner, encoding, collate, ctype, limit, tablespace string
	sameEncoding                                       bool
}

// pgDBPlan is what becomes of a database.
type pgDBPlan struct {
	pgDBArgs
	login  string // how the server is reached
	target string
	files  string // how it is, for a dump
}

func planPgDB(a pgDBArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if a.State == "rename" {
		switch {
		case a.Target == "":
			return module.Change{}, module.Fail(`The "target" option must be defined when the "rename" option is used.`)
		case a.DB == a.Target:
			return module.Change{}, module.Fail(`The "name/db" option and the "target" option cannot be the same.`)
		case a.Maintenance == a.DB:
			return module.Change{}, module.Fail(`The "maintenance_db" option and the "name/db" option cannot be the same.`)
		}
	}
	if err := a.checkInput(a.Owner, a.ConnLimit, a.Encoding, a.DB, a.Template, a.Tablespace); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	p := &pgDBPlan{pgDBArgs: a, login: a.conninfo(g, a.Maintenance), files: a.conninfo(g, a.DB), target: a.Target}
	moves := a.State == "dump" || a.State == "restore"
	if moves {
		if p.target = g.Path(a.Target); a.Target == "" {
			login := g.Login()
			p.target = path.Join("/", orElse(login.Dir, login.Home), a.DB+".sql")
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if moves {
		return p.move()
	}
	ask := []string{
		"SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit, t.spcname, " +
			"d.encoding = pg_catalog.pg_char_to_encoding(" + pgText(a.Encoding) + "), current_setting('server_version_num') " +
			"FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname IN (" + pgText(a.DB) + ", " + pgText(a.Target) + ")",
		"SELECT '', current_setting('server_version_num')"}
	return module.Look(a.exec(p.login, "look at the database "+a.DB, false, ask...), value.M("changed", module.Later(), "db", a.DB, "executed_commands", module.Later()),
		func(_ state.View, r state.OpResult) (module.Change, error) {
			if f := a.refused(r); f != nil {
				return module.Change{}, f
			}
			return p.settle(pgRows(r.Stdout))
		}), nil
}

func orElse(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func (p *pgDBPlan) settle(said [][]string) (module.Change, error) {
	var now pgDatabase
	target, version := false, ""
	for _, f := range said {
		switch {
		case len(f) == 2:
			version = f[1]
		case len(f) == 9 && f[0] == p.DB:
			now = pgDatabase{true, f[1], f[2], f[3], f[4], f[5], f[6], f[7] == "t"}
		case len(f) == 9:
			target = true
		}
	}
	switch p.State {
	case "absent":
		if !now.exists {
			return p.run(), nil
		}
		return p.drop(version), nil
	case "rename":
		switch {
		case now.exists && target:
			return module.Change{}, module.Fail("Both the source and the target databases exist.")
		case !now.exists && !target:
			return module.Change{}, module.Fail("The source and the target databases do not exist.")
		case !now.exists:
			return p.run(), nil
		}
		return p.run("ALTER DATABASE " + pgName(p.DB) + " RENAME TO " + pgName(p.Target)), nil
	}
	if !now.exists {
		return p.run(p.create()), nil
	}
	return p.alter(now)
}

func (p *pgDBPlan) drop(version string) module.Change {
	drop := "DROP DATABASE " + pgName(p.DB)
	switch {
	case !p.Force:
		return p.run(drop)
	case len(version) >= 6 && version >= "130000":
		return p.run(drop + " WITH (FORCE)")
	}
	c := p.run("UPDATE pg_database SET datallowconn = false WHERE datname = "+pgText(p.DB),
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "+pgText(p.DB)+" AND pid <> pg_backend_pid()", drop)
	c.Result.Set("executed_commands", value.Strings(drop))
	return c
}

func (p *pgDBPlan) create() string {
	q := "CREATE DATABASE " + pgName(p.DB)
	for _, o := range []struct {
		words, text string
		quote       func(string) string
	}{{"OWNER", p.Owner, pgName}, {"TEMPLATE", p.Template, pgName}, {"ENCODING", p.Encoding, pgText}, {"LC_COLLATE", p.Collate, pgText},
		{"LC_CTYPE", p.CType, pgText}, {"TABLESPACE", p.Tablespace, pgName}} {
		if o.text != "" {
			q += " " + o.words + " " + o.quote(o.text)
		}
	}
	if p.ConnLimit != "" {
		q += " CONNECTION LIMIT " + p.ConnLimit
	}
	return q
}

func (p *pgDBPlan) alter(now pgDatabase) (module.Change, error) {
	switch {
	case p.Encoding != "" && !now.sameEncoding:
		return module.Change{}, module.Fail("Changing database encoding is not supported. Current encoding: " + now.encoding)
	case p.Collate != "" && p.Collate != now.collate:
		return module.Change{}, module.Fail("Changing LC_COLLATE is not supported. Current LC_COLLATE: " + now.collate)
	case p.CType != "" && p.CType != now.ctype:
		return module.Change{}, module.Fail("Changing LC_CTYPE is not supported.Current LC_CTYPE: " + now.ctype)
	}
	var all []string
	if p.Owner != "" && p.Owner != now.owner {
		all = append(all, "ALTER DATABASE "+pgName(p.DB)+" OWNER TO "+pgName(p.Owner))
	}
	if p.ConnLimit != "" && p.ConnLimit != now.limit {
		all = append(all, "ALTER DATABASE "+pgName(p.DB)+" CONNECTION LIMIT "+p.ConnLimit)
	}
	if p.Tablespace != "" && p.Tablespace != now.tablespace {
		all = append(all, "ALTER DATABASE "+pgName(p.DB)+" SET TABLESPACE "+pgName(p.Tablespace))
	}
	return p.run(all...), nil
}

// run plans statements.
func (p *pgDBPlan) run(statements ...string) module.Change {
	c := module.Change{Result: value.M("changed", len(statements) > 0, "db", p.DB, "executed_commands", value.Strings(statements...))}
	if len(statements) == 0 {
		return c
	}
	c.Still = value.M("executed_commands", value.List())
	return module.Steps([]state.Exec{p.exec(p.login, statements[len(statements)-1], false, statements...)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail("Database query failed: " + pgError(did[0]))
		}
		return module.Change{Result: c.Result}, nil
	})
}

// pgDump writes what the client prints to the file $1 with the packer $2; pgLoad
// reads it so. A client that fails beside a packer tells its status on the
// output.
const (
	pgDump = `IFS= read -r p; [ -z "$p" ] || export PGPASSWORD="$p"; unset p; t=$1 z=$2; shift 2
command -v "$1" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\"" >&2; exit 127; }
[ "$z" ] || { "$@" >"$t"; exit; }
s=$( { { "$@" || echo $? >&3; } | $z >"$t"; } 3>&1 ) || exit
[ -z "$s" ] || exit "$s"`
	pgLoad = `IFS= read -r p; [ -z "$p" ] || export PGPASSWORD="$p"; unset p; t=$1 z=$2; shift 2
command -v "$1" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\"" >&2; exit 127; }
[ "$z" ] || exec "$@" <"$t"
$z -dc -- "$t" | "$@"`
)

// move plans writing the database to a file, or reading it.
func (p *pgDBPlan) move() (module.Change, error) {
	opts, err := module.ShlexSplit(p.TargetOpts)
	if err != nil {
		return module.Change{}, err
	}
	more, err := module.ShlexSplit(p.DumpArgs)
	if err != nil {
		return module.Change{}, err
	}
	end := ending(p.target)
	packer := map[string]string{"gz": "gzip", "bz2": "bzip2", "xz": "xz"}[end]
	format := map[string]string{"tar": "t", "pgc": "c", "dir": "d"}[end]
	var argv []string
	script := pgDump
	if p.State == "dump" {
		argv = []string{"pg_dump", "-w", "-d", p.files}
		if format != "" {
			argv = append(argv, "--format="+format)
		}
		argv = append(append(argv, more...), opts...)
	} else {
		script = pgLoad
		argv = []string{"psql", "-X", "-w", "-d", p.files}
		if format != "" {
			argv = []string{"pg_restore", "-w", "-d", p.files, "--format=" + format}
		}
		argv = append(argv, opts...)
	}
	at := p.target
	if format == "d" { // a folder, which the client opens itself
		at = "/dev/null"
		if argv = append(argv, p.target); p.State == "dump" {
			argv = append(argv[:len(argv)-1], "-f", p.target)
		}
	}
	shown := module.ShlexJoin(argv)
	e := state.Exec{Argv: append([]string{"/bin/sh", "-c", script, "sh", at, packer}, argv...), Env: []string{"LC_ALL=C"}, Shown: shown,
		Stdin: []byte(p.Password + "\n"), HasStdin: true}
	c := module.Change{Once: true, Result: value.M("changed", true, "cmd", shown, "executed_commands", value.Strings(shown), "rc", 0, "msg", module.Later(), "stderr", module.Later())}
	c.Still = value.M("changed", false, "db", p.DB, "executed_commands", value.List())
	return module.Steps([]state.Exec{e}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[0]
		out, said := value.String(string(r.Stdout)).WithMarks(value.Unsafe), value.String(string(r.Stderr)).WithMarks(value.Unsafe)
		if r.RC != 0 {
			return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)), "rc", r.RC, "stdout", out, "cmd", shown)
		}
		done := c.Result.Clone()
		done.Set("msg", out)
		done.Set("stderr", said)
		return module.Change{Result: done}, nil
	}), nil
}
