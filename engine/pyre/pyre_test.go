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

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, template, text, want string
		n                             int
	}{
		{`(?m)^b$`, `B\g<0>`, "a\nb\nb\n", "a\nBb\nBb\n", 2},
		{`x*`, `-`, "abxd", "-a-b--d-", 5},
		{`(.)é`, `\1e`, "aüé", "aüe", 1},
		{`\w+`, `<\g<0>>`, "grün 1", "<grün> <1>", 2},
		{`z`, `y`, "abc", "abc", 0},
	} {
		re, err := CompileText(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		got, n, err := re.Replace([]byte(c.text), c.template)
		if err != nil || string(got) != c.want || n != c.n {
			t.Errorf("%s in %q: %q, %d, %v; want %q, %d", c.pattern, c.text, got, n, err, c.want, c.n)
		}
	}
	re, err := Compile(`a(?P<in>.*)b`)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("\xffa\xfeb!")
	m, err := re.Search(text)
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	before, behind, err := re.Around(m, "in", text)
	if err != nil || string(before) != "\xffa" || string(behind) != "b!" || m.Start() != 1 || m.End() != 4 {
		t.Errorf("around: %q %q %v", before, behind, err)
	}
}
