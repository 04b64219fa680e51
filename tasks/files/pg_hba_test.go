package files

import (
	"strings"
	"testing"
)

func TestHbaFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"in order": {"# top\nhost all all all md5 # wide\nhost all all 10.0.0.0/8 md5\nlocal all joe peer\nhost all all samehost trust\nhost a,b joe 10.0.0.0/8 md5 x=1 y=2\nhost replication joe fe80::/64 cert\n",
			"# top\n# wide\nlocal\tall\tjoe\tpeer\nhost\tall\tall\tsamehost\ttrust\nhost\treplication\tjoe\tfe80::/64\tcert\nhost\ta,b\tjoe\t10.0.0.0/8\tmd5\tx=1 y=2\nhost\tall\tall\t10.0.0.0/8\tmd5\nhost\tall\tall\tall\tmd5\n"},
		"a mask":       {"host all all 10.1.2.3 255.255.0.0 md5", "\nhost\tall\tall\t10.1.0.0/16\tmd5\n"},
		"one of a key": {"host all all 10.0.0.1 md5\nhost all all 10.0.0.1/32 trust\n", "\nhost\tall\tall\t10.0.0.1/32\ttrust\n"},
		"empty":        {"", "\n"},
		"few":          {"host all all", "! Rule host all all has too few columns."},
		"a gap":        {"host all all 10.1.2.3 255.0.255.0 md5", "! IP mask 255.0.255.0 seems invalid"},
		"a name":       {"host all all db.example.org 255.0.0.0 md5", `! Mask was specified, but source "db.example.org" is not valid ip`},
	} {
		h := &hbaFile{}
		got := ""
		if err := h.read(c.text); err != nil {
			got = "! " + err.Error()
		} else {
			got = h.text()
		}
		if got != c.want && !(strings.HasPrefix(c.want, "!") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	for a, b := range map[string]string{"10.0.0.1": "10.0.0.1/32", "10.1.2.3/8": "10.0.0.0/8", "10.1.2.3/255.255.0.0": "10.1.0.0/16", "::1": "::1/128", "all": "", "10.0.0.0/33": "", "1.2.3.4/255.0.255.0": ""} {
		n, ok := hbaNetwork(a)
		if got := n.String(); ok != (b != "") || ok && got != b {
			t.Errorf("%s: %s %v, want %q", a, got, ok, b)
		}
	}
}
