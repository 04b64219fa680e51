package databases

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
)

// privileges are those of a user by what they are on, such as `shop`.*.
type privileges map[string][]string

// nativeHash is a password's hash as mysql_native_password keeps it.
func nativeHash(password string) string {
	first := sha1.Sum([]byte(password))
	second := sha1.Sum(first[:])
	return "*" + strings.ToUpper(hex.EncodeToString(second[:]))
}

// unpackPrivileges reads db.table:PRIV,PRIV/db.table:PRIV. usage adds the privilege
// that every user has.
func unpackPrivileges(text string, ansi, usage bool) (privileges, error) {
	quote := "`"
	if ansi {
		quote = `"`
	}
	out := privileges{}
	for item := range strings.SplitSeq(strings.TrimSpace(text), "/") {
		item = strings.TrimSpace(item)
		i := strings.LastIndexByte(item, ':')
		if i < 0 {
			return nil, module.Fail("invalid privileges string: " + item + " has no colon")
		}
		on, privs := item[:i], strings.ToUpper(item[i+1:])
		kind := ""
		sides := []string{on}
		if j := strings.LastIndexByte(on, '.'); j >= 0 {
			sides = []string{on[:j], on[j+1:]}
		}
		if word, rest, ok := strings.Cut(sides[0], " "); ok && (word == "FUNCTION" || word == "PROCEDURE") {
			kind, sides[0] = word+" ", rest
		}
		for k, s := range sides {
			if s = strings.Trim(s, "`"); s != "*" {
				sides[k] = quote + s + quote
			}
		}
		// Columns are written in the case in which the names were given.
		if strings.Contains(privs, "(") {
			privs = item[i+1:]
		}
		out[kind+strings.Join(sides, ".")] = splitPrivileges(privs)
	}
	if _, given := out["*.*"]; usage && !given {
		out["*.*"] = []string{"USAGE"}
	}
	return out, nil
}

// splitPrivileges takes a list apart at commas that are in no brackets; columns
// are put in order, and their names lose their quotes.
func splitPrivileges(text string) (all []string) {
	depth, from := 0, 0
	add := func(s string) {
		s = strings.TrimSpace(s)
		name, columns, some := strings.Cut(s, "(")
		if !some {
			if s = strings.ToUpper(s); s == "ALL PRIVILEGES" {
				s = "ALL"
			}
			all = append(all, s)
			return
		}
		parts := strings.Split(strings.TrimRight(columns, ") "), ",")
		for i, c := range parts {
			parts[i] = strings.Trim(strings.TrimSpace(c), "`")
		}
		slices.Sort(parts)
		all = append(all, strings.ToUpper(strings.TrimSpace(name))+" ("+strings.Join(parts, ", ")+")")
	}
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			add(text[from:i])
			from = i + 1
		}
	}
	add(text[from:])
	return all
}

var (
	grantLine = lazyregexp.New("^GRANT (.+) ON (.+) TO (?:'.*'@'.*'|`.*`@`.*`|\".*\"@\".*\")(?: IDENTIFIED BY PASSWORD (?:'.+'|`.+`|\".+\"))? ?(.*)$")
	roleLine  = lazyregexp.New("^GRANT (.+) TO ['`\"]|^SET DEFAULT ROLE ")
)

// privilegesOf reads what SHOW GRANTS says; roles are left out.
func privilegesOf(lines []string) (privileges, error) {
	out := privileges{}
	for _, l := range lines {
		m := grantLine().FindStringSubmatch(l)
		if m == nil {
			if roleLine().MatchString(l) {
				continue
			}
			return nil, module.Fail("unable to parse the MySQL grant string: " + l)
		}
		privs := splitPrivileges(m[1])
		if strings.Contains(m[3], "WITH GRANT OPTION") {
			privs = append(privs, "GRANT")
		}
		out[m[2]] = append(out[m[2]], privs...)
	}
	return out, nil
}

// grant is the statement that gives privileges.
func grant(privs []string, on, to string) string {
	s := "GRANT " + strings.Join(without(privs, []string{"GRANT"}), ",") + " ON " + on + " TO " + to
	if slices.Contains(privs, "GRANT") {
		s += " WITH GRANT OPTION"
	}
	return s
}

// revoke are the statements that take privileges away.
func revoke(privs []string, on, from string, grantOption bool) (all []string) {
	if grantOption {
		all = append(all, "REVOKE GRANT OPTION ON "+on+" FROM "+from)
	}
	if rest := without(privs, []string{"GRANT"}); len(rest) > 0 {
		all = append(all, "REVOKE "+strings.Join(rest, ",")+" ON "+on+" FROM "+from)
	}
	return append(all, "FLUSH PRIVILEGES")
}
