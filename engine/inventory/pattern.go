package inventory

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// CodeNoHosts is the code of the diagnostics about a part of a pattern that
// names nothing; CodeBadPattern that of a pattern that cannot be read.
const (
	CodeNoHosts    = "no-such-host"
	CodeBadPattern = "host-pattern"
)

var (
	rePatternPart = lazyregexp.New(`(?:[^\s:\[\]]|\[[^\]]*\])+`)
	reSubscript   = lazyregexp.New(`^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$`)
)

// splitPattern cuts a pattern into parts at commas, or else at colons unless
// the whole is an address.
func splitPattern(pattern string) []string {
	var parts []string
	if strings.Contains(pattern, ",") {
		parts = strings.Split(pattern, ",")
	} else if !strings.ContainsAny(pattern, ":[] \t\n") {
		parts = []string{pattern} // without the expressions for addresses, which are large
	} else if _, _, err := parseAddress(pattern); err == nil {
		parts = []string{pattern}
	} else {
		parts = rePatternPart().FindAllString(pattern, -1)
	}
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// Match selects the hosts that a pattern names, in Ansible's order: that of
// the parts of the pattern, in each that of the inventory. pos is where the
// pattern stands.
//
// The error, a diag.List, is about parts that name nothing (CodeNoHosts, the
// hosts returned are right without them) and parts that cannot be read.
func (inv *Inventory) Match(pattern string, pos diag.Pos) ([]*Host, error) {
	return inv.match(splitPattern(pattern), pos)
}

// MatchList is Match for a list of patterns, as hosts: may be one.
func (inv *Inventory) MatchList(patterns []string, pos diag.Pos) ([]*Host, error) {
	var parts []string
	for _, p := range patterns {
		parts = append(parts, splitPattern(p)...)
	}
	return inv.match(parts, pos)
}

// Limit keeps those of hosts that a -l pattern selects; "@file" parts are read.
// The error is as that of Match.
func (inv *Inventory) Limit(hosts []*Host, limit string) ([]*Host, error) {
	parts, err := limitParts(limit)
	if err != nil {
		return nil, err
	}
	selected, err := inv.match(parts, limitPos(limit))
	if len(selected) > 0 && NamesNothing(err) {
		err = nil // see Unmatched
	}
	keep := make(map[*Host]bool, len(selected))
	for _, h := range selected {
		keep[h] = true
	}
	var out []*Host
	for _, h := range hosts {
		if keep[h] {
			out = append(out, h)
		}
	}
	return out, err
}

// Unmatched are the parts of a limit that name nothing, each as a diagnostic.
func (inv *Inventory) Unmatched(limit string) (list diag.List) {
	if parts, err := limitParts(limit); err == nil {
		_, err = inv.match(parts, limitPos(limit))
		list.Add(err)
	}
	return list
}

func limitPos(limit string) diag.Pos { return diag.Pos{File: "--limit " + limit} }

// NamesNothing tells whether an error only says that a part of a pattern
// selects no host, which a play may: Ansible says so and goes on.
func NamesNothing(err error) bool {
	var list diag.List
	list.Add(err)
	for _, d := range list {
		if d.Code != CodeNoHosts {
			return false
		}
	}
	return true
}

// limitParts cuts a limit into patterns, with those of the files that it names.
func limitParts(limit string) (parts []string, err error) {
	for _, p := range splitPattern(limit) {
		name, isFile := strings.CutPrefix(p, "@")
		if !isFile {
			parts = append(parts, p)
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			d := fileProblem(name, err)
			d.Code = "limit-file"
			return nil, diag.List{d.WithHint("-l @file reads host patterns from a file, one a line")}
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if line = strings.TrimSpace(line); line != "" {
				parts = append(parts, line)
			}
		}
	}
	return parts, nil
}

// orderParts puts plain parts first, then intersections, then exclusions; all
// hosts are meant where there is no plain one.
func orderParts(parts []string) []string {
	var plain, and, not []string
	for _, p := range parts {
		switch p[0] {
		case '!':
			not = append(not, p)
		case '&':
			and = append(and, p)
		default:
			plain = append(plain, p)
		}
	}
	if len(plain) == 0 {
		plain = []string{"all"}
	}
	return slices.Concat(plain, and, not)
}

func (inv *Inventory) match(parts []string, pos diag.Pos) ([]*Host, error) {
	var problems diag.List
	var hosts []*Host
	seen := map[*Host]bool{}
	for _, p := range orderParts(parts) {
		that, err := inv.matchPart(strings.TrimLeft(p[:1], "&!")+p[1:], pos)
		problems.Add(err)
		switch p[0] {
		case '!', '&':
			in := make(map[*Host]bool, len(that))
			for _, h := range that {
				in[h] = true
			}
			hosts = slices.DeleteFunc(hosts, func(h *Host) bool { return in[h] == (p[0] == '!') })
		default:
			for _, h := range that {
				if !seen[h] {
					seen[h] = true
					hosts = append(hosts, h)
				}
			}
		}
	}
	return hosts, problems.Err()
}

func badPattern(pos diag.Pos, p, why string) *diag.Diagnostic {
	return diag.Errorf(pos, CodeBadPattern, "host pattern %q: %s", p, why)
}

// matchPart selects by one part without & or !.
func (inv *Inventory) matchPart(p string, pos diag.Pos) ([]*Host, error) {
	if p == "" {
		return nil, badPattern(pos, p, "a name must follow & or !")
	}
	inv.mu.RLock()
	h := inv.hosts[p]
	inv.mu.RUnlock()
	if h != nil {
		return []*Host{h}, nil
	}
	expr, sub, err := cutSubscript(p, pos)
	if err != nil {
		return nil, err
	}
	hosts, named, err := inv.enumerate(expr, pos)
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 && !named {
		if isLocal(expr) {
			return []*Host{inv.Host(expr)}, nil
		}
		if expr != "all" {
			return nil, inv.noSuch(expr, pos)
		}
	}
	if sub == nil || len(hosts) == 0 {
		return hosts, nil
	}
	return sub.apply(hosts, p, pos)
}

func (inv *Inventory) noSuch(expr string, pos diag.Pos) error {
	d := diag.Errorf(pos, CodeNoHosts, "the pattern %q names no host or group of the inventory", expr)
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	names := make([]string, 0, len(inv.gorder))
	for _, g := range inv.gorder {
		names = append(names, g.Name)
	}
	if len(inv.order) <= 1000 {
		for _, h := range inv.order {
			names = append(names, h.Name)
		}
	}
	if near := diag.Nearest(expr, names); near != "" {
		return d.WithHint("did you mean %q?", near)
	}
	if len(inv.order) == 0 {
		return d.WithHint("the inventory holds no hosts; give one with -i")
	}
	return d
}

// subscript is [i] or [from:to] after a pattern.
type subscript struct {
	from, to int
	isRange  bool
}

func cutSubscript(p string, pos diag.Pos) (string, *subscript, error) {
	m := reSubscript().FindStringSubmatch(p)
	if p[0] == '~' || m == nil {
		return p, nil, nil
	}
	s := &subscript{isRange: m[2] == ""}
	var err error
	switch {
	case !s.isRange:
		s.from, err = strconv.Atoi(m[2])
	default:
		if s.from, err = strconv.Atoi(m[3]); err == nil && m[5] != "" {
			s.to, err = strconv.Atoi(m[5])
		}
		if m[5] == "" {
			s.to = -1
		}
	}
	if err != nil {
		return "", nil, badPattern(pos, p, "the number in brackets is too large")
	}
	return m[1], s, nil
}

func (s *subscript) apply(hosts []*Host, p string, pos diag.Pos) ([]*Host, error) {
	n := len(hosts)
	// As in Ansible a range up to 0 is taken for its beginning alone.
	if s.isRange && s.to != 0 {
		to := s.to
		if to == -1 {
			to = n - 1
		}
		from := min(s.from, n)
		return hosts[from:max(from, min(to+1, n))], nil
	}
	i := s.from
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return nil, diag.Errorf(pos, CodeNoHosts, "the pattern %q names no host: there are %d", p, n)
	}
	return hosts[i : i+1], nil
}

