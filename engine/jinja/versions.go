package jinja

import (
	"cmp"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

var versionOperators = map[string]func(n int) bool{
	"==": func(n int) bool { return n == 0 }, "!=": func(n int) bool { return n != 0 },
	"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 },
	">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
}

var versionAliases = map[string]string{"=": "==", "eq": "==", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "<>": "!=", "ne": "!="}

// versionTest is Ansible's test version.
func versionTest(_ *Context, v value.Value, a Args) (bool, error) {
	b := a.Bind("version", "operator?", "strict?", "version_type?")
	op, kind := b.Str("operator", "eq"), b.Str("version_type", "")
	x, y := text(v), text(b.Value("version"))
	switch {
	case b.Err != nil:
		return false, b.Err
	case !b.Value("strict").IsNull() && kind != "":
		return false, refusal("Cannot specify both 'strict' and 'version_type'")
	case !v.Truthy():
		return false, refusal("Input version value cannot be empty")
	case !b.Value("version").Truthy():
		return false, refusal("Version parameter to compare against cannot be empty")
	case b.Bool("strict", false):
		kind = "strict"
	}
	if alias, ok := versionAliases[op]; ok {
		op = alias
	}
	compare, ok := map[string]func(x, y string) (int, error){"": compareLoose, "loose": compareLoose, "strict": compareStrict,
		"semver": compareSemantic, "semantic": compareSemantic, "pep440": comparePEP440}[kind]
	if !ok {
		return false, refusal("Invalid version type (%s). Must be one of 'loose', 'strict', 'semver', 'semantic', 'pep440'", kind)
	}
	holds, ok := versionOperators[op]
	if !ok {
		return false, refusal("Invalid operator type (%s). Must be one of '==', '=', 'eq', '<', 'lt', '<=', 'le', '>', 'gt', '>=', 'ge', '!=', '<>', 'ne'", op)
	}
	n, err := compare(x, y)
	if err != nil {
		return false, refusal("Version comparison failed: %w", err)
	}
	return holds(n), nil
}

func compareLoose(x, y string) (int, error) {
	n, ok := value.Compare(looseVersion(x), looseVersion(y))
	if !ok {
		return 0, errors.New("'<' not supported between instances of 'str' and 'int'")
	}
	return n, nil
}

// CompareLoose orders two versions as distutils' LooseVersion did; where it
// failed (a number meets a word) the number is the smaller.
func CompareLoose(x, y string) int {
	if n, err := compareLoose(x, y); err == nil {
		return n
	}
	a, b := looseVersion(x).Items(), looseVersion(y).Items()
	for i := range min(len(a), len(b)) {
		if n, ok := value.Compare(a[i], b[i]); !ok {
			if a[i].IsString() {
				return 1
			}
			return -1
		} else if n != 0 {
			return n
		}
	}
	return len(a) - len(b)
}

// looseVersion splits a version into numbers and words, as distutils did.
func looseVersion(s string) value.Value {
	class := func(c byte) int {
		switch {
		case c >= '0' && c <= '9':
			return 1
		case c >= 'a' && c <= 'z':
			return 2
		case c == '.':
			return 3
		}
		return 4
	}
	var out []value.Value
	for i := 0; i < len(s); {
		j, k := i, class(s[i])
		for j < len(s) && class(s[j]) == k {
			j++
		}
		switch k {
		case 1:
			n, _ := value.ParseNumber(s[i:j])
			out = append(out, n)
		case 2, 4:
			out = append(out, value.String(s[i:j]))
		}
		i = j
	}
	return value.List(out...)
}

// number compares digits without a bound on their length.
func number(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

func compareNumbers(a, b string) int { return number(a).Cmp(number(b)) }

var strictPattern = lazyregexp.New(`^(\d+)\.(\d+)(?:\.(\d+))?([ab]\d+)?$`)

// compareCores takes two versions apart and compares the three numbers that each
// begins with.
func compareCores(pattern *regexp.Regexp, kind, x, y string) (a, b []string, n int, err error) {
	a, b = pattern.FindStringSubmatch(x), pattern.FindStringSubmatch(y)
	for i, m := range [][]string{a, b} {
		if m == nil {
			return nil, nil, 0, refusal("invalid %s '%s'", kind, []string{x, y}[i])
		}
	}
	for i := 1; i <= 3 && n == 0; i++ {
		n = compareNumbers(a[i], b[i])
	}
	return a, b, n, nil
}

// compareStrict is distutils' StrictVersion: x.y, x.y.z, with aN or bN behind.
func compareStrict(x, y string) (int, error) {
	a, b, n, err := compareCores(strictPattern(), "version number", x, y)
	if n != 0 || err != nil {
		return n, err
	}
	switch p, q := a[4], b[4]; {
	case p == q:
		return 0, nil
	case p == "":
		return 1, nil
	case q == "":
		return -1, nil
	case p[0] != q[0]:
		return cmp.Compare(p[0], q[0]), nil
	default:
		return compareNumbers(p[1:], q[1:]), nil
	}
}

var semanticPattern = lazyregexp.New(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)` +
	`(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$`)

// compareSemantic is semver.org's order; build metadata does not count.
func compareSemantic(x, y string) (int, error) {
	a, b, n, err := compareCores(semanticPattern(), "semantic version", x, y)
	if n != 0 || err != nil {
		return n, err
	}
	switch p, q := a[4], b[4]; {
	case p == q:
		return 0, nil
	case p == "":
		return 1, nil
	case q == "":
		return -1, nil
	default:
		return slices.CompareFunc(strings.Split(p, "."), strings.Split(q, "."), comparePrerelease), nil
	}
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func comparePrerelease(p, q string) int {
	switch n, m := isDigits(p), isDigits(q); {
	case n && m:
		return compareNumbers(p, q)
	case n:
		return -1
	case m:
		return 1
	}
	return strings.Compare(p, q)
}

var pep440Pattern = lazyregexp.New(`(?i)^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d+)?)?` +
	`(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d+)?)?(?:[-_.]?(dev)[-_.]?(\d+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$`)

// pep440 is a version as PEP 440 orders it: each part a list of numbers.
type pep440 struct {
	epoch   string
	release []string
	phase   int // -1 dev of a final, 0 a, 1 b, 2 rc, 3 final
	pre     string
	post    string // "" none
	dev     string // "" none
	local   []string
}

func parsePEP440(s string) (pep440, error) {
	m := pep440Pattern().FindStringSubmatch(s)
	if m == nil {
		return pep440{}, refusal("Invalid version: '%s'", s)
	}
	zero := func(n string) string { return cmp.Or(n, "0") }
	v := pep440{epoch: zero(m[1]), release: strings.Split(m[2], "."), phase: 3}
	for len(v.release) > 1 && number(v.release[len(v.release)-1]).Sign() == 0 {
		v.release = v.release[:len(v.release)-1]
	}
	switch strings.ToLower(m[3]) {
	case "a", "alpha":
		v.phase, v.pre = 0, zero(m[4])
	case "b", "beta":
		v.phase, v.pre = 1, zero(m[4])
	case "c", "rc", "pre", "preview":
		v.phase, v.pre = 2, zero(m[4])
	}
	if m[5] != "" || m[6] != "" {
		v.post = zero(m[5] + m[7])
	}
	if m[8] != "" {
		v.dev = zero(m[9])
		if v.phase == 3 && v.post == "" {
			v.phase = -1
		}
	}
	if m[10] != "" {
		v.local = strings.FieldsFunc(strings.ToLower(m[10]), func(r rune) bool { return strings.ContainsRune("-_.", r) })
	}
	return v, nil
}

func comparePEP440(x, y string) (int, error) {
	a, err := parsePEP440(x)
	if err != nil {
		return 0, err
	}
	b, err := parsePEP440(y)
	if err != nil {
		return 0, err
	}
	absent := func(p, q string, ifAbsent int) int { // how a missing part compares
		switch {
		case p == q:
			return 0
		case p == "":
			return ifAbsent
		case q == "":
			return -ifAbsent
		}
		return compareNumbers(p, q)
	}
	return cmp.Or(compareNumbers(a.epoch, b.epoch), slices.CompareFunc(a.release, b.release, compareNumbers), cmp.Compare(a.phase, b.phase),
		absent(a.pre, b.pre, -1), absent(a.post, b.post, -1), absent(a.dev, b.dev, 1),
		slices.CompareFunc(a.local, b.local, func(p, q string) int { return comparePrerelease(p, q) * localOrder(p, q) })), nil
}

// localOrder turns the order of a number and a word around: in local versions
// the number is the greater.
func localOrder(p, q string) int {
	if isDigits(p) != isDigits(q) {
		return -1
	}
	return 1
}
