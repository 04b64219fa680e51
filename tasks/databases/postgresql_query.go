package databases

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgQueryArgs struct {
	pgLogin
	DB         string                    `arg:"db"`
	Query      value.Value               `arg:"query"`
	Positional module.Opt[[]value.Value] `arg:"positional_args"`
	Named      *value.Map                `arg:"named_args"`
	Script     module.Opt[string]        `arg:"path_to_script"`
	Single     bool                      `arg:"as_single_query"`
	Autocommit bool                      `arg:"autocommit"`
	Encoding   string                    `arg:"encoding"`
	SearchPath []string                  `arg:"search_path"`
}

var pgQuerySpec = module.Spec{
	Name:    "postgresql_query",
	Aliases: []string{"community.postgresql.postgresql_query"},
	Summary: "Run statements in a database of PostgreSQL and register their rows",
	Doc: "Works with the client psql of the host (12 or newer), which gets the statements not by its arguments. All run in one transaction. " +
		"A plan runs them, too, and takes the transaction back.",
	Args: append([]module.Arg{
		{Name: "query", Type: module.Raw, Doc: "A statement or a list of them, with %s or %(name)s in the places of arguments."},
		{Name: "db", Aliases: []string{"login_db"}, Doc: "The database; without it that of the user's name."},
		{Name: "positional_args", Type: module.List, Elem: module.Raw, Doc: "The values for %s in order. A list becomes an array. With arguments, a percent sign is %%."},
		{Name: "named_args", Type: module.Dict, Doc: "The values for %(name)s."},
		{Name: "path_to_script", Type: module.Path, Doc: "A file of the host with the statements, in place of query."},
		{Name: "as_single_query", Type: module.Bool, Default: true, Doc: "Whether that file is one query; otherwise it is taken apart at each semicolon."},
		{Name: "autocommit", Type: module.Bool, Default: false, Doc: "No transaction, for statements such as VACUUM; not in a plan."},
		{Name: "encoding", Doc: "An encoding that the server must be able to talk in; the texts go as UTF-8 in any case."},
		{Name: "search_path", Type: module.List, Elem: module.Str, Doc: "The schemas to look in."},
	}, pgArgs()...),
	MutuallyExclusive: [][]string{{"positional_args", "named_args"}},
	Returns: []module.Return{
		{Name: "query", Type: "str", When: "always", Doc: "The last statement, with its arguments."},
		{Name: "query_list", Type: "list", When: "always", Doc: "The statements."},
		{Name: "statusmessage", Type: "str", When: "always", Doc: "What the server said to the last one: INSERT 0 1."},
		{Name: "query_result", Type: "list", When: "always", Doc: "The rows of the last one, each a mapping from columns to values; {} when it has none."},
		{Name: "query_all_results", Type: "list", When: "always", Doc: "The rows of each."},
		{Name: "rowcount", Type: "int", When: "always", Doc: "How many rows they gave or changed."},
	},
	Examples: "- postgresql_query:\n    db: shop\n    query: SELECT name, price FROM items WHERE price < %s\n    positional_args: [10]\n  become: true\n  become_user: postgres\n  register: cheap\n" +
		"- postgresql_query: {db: shop, query: VACUUM, autocommit: true}\n  become: true\n  become_user: postgres\n",
	Traits: module.Traits{Reach: state.ReachHost},
}

// PostgresQuery is the module postgresql_query.
func PostgresQuery() module.Module { return module.New(pgQuerySpec, planPgQuery) }

// pgQuery are the statements to run.
type pgQuery struct {
	pgQueryArgs
	args  value.Value // null for none
	list  []value.Value
	bound []string    // with their arguments
	marks value.Marks // of what is in them
	mark  string      // begins the lines between the answers
	null  string      // stands for NULL
}

