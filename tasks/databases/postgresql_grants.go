package databases

import (
	"strings"
)

// pgHeld are the kinds of objects: where their privileges stand, and the columns of
// these, of their names and of their schemas.
var pgHeld = map[string]struct{ from, acl, name string }{
	"table":                {"pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND c.relkind IN ('r', 'p', 'v', 'm')", "c.relacl::text", "c.relname"},
	"sequence":             {"pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND c.relkind = 'S'", "c.relacl::text", "c.relname"},
	"function":             {"pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace", "c.proacl::text", "c.proname"},
	"procedure":            {"pg_catalog.pg_proc c JOIN pg_catalog.pg_namespace n ON n.oid = c.pronamespace", "c.proacl::text", "c.proname"},
	"type":                 {"pg_catalog.pg_type c JOIN pg_catalog.pg_namespace n ON n.oid = c.typnamespace", "c.typacl::text", "c.typname"},
	"schema":               {"pg_catalog.pg_namespace c", "c.nspacl::text", "c.nspname"},
	"language":             {"pg_catalog.pg_language c", "c.lanacl::text", "c.lanname"},
	"tablespace":           {"pg_catalog.pg_tablespace c", "c.spcacl::text", "c.spcname"},
	"database":             {"pg_catalog.pg_database c", "c.datacl::text", "c.datname"},
	"foreign_data_wrapper": {"pg_catalog.pg_foreign_data_wrapper c", "c.fdwacl::text", "c.fdwname"},
	"foreign_server":       {"pg_catalog.pg_foreign_server c", "c.srvacl::text", "c.srvname"},
	"group":                {"pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles c ON c.oid = m.roleid", "concat_ws(' ', m.roleid, m.grantor, m.member, m.admin_option)", "c.rolname"},
	"default_privs":        {"pg_catalog.pg_default_acl c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.defaclnamespace", "c.defaclacl::text", ""},
}

// held is an expression of SQL for the privileges on the objects, as a text that
// changes when one of them does.
func (p *pgPrivsPlan) held() string {
	o := pgHeld[p.Type]
	var where []string
	if strings.Contains(o.from, "pg_namespace n") && p.Schema != "" {
		where = append(where, "n.nspname = "+pgText(p.Schema))
	}
	if o.name != "" && !p.all {
		names := make([]string, len(p.objs))
		for i, n := range p.objs {
			if p.Type == "function" || p.Type == "procedure" {
				n, _, _ = strings.Cut(n, "(")
			}
			names[i] = n
		}
		where = append(where, o.name+" IN "+pgTexts(names))
	}
	q := "(SELECT coalesce(string_agg(coalesce(" + o.acl + ", ''), E'\\n' ORDER BY coalesce(" + o.acl + ", '')), '') FROM " + o.from
	if len(where) > 0 {
		q += " WHERE " + strings.Join(where, " AND ")
	}
	return q + ")"
}

// any asks whether a schema has objects of the type at all.
func (p *pgPrivsPlan) any() string {
	o := pgHeld[p.Type]
	q := "SELECT 'any', '' FROM " + o.from + " WHERE true"
	switch p.Type {
	case "function":
		q += " AND c.prokind = 'f'"
	case "procedure":
		q += " AND c.prokind = 'p'"
	}
	if p.Schema != "" {
		q += " AND n.nspname = " + pgText(p.Schema)
	}
	return q + " LIMIT 1"
}

// query are the statements, a line each.
func (p *pgPrivsPlan) query(whom []string) (string, error) {
	to := "PUBLIC"
	if !p.public {
		to = pgNames(whom)
	}
	if p.Type == "default_privs" {
		return p.defaults(to), nil
	}
	what, err := p.what()
	if err != nil {
		return "", err
	}
	if p.State == "absent" {
		return "REVOKE " + what + " FROM " + to + ";", nil
	}
	option := "GRANT OPTION"
	if p.Type == "group" {
		option = "ADMIN OPTION"
	}
	q := "GRANT " + what + " TO " + to
	switch may, given := p.Grant.Get(); {
	case given && may:
		return q + " WITH " + option + ";", nil
	case given:
		return q + ";\nREVOKE " + option + " FOR " + what + " FROM " + to + ";", nil
	}
	return q + ";", nil
}

// what is that which is granted: roles, or privileges on objects.
func (p *pgPrivsPlan) what() (string, error) {
	if p.Type == "group" {
		return pgNames(p.objs), nil
	}
	in := ""
	if p.Schema != "" {
		in = pgName(p.Schema)
	}
	privs := strings.Join(p.privs, ",") + " ON "
	if p.all {
		return privs + "ALL " + strings.ToUpper(p.Type) + "S IN SCHEMA " + in, nil
	}
	if in != "" {
		in += "."
	}
	ids := make([]string, len(p.objs))
	for i, o := range p.objs {
		if p.Type == "function" || p.Type == "procedure" {
			name, args, _ := strings.Cut(o, "(")
			ids[i] = in + `"` + name + `"(` + args
			continue
		}
		// as the original: quotes within a name are the author's own
		var err error
		if ids[i], err = pgDotted(in+`"`+o+`"`, "table", 3); err != nil {
			return "", err
		}
	}
	return privs + strings.ReplaceAll(p.Type, "_", " ") + " " + strings.Join(ids, ","), nil
}

// defaults are the statements about objects that are made later.
func (p *pgPrivsPlan) defaults(to string) string {
	alter := "ALTER DEFAULT PRIVILEGES"
	if p.Target != "" {
		alter += " FOR ROLE " + pgNames(strings.Split(p.Target, ","))
	}
	if p.Schema != "" {
		alter += " IN SCHEMA " + pgName(p.Schema)
	}
	var lines []string
	revoked := p.objs
	if p.State == "absent" {
		revoked = []string{"TABLES", "SEQUENCES", "TYPES"}
	}
	for _, o := range revoked {
		lines = append(lines, alter+" REVOKE ALL ON "+o+" FROM "+to+";")
	}
	if p.State == "absent" {
		return strings.Join(lines, "\n")
	}
	with := ";"
	if p.Grant.Or(false) {
		with = " WITH GRANT OPTION;"
	}
	for _, o := range p.objs {
		lines = append(lines, alter+" GRANT "+strings.Join(p.privs, ",")+" ON "+o+" TO "+to+with)
	}
	if p.Usage {
		lines = append(lines, alter+" GRANT USAGE ON TYPES TO "+to+with)
	}
	return strings.Join(lines, "\n")
}
