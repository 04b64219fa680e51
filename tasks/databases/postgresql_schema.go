package databases

import (
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgSchemaArgs struct {
	pgLogin
	Schema  string `arg:"schema"`
	Owner   string `arg:"owner"`
	DB      string `arg:"database"`
	Cascade bool   `arg:"cascade_drop"`
	State   string `arg:"state"`
}

var pgSchemaSpec = module.Spec{
	Name:    "postgresql_schema",
	Aliases: []string{"community.postgresql.postgresql_schema"},
	Summary: "Have a schema in a database of PostgreSQL, or not",
	Doc:     "Works with the client psql of the host. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "schema", Aliases: []string{"name"}, Required: true, Doc: "The schema."},
		{Name: "owner", Default: "", Doc: "The role that owns it."},
		{Name: "database", Aliases: []string{"db", "login_db"}, Default: "postgres", Doc: "The database."},
		{Name: "cascade_drop", Type: module.Bool, Default: false, Doc: "Drop with it what is in it."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "schema", Type: "str", When: "always", Doc: "The schema."},
		{Name: "queries", Type: "list", When: "not in check mode", Doc: "The statements."},
	},
	Examples: "- postgresql_schema: {db: shop, name: archive, owner: shop}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresSchema is the module postgresql_schema.
func PostgresSchema() module.Module { return module.New(pgSchemaSpec, planPgSchema) }

func planPgSchema(a pgSchemaArgs, in module.Inputs, v state.View) (module.Change, error) {
	if err := a.checkInput(a.Schema, a.Owner); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	name, err := pgDotted(a.Schema, "schema", 2)
	if err != nil {
		return module.Change{}, err
	}
	ask := a.exec(login, "look at the schema "+a.Schema, false, "SELECT 'have', schema_owner FROM information_schema.schemata WHERE schema_name = "+pgText(a.Schema))
	predicted := value.M("changed", module.Later(), "schema", a.Schema, "queries", module.Later())
	return module.Look(ask, predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		have := pgRows(r.Stdout)
		var q []string
		switch {
		case a.State == "absent" && len(have) > 0:
			q = []string{"DROP SCHEMA " + name}
			if a.Cascade {
				q[0] += " CASCADE"
			}
		case a.State == "absent":
		case len(have) == 0 && a.Owner != "":
			q = []string{"CREATE SCHEMA " + name + " AUTHORIZATION " + pgName(a.Owner)}
		case len(have) == 0:
			q = []string{"CREATE SCHEMA " + name}
		case a.Owner != "" && have[0][1] != a.Owner:
			q = []string{"ALTER SCHEMA " + name + " OWNER TO " + pgName(a.Owner)}
		}
		c := module.Change{Result: value.M("changed", len(q) > 0, "schema", a.Schema)}
		if !in.Check {
			c.Result.Set("queries", value.Strings(q...))
		}
		return a.change(login, "change the schema "+a.Schema, "Database query failed: ", c, q), nil
	}), nil
}