func planPgQuery(a pgQueryArgs, in module.Inputs, v state.View) (module.Change, error) {
	if err := a.checkInput(); err != nil {
		return module.Change{}, err
	}
	if a.Autocommit && in.Check {
		return module.Change{}, module.Fail("Using autocommit is mutually exclusive with check_mode")
	}
	g := module.Gathering(v)
	q := &pgQuery{pgQueryArgs: a, args: boundArgs(a.Positional, a.Named)}
	login := a.conninfo(g, a.DB)
	err := q.read(g)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if err != nil {
		return module.Change{}, err
	}
	for _, s := range q.list {
		text := s.Str()
		q.marks |= s.DeepMarks()
		if !q.args.IsNull() {
			q.marks |= q.args.DeepMarks()
			if text, err = sqlBind(text, q.args, pgLiteral); err != nil {
				return module.Change{}, q.failed(s, err.Error())
			}
		}
		if said := pgRefuse(text); said != "" {
			return module.Change{}, q.failed(s, said)
		}
		q.bound = append(q.bound, text)
	}
	q.mark = "fairlead-" + hex.EncodeToString(in.Seed[:16])
	q.null = "null-" + hex.EncodeToString(in.Seed[16:])
	return q.plan(login, in.Check), nil
}

// read takes the statements from the arguments or from the file.
func (q *pgQuery) read(g *module.Gather) error {
	given := !q.Query.IsNull() && !q.Query.IsUndefined()
	if p, ok := q.Script.Get(); ok {
		if given && q.Query.Truthy() {
			return module.Fail("path_to_script is mutually exclusive with query")
		}
		p = g.Path(p)
		f, err := g.TryFile(trimSlash(p), state.WantContent)
		switch {
		case !g.Complete():
			return nil
		case err != nil:
			return module.Fail(fmt.Sprintf("Cannot read file '%s' : %s", p, err))
		case f.Followed.Type != state.TypeFile:
			return module.Fail(fmt.Sprintf("Cannot read file '%s' : it is no file that is there", p))
		}
		if q.Single {
			q.list = []value.Value{value.String(string(f.Content))}
			return nil
		}
		for part := range strings.SplitSeq(string(f.Content), ";") {
			if strings.Trim(part, " \n\t") != "" {
				q.list = append(q.list, value.String(part))
			}
		}
	} else {
		switch {
		case given && q.Query.IsString():
			q.list = []value.Value{q.Query}
		case given && q.Query.Kind() == value.KindList:
			q.list = q.Query.Items()
		case given:
			return module.Fail("query argument must be of type string or list")
		}
	}
	if len(q.list) == 0 {
		return module.Fail("there is no statement to run: give query (a text or a list) or path_to_script")
	}
	for _, s := range q.list {
		if !s.IsString() {
			return q.failed(s, "a statement must be a text, and this is of type "+s.TypeName())
		}
	}
	return nil
}

func trimSlash(p string) string {
	if len(p) > 1 {
		return strings.TrimRight(p, "/")
	}
	return p
}

var pgCopies = lazyregexp.New(`(?is)^\s*copy\b.*\b(?:from\s+stdin|to\s+stdout)\b`)

// pgRefuse says why a query cannot be run at all.
func pgRefuse(text string) string {
	pieces := pgSplit(text)
	if len(pieces) == 0 {
		return "can't execute an empty query"
	}
	for _, p := range pieces {
		if pgCopies().MatchString(p.plain) || p.plain == "" && pgCopies().MatchString(p.text) {
			return "can't execute COPY FROM STDIN or TO STDOUT: name a file of the server, or use psql with the module command"
		}
	}
	return ""
}

// hideSecret is a value as a message may show it.
func hideSecret(v value.Value) value.Value {
	if v.IsSecret() {
		return value.String("********")
	}
	return v
}

// failed is the failure of a statement.
func (q *pgQuery) failed(statement value.Value, why string) *module.Failure {
	args := "None"
	if !q.args.IsNull() {
		args = q.args.Walk(hideSecret).Repr()
	}
	return module.Fail(fmt.Sprintf("Cannot execute SQL '%s' %s: %s, query list: %s", statement.Text(), args, why, value.List(q.list...).Repr()))
}

