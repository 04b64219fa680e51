package inventory

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
)

// The forms of host names with ranges, as Ansible tells a host pattern with a
// port from one without.
const (
	numRange   = `\[(?:[0-9]+:[0-9]+)(?::[0-9]+)?\]`
	hexRange   = `\[(?:[0-9a-f]+:[0-9a-f]+)(?::[0-9]+)?\]`
	alphaRange = `\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]`
	v6part     = `(?:[0-9a-f]{1,4}|` + hexRange + `)`
	v4part     = `(?:[01]?[0-9]{1,2}|2[0-4][0-9]|25[0-5]|` + numRange + `)`
	// A label must not end with - or _, which its last element sees to.
	word  = `[\pL\pN_]`
	label = `(?:` + word + `|` + alphaRange + `)(?:(?:[\pL\pN_-]|` + alphaRange + `)*(?:[\pL\pN]|` + alphaRange + `))?`
)

var (
	reBracketPort = lazyregexp.New(`^\[(.+)\]:([0-9]+)$`)
	reHostPort    = lazyregexp.New(`^((?:[^:\[\]]|\[[^\]]*\])*):([0-9]+)$`)
	errNoHost     = errors.New("not a host name")
)

// reAddress are the forms of an address and of a name. They are large, and only
// names with ranges or ports need them, so they are compiled on first use.
var reAddress = sync.OnceValue(func() []*regexp.Regexp {
	v6 := strings.ReplaceAll(`(?i)^(?:(?:X:){7}X|(?:X:){1,6}:|(?:X:)(?::X){1,6}|(?:X:){2}(?::X){1,5}|(?:X:){3}(?::X){1,4}`+
		`|(?:X:){4}(?::X){1,3}|(?:X:){5}(?::X){1,2}|(?:X:){6}(?::X)|:(?::X){1,6}|X?::)$`, "X", v6part)
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)^(?:` + v4part + `\.){3}` + v4part + `$`),
		regexp.MustCompile(v6),
		regexp.MustCompile(`(?i)^(?:(?:0:){6}|::(?:ffff:)?|(?:0:){5}ffff:)(?:` + v4part + `\.){3}` + v4part + `$`),
		regexp.MustCompile(`(?i)^` + label + `(?:\.` + label + `)*$`),
	}
})

// parseAddress splits a host name or address, possibly with ranges, from its port.
func parseAddress(s string) (host string, port int, err error) {
	if simpleName(s) {
		return s, 0, nil
	}
	host = s
	for _, re := range []*regexp.Regexp{reBracketPort(), reHostPort()} {
		if m := re.FindStringSubmatch(host); m != nil {
			host = m[1]
			if port, err = strconv.Atoi(m[2]); err != nil {
				return "", 0, errNoHost
			}
		}
	}
	re := reAddress()
	last := len(re) - 1
	if slices.ContainsFunc(re[:last], func(re *regexp.Regexp) bool { return re.MatchString(host) }) ||
		re[last].MatchString(host) && !strings.HasSuffix(host, "_") {
		return host, port, nil
	}
	return "", 0, errNoHost
}

// simpleName tells of most names, without an expression, that they are one: letters and
// digits, with single dots, hyphens and underscores between them.
func simpleName(s string) bool {
	between := true
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
			between = false
		case (c == '.' || c == '-' || c == '_') && !between:
			between = true
		default:
			return false
		}
	}
	return !between
}

const maxRange = 1_000_000

// expandPattern gives the host names that a host line's first word means, and
// their port (0 if none).
func expandPattern(s string) (names []string, port int, err error) {
	if !strings.ContainsAny(s, "[:") {
		return []string{s}, 0, nil
	}
	host, port, err := parseAddress(s)
	if err != nil {
		host, port = s, 0
	}
	if !strings.Contains(host, "[") {
		names = []string{host}
	} else if names, err = expandRange(host); err != nil {
		return nil, 0, err
	}
	if strings.HasSuffix(strings.TrimSpace(s), ":") && port == 0 {
		return nil, 0, errors.New("a host name cannot end with ':', which separates the port")
	}
	return names, port, nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// expandRange expands [begin:end:step] ranges, both ends included, from left to right.
func expandRange(s string) ([]string, error) {
	head, rest, _ := strings.Cut(s, "[")
	inner, tail, ok := strings.Cut(rest, "]")
	if !ok {
		if head == "" {
			return nil, errors.New("the section header (or range) has no closing ']'")
		}
		return nil, errors.New("the range has no closing ']'")
	}
	values, err := rangeValues(inner)
	if err != nil {
		return nil, err
	}
	tails := []string{tail}
	if strings.Contains(tail, "[") {
		if tails, err = expandRange(tail); err != nil {
			return nil, err
		}
	}
	if len(values)*len(tails) > maxRange {
		return nil, fmt.Errorf("the range means more than %d hosts", maxRange)
	}
	names := make([]string, 0, len(values)*len(tails))
	for _, v := range values {
		for _, t := range tails {
			names = append(names, head+v+t)
		}
	}
	return names, nil
}

func rangeValues(inner string) ([]string, error) {
	bounds := strings.Split(inner, ":")
	if len(bounds) != 2 && len(bounds) != 3 {
		return nil, errors.New("a range is written [begin:end] or [begin:end:step]")
	}
	begin, end, step := bounds[0], bounds[1], 1
	if begin == "" {
		begin = "0"
	}
	if end == "" {
		return nil, errors.New("the range has no end")
	}
	if len(bounds) == 3 {
		n, err := strconv.Atoi(bounds[2])
		if err != nil || n < 1 {
			return nil, errors.New("the step of the range must be a number above 0")
		}
		step = n
	}
	width := 0
	if begin[0] == '0' && len(begin) > 1 {
		if width = len(begin); width != len(end) {
			return nil, errors.New("begin and end of a range with leading zeros must be equally long")
		}
	}
	var out []string
	if i, j := strings.Index(letters, begin), strings.Index(letters, end); i >= 0 && j >= 0 {
		if i > j {
			return nil, errors.New("the range begins after its end")
		}
		for ; i <= j; i += step {
			out = append(out, letters[i:i+1])
		}
		return out, nil
	}
	from, err1 := strconv.Atoi(begin)
	to, err2 := strconv.Atoi(end)
	if err1 != nil || err2 != nil {
		return nil, errors.New("begin and end of a range are both numbers or both letters")
	}
	if (to-from)/step >= maxRange {
		return nil, fmt.Errorf("the range means more than %d hosts", maxRange)
	}
	for i := from; i <= to; i += step {
		out = append(out, fmt.Sprintf("%0*d", width, i))
	}
	return out, nil
}
