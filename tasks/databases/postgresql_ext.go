package databases

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgExtArgs struct {
	pgLogin
	DB      string `arg:"db"`
	Ext     string `arg:"ext"`
	Schema  string `arg:"schema"`
	State   string `arg:"state"`
	Cascade bool   `arg:"cascade"`
	Version string `arg:"version"`
}

var pgExtSpec = module.Spec{
	Name:    "postgresql_ext",
	Aliases: []string{"community.postgresql.postgresql_ext"},
	Summary: "Have an extension in a database of PostgreSQL, or not",
	Doc:     "Works with the client psql of the host. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "db", Aliases: []string{"login_db"}, Required: true, Doc: "The database."},
		{Name: "ext", Aliases: []string{"name"}, Required: true, Doc: "The extension."},
		{Name: "schema", Doc: "The schema of a new one."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "cascade", Type: module.Bool, Default: false, Doc: "With those that it needs, or that need it."},
		{Name: "version", Doc: "Its version; latest is the newest."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "db", Type: "str", When: "always", Doc: "The database."},
		{Name: "ext", Type: "str", When: "always", Doc: "The extension."},
		{Name: "queries", Type: "list", When: "always", Doc: "The statements."},
	},
	Examples: "- postgresql_ext: {db: shop, name: pg_trgm}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresExt is the module postgresql_ext.
func PostgresExt() module.Module { return module.New(pgExtSpec, planPgExt) }

func planPgExt(a pgExtArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if err := a.checkInput(a.Ext, a.Schema, a.Version); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := []string{"SELECT 'have', extversion FROM pg_catalog.pg_extension WHERE extname = " + pgText(a.Ext),
		"SELECT 'some', version FROM pg_catalog.pg_available_extension_versions WHERE name = " + pgText(a.Ext)}
	if a.Version != "" && a.Version != "latest" {
		ask = append(ask, "SELECT 'path', source FROM pg_catalog.pg_extension_update_paths("+pgText(a.Ext)+") WHERE path IS NOT NULL AND target = "+pgText(a.Version))
	}
	predicted := value.M("changed", module.Later(), "db", a.DB, "ext", a.Ext, "queries", module.Later())
	return module.Look(a.exec(login, "look at the extension "+a.Ext, false, ask...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		have, of := "", map[string][]string{}
		for _, f := range pgRows(r.Stdout) {
			if len(f) == 2 && f[0] == "have" {
				have = f[1]
			} else if len(f) == 2 {
				of[f[0]] = append(of[f[0]], f[1])
			}
		}
		q, err := a.statement(have, of["some"], of["path"])
		if err != nil {
			return module.Change{}, err
		}
		return a.run(login, q), nil
	}), nil
}

// statement is what must be done, "" for nothing: have is the version that is
// there, some are those that could be, from are versions with a way to the one
// that is asked.
func (a pgExtArgs) statement(have string, some, from []string) (string, error) {
	name := pgName(a.Ext)
	cascade := ""
	if a.Cascade {
		cascade = " CASCADE"
	}
	switch {
	case a.State == "absent" && have == "":
		return "", nil
	case a.State == "absent":
		return "DROP EXTENSION " + name + cascade, nil
	case have != "" && (a.Version == "" || a.Version == have):
		return "", nil
	case have != "" && a.Version == "latest":
		return "ALTER EXTENSION " + name + " UPDATE", nil
	case have != "" && slices.Contains(from, have):
		return "ALTER EXTENSION " + name + " UPDATE TO " + pgText(a.Version), nil
	case have != "":
		return "", module.Fail("Passed version '" + a.Version + "' has no valid update path from the currently installed version '" + have +
			"' or the passed version is not available")
	case a.Version == "" && len(some) == 0:
		return "", module.Fail("Extension " + a.Ext + " is not available")
	case a.Version != "" && a.Version != "latest" && !slices.Contains(some, a.Version):
		return "", module.Fail("Passed version '" + a.Version + "' is not available")
	}
	q := "CREATE EXTENSION " + name
	if a.Schema != "" {
		q += " WITH SCHEMA " + pgName(a.Schema)
	}
	if a.Version != "" && a.Version != "latest" {
		q += " VERSION " + pgText(a.Version)
	}
	return q + cascade, nil
}

func (a pgExtArgs) run(login, q string) module.Change {
	c := module.OK("db", a.DB, "ext", a.Ext, "queries", value.List())
	if a.Version != "" && a.State == "absent" {
		c.Warnings = []string{"Parameter version is ignored when state=absent"}
	}
	if q == "" {
		return c
	}
	c.Result = value.M("changed", true, "db", a.DB, "ext", a.Ext, "queries", value.Strings(q))
	return module.Steps([]state.Exec{a.exec(login, q, false, q)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail("Management of PostgreSQL extension failed: " + pgError(did[0]))
		}
		return module.Change{Result: c.Result}, nil
	})
}
