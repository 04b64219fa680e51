package ipaddr

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// The answers of Python's netaddr to more than a thousand questions are under
// engine/vars/testdata/plugins (ipaddr.json); these are the ways to write one.
func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"10.1.2.3": "10.1.2.3/32", "10.1": "10.1.0.0/32", "010.0.0.1": "10.0.0.1/32", "10.1.2.3/24": "10.1.2.3/24",
		"10.1.2.3/255.255.255.0": "10.1.2.3/24", "10.1.2.3/0.0.0.255": "10.1.2.3/24", "::1": "::1/128", "2001:DB8::/32": "2001:db8::/32",
		"::ffff:10.0.0.1": "::ffff:10.0.0.1/128", "::a00:1": "::10.0.0.1/128", "0.0.0.0/0": "0.0.0.0/0",
		"10.1.2.3/33": "", "10.1.2.3/255.0.255.0": "", "fe80::1%eth0": "", "x": "", "10.1.2.3.4": "", "10.0.0.0/24/1": "", "": "", "10.256.0.0": "",
	} {
		n, err := Parse(text)
		got := n.String
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v, want %s", text, err, want)
			}
			continue
		}
		if got() != want {
			t.Errorf("%s = %s, want %s", text, got(), want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"unknown filter type: nope": second(Query(value.String("10.0.0.1"), "nope", 0, "ipaddr")),
		"Not a network address":     second(Query(value.String("10.0.0.1"), "first_usable", 0, "ipaddr")),
		"Not a point-to-point":      second(Query(value.String("10.0.0.1/24"), "peer", 0, "ipaddr")),
		"not a hardware address":    second(Hardware(value.String("x"), "linux", "hwaddr")),
		"has more than 65536":       second(UsableRange("10.0.0.0/8")),
		"You must pass a valid IP":  second(Math("x", 1)),
		"cannot contain both":       second(Merge([]value.Value{value.String("::1"), value.String("10.0.0.1")}, true)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func second(_ value.Value, err error) error { return err }

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"10.0.0.1/24", "::1", "12345", "1/2/3", "10.0.0.0/255.255.255.0"} {
		f.Add(s, "usable_range")
	}
	f.Fuzz(func(_ *testing.T, s, q string) { _, _ = Query(value.String(s), q, 0, "ipaddr") }) // it must not panic
}
