package files

import (
	"strconv"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestReadCSV(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.file("/d/a.csv", "\ufeffname,uid\r\ndag,500\r\nx,1,2\n", 0o644)
	h.file("/d/k", "k;v\n1; a\n1;b\n", 0o644)
	m := ReadCSV()
	for _, c := range []struct {
		args       *value.Map
		list, dict string
	}{
		{value.M("path", "/d/a.csv"), "[{'name': 'dag', 'uid': '500'}, {'name': 'x', 'uid': '1', 'null': ['2']}]", "{}"},
		{value.M("path", "/d/a.csv", "key", "uid"), "[]", "{'500': {'name': 'dag', 'uid': '500'}, '1': {'name': 'x', 'uid': '1', 'null': ['2']}}"},
		{value.M("path", "/d/k", "delimiter", ";", "skipinitialspace", true, "key", "k", "unique", false), "[]", "{'1': {'k': '1', 'v': 'b'}}"},
	} {
		if got := h.twice(m, c.args); get(got, "list") != c.list || get(got, "dict") != c.dict {
			t.Errorf("%s: list %s, dict %s", value.FromMap(c.args).Repr(), get(got, "list"), get(got, "dict"))
		}
	}
	check(t, h, m, value.M("path", "/d/k", "delimiter", ";", "key", "k"), "! Key 'k' is not unique for value '1'", "", false)
	check(t, h, m, value.M("path", "/d/k", "key", "z"), "! Key 'z' was not found in the CSV header fields: k;v", "", false)
	check(t, h, m, value.M("path", "/d/k", "dialect", "z"), "! Dialect 'z' is not supported", "", false)
	check(t, h, m, value.M("path", "/d/k", "delimiter", ";;"), `! Unable to create custom dialect: "delimiter" must be`, "", false)
	check(t, h, m, value.M("path", "/d/none"), "! Unable to open file: [Errno 2] No such file or directory: '/d/none'", "", false)
	check(t, h, m, value.M("path", "/d"), "! Unable to open file: /d is no regular file", "", false)
}

func TestInterfacesFile(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	const text = "auto lo\niface lo inet loopback\n\niface e inet static\n\taddress  1 2\n\tup  a b\n\niface e inet6 auto\n"
	h.file("/d/i", text, 0o644)
	h.file("/d/bad", "mtu 1\n", 0o644)
	m := InterfacesFile()
	args := func(kv ...any) *value.Map { return value.M(append([]any{"dest", "/d/i", "iface", "e"}, kv...)...) }
	if got := get(h.twice(m, value.M("dest", "/d/i")), "ifaces"); got != "{'lo': {'pre-up': [], 'up': [], 'down': [], 'post-up': [], 'address_family': 'inet', 'method': 'loopback'}, "+
		"'e': {'pre-up': [], 'up': [], 'down': [], 'post-up': [], 'address_family': 'inet6', 'method': 'auto'}}" {
		t.Errorf("read: %s", got)
	}
	for _, c := range []struct {
		args *value.Map
		want string
	}{
		{args("option", "address", "value", "3"), "auto lo\niface lo inet loopback\n\niface e inet static\n\taddress  3\n\tup  a b\n\niface e inet6 auto\n"},
		{args("option", "up", "value", "c", "address_family", "inet"), "auto lo\niface lo inet loopback\n\niface e inet static\n\taddress  1 2\n\tup  a b\n\tup c\n\niface e inet6 auto\n"},
		{args("option", "up", "state", "absent", "value", "a b"), "auto lo\niface lo inet loopback\n\niface e inet static\n\taddress  1 2\n\niface e inet6 auto\n"},
		{args("option", "up", "state", "absent", "value", "z"), text},
		{args("option", "mtu", "value", "9", "address_family", "inet6"), text + "    mtu 9\n"},
		{args("option", "method", "value", "dhcp", "address_family", "inet6"), "auto lo\niface lo inet loopback\n\niface e inet dhcp\n\taddress  1 2\n\tup  a b\n\niface e inet6 dhcp\n"},
		{args("option", "address", "value", "1 2"), "auto lo\niface lo inet loopback\n\niface e inet static\n\taddress  1 2\n\tup  a b\n\niface e inet6 auto\n"},
	} {
		h := newHost(t)
		h.file("/d/i", text, 0o644)
		ops := ""
		if c.want != text {
			ops = "write /d/i " + strconv.Quote(c.want)
		}
		check(t, h, m, c.args, ops, "", false)
	}
	check(t, h, m, value.M("dest", "/d/i", "iface", "z", "option", "mtu", "value", "1"), "! Error: interface z not found", "", false)
	check(t, h, m, args("option", "mtu"), "! Value must be set", "", false)
	check(t, h, m, value.M("dest", "/d/bad"), "! misplaced option mtu 1 in line 1", "", false)
	check(t, h, m, value.M("dest", "/d/none"), "! [Errno 2] No such file or directory: '/d/none'", "", false)
}
