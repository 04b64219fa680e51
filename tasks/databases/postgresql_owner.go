package databases

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgOwnerArgs struct {
	pgLogin
	Owner    string             `arg:"new_owner"`
	Name     module.Opt[string] `arg:"obj_name"`
	Type     module.Opt[string] `arg:"obj_type"`
	Reassign []string           `arg:"reassign_owned_by"`
	FailOn   module.Opt[bool]   `arg:"fail_on_role"`
	DB       string             `arg:"db"`
}

var pgOwnerSpec = module.Spec{
	Name:    "postgresql_owner",
	Aliases: []string{"community.postgresql.postgresql_owner"},
	Summary: "Give an object of PostgreSQL, or all that roles own, to a role",
	Doc:     "Works with the client psql of the host. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "new_owner", Required: true, Doc: "The role that is to own it."},
		{Name: "obj_name", Doc: "The object."},
		{Name: "obj_type", Aliases: []string{"type"}, Choices: []string{"database", "function", "matview", "sequence", "schema", "table", "tablespace", "view"}, Doc: "What it is."},
		{Name: "reassign_owned_by", Type: module.List, Elem: module.Str, Doc: "Give away what these roles own in the database, and their databases and tablespaces; it changes something in every run."},
		{Name: "fail_on_role", Type: module.Bool, Doc: "Whether a role of reassign_owned_by that is not there is a failure (the default) or a warning."},
		{Name: "db", Aliases: []string{"login_db"}, Default: "", Doc: "The database; without it that of the user's name."},
	}, pgArgs()...),
	MutuallyExclusive: [][]string{{"obj_name", "reassign_owned_by"}, {"obj_type", "reassign_owned_by"}, {"obj_name", "fail_on_role"}, {"obj_type", "fail_on_role"}},
	RequiredBy:        map[string][]string{"obj_name": {"obj_type"}},
	Returns: []module.Return{
		{Name: "queries", Type: "list", When: "always", Doc: "The statements."},
	},
	Examples: "- postgresql_owner: {db: shop, new_owner: shop, obj_name: items, obj_type: table}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresOwner is the module postgresql_owner.
func PostgresOwner() module.Module { return module.New(pgOwnerSpec, planPgOwner) }

// pgOwned are the kinds of objects: how SQL names them, where their owners are
// found ($1 is the name, $2 the role), and how their names are written: 0 as they
// are, else of so many parts at most.
var pgOwned = map[string]struct {
	sql, from, name, owner string
	parts                  int
}{
	"database":   {"DATABASE", "pg_database d JOIN pg_roles r ON d.datdba = r.oid", "d.datname", "r.rolname", 1},
	"function":   {"FUNCTION", "pg_proc f JOIN pg_roles r ON f.proowner = r.oid", "f.proname", "r.rolname", 0},
	"sequence":   {"SEQUENCE", "pg_class c JOIN pg_roles r ON c.relkind = 'S' AND c.relowner = r.oid", "c.relname", "r.rolname", 3},
	"schema":     {"SCHEMA", "information_schema.schemata", "schema_name", "schema_owner", 2},
	"table":      {"TABLE", "pg_tables", "tablename", "tableowner", 3},
	"tablespace": {"TABLESPACE", "pg_tablespace t JOIN pg_roles r ON t.spcowner = r.oid", "t.spcname", "r.rolname", 1},
	"view":       {"VIEW", "pg_views", "viewname", "viewowner", 3},
	"matview":    {"MATERIALIZED VIEW", "pg_matviews", "matviewname", "matviewowner", 3},
}

func planPgOwner(a pgOwnerArgs, _ module.Inputs, v state.View) (module.Change, error) {
	object, kind := a.Name.Or(""), a.Type.Or("")
	if err := a.checkInput(append([]string{a.Owner, object}, a.Reassign...)...); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := []string{"SELECT 'role', rolname FROM pg_roles WHERE rolname IN " + pgTexts(append([]string{a.Owner}, a.Reassign...))}
	statement := ""
	if object != "" {
		o, name := pgOwned[kind], object
		if o.parts == 1 {
			name = pgName(object)
		} else if o.parts > 1 {
			var err error
			if name, err = pgDotted(object, kind, o.parts); err != nil {
				return module.Change{}, err
			}
		}
		ask = append(ask, "SELECT 'own', '' FROM "+o.from+" WHERE "+o.name+" = "+pgText(object)+" AND "+o.owner+" = "+pgText(a.Owner))
		statement = "ALTER " + o.sql + " " + name + " OWNER TO " + pgName(a.Owner)
	}
	predicted := value.M("changed", module.Later(), "queries", module.Later())
	return module.Look(a.exec(login, "look at the owner", false, ask...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		var roles []string
		own := false
		for _, row := range pgRows(r.Stdout) {
			if row[0] == "role" {
				roles = append(roles, row[1])
			}
			own = own || row[0] == "own"
		}
		c := module.Change{}
		if a.DB == "" {
			c.Warnings = []string{pgNoDB}
		}
		if !slices.Contains(roles, a.Owner) {
			return module.Change{}, module.Fail("Role '" + a.Owner + "' does not exist")
		}
		q := []string{}
		if object != "" && !own {
			q = append(q, statement)
		}
		var from []string
		for _, role := range a.Reassign {
			switch {
			case slices.Contains(roles, role):
				from = append(from, role)
			case a.FailOn.Or(true):
				return module.Change{}, module.Fail("Role '" + role + "' does not exist")
			default:
				c.Warnings = append(c.Warnings, "Role '"+role+"' does not exist, pass")
			}
		}
		if len(from) > 0 {
			q = append(q, "REASSIGN OWNED BY "+pgNames(from)+" TO "+pgName(a.Owner))
		}
		c.Result = value.M("changed", len(q) > 0, "queries", value.Strings(q...))
		return a.change(login, "change the owner", pgCannot, c, q), nil
	}), nil
}
