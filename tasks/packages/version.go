package packages

import "strings"

// CompareVersions orders two versions as Debian's policy says: negative when a
// is older, 0 when they are equal, positive when a is newer.
func CompareVersions(a, b string) int {
	ea, va, ra := splitVersion(a)
	eb, vb, rb := splitVersion(b)
	for _, c := range [][2]string{{ea, eb}, {va, vb}, {ra, rb}} {
		if n := comparePart(c[0], c[1]); n != 0 {
			return n
		}
	}
	return 0
}

func splitVersion(v string) (epoch, upstream, revision string) {
	if e, rest, ok := strings.Cut(v, ":"); ok {
		epoch, v = e, rest
	}
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		v, revision = v[:i], v[i+1:]
	}
	return epoch, v, revision
}

// comparePart compares stretches without digits, in which ~ comes before the
// end and letters before the rest, and numbers in turn.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		for startsOther(a) || startsOther(b) {
			if n := order(a) - order(b); n != 0 {
				return n
			}
			a, b = a[1:], b[1:] // equal orders: both have a character
		}
		na, restA := number(a)
		nb, restB := number(b)
		if len(na) != len(nb) {
			return len(na) - len(nb)
		}
		if n := strings.Compare(na, nb); n != 0 {
			return n
		}
		a, b = restA, restB
	}
	return 0
}

func startsOther(s string) bool { return s != "" && (s[0] < '0' || s[0] > '9') }

func order(s string) int {
	switch {
	case s == "" || !startsOther(s):
		return 0
	case s[0] == '~':
		return -1
	case s[0] >= 'A' && s[0] <= 'Z' || s[0] >= 'a' && s[0] <= 'z':
		return int(s[0])
	}
	return int(s[0]) + 256
}

// number takes leading digits off, without leading zeros.
func number(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}