// enumerate gives the hosts of all groups that a pattern names and, if it is
// no plain name or names no group, the hosts it names. named tells whether it
// names a group, be it empty.
func (inv *Inventory) enumerate(expr string, pos diag.Pos) (hosts []*Host, named bool, err error) {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	if !strings.ContainsAny(expr, "*?[") && expr[0] != '~' {
		if g := inv.groups[expr]; g != nil {
			hosts, named = inv.groupHosts(g), true
		}
		if h := inv.hosts[expr]; h != nil {
			hosts = append(slices.Clone(hosts), h)
		}
		return hosts, named, nil
	}
	re, why := compilePattern(expr)
	if why != "" {
		return nil, false, badPattern(pos, expr, why)
	}
	for _, g := range inv.gorder {
		if re.MatchString(g.Name) {
			named = true
			hosts = append(hosts, inv.groupHosts(g)...)
		}
	}
	for _, h := range inv.order {
		if re.MatchString(h.Name) {
			hosts = append(hosts, h)
		}
	}
	return dedupe(hosts), named, nil
}

func dedupe(hosts []*Host) []*Host {
	seen := make(map[*Host]bool, len(hosts))
	return slices.DeleteFunc(hosts, func(h *Host) bool {
		was := seen[h]
		seen[h] = true
		return was
	})
}

func compilePattern(expr string) (re *regexp.Regexp, why string) {
	text, isRegexp := strings.CutPrefix(expr, "~")
	if isRegexp {
		text = `^(?:` + text + `)`
	} else {
		text = globToRegexp(expr)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, "it is no valid regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	return re, ""
}

// globToRegexp translates the wildcards *, ?, [abc] and [!abc].
func globToRegexp(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteByte('.')
		case '[':
			end := strings.IndexByte(glob[min(i+2, len(glob)):], ']')
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := glob[i+1 : i+2+end]
			i += 2 + end
			b.WriteByte('[')
			if rest, not := strings.CutPrefix(set, "!"); not {
				b.WriteByte('^')
				set = rest
			}
			b.WriteString(strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`).Replace(set) + "]")
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return b.String() + `$`
}