// script is what psql reads. Every query stands in it as a text that psql hands to
// the server as it is (\gexec); only to be described (\gdesc), which runs nothing,
// it stands there as psql reads it.
func (q *pgQuery) script(check bool) string {
	var b strings.Builder
	b.WriteString("\\set ON_ERROR_STOP on\n")
	if q.Encoding != "" {
		b.WriteString("SET client_encoding TO " + pgText(q.Encoding) + ";\nSET client_encoding TO 'UTF8';\n")
	}
	if !q.Autocommit {
		b.WriteString("BEGIN;\n")
	}
	if !q.args.IsNull() { // as pgLiteral writes texts
		b.WriteString("SET standard_conforming_strings TO on;\n")
	}
	if role, ok := q.Role.Get(); ok {
		b.WriteString("SET ROLE " + pgName(role) + ";\n")
	}
	if len(q.SearchPath) > 0 {
		var schemas []string
		for _, s := range q.SearchPath {
			schemas = append(schemas, pgText(strings.Trim(s, " ")))
		}
		b.WriteString("SET search_path TO " + strings.Join(schemas, ", ") + ";\n")
	}
	for _, text := range q.bound {
		pieces := pgSplit(text)
		last := pieces[len(pieces)-1]
		together := q.Autocommit && len(pieces) > 1 // the server makes one transaction of them
		b.WriteString("\\echo " + q.mark + " begin\n")
		if together {
			b.WriteString("BEGIN;\n")
		}
		for _, p := range pieces[:len(pieces)-1] {
			b.WriteString("SELECT " + pgText(p.text) + " \\gexec\n")
		}
		b.WriteString("\\echo " + q.mark + " types\n")
		if last.plain != "" {
			// What cannot be described fails when it runs, with the server's words on
			// what the author wrote.
			b.WriteString("\\set ON_ERROR_STOP off\n\\set ON_ERROR_ROLLBACK on\n" + last.plain + "\n\\gdesc\n\\set ON_ERROR_ROLLBACK off\n\\set ON_ERROR_STOP on\n")
		}
		b.WriteString("\\echo " + q.mark + " rows\n\\set QUIET off\nSELECT " + pgText(last.text) + " \\gexec\n\\set QUIET on\n")
		if together {
			b.WriteString("COMMIT;\n")
		}
	}
	b.WriteString("\\echo " + q.mark + " end\n")
	switch {
	case q.Autocommit:
	case check:
		b.WriteString("ROLLBACK;\n")
	default:
		b.WriteString("COMMIT;\n")
	}
	return b.String()
}

// exec runs the script; check takes its transaction back.
func (q *pgQuery) exec(login string, check bool) state.Exec {
	shown := "run a statement"
	if n := len(q.bound); n > 1 {
		shown = fmt.Sprintf("run %d statements", n)
	}
	if q.DB != "" {
		shown += " in the database " + q.DB
	}
	return state.Exec{Argv: []string{"/bin/sh", "-c", pgRun, "sh", "psql", "-X", "-w", "-q", "-P", "format=csv", "-P", "footer=off", "-P", "null=" + q.null, "-d", login},
		Env:   []string{"LC_ALL=C", "PGCLIENTENCODING=UTF8", "PGDATESTYLE=ISO"},
		Shown: shown, Stdin: []byte(q.Password + "\n" + q.script(check)), HasStdin: true}
}

func (q *pgQuery) plan(login string, check bool) module.Change {
	predicted := value.M("changed", module.Later(), "query", value.String(q.bound[len(q.bound)-1]).WithMarks(q.marks), "query_list", value.List(q.list...),
		"statusmessage", module.Later(), "query_result", module.Later(), "query_all_results", module.Later(), "rowcount", module.Later())
	run := func(predicted *value.Map) module.Change {
		return module.Steps([]state.Exec{q.exec(login, false)}, module.Change{Once: true, Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
			return q.end(predicted, did[0])
		})
	}
	if !check {
		return run(predicted)
	}
	return module.Look(q.exec(login, true), predicted, func(_ state.View, r state.OpResult) (module.Change, error) {
		c, err := q.end(predicted, r)
		if err != nil {
			return c, err
		}
		if changed, _ := c.Result.Get("changed"); changed.Truthy() {
			warnings := c.Warnings
			c = run(c.Result) // what follows stands behind it
			c.Warnings = warnings
		}
		return c, nil
	})
}

