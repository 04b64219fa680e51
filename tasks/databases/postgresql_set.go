package databases

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgSetArgs struct {
	pgLogin
	Name  string             `arg:"name"`
	Value module.Opt[string] `arg:"value"`
	Reset bool               `arg:"reset"`
	DB    string             `arg:"db"`
}

var pgSetSpec = module.Spec{
	Name:    "postgresql_set",
	Aliases: []string{"community.postgresql.postgresql_set"},
	Summary: "Set a parameter of a server of PostgreSQL, or reset it",
	Doc: "Writes it with ALTER SYSTEM and has the server read it anew; a parameter that only a start of the server reads is a warning. " +
		"Works with the client psql of the host. Asks the server, in a plan too.",
	Args: append([]module.Arg{
		{Name: "name", Required: true, Doc: "The parameter."},
		{Name: "value", Doc: "Its value; default takes away what was set."},
		{Name: "reset", Type: module.Bool, Default: false, Doc: "Give it the value that it has without any configuration."},
		{Name: "db", Aliases: []string{"login_db"}, Default: "", Doc: "The database to log in to; without it that of the user's name."},
	}, pgArgs()...),
	Returns: []module.Return{
		{Name: "name", Type: "str", When: "always", Doc: "The parameter."},
		{Name: "prev_val_pretty", Type: "str", When: "always", Doc: "Its value before, as people write it."},
		{Name: "value_pretty", Type: "str", When: "always", Doc: "Its value now."},
		{Name: "value", Type: "dict", When: "the server knows it already, or in check mode", Doc: "value and unit, in bytes where it is a size."},
		{Name: "context", Type: "str", When: "always", Doc: "Who may set it and when: user, sighup, postmaster ..."},
		{Name: "restart_required", Type: "bool", When: "always", Doc: "Whether only a start of the server reads it."},
	},
	Examples: "- postgresql_set: {name: work_mem, value: 32MB}\n  become: true\n  become_user: postgres\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// PostgresSet is the module postgresql_set.
func PostgresSet() module.Module { return module.New(pgSetSpec, planPgSet) }

// pgParameter is a parameter as the server has it.
type pgParameter struct {
	pretty        string // as SHOW tells it
	raw, boot     value.Value
	bootText      string // with its unit
	unit, context string
}

func (x pgParameter) value() value.Value {
	unit := value.Null
	if x.unit != "" {
		unit = value.String(x.unit)
	}
	return value.FromMap(value.M("value", x.raw, "unit", unit))
}

var (
	pgParameterName = lazyregexp.New(`^[\pL\pN_.$]+$`)
	pgSmallSize     = lazyregexp.New(`^[0-9]+([mgt]b|b)$`)
	pgSize          = lazyregexp.New(`^([0-9]+).*?(kB|MB|GB|TB|B)$`)
)

func planPgSet(a pgSetArgs, in module.Inputs, v state.View) (module.Change, error) {
	want, given := a.Value.Get()
	if err := a.checkInput(a.Name, want); err != nil {
		return module.Change{}, err
	}
	switch {
	case given && a.Reset:
		return module.Change{}, module.Fail(a.Name + ": value and reset params are mutually exclusive")
	case !given && !a.Reset:
		return module.Change{}, module.Fail(a.Name + ": at least one of value or reset param must be specified")
	case !pgParameterName().MatchString(a.Name):
		return module.Change{}, module.Fail("No such parameter: " + a.Name + ". A name holds letters, digits, underlines and dots")
	}
	switch {
	case pgSmallSize().MatchString(want):
		want = strings.ToUpper(want)
	case want == "True":
		want = "on"
	case want == "False":
		want = "off"
	}
	g := module.Gathering(v)
	login := a.conninfo(g, a.DB)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	predicted := value.M("changed", module.Later(), "name", a.Name, "prev_val_pretty", module.Later(), "value_pretty", module.Later())
	return module.Look(a.ask(login), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		now, err := a.read(r)
		if err != nil {
			return module.Change{}, err
		}
		return a.settle(login, now, want, in.Check)
	}), nil
}

// ask asks for the parameter.
func (a pgSetArgs) ask(login string) state.Exec {
	return a.exec(login, "look at the parameter "+a.Name, false,
		"SELECT 'is', setting, coalesce(unit, ''), context, coalesce(boot_val, '') FROM pg_settings WHERE name = "+pgText(a.Name), "SHOW "+a.Name)
}

