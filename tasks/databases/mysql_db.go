package databases

import (
	"path"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type mysqlDBArgs struct {
	mysqlLogin
	Name         []string           `arg:"name"`
	State        string             `arg:"state"`
	Encoding     string             `arg:"encoding"`
	Collation    string             `arg:"collation"`
	Target       module.Opt[string] `arg:"target"`
	Single       bool               `arg:"single_transaction"`
	Quick        bool               `arg:"quick"`
	Ignore       []string           `arg:"ignore_tables"`
	HexBlob      bool               `arg:"hex_blob"`
	Force        bool               `arg:"force"`
	MasterData   int                `arg:"master_data"`
	SkipLock     bool               `arg:"skip_lock_tables"`
	DumpArgs     string             `arg:"dump_extra_args"`
	ImplicitRoot bool               `arg:"check_implicit_admin"`
	Chdir        string             `arg:"chdir"`
}

var mysqlDBSpec = module.Spec{
	Name:    "mysql_db",
	Aliases: []string{"community.mysql.mysql_db"},
	Summary: "Have a database of MySQL or MariaDB, or not; write it to a file, or read it from one",
	Doc: "Works with the clients mysql and mysqldump of the host (or mariadb and mariadb-dump), which get a password neither by their arguments nor by a file. " +
		"Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "name", Aliases: []string{"db"}, Type: module.List, Elem: module.Str, Required: true, Doc: "The databases; all of them is \"all\" for dump and import."},
		{Name: "state", Choices: []string{"absent", "dump", "import", "present"}, Default: "present", Doc: "Whether they are to be there, or what is to be done with them."},
		{Name: "encoding", Default: "", Doc: "The character set of a new one, and of a dump."},
		{Name: "collation", Default: "", Doc: "The collation of a new one."},
		{Name: "target", Type: module.Path, Doc: "The file to write or read: SQL, or packed by gzip, bzip2 or xz as its name says."},
		{Name: "single_transaction", Type: module.Bool, Default: false, Doc: "Dump in one transaction."},
		{Name: "quick", Type: module.Bool, Default: true, Doc: "Dump rows as they come."},
		{Name: "ignore_tables", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Tables not to dump: database.table."},
		{Name: "hex_blob", Type: module.Bool, Default: false, Doc: "Dump binary columns as hexadecimal digits."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Go on after errors."},
		{Name: "master_data", Type: module.Int, Choices: []string{"0", "1", "2"}, Default: 0, Doc: "Dump where the binary log stands: as a statement, or as a comment."},
		{Name: "skip_lock_tables", Type: module.Bool, Default: false, Doc: "Do not lock tables to dump them."},
		{Name: "dump_extra_args", Doc: "Words for mysqldump."},
		{Name: "use_shell", Type: module.Bool, Default: false, Doc: "Accepted; it is a shell in any case."},
		{Name: "unsafe_login_password", Type: module.Bool, Default: false, Doc: "Accepted; the password is in no command line."},
		{Name: "restrict_config_file", Type: module.Bool, Default: false, Doc: "Accepted; no other file of options is read."},
		{Name: "check_implicit_admin", Type: module.Bool, Default: false, Doc: "First try root without a password."},
		{Name: "config_overrides_defaults", Type: module.Bool, Default: false, Doc: "Accepted; host and port of config_file count unless they are arguments."},
		{Name: "chdir", Type: module.Path, Doc: "The folder to work in."},
		{Name: "pipefail", Type: module.Bool, Default: false, Doc: "Accepted; a dump that fails fails the task."},
	}, mysqlArgs()...),
	Returns: []module.Return{
		{Name: "db", Type: "str", When: "always", Doc: "The names, with blanks between them."},
		{Name: "db_list", Type: "list", When: "always", Doc: "The names."},
		{Name: "executed_commands", Type: "list", When: "success", Doc: "The statements and commands, without passwords."},
	},
	Examples: "- mysql_db: {name: shop, encoding: utf8mb4, login_unix_socket: /run/mysqld/mysqld.sock}\n" +
		"- mysql_db: {name: shop, state: dump, target: /var/backups/shop.sql.gz}\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// MySQLDB is the module mysql_db.
func MySQLDB() module.Module { return module.New(mysqlDBSpec, planMySQLDB) }

// mysqlDBPlan is what becomes of databases.
type mysqlDBPlan struct {
	mysqlDBArgs
	server mysqlServer
	target string
	all    bool
	have   []string
	none   []string
}

func planMySQLDB(a mysqlDBArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if len(a.Name) == 0 {
		return module.OK("db", value.List(), "db_list", value.List()), nil
	}
	for i := range a.Name {
		a.Name[i] = strings.TrimSpace(a.Name[i])
	}
	moves := a.State == "dump" || a.State == "import"
	p := &mysqlDBPlan{mysqlDBArgs: a, all: moves && slices.Equal(a.Name, []string{"all"})}
	switch {
	case slices.Contains(a.Ignore, ""):
		return module.Change{}, module.Fail("Name of ignored table cannot be empty")
	case len(a.Name) > 1 && a.State == "import":
		return module.Change{}, module.Fail("Multiple databases are not supported with state=import")
	case moves && !a.Target.Given():
		return module.Change{}, module.Fail("with state=" + a.State + " target is required")
	case !moves && slices.Equal(a.Name, []string{"all"}):
		return module.Change{}, module.Fail("name is not allowed to equal 'all' unless state equals import, or dump.")
	}
	g := module.Gathering(v)
	var err error
	if p.server, err = a.server(g); err != nil {
		return module.Change{}, err
	}
	p.target = g.Path(a.Target.Or(""))
	if a.Chdir != "" && a.Target.Given() && !path.IsAbs(a.Target.Or("")) {
		p.target = path.Join(g.Path(a.Chdir), a.Target.Or(""))
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

// look asks which of the databases there are, as the first who may.
func (p *mysqlDBPlan) look(servers []mysqlServer) module.Change {
	names := make([]string, len(p.Name))
	for i, n := range p.Name {
		names[i] = sqlText(n)
	}
	ask := servers[0].exec("look at databases", []string{"--skip-column-names"},
		"SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ("+strings.Join(names, ", ")+")")
	return module.Look(ask, p.result(module.Later(), nil), func(v state.View, r state.OpResult) (module.Change, error) {
		if f := servers[0].refused(r); f != nil {
			if len(servers) > 1 {
				return p.look(servers[1:]), nil
			}
			return module.Change{}, f
		}
		p.server = servers[0]
		return p.settle(v, string(r.Stdout))
	})
}

func (p *mysqlDBPlan) result(changed any, commands []string) *value.Map {
	r := value.M("changed", changed, "db", strings.Join(p.Name, " "), "db_list", value.Strings(p.Name...))
	if commands != nil {
		r.Set("executed_commands", value.Strings(commands...))
	}
	return r
}

func (p *mysqlDBPlan) settle(v state.View, said string) (module.Change, error) {
	p.have, p.none = nil, nil // it may be asked again, when more is known
	there := strings.Split(said, "\n")
	for _, n := range p.Name {
		if slices.Contains(there, n) {
			p.have = append(p.have, n)
		} else {
			p.none = append(p.none, n)
		}
	}
	switch p.State {
	case "absent":
		var drops []string
		for _, n := range p.have {
			drops = append(drops, "DROP DATABASE "+sqlName(n))
		}
		return p.run(drops, "error deleting database: "), nil
	case "present":
		return p.run(p.creates(), "error creating database: "), nil
	case "dump":
		if len(p.none) > 0 && !p.all {
			return module.Change{}, module.Fail("Cannot dump database(s) '" + strings.Join(p.none, ", ") + "' - not found")
		}
		return p.dump()
	}
	g := module.Gathering(v)
	f := g.File(p.target, 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !f.Exists() {
		return module.Change{}, module.Fail("target " + p.target + " does not exist on the host")
	}
	return p.load(), nil
}

func (p *mysqlDBPlan) creates() (all []string) {
	for _, n := range p.none {
		q := "CREATE DATABASE " + sqlName(n)
		if p.Encoding != "" {
			q += " CHARACTER SET " + sqlText(p.Encoding)
		}
		if p.Collation != "" {
			q += " COLLATE " + sqlText(p.Collation)
		}
		all = append(all, q)
	}
	return all
}

// run plans statements.
func (p *mysqlDBPlan) run(statements []string, fails string) module.Change {
	if len(statements) == 0 {
		return module.Change{Result: p.result(false, []string{})}
	}
	c := module.Change{Result: p.result(true, statements)}
	return module.Steps([]state.Exec{p.server.exec(statements[0], nil, statements...)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail(fails + mysqlError(did[0]))
		}
		return module.Change{Result: c.Result}, nil
	})
}

// mysqlDump writes to the file $1, packed as that is called. It prints the status
// of a client that fails.
const mysqlDump = mysqlFront + `t=$1; shift
case $t in *.gz) z=gzip ;; *.bz2) z=bzip2 ;; *.xz) z=xz ;; *) z=cat ;; esac
{ { on mysqldump mariadb-dump "$@" || echo $? >&5; } | $z >"$t"; } 5>&1 || exit`

// mysqlLoad reads the file $1, unpacked as it is called.
const mysqlLoad = mysqlFront + `t=$1; shift
case $t in *.gz) z=gzip ;; *.bz2) z=bzip2 ;; *.xz) z=xz ;; *) z= ;; esac
if [ "$z" ]; then $z -dc -- "$t" | { exec 4<&0; on mysql mariadb "$@"; }; else exec 4<"$t"; on mysql mariadb "$@"; fi`

func (p *mysqlDBPlan) dump() (module.Change, error) {
	var args []string
	add := func(asked bool, words ...string) {
		if asked {
			args = append(args, words...)
		}
	}
	add(p.Force, "--force")
	switch {
	case p.all:
		args = append(args, "--all-databases")
	case len(p.Name) > 1:
		args = append(append(args, "--databases"), p.Name...)
	default:
		args = append(args, p.Name[0])
	}
	add(p.SkipLock, "--skip-lock-tables")
	add(p.Encoding != "", "--default-character-set="+p.Encoding)
	add(p.Single, "--single-transaction=true")
	add(p.Quick, "--quick")
	for _, t := range p.Ignore {
		args = append(args, "--ignore-table="+t)
	}
	add(p.HexBlob, "--hex-blob")
	add(p.MasterData != 0, "--master-data="+value.Int(int64(p.MasterData)).Text())
	more, err := module.ShlexSplit(p.DumpArgs)
	if err != nil {
		return module.Change{}, err
	}
	args = append(args, more...)
	shown := "mysqldump " + module.ShlexJoin(args)
	c := module.Change{Once: true, Result: p.result(true, []string{shown + " > " + p.target})}
	return p.move(c, p.server.script(mysqlDump, shown, append([]string{p.target}, args...), "")), nil
}

func (p *mysqlDBPlan) load() module.Change {
	var args []string
	if p.Force {
		args = append(args, "-f")
	}
	if p.Encoding != "" {
		args = append(args, "--default-character-set="+p.Encoding)
	}
	if !p.all {
		args = append(args, "--one-database", p.Name[0])
	}
	shown := "mysql " + module.ShlexJoin(args)
	var before []string
	if !p.all {
		before = p.creates()
	}
	c := module.Change{Once: true, Result: p.result(true, append(before, shown+" < "+p.target))}
	load := p.server.script(mysqlLoad, shown, append([]string{p.target}, args...), "")
	if len(before) == 0 {
		return p.move(c, load)
	}
	return module.Steps([]state.Exec{p.server.exec(before[0], nil, before...)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail("error creating database: " + mysqlError(did[0]))
		}
		return p.move(c, load), nil
	})
}

// move plans a command that writes or reads a file. What a dump prints is the
// status that it ended with.
func (p *mysqlDBPlan) move(c module.Change, e state.Exec) module.Change {
	return module.Steps([]state.Exec{e}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		r := did[0]
		if r.RC != 0 || p.State == "dump" && strings.TrimSpace(string(r.Stdout)) != "" {
			return module.Change{}, module.Fail(string(r.Stderr))
		}
		done := c.Result.Clone()
		out := string(r.Stdout)
		if p.State == "dump" {
			out = ""
		}
		done.Set("msg", value.String(out).WithMarks(value.Unsafe))
		return module.Change{Result: done}, nil
	})
}
