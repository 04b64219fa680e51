package databases

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type mysqlVariablesArgs struct {
	mysqlLogin
	Variable string             `arg:"variable"`
	Value    module.Opt[string] `arg:"value"`
	Mode     string             `arg:"mode"`
}

var mysqlVariablesSpec = module.Spec{
	Name:    "mysql_variables",
	Aliases: []string{"community.mysql.mysql_variables"},
	Summary: "Read or set a variable of a server of MySQL or MariaDB",
	Doc:     "Without a value it only reads. Works with the client mysql of the host (or mariadb).",
	Args: append([]module.Arg{
		{Name: "variable", Required: true, Doc: "The variable."},
		{Name: "value", Doc: "What it is to be."},
		{Name: "mode", Choices: []string{"global", "persist", "persist_only"}, Default: "global", Doc: "Until the server ends; also for the next start; or only for that (MySQL 8)."},
	}, mysqlArgs()...),
	Returns: []module.Return{
		{Name: "msg", Type: "str", When: "always", Doc: "The value as it was, or what was done."},
		{Name: "queries", Type: "list", When: "it was changed", Doc: "The statement."},
	},
	Examples: "- mysql_variables: {variable: max_connections, value: \"500\"}\n",
	Traits:   module.Traits{RunOnly: true, Reach: state.ReachHost},
}

// MySQLVariables is the module mysql_variables.
func MySQLVariables() module.Module { return module.New(mysqlVariablesSpec, planMySQLVariables) }

func planMySQLVariables(a mysqlVariablesArgs, _ module.Inputs, v state.View) (module.Change, error) {
	if strings.Trim(a.Variable, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") != "" {
		return module.Change{}, module.Fail(`invalid variable name "` + a.Variable + `"`)
	}
	g := module.Gathering(v)
	s, err := a.server(g)
	if err != nil {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ask := []string{"SHOW VARIABLES WHERE Variable_name = " + sqlText(a.Variable)}
	if a.Mode != "global" {
		ask = append(ask, "SELECT 'kept', VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = "+sqlText(a.Variable))
	}
	c := module.Look(s.exec("look at the variable "+a.Variable, []string{"--skip-column-names"}, ask...), value.M("changed", module.Later(), "msg", module.Later()),
		func(_ state.View, r state.OpResult) (module.Change, error) {
			if f := s.refused(r); f != nil {
				return module.Change{}, f
			}
			var now, kept *string
			for _, row := range rows(r.Stdout) {
				switch {
				case len(row) < 2:
				case row[0] == "kept":
					kept = &row[1]
				default:
					now = &row[1]
				}
			}
			return a.settle(s, now, kept)
		})
	return c, nil
}

// settle says what must be done; now is the variable, kept what the next start will
// have, nil when there is none.
func (a mysqlVariablesArgs) settle(s mysqlServer, now, kept *string) (module.Change, error) {
	want, given := a.Value.Get()
	is := func(v *string) bool { return v != nil && sameVariable(*v, want) }
	switch {
	case now == nil:
		return module.Change{}, module.Fail(`Variable not available "` + a.Variable + `"`)
	case !given:
		return module.OK("msg", value.String(*now).WithMarks(value.Unsafe)), nil
	case a.Mode == "global" && is(now):
		return module.OK("msg", "Variable is already set to requested value."), nil
	case a.Mode == "persist" && is(now) && is(kept):
		return module.OK("msg", "Variable is already set to requested value globallyand stored into mysqld-auto.cnf file."), nil
	case a.Mode == "persist_only" && is(kept):
		return module.OK("msg", "Variable is already stored into mysqld-auto.cnf with requested value."), nil
	}
	before := *now
	if a.Mode == "persist_only" {
		if before = "False"; kept != nil {
			before = *kept
		}
	}
	scope := map[string]string{"global": "GLOBAL", "persist": "PERSIST", "persist_only": "PERSIST_ONLY"}[a.Mode]
	text := sqlText(want)
	if _, err := strconv.ParseFloat(want, 64); err == nil {
		text = want
	}
	name := sqlName(a.Variable)
	if head, rest, ok := strings.Cut(a.Variable, "."); ok {
		name = sqlName(head) + "." + sqlName(rest)
	}
	statement := "SET " + scope + " " + name + " = " + text
	c := module.Change{Result: value.M("changed", true, "msg", "Variable change succeeded prev_value="+before, "queries", value.Strings("SET "+scope+" "+name+" = "+want))}
	return module.Steps([]state.Exec{s.exec(statement, nil, statement)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail(mysqlError(did[0]))
		}
		return module.Change{Result: c.Result}, nil
	}), nil
}

// sameVariable compares values of a variable, numbers as numbers.
func sameVariable(now, want string) bool {
	x, err := strconv.ParseFloat(now, 64)
	y, err2 := strconv.ParseFloat(want, 64)
	return now == want || err == nil && err2 == nil && x == y
}