func (a pgSetArgs) read(r state.OpResult) (pgParameter, error) {
	if r.RC == 3 { // psql's for an error of a statement
		return pgParameter{}, module.Fail("Unable to get " + a.Name + " value due to : " + pgError(r))
	}
	if f := a.refused(r); f != nil {
		return pgParameter{}, f
	}
	first, rest, _ := strings.Cut(string(r.Stdout), "\n")
	f := strings.Split(first, fieldSep)
	if len(f) != 5 || f[0] != "is" {
		return pgParameter{}, module.Fail("No such parameter: " + a.Name + ". Please check its spelling or presence in your PostgreSQL version " +
			"(https://www.postgresql.org/docs/current/runtime-config.html)")
	}
	x := pgParameter{pretty: strings.TrimSuffix(rest, "\n"), unit: f[2], context: f[3], bootText: f[4]}
	if x.unit != "" {
		x.bootText += x.unit
	}
	factor := map[string]int64{"kB": 1 << 10, "MB": 1 << 20}[x.unit]
	if factor > 0 {
		x.unit = "b"
	}
	number := func(s string) value.Value {
		if n, err := strconv.ParseInt(s, 10, 64); factor > 0 && err == nil && n > 0 {
			return value.Int(n * factor)
		}
		return value.String(s).WithMarks(value.Unsafe)
	}
	x.raw, x.boot = number(f[1]), number(f[4])
	return x, nil
}

// settle says what must be done.
func (a pgSetArgs) settle(login string, now pgParameter, want string, check bool) (module.Change, error) {
	if now.context == "internal" {
		return module.Change{}, module.Fail(a.Name + ": cannot be changed (internal context). See https://www.postgresql.org/docs/current/runtime-config-preset.html")
	}
	restart := now.context == "postmaster"
	text := func(s string) value.Value { return value.String(s).WithMarks(value.Unsafe) }
	res := value.M("changed", false, "name", a.Name, "restart_required", restart, "prev_val_pretty", text(now.pretty), "value_pretty", text(now.pretty), "context", now.context)
	c := module.Change{Result: res}
	same, set := pgBytes(want) == pgBytes(now.pretty), pgAssigned(a.Name, want)
	if a.Reset {
		if same, want, set = value.Equal(now.raw, now.boot), now.bootText, pgText(now.bootText); same {
			res.Set("restart_required", value.Bool(false))
		}
	}
	if !restart || check || a.Reset && same {
		res.Set("value", now.value())
	}
	if same {
		return c, nil
	}
	res.Set("changed", value.Bool(true))
	res.Set("value_pretty", value.String(want))
	if restart {
		c.Warnings = []string{"Restart of PostgreSQL is required for setting " + a.Name}
	}
	statements := []string{"ALTER SYSTEM SET " + a.Name + " = " + set}
	if !restart {
		statements = append(statements, "SELECT pg_reload_conf()")
	}
	warnings := c.Warnings
	c = module.Steps([]state.Exec{a.exec(login, statements[0], false, statements...)}, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if did[0].RC != 0 {
			return module.Change{}, module.Fail("Unable to get " + a.Name + " value due to : " + pgError(did[0]))
		}
		if restart {
			return module.Change{Result: res, Warnings: warnings}, nil
		}
		return module.Look(a.ask(login), res, func(_ state.View, r state.OpResult) (module.Change, error) {
			after, err := a.read(r)
			if err != nil {
				return module.Change{}, err
			}
			res.Set("changed", value.Bool(!value.Equal(after.raw, now.raw)))
			res.Set("value_pretty", text(after.pretty))
			res.Set("value", after.value())
			return module.Change{Result: res}, nil
		}), nil
	})
	return c, nil
}

// pgAssigned writes a value for ALTER SYSTEM: lists are parted at their commas,
// but in what is a command or a prefix.
func pgAssigned(name, want string) string {
	if strings.EqualFold(want, "default") {
		return "DEFAULT"
	}
	if !strings.Contains(want, ",") || strings.HasSuffix(name, "_command") || strings.HasSuffix(name, "_prefix") {
		return pgText(want)
	}
	var parts []string
	for p := range strings.SplitSeq(want, ",") {
		parts = append(parts, pgText(strings.TrimSpace(p)))
	}
	return strings.Join(parts, ",")
}

// pgBytes is a size in bytes, or the text when it is none.
func pgBytes(s string) string {
	m := pgSize().FindStringSubmatch(s)
	if m == nil {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
		return s
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return s
	}
	return strconv.FormatInt(n*map[string]int64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}[m[2]], 10)
}
