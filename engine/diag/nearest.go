package diag

import (
	"strings"
	"unicode/utf8"
)

// Nearest gives the one of names that name was probably meant to be, "" when
// none is close. Hints use it: "did you mean ...?".
func Nearest(name string, names []string) string {
	best, limit := "", max(1, utf8.RuneCountInString(name)/3)
	limit = min(limit, 4)
	for _, n := range names {
		if n == name {
			continue
		}
		if strings.EqualFold(n, name) {
			return n
		}
		d := distance(name, n, limit)
		if d < limit || d == limit && (best == "" || lacking(name, n) < lacking(name, best)) {
			best, limit = n, d
		}
	}
	return best
}

// lacking counts the letters of name that n does not have: of two names that
// are equally far, the one with all the letters was meant.
func lacking(name, n string) int {
	missing := 0
	for _, c := range strings.ToLower(name) {
		if !strings.ContainsRune(strings.ToLower(n), c) {
			missing++
		}
	}
	return missing
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make a from b; more than limit is limit+1.
func distance(a, b string, limit int) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x)-len(y) > limit || len(y)-len(x) > limit {
		return limit + 1
	}
	var before []int
	last, row := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row[0] = i + 1
		for j := range y {
			cost := 1
			if x[i] == y[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, make([]int, len(y)+1)
	}
	return last[len(y)]
}