// end makes the result of what psql said.
func (q *pgQuery) end(predicted *value.Map, r state.OpResult) (module.Change, error) {
	parts := strings.Split("\n"+string(r.Stdout), "\n"+q.mark+" ")
	if r.RC != 0 {
		ran := 0
		for _, p := range parts {
			if kind, _, _ := strings.Cut(p, "\n"); kind == "begin" {
				ran++
			}
		}
		if ran == 0 {
			return module.Change{}, q.refused(r)
		}
		return module.Change{}, q.failed(q.list[ran-1], pgError(r))
	}
	var all []value.Value
	last, status, changed, count := value.Value{}, "", false, int64(0)
	var types map[int]string
	for _, p := range parts {
		kind, body, _ := strings.Cut(p+"\n", "\n")
		switch kind {
		case "types":
			types = pgTypes(body)
		case "rows":
			if len(all) == len(q.bound) {
				return module.Change{}, module.Fail("psql gave more answers than there are statements")
			}
			a := q.answer(q.bound[len(all)], types, body)
			status, last = a.status, a.rows
			count += a.count
			changed = changed || a.changes()
			all = append(all, last)
		}
	}
	if len(all) != len(q.bound) {
		return module.Change{}, module.Fail(fmt.Sprintf("psql gave %d answers to %d statements; it said: %s", len(all), len(q.bound), strings.TrimSpace(string(r.Stderr))))
	}
	done := predicted.Clone()
	done.Set("changed", value.Bool(changed))
	done.Set("statusmessage", value.String(status).WithMarks(value.Unsafe))
	done.Set("query_result", last)
	done.Set("query_all_results", value.List(all...))
	done.Set("rowcount", value.Int(count))
	c := module.Change{Result: done}
	if q.DB == "" {
		c.Warnings = []string{pgNoDB}
	}
	return c, nil
}

// pgTypes are the types of columns as \gdesc tells them, none for a statement
// without rows.
func pgTypes(body string) map[int]string {
	rows := csvRows(body)
	if len(rows) == 0 || !slices.Equal(rows[0], []string{"Column", "Type"}) {
		return nil
	}
	types := map[int]string{}
	for i, row := range rows[1:] {
		types[i] = row[1]
	}
	return types
}

// pgAnswer is what came of a statement.
type pgAnswer struct {
	status string
	count  int64
	rows   value.Value
}

var (
	pgTag       = lazyregexp.New(`^(?:INSERT \d+|UPDATE|DELETE|MERGE) (\d+)$`)
	pgCounted   = lazyregexp.New(`^(?:INSERT \d+|[A-Z][A-Z ]*) (\d+)$`)
	pgReturning = lazyregexp.New(`(?i)\breturning\b`)
	pgGives     = lazyregexp.New(`(?i)^[\s(]*(select|with|values|table|show|explain|fetch|execute|call)\b`)
	pgWord      = lazyregexp.New(`UPDATE|INSERT|DELETE`)
)

// answer reads the rows of a statement and its status. psql prints a status for
// rows only when they come of a change.
func (q *pgQuery) answer(text string, types map[int]string, body string) pgAnswer {
	pieces := pgSplit(text)
	head := ""
	if m := pgGives().FindStringSubmatch(pieces[len(pieces)-1].plain); m != nil {
		head = strings.ToUpper(m[1])
	}
	if types == nil && (head == "" || head == "EXECUTE" || head == "CALL" || head == "WITH") { // no rows
		a := pgAnswer{status: strings.TrimSpace(body), rows: value.FromMap(value.NewMap())}
		if m := pgCounted().FindStringSubmatch(a.status); m != nil {
			a.count, _ = strconv.ParseInt(m[1], 10, 64)
		}
		return a
	}
	a := pgAnswer{}
	before := strings.TrimSuffix(body, "\n")
	if line := before[strings.LastIndexByte(before, '\n')+1:]; pgReturning().MatchString(text) && pgTag().MatchString(line) {
		a.status = line
		body = strings.TrimSuffix(before, line)
	}
	records := csvRows(body)
	var rows []value.Value
	for i, rec := range records {
		if i == 0 {
			continue
		}
		row := value.NewMap()
		for j, field := range rec {
			if j >= len(records[0]) {
				break
			}
			v := value.Null
			if field != q.null {
				v = pgValue(types[j], field).MarkDeep(value.Unsafe)
			}
			row.Set(records[0][j], v)
		}
		rows = append(rows, value.FromMap(row))
	}
	a.rows, a.count = value.List(rows...), int64(len(rows))
	switch {
	case a.status != "":
	case head == "SHOW" || head == "EXPLAIN" || head == "CALL":
		a.status = head
	case head == "FETCH":
		a.status = fmt.Sprintf("FETCH %d", len(rows))
	default:
		a.status = fmt.Sprintf("SELECT %d", len(rows))
	}
	return a
}

// changes tells by its status whether a statement changed something.
func (a pgAnswer) changes() bool {
	if strings.Contains(a.status, "SELECT") {
		return false
	}
	words := strings.Fields(a.status)
	if pgWord().MatchString(a.status) && (len(words) == 2 || len(words) == 3) {
		return words[len(words)-1] != "0"
	}
	return true
}
