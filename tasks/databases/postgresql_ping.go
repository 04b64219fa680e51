package databases

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgPingArgs struct {
	pgLogin
	DB string `arg:"db"`
}

var pgPingSpec = module.Spec{
	Name:    "postgresql_ping",
	Aliases: []string{"community.postgresql.postgresql_ping"},
	Summary: "Tell whether a server of PostgreSQL answers, and which version it has",
	Doc:     "Works with the client psql of the host. A server that cannot be reached is a warning.",
	Args: append([]module.Arg{
		{Name: "db", Aliases: []string{"login_db"}, Default: "", Doc: "The database to log in to; without it that of the user's name."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "is_available", Type: "bool", When: "always", Doc: "Whether it answers."},
		{Name: "server_version", Type: "dict", When: "always", Doc: "major, minor, full and raw, and patch before version 10; {} when it does not answer."},
		{Name: "conn_err_msg", Type: "str", When: "always", Doc: "Why it does not answer."},
	},
	Examples: "- postgresql_ping:\n  register: server\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachNone},
}

// PostgresPing is the module postgresql_ping.
func PostgresPing() module.Module { return module.New(pgPingSpec, planPgPing) }

var pgVersion = lazyregexp.New(`^(\d+)\.(\d+)(?:\.(\d+))?`)

func planPgPing(a pgPingArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if err := a.checkInput(); err != nil {
		return module.Change{}, err
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	predicted := value.M("changed", false, "is_available", module.Later(), "server_version", module.Later(), "conn_err_msg", module.Later())
	return module.Look(a.exec(login, "ask for the version of PostgreSQL", false, "SELECT version()"), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		version := value.NewMap()
		if r.RC == 2 {
			why := pgConnectError(r)
			c := module.OK("is_available", false, "server_version", value.FromMap(version), "conn_err_msg", value.String(why).WithMarks(value.Unsafe))
			c.Warnings = []string{"PostgreSQL server is unavailable: " + why}
			return c, nil
		}
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		raw := strings.TrimSpace(string(r.Stdout))
		words := strings.Fields(raw)
		if len(words) < 2 || !pgVersion().MatchString(words[1]) {
			return module.Change{}, module.Fail("the server tells no version: " + raw)
		}
		m := pgVersion().FindStringSubmatch(words[1])
		number := func(name, s string) {
			if n, err := strconv.Atoi(s); err == nil {
				version.Set(name, value.Int(int64(n)))
			}
		}
		number("major", m[1])
		number("minor", m[2])
		version.Set("full", value.String(words[1]))
		version.Set("raw", value.String(raw).WithMarks(value.Unsafe))
		number("patch", m[3])
		return module.OK("is_available", true, "server_version", value.FromMap(version), "conn_err_msg", ""), nil
	}), nil
}
