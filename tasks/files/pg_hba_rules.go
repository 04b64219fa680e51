package files

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// hbaTypes and hbaMethods are what community.postgresql 2 knows of pg_hba.conf.
var (
	hbaTypes   = []string{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"}
	hbaMethods = []string{"trust", "reject", "md5", "password", "gss", "sspi", "krb5", "ident", "peer", "ldap", "radius", "cert", "pam", "scram-sha-256"}
)

// hbaRule is one line: who may log in to what, from where, and how. comment is nil
// where the line has none.
type hbaRule struct {
	kind, db, user, src, method, options string
	comment                              *string
}

// hbaKey is what no two rules share.
type hbaKey struct{ src, db, user string }

func (r hbaRule) key() hbaKey {
	if r.kind == "local" {
		return hbaKey{"local", r.db, r.user}
	}
	if n, ok := hbaNetwork(r.src); ok {
		return hbaKey{n.String(), r.db, r.user}
	}
	return hbaKey{r.src, r.db, r.user}
}

func (r hbaRule) equal(o hbaRule) bool {
	text := func(s *string) string {
		if s == nil {
			return "\x00"
		}
		return *s
	}
	return text(r.comment) == text(o.comment) && r.line() == o.line()
}

// fields are the columns by their names, in the order in which the original has them.
func (r hbaRule) fields() *value.Map {
	m := value.NewMap()
	if r.comment != nil {
		m.Set("comment", value.String(*r.comment))
	}
	for _, f := range [][2]string{{"type", r.kind}, {"db", r.db}, {"usr", r.user}, {"src", r.src}, {"method", r.method}, {"options", r.options}} {
		if f[1] != "" {
			m.Set(f[0], value.String(f[1]))
		}
	}
	return m
}

func (r hbaRule) line() string {
	return strings.Join(slices.DeleteFunc([]string{r.kind, r.db, r.user, r.src, r.method, r.options}, func(s string) bool { return s == "" }), "\t")
}

// hbaNetwork reads an address or a network, whose host bits are dropped.
func hbaNetwork(s string) (netip.Prefix, bool) {
	addr, mask, parted := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Zone() != "" {
		return netip.Prefix{}, false
	}
	if !parted {
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	if m, err := netip.ParseAddr(mask); err == nil && m.Is4() && ip.Is4() {
		n, ok := hbaMaskBits(m)
		return netip.PrefixFrom(ip, n).Masked(), ok
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

// hbaMaskBits counts the ones of a mask; false when a one follows a zero.
func hbaMaskBits(m netip.Addr) (int, bool) {
	n, ended := 0, false
	for _, b := range m.AsSlice() {
		ones := bits.LeadingZeros8(^b)
		if ended && b != 0 || b<<ones != 0 {
			return 0, false
		}
		n, ended = n+ones, ended || ones < 8
	}
	return n, true
}

// newHbaRule checks a rule; mask is "" or that of src.
func newHbaRule(r hbaRule, mask string) (hbaRule, error) {
	if !slices.Contains(hbaMethods, r.method) {
		return r, fmt.Errorf("invalid method %s (should be one of '%s').", r.method, strings.Join(hbaMethods, "', '")) //lint:ignore ST1005 Ansible's words
	}
	if !slices.Contains(hbaTypes, r.kind) {
		return r, fmt.Errorf("invalid connection type %s (should be one of '%s').", r.kind, strings.Join(hbaTypes, "', '")) //lint:ignore ST1005 Ansible's words
	}
	switch {
	case r.kind == "local":
		r.src = ""
		return r, nil
	case r.src == "":
		//lint:ignore ST1005 Ansible's words
		return r, fmt.Errorf("Missing src in rule %s", value.FromMap(r.fields()).Repr())
	case strings.Contains(r.src, "/"):
		return r, nil
	case mask != "":
		ip, err := netip.ParseAddr(r.src)
		if err != nil {
			//lint:ignore ST1005 Ansible's words
			return r, fmt.Errorf(`Mask was specified, but source "%s" is not valid ip`, r.src)
		}
		m, err := netip.ParseAddr(mask)
		if err != nil {
			//lint:ignore ST1005 Ansible's words
			return r, fmt.Errorf("Mask %s seems to be invalid", mask)
		}
		n, ok := hbaMaskBits(m)
		if !ok {
			return r, fmt.Errorf("IP mask %s seems invalid (binary value has 1 after 0)", mask)
		}
		if n > ip.BitLen() {
			return r, fmt.Errorf("%s/%d is not valid address range", r.src, n)
		}
		r.src = netip.PrefixFrom(ip, n).Masked().String()
		return r, nil
	}
	if n, ok := hbaNetwork(r.src); ok {
		r.src = n.String()
	}
	return r, nil
}

// parseHbaRule reads a line without its comment.
func parseHbaRule(line string) (r hbaRule, mask string, err error) {
	cols := strings.Fields(line)
	bad := func(format string, args ...any) (hbaRule, string, error) {
		return hbaRule{}, "", fmt.Errorf("Rule %s "+format, append([]any{line}, args...)...)
	}
	if len(cols) < 4 {
		return bad("has too few columns.")
	}
	if !slices.Contains(hbaTypes, cols[0]) {
		return bad("has unknown type: %s.", cols[0])
	}
	if cols[0] == "local" {
		cols = slices.Insert(cols, 3, "", "")
	}
	if len(cols) < 6 || !slices.Contains(hbaMethods, cols[5]) {
		cols = slices.Insert(cols, 4, "")
	}
	if !slices.Contains(hbaMethods, cols[5]) {
		return bad("of '%s' type has invalid auth-method '%s'", cols[0], cols[5])
	}
	return hbaRule{kind: cols[0], db: cols[1], user: cols[2], src: cols[3], method: cols[5], options: strings.Join(cols[6:], " ")}, cols[4], nil
}

// compare orders rules: narrow sources first, then few databases, then single users.
func (r hbaRule) compare(o hbaRule) int {
	if c := cmp.Or(cmp.Compare(o.breadth(), r.breadth()), cmp.Compare(r.databases(), o.databases()), cmp.Compare(r.users(), o.users())); c != 0 {
		return c
	}
	if r.src == "" || o.src == "" {
		return strings.Compare(r.line(), o.line())
	}
	return strings.Compare(r.src, o.src)
}

// breadth weighs where a rule is for: 130 is the narrowest.
func (r hbaRule) breadth() int {
	if r.kind == "local" {
		return 130
	}
	if n, ok := hbaNetwork(r.src); ok {
		return n.Bits() * 128 / n.Addr().BitLen()
	}
	switch {
	case r.src == "all":
		return 0
	case r.src == "samehost":
		return 129
	case r.src == "samenet":
		return 96
	case strings.HasPrefix(r.src, "."):
		return 64
	}
	return 128
}

func (r hbaRule) databases() int {
	switch r.db {
	case "all":
		return 100000
	case "replication":
		return 0
	case "samerole", "samegroup":
		return 1
	}
	return 1 + strings.Count(r.db, ",")
}

func (r hbaRule) users() int {
	if r.user == "all" {
		return 1000000
	}
	return 1
}

// hbaFile is the file: its comments, and its rules in the order in which they came.
type hbaFile struct {
	comments       []string
	rules          []hbaRule
	added, removed []string // lines, for the difference
	keepAtRules    bool
}

func (h *hbaFile) find(k hbaKey) int {
	return slices.IndexFunc(h.rules, func(r hbaRule) bool { return r.key() == k })
}

// read takes the text in.
func (h *hbaFile) read(text string) error {
	for line := range strings.Lines(text) {
		line, comment, commented := strings.Cut(strings.TrimSpace(line), "#")
		line = strings.TrimRight(line, " \t\r\f\v")
		commented = commented && comment != ""
		if line == "" {
			if commented {
				h.comments = append(h.comments, "#"+comment)
			}
			continue
		}
		r, mask, err := parseHbaRule(line)
		if commented && !h.keepAtRules {
			h.comments = append(h.comments, "#"+comment)
		} else if commented {
			r.comment = &comment
		}
		if err != nil {
			return err
		}
		if r, err = newHbaRule(r, mask); err != nil {
			return err
		}
		h.add(r)
	}
	h.added = nil
	return nil
}

// add puts a rule in, in place of one with its key that differs.
func (h *hbaFile) add(r hbaRule) {
	at := h.find(r.key())
	switch {
	case at < 0:
		h.rules = append(h.rules, r)
	case h.rules[at].equal(r):
		return
	default:
		h.rules[at] = r
	}
	h.added = append(h.added, r.line())
}

// remove takes the rule with the same key away, whatever else it says.
func (h *hbaFile) remove(r hbaRule) {
	if at := h.find(r.key()); at >= 0 {
		h.rules = slices.Delete(h.rules, at, at+1)
		h.removed = append(h.removed, r.line())
	}
}

// sorted are the rules in order.
func (h *hbaFile) sorted() []hbaRule {
	all := slices.Clone(h.rules)
	slices.SortStableFunc(all, hbaRule.compare)
	return all
}

// text is the file as it is written.
func (h *hbaFile) text() string {
	lines := []string{strings.Join(h.comments, "\n")}
	for _, r := range h.sorted() {
		line := r.line()
		if r.comment != nil {
			line += "\t#" + *r.comment
		}
		lines = append(lines, line)
	}
	text := strings.Join(lines, "\n")
	if len(h.rules) == 0 {
		text += "\n"
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// same tells whether two sets of rules are equal.
func sameRules(a, b []hbaRule) bool {
	if len(a) != len(b) {
		return false
	}
	return !slices.ContainsFunc(a, func(r hbaRule) bool {
		return !slices.ContainsFunc(b, func(o hbaRule) bool { return o.key() == r.key() && o.equal(r) })
	})
}
