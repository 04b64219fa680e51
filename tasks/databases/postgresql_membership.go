package databases

import (
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgMembershipArgs struct {
	pgLogin
	Groups []string `arg:"groups"`
	Roles  []string `arg:"target_roles"`
	FailOn bool     `arg:"fail_on_role"`
	State  string   `arg:"state"`
	DB     string   `arg:"db"`
}

var pgMembershipSpec = module.Spec{
	Name:    "postgresql_membership",
	Aliases: []string{"community.postgresql.postgresql_membership"},
	Summary: "Have roles of PostgreSQL in groups, or not",
	Doc:     "Works with the client psql of the host. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "groups", Aliases: []string{"group", "source_role", "source_roles"}, Type: module.List, Elem: module.Str, Required: true, Doc: "The groups, which are roles."},
		{Name: "target_roles", Aliases: []string{"target_role", "user", "users"}, Type: module.List, Elem: module.Str, Required: true, Doc: "The roles that are to be in them."},
		{Name: "fail_on_role", Type: module.Bool, Default: true, Doc: "Whether a role that is not there is a failure or a warning."},
		{Name: "state", Choices: []string{"absent", "exact", "present"}, Default: "present", Doc: "Whether they are to be in the groups; exact: in these and no others."},
		{Name: "db", Aliases: []string{"login_db"}, Default: "", Doc: "The database to log in to; without it that of the user's name."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "queries", Type: "list", When: "always", Doc: "The statements."},
		{Name: "granted", Type: "dict", When: "state is present or exact", Doc: "The roles that came into each group."},
		{Name: "revoked", Type: "dict", When: "state is absent or exact", Doc: "The roles that left each group."},
		{Name: "groups", Type: "list", When: "always", Doc: "The groups that are there."},
		{Name: "target_roles", Type: "list", When: "always", Doc: "The roles that are there."},
		{Name: "state", Type: "str", When: "always", Doc: "As asked."},
	},
	Examples: "- postgresql_membership: {group: readers, target_roles: [ann, joe]}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresMembership is the module postgresql_membership.
func PostgresMembership() module.Module { return module.New(pgMembershipSpec, planPgMembership) }

func planPgMembership(a pgMembershipArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if err := a.checkInput(slices.Concat(a.Groups, a.Roles)...); err != nil {
		return module.Change{}, err
	}
	for _, list := range [][]string{a.Groups, a.Roles} {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := []string{"SELECT 'role', rolname, '' FROM pg_roles WHERE rolname IN " + pgTexts(slices.Concat(a.Groups, a.Roles)),
		"SELECT 'in', r.rolname, b.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles b ON m.roleid = b.oid JOIN pg_catalog.pg_roles r ON m.member = r.oid WHERE r.rolname IN " +
			pgTexts(a.Roles) + " ORDER BY 2, 3"}
	predicted := value.M("changed", module.Later(), "state", a.State, "queries", module.Later())
	return module.Look(a.exec(login, "look at the members", false, ask...), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		if f := a.refused(r); f != nil {
			return module.Change{}, f
		}
		m := &pgMembers{in: map[string][]string{}}
		for _, row := range pgRows(r.Stdout) {
			switch {
			case len(row) != 3:
			case row[0] == "role":
				m.roles = append(m.roles, row[1])
			default:
				m.in[row[1]] = append(m.in[row[1]], row[2])
			}
		}
		return a.settle(m, login)
	}), nil
}

// pgMembers are the roles that are there, and the groups that each is in.
type pgMembers struct {
	roles []string
	in    map[string][]string
}

func (a pgMembershipArgs) settle(m *pgMembers, login string) (module.Change, error) {
	c := module.Change{}
	there := func(names []string) ([]string, error) {
		var kept []string
		for _, n := range names {
			switch {
			case slices.Contains(m.roles, n):
				kept = append(kept, n)
			case a.FailOn:
				return nil, module.Fail("Role " + n + " does not exist")
			default:
				c.Warnings = append(c.Warnings, "Role "+n+" does not exist, pass")
			}
		}
		return kept, nil
	}
	groups, err := there(a.Groups)
	if err != nil {
		return c, err
	}
	roles, err := there(a.Roles)
	if err != nil {
		return c, err
	}
	q := []string{}
	granted, revoked := value.NewMap(), value.NewMap()
	note := func(to *value.Map, group string, role ...string) {
		had, _ := to.Get(group)
		to.Set(group, value.List(append(had.Items(), value.Strings(role...).Items()...)...))
	}
	grant := func(group, role string) {
		q = append(q, "GRANT "+pgName(group)+" TO "+pgName(role))
		note(granted, group, role)
	}
	revoke := func(group, role string) {
		q = append(q, "REVOKE "+pgName(group)+" FROM "+pgName(role))
		note(revoked, group, role)
	}
	if a.State == "exact" {
		for _, role := range roles {
			for _, group := range without(m.in[role], groups) {
				revoke(group, role)
			}
			for _, group := range without(groups, m.in[role]) {
				grant(group, role)
			}
		}
	} else {
		for _, group := range groups {
			note(granted, group)
			note(revoked, group)
			for _, role := range roles {
				switch is := slices.Contains(m.in[role], group); {
				case a.State == "present" && !is:
					grant(group, role)
				case a.State == "absent" && is:
					revoke(group, role)
				}
			}
		}
	}
	c.Result = value.M("changed", len(q) > 0, "state", a.State, "groups", value.Strings(groups...), "target_roles", value.Strings(roles...), "queries", value.Strings(q...))
	if a.State != "absent" {
		c.Result.Set("granted", value.FromMap(granted))
	}
	if a.State != "present" {
		c.Result.Set("revoked", value.FromMap(revoked))
	}
	return a.change(login, "change the members of groups", pgCannot, c, q), nil
}
