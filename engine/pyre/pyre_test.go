package pyre

import "testing"

func TestSearchAndExpandArePythons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pattern, text, template, want string }{
		{`^(\w+)=(.*)$`, "key=value\n", `\2:\1`, "value:key"},
		{`(?P<k>\w+)=(x)(?P<v>.)`, "a=xy", `\g<v>\g<k>\2\g<3>`, "yaxy"},
		{`(a)(?P=q)?`, "a", "", "!"},
		{`(?P<q>['"])x(?P=q)`, `"x"`, `[\g<0>]`, `["x"]`},
		{`[[]a]`, "[a]", `ok\n`, "ok\n"},
		{`a{,2}b`, "aab", `\g<0>`, "aab"},
		{`(?i)HELLO\Z`, "hello", "yes", "yes"},
		{`é(.)`, "éx", `\1`, "x"},
		{`(\d+)(z)?`, "12", `<\1\2>`, "<12>"},
		{`\h`, "h", "", "!"},
		{`(?<n>a)`, "a", "", "!"},
		{`a`, "a", `\q`, "!"},
		{`a`, "a", `\3`, "!"},
		{`^\s*#?\s*Port\b`, "#Port 22", `Port 22\t\\`, "Port 22\t\\"},
		{`b`, "a", "x", "-"},
	} {
		got := run(c.pattern, c.text, c.template)
		if got != c.want {
			t.Errorf("%s on %q with %s = %q, want %q", c.pattern, c.text, c.template, got, c.want)
		}
	}
}

func run(pattern, text, template string) string {
	re, err := Compile(pattern)
	if err != nil {
		return "!"
	}
	m, err := re.Search([]byte(text))
	if err != nil {
		return "!"
	}
	if m == nil {
		return "-"
	}
	s, err := m.Expand(template)
	if err != nil {
		return "!"
	}
	return s
}

func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	re, err := Compile(`^(a+)+$`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := re.Search([]byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")); err == nil {
		t.Log("the engine answered in time")
	}
}
