package files

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type pgHbaArgs struct {
	module.FileAttrs
	Dest       string                    `arg:"dest"`
	Rules      module.Opt[[]value.Value] `arg:"rules"`
	Behavior   string                    `arg:"rules_behavior"`
	Overwrite  bool                      `arg:"overwrite"`
	Create     bool                      `arg:"create"`
	Backup     bool                      `arg:"backup"`
	BackupFile string                    `arg:"backup_file"`
	Keep       bool                      `arg:"keep_comments_at_rules"`
	Address    string                    `arg:"address"`
	Comment    module.Opt[string]        `arg:"comment"`
	Type       module.Opt[string]        `arg:"contype"`
	Databases  string                    `arg:"databases"`
	Method     string                    `arg:"method"`
	Netmask    module.Opt[string]        `arg:"netmask"`
	Options    module.Opt[string]        `arg:"options"`
	State      string                    `arg:"state"`
	Users      string                    `arg:"users"`
}

var pgHbaSpec = module.Spec{
	Name:    "postgresql_pg_hba",
	Aliases: []string{"community.postgresql.postgresql_pg_hba"},
	Summary: "Have rules in pg_hba.conf of PostgreSQL, or not",
	Doc: "Of all rules for the same database, user and source one is kept. The file is written in order, the narrowest rules first; " +
		"comments come to its top, unless they are kept at their rules.",
	Args: append([]module.Arg{
		{Name: "dest", Type: module.Path, Required: true, Doc: "The file."},
		{Name: "contype", Choices: hbaTypes, Doc: "The type of the connection; without it the file is only put in order."},
		{Name: "databases", Default: "all", Doc: "The databases, with commas between them."},
		{Name: "users", Default: "all", Doc: "The users, with commas between them."},
		{Name: "address", Aliases: []string{"source", "src"}, Default: "samehost", Doc: "Where from: an address, a network, a name, samehost, samenet or all."},
		{Name: "netmask", Doc: "The mask of address."},
		{Name: "method", Choices: hbaMethods, Default: "md5", Doc: "How they prove who they are."},
		{Name: "options", Doc: "Options of the method."},
		{Name: "comment", Doc: "A comment behind the rule."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether the rule is to be there."},
		{Name: "rules", Type: module.List, Elem: module.Dict, Doc: "Several rules, each with the arguments above."},
		{Name: "rules_behavior", Choices: []string{"conflict", "combine"}, Default: "conflict", Doc: "combine: what stands beside rules is the default for each; conflict: it is a mistake."},
		{Name: "overwrite", Type: module.Bool, Default: false, Doc: "Take all other rules away."},
		{Name: "create", Type: module.Bool, Default: false, Doc: "Make the file when it is missing."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file."},
		{Name: "backup_file", Default: "", Doc: "Under this name; without it one in /tmp."},
		{Name: "keep_comments_at_rules", Type: module.Bool, Default: false, Doc: "Comments behind rules stay there."},
		{Name: "order", Choices: []string{"sdu", "sud", "dsu", "dus", "usd", "uds"}, Default: "sdu", Doc: "Accepted; the order is that of source, database and user."},
	}, module.FileArgs()...),
	Returns: []module.Return{
		{Name: "msgs", Type: "list", When: "always", Doc: "What was done."},
		{Name: "pg_hba", Type: "list", When: "always", Doc: "The rules, each with type, db, usr, src, method, options and comment."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	},
	Examples: "- postgresql_pg_hba: {dest: /etc/postgresql/15/main/pg_hba.conf, contype: host, databases: shop, users: shop, address: 10.0.0.0/8, method: scram-sha-256}\n",
	Traits:   module.Traits{Reach: state.ReachPaths},
}

// PgHba is the module postgresql_pg_hba.
func PgHba() module.Module { return module.New(pgHbaSpec, planPgHba) }

func planPgHba(a pgHbaArgs, in module.Inputs, v state.View) (module.Change, error) {
	e := &editor{FileAttrs: a.FileAttrs, in: in, g: module.Gathering(v)}
	if c, done, err := e.open(a.Dest); done {
		return c, err
	}
	h := &hbaFile{keepAtRules: a.Keep}
	if err := h.read(string(e.old)); err != nil {
		return module.Change{}, module.Fail("Error reading file:\n" + err.Error())
	}
	before := slices.Clone(h.rules)
	if a.Overwrite {
		h.rules = nil
	}
	asked, err := a.rules()
	if err != nil {
		return module.Change{}, err
	}
	var msgs []string
	for _, r := range asked {
		if err := r.apply(h, &msgs); err != nil {
			return module.Change{}, module.Fail("Error modifying rules:\n" + err.Error())
		}
	}
	changed := !sameRules(before, h.rules)
	var missing *module.Failure
	if changed && !e.exists() && !a.Create {
		missing = module.Fail("Error writing file:\npg_hba file '" + e.path + "' doesn't exist. Use create option to autocreate.")
	}
	c := e.change
	if changed {
		if err := e.finish([]byte(h.text()), true); err != nil && e.g.Complete() {
			return module.Change{}, err
		}
		if c, missing, err := e.g.Missing(); missing {
			return c, err
		}
		c = e.change
		msgs = append(msgs, "Changed")
	}
	list := []value.Value{}
	for _, r := range h.sorted() {
		list = append(list, value.FromMap(r.fields()))
	}
	c.Result = value.M("changed", changed, "msgs", value.Strings(msgs...), "pg_hba", value.List(list...))
	if changed {
		c.Result.Set("msgs", value.Strings(append(msgs, "Writing")...))
		if in.Check { // a single task in check mode registers what it has done so far
			c.Still = value.M("msgs", value.Strings(msgs...))
			c.Result.Set("msgs", module.Later())
		}
		side := func(lines []string) value.Value {
			return value.FromMap(value.M("file", e.path, "pg_hba", value.Strings(lines...)))
		}
		c.Result.Set("diff", value.FromMap(value.M("before", side(h.removed), "after", side(h.added))))
		a.keep(&c, e, in)
	}
	if missing != nil {
		missing.Dry = c.Result.Clone()
		missing.Dry.Set("msgs", value.Strings(msgs...))
		return module.Change{}, missing
	}
	return c, nil
}

// keep has the old file copied.
func (a pgHbaArgs) keep(c *module.Change, e *editor, in module.Inputs) {
	if !a.Backup || !e.exists() {
		return
	}
	to := a.BackupFile
	if to == "" {
		to = "/tmp/pg_hba" + hex.EncodeToString(in.Seed[:4])
	}
	for i, op := range c.Ops {
		if w, is := op.(state.WriteFile); is {
			w.Backup = to
			c.Ops[i] = w
		}
	}
	c.Result.Set("backup_file", value.String(to))
}

// hbaAsked is a rule as it is asked for.
type hbaAsked map[string]value.Value

// hbaDefaults are the arguments of a rule; null for none.
var hbaDefaults = []struct {
	key string
	def value.Value
}{{"address", value.String("samehost")}, {"comment", value.Null}, {"contype", value.Null}, {"databases", value.String("all")}, {"method", value.String("md5")},
	{"netmask", value.Null}, {"options", value.Null}, {"state", value.String("present")}, {"users", value.String("all")}}

// rules are those that are asked for.
func (a pgHbaArgs) rules() ([]hbaAsked, error) {
	opt := func(o module.Opt[string]) value.Value {
		if s, given := o.Get(); given {
			return value.String(s)
		}
		return value.Null
	}
	own := hbaAsked{"address": value.String(a.Address), "comment": opt(a.Comment), "contype": opt(a.Type), "databases": value.String(a.Databases), "method": value.String(a.Method),
		"netmask": opt(a.Netmask), "options": opt(a.Options), "state": value.String(a.State), "users": value.String(a.Users)}
	list, given := a.Rules.Get()
	if !given {
		return []hbaAsked{own}, nil
	}
	if a.Behavior == "conflict" {
		var used []string
		for _, d := range hbaDefaults {
			if !value.Equal(own[d.key], d.def) {
				used = append(used, d.key)
			}
		}
		if len(used) > 0 {
			return nil, module.Fail(`conflict: either argument "rules_behavior" needs to be changed or "rules" must not be set or ` + value.Strings(used...).Repr() + " must not be set")
		}
	}
	var all []hbaAsked
	for i, x := range list {
		r, names := hbaAsked{}, []string{}
		for k, v := range x.Map().All() {
			key := k.Text()
			if key == "address" || key == "source" || key == "src" {
				names, key = append(names, key), "address"
			}
			r[key] = v
		}
		if len(names) > 1 {
			return nil, module.Fail(fmt.Sprintf(`rule number %d of the "rules" argument (%s) uses ambiguous settings: %s are aliases, only one is allowed`, i, value.Strings(names...).Repr(), x.Repr()))
		}
		for _, d := range hbaDefaults {
			if _, said := r[d.key]; !said && a.Behavior == "combine" {
				r[d.key] = own[d.key]
			} else if !said {
				r[d.key] = d.def
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// apply adds the rule to the file, or removes it, for each database and user.
func (r hbaAsked) apply(h *hbaFile, msgs *[]string) error {
	if r["contype"].IsNull() {
		return nil
	}
	text := func(key string) string {
		if v := r[key]; !v.IsNull() {
			return v.Text()
		}
		return ""
	}
	for db := range strings.SplitSeq(text("databases"), ",") {
		for user := range strings.SplitSeq(text("users"), ",") {
			rule := hbaRule{kind: text("contype"), db: db, user: user, src: text("address"), method: text("method"), options: text("options")}
			if c := text("comment"); c != "" {
				rule.comment = &c
			}
			rule, err := newHbaRule(rule, text("netmask"))
			if err != nil {
				return err
			}
			said := value.FromMap(rule.fields()).Repr()
			if text("state") == "present" {
				*msgs = append(*msgs, "Adding rule "+said)
				h.add(rule)
			} else {
				*msgs = append(*msgs, "Removing rule "+said)
				h.remove(rule)
			}
		}
	}
	return nil
}
