package ipaddr

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

var macForms = []func() *regexp.Regexp{
	lazyregexp.New(`^([0-9A-Fa-f]{1,2})` + strings.Repeat(`:([0-9A-Fa-f]{1,2})`, 5) + `$`),
	lazyregexp.New(`^([0-9A-Fa-f]{1,2})` + strings.Repeat(`-([0-9A-Fa-f]{1,2})`, 5) + `$`),
	lazyregexp.New(`^([0-9A-Fa-f]{1,4})` + strings.Repeat(`[.]([0-9A-Fa-f]{1,4})`, 2) + `$`),
	lazyregexp.New(`^([0-9A-Fa-f]{1,4})` + strings.Repeat(`:([0-9A-Fa-f]{1,4})`, 2) + `$`),
	lazyregexp.New(`^([0-9A-Fa-f]{1,4})` + strings.Repeat(`-([0-9A-Fa-f]{1,4})`, 2) + `$`),
	lazyregexp.New(`^([0-9A-Fa-f]{5,6})[-:]([0-9A-Fa-f]{5,6})$`),
	lazyregexp.New(`^([0-9A-Fa-f]{11,12})$`),
}

// parseMAC reads a hardware address of 48 bits in any of its usual forms.
func parseMAC(s string) (uint64, bool) {
	for _, form := range macForms {
		m := form().FindStringSubmatch(s)
		if m == nil {
			continue
		}
		bits := 48 / (len(m) - 1)
		var mac uint64
		for _, g := range m[1:] {
			n, err := strconv.ParseUint(g, 16, 64)
			if err != nil {
				return 0, false
			}
			mac = mac<<bits | n
		}
		return mac, true
	}
	return 0, false
}

// macForm writes an address in groups of so many bits.
func macForm(bits int, verb, sep string) func(mac uint64) value.Value {
	return func(mac uint64) value.Value {
		groups := make([]string, 0, 48/bits)
		for at := 48 - bits; at >= 0; at -= bits {
			groups = append(groups, fmt.Sprintf(verb, mac>>at&(1<<bits-1)))
		}
		return value.String(strings.Join(groups, sep))
	}
}

var macQueries = map[string]func(mac uint64) value.Value{
	"bool": func(uint64) value.Value { return value.Bool(true) },
	"int":  func(mac uint64) value.Value { return value.Int(int64(mac)) },
	"bare": macForm(48, "%012X", ""), "cisco": macForm(16, "%04x", "."), "linux": macForm(8, "%02x", ":"), "unix": macForm(8, "%x", ":"),
	"eui48": macForm(8, "%02X", "-"), "win": macForm(8, "%02X", "-"),
	"pgsql": macForm(24, "%06x", ":"), "postgresql": macForm(24, "%06x", ":"), "psql": macForm(24, "%06x", ":"),
}

// Hardware is the filters hwaddr and macaddr; alias is the filter's name.
func Hardware(v value.Value, query, alias string) (value.Value, error) {
	mac, ok := uint64(0), false
	if v.IsString() {
		mac, ok = parseMAC(v.Str())
	} else if n, isInt := v.AsInt(); isInt && n >= 0 && n < 1<<48 {
		mac, ok = uint64(n), true
	}
	if !ok && query != "" && query != "bool" {
		return no, refuse("%s: not a hardware address: %s", alias, v.Text())
	}
	f, known := macQueries[query]
	switch {
	case !known && query != "":
		return no, refuse("%s: unknown filter type: %s", alias, query)
	case !ok:
		return value.Null, nil
	case query == "":
		return v, nil
	}
	return f(mac), nil
}

var macText = lazyregexp.New(`^(?i:([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})$|[0-9a-f]{12}$)`)

// IsMAC is the test mac.
func IsMAC(s string) bool { return macText().MatchString(s) }
