package databases

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgPrivsArgs struct {
	pgLogin
	DB     string             `arg:"database"`
	State  string             `arg:"state"`
	Privs  string             `arg:"privs"`
	Type   string             `arg:"type"`
	Objs   string             `arg:"objs"`
	Schema string             `arg:"schema"`
	Roles  string             `arg:"roles"`
	Target string             `arg:"target_roles"`
	Grant  module.Opt[bool]   `arg:"grant_option"`
	Secret module.Opt[string] `arg:"password"`
	FailOn bool               `arg:"fail_on_role"`
	Usage  bool               `arg:"usage_on_types"`
}

var pgPrivsSpec = module.Spec{
	Name:    "postgresql_privs",
	Aliases: []string{"community.postgresql.postgresql_privs"},
	Summary: "Grant or revoke privileges on objects of PostgreSQL",
	Doc: "Grants or revokes in a transaction, and takes it back when that changed nothing, or in a plan. Works with the client psql of the host (10 or newer). " +
		"What is granted to PUBLIC is always told as changed.",
	Args: append([]module.Arg{
		{Name: "database", Aliases: []string{"db", "login_db"}, Required: true, Doc: "The database to log in to."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Grant or revoke."},
		{Name: "privs", Aliases: []string{"priv"}, Default: "", Doc: "The privileges, with commas between them."},
		{Name: "type", Choices: []string{"database", "default_privs", "foreign_data_wrapper", "foreign_server", "function", "group", "language", "table", "tablespace", "schema", "sequence", "type", "procedure"},
			Default: "table", Doc: "What the objects are."},
		{Name: "objs", Aliases: []string{"obj"}, Default: "", Doc: "The objects, with commas between them (within a signature colons); ALL_IN_SCHEMA for all of a schema. For default_privs TABLES, SEQUENCES, FUNCTIONS, TYPES, SCHEMAS or ALL_DEFAULT."},
		{Name: "schema", Default: "", Doc: "Their schema, public without it; not-specified for none."},
		{Name: "roles", Aliases: []string{"role"}, Required: true, Doc: "The roles, with commas between them, or PUBLIC."},
		{Name: "target_roles", Default: "", Doc: "With default_privs: the roles whose new objects these are about."},
		{Name: "grant_option", Aliases: []string{"admin_option"}, Type: module.Bool, Doc: "Whether the roles may grant it on; without it that stays as it is."},
		{Name: "password", Secret: true, Doc: "Another name of login_password."},
		{Name: "fail_on_role", Type: module.Bool, Default: true, Doc: "Whether a role that is not there is a failure or a warning."},
		{Name: "usage_on_types", Type: module.Bool, Default: true, Doc: "With default_privs: also grant USAGE ON TYPES."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "queries", Type: "list", When: "always", Doc: "The statements, as one text."},
	},
	Examples: "- postgresql_privs: {db: shop, privs: \"SELECT,INSERT\", objs: \"items,orders\", role: clerk}\n  become: true\n  become_user: postgres\n" +
		"- postgresql_privs: {db: shop, type: schema, objs: archive, privs: ALL, role: clerk}\n  become: true\n  become_user: postgres\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// PostgresPrivs is the module postgresql_privs.
func PostgresPrivs() module.Module { return module.New(pgPrivsSpec, planPgPrivs) }

var (
	pgAllPrivs = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "CREATE", "CONNECT", "TEMPORARY", "TEMP", "EXECUTE", "USAGE", "ALL"}
	// pgDefaults are the kinds of default privileges, in the order in which ALL_DEFAULT
	// takes those that a schema can have.
	pgDefaults     = []string{"TABLES", "SEQUENCES", "FUNCTIONS", "TYPES", "SCHEMAS"}
	pgDefaultPrivs = map[string][]string{
		"TABLES":    {"ALL", "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"},
		"SEQUENCES": {"ALL", "SELECT", "UPDATE", "USAGE"},
		"FUNCTIONS": {"ALL", "EXECUTE"},
		"TYPES":     {"ALL", "USAGE"},
		"SCHEMAS":   {"CREATE", "USAGE"},
	}
)

// pgPrivsPlan is what is asked, checked.
type pgPrivsPlan struct {
	pgPrivsArgs
	login       string
	privs, objs []string
	roles       []string // none for PUBLIC
	public      bool
	all         bool // ALL_IN_SCHEMA
	check       bool
}

func planPgPrivs(a pgPrivsArgs, in module.Inputs, v state.View) (module.Change, error) {
	p := &pgPrivsPlan{pgPrivsArgs: a, check: in.Check}
	if err := p.read(); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	p.login = p.conninfo(g, p.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := []string{"SELECT 'schema', nspname FROM pg_catalog.pg_namespace WHERE nspname = " + pgText(p.Schema)}
	if !p.public {
		ask = append(ask, "SELECT 'role', rolname FROM pg_roles WHERE rolname IN "+pgTexts(p.roles))
	}
	if p.all {
		ask = append(ask, p.any())
	}
	predicted := value.M("changed", module.Later(), "queries", module.Later())
	return module.Look(p.exec(p.login, "look at the roles", false, ask...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC == 2 {
			return module.Change{}, module.Fail("Could not connect to database: " + pgConnectError(r))
		}
		if f := p.refused(r); f != nil {
			return module.Change{}, f
		}
		found := map[string][]string{}
		for _, row := range pgRows(r.Stdout) {
			found[row[0]] = append(found[row[0]], row[1])
		}
		return p.settle(found)
	}), nil
}

// read checks the arguments, in the original's order.
func (p *pgPrivsPlan) read() error {
	if other, ok := p.Secret.Get(); ok && other != "" {
		if p.Password != "" {
			return module.Fail(`Use the "password" or "login_password" option but not both to pass a password to log in with.`)
		}
		p.Password = other
	}
	bad := func(arg, what string) error {
		return module.Fail(`Argument "` + arg + `" is ` + what + ` for type "` + p.Type + `".`)
	}
	switch p.Type {
	case "table", "sequence", "function", "procedure", "type", "default_privs":
		if p.Objs == "schemas" || p.Schema == "not-specified" {
			p.Schema = ""
		} else {
			p.Schema = orElse(p.Schema, "public")
		}
	default:
		if p.Schema != "" {
			return module.Fail(`Argument "schema" is not allowed for type "` + p.Type + `".`)
		}
	}
	p.all = p.Objs == "ALL_IN_SCHEMA"
	switch {
	case p.all && !slices.Contains([]string{"table", "sequence", "function", "procedure"}, p.Type):
		return module.Fail(`Argument "objs": ALL_IN_SCHEMA can be used only for type: table, sequence, function or procedure, ` + p.Type + " was passed.")
	case p.Type == "database":
		p.Objs = orElse(p.Objs, p.DB)
	case p.Objs == "":
		return bad("objs", "required")
	}
	switch {
	case p.Type == "group" && p.Privs != "":
		return bad("privs", "not allowed")
	case p.Type != "group" && p.Privs == "":
		return bad("privs", "required")
	}
	if err := p.checkInput(p.Roles, p.Target, p.Schema); err != nil {
		return err
	}
	if p.Privs != "" {
		p.privs = without(strings.Split(strings.ToUpper(p.Privs), ","), nil)
		if unknown := without(p.privs, pgAllPrivs); len(unknown) > 0 {
			return module.Fail("Invalid privileges specified: " + frozen(unknown))
		}
	}
	if p.public = strings.EqualFold(p.Roles, "PUBLIC"); !p.public {
		p.roles = strings.Split(p.Roles, ",")
	}
	return p.readObjects()
}

func (p *pgPrivsPlan) readObjects() error {
	switch {
	case p.all:
		return nil
	case p.Type != "default_privs":
		p.objs = strings.Split(p.Objs, ",")
		for i, o := range p.objs {
			if p.Type == "function" || p.Type == "procedure" {
				p.objs[i] = strings.ReplaceAll(o, ":", ",")
				if !strings.Contains(o, "(") {
					return module.Fail(`Illegal function / procedure signature: "` + p.objs[i] + `".`)
				}
			}
		}
		return nil
	case p.Objs == "ALL_DEFAULT":
		p.objs = pgDefaults[:len(pgDefaults)-1]
	default:
		p.objs = without(strings.Split(strings.ToUpper(p.Objs), ","), nil)
		if unknown := without(p.objs, pgDefaults); len(unknown) > 0 {
			return module.Fail("Invalid Object set specified: " + frozen(unknown))
		}
	}
	valid := slices.DeleteFunc(slices.Clone(p.objs), func(o string) bool { return len(without(p.privs, pgDefaultPrivs[o])) > 0 })
	if len(valid) < len(p.objs) {
		return module.Fail("Invalid priv specified. Valid object for priv: " + frozen(valid) + ". Objects: " + frozen(p.objs))
	}
	return nil
}

// frozen writes names as Python does its frozenset.
func frozen(names []string) string {
	if len(names) == 0 {
		return "frozenset()"
	}
	text := value.Strings(names...).Repr()
	return "frozenset({" + text[1:len(text)-1] + "})"
}

// settle goes on with what the server has: schemas, roles and objects by these words.
func (p *pgPrivsPlan) settle(found map[string][]string) (module.Change, error) {
	c := module.OK("queries", value.List())
	var whom []string
	for _, role := range p.roles {
		switch name := strings.TrimSpace(role); {
		case slices.Contains(found["role"], role):
			whom = append(whom, role)
		case p.FailOn:
			return module.Change{}, module.Fail("Role '" + name + "' does not exist")
		case len(p.roles) == 1:
			c.Warnings = append(c.Warnings, "Role '"+name+"' does not exist, nothing to do")
		default:
			c.Warnings = append(c.Warnings, "Role '"+name+"' does not exist, pass it")
		}
	}
	if p.Target != "" && p.Type != "default_privs" {
		c.Warnings = append(c.Warnings, `"target_roles" will be ignored Argument "type: default_privs" is required for usage of "target_roles".`)
	}
	switch {
	case p.all && p.Schema != "" && len(found["schema"]) == 0:
		return module.Change{}, module.Fail(`Schema "` + p.Schema + `" does not exist.`)
	case p.all && len(found["any"]) == 0, len(whom) == 0 && !p.public:
		return c, nil
	}
	q, err := p.query(whom)
	if err != nil {
		return module.Change{}, err
	}
	end := func(r state.OpResult) (module.Change, error) {
		if r.RC != 0 {
			return module.Change{}, module.Fail(pgError(r))
		}
		changed := strings.HasSuffix(strings.TrimSpace(string(r.Stdout)), pgChanged)
		return module.Change{Result: value.M("changed", changed, "queries", value.Strings(q)), Warnings: c.Warnings}, nil
	}
	predicted := value.M("changed", module.Later(), "queries", value.Strings(q))
	run := module.Steps([]state.Exec{p.script(p.login, q, false, p.transaction(q, true))}, module.Change{Result: predicted, Warnings: c.Warnings},
		func(_ state.View, did []state.OpResult) (module.Change, error) { return end(did[0]) })
	if !p.check {
		return run, nil
	}
	return module.Look(p.script(p.login, q, false, p.transaction(q, false)), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		told, err := end(r)
		if err != nil {
			return told, err
		}
		if changed, _ := told.Result.Get("changed"); changed.Truthy() {
			told.Ops = run.Ops
		}
		return told, nil
	}), nil
}

// pgChanged is what the transaction says at its end when something changed.
const pgChanged = "fairlead-changed"

// transaction runs the statements between two looks at the privileges. It is kept
// when they differ, or always for PUBLIC; keep false takes it back in any case.
func (p *pgPrivsPlan) transaction(q string, keep bool) string {
	look, differ := "SELECT "+p.held()+" AS held", ":'held' IS DISTINCT FROM :'held_now'"
	if p.public {
		differ = "true"
	}
	end := "COMMIT"
	if !keep {
		end = "ROLLBACK"
	}
	return "BEGIN;\n" + look + " \\gset\n" + q + "\n" + look + "_now \\gset\nSELECT " + differ + " AS differ \\gset\n" +
		"\\if :differ\n" + end + ";\n\\echo " + pgChanged + "\n\\else\nROLLBACK;\n\\endif\n"
}
