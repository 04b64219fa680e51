package pyliteral

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	const no = "-"
	for _, c := range []struct{ text, want, withJSON string }{
		{"1", "1", "1"}, {"0x1F", "31", "31"}, {"1_000", "1000", "1000"}, {"1__0", no, no}, {"012", no, no}, {"-5", "-5", "-5"}, {"--5", no, no},
		{"1.5e3", "1500.0", "1500.0"}, {".5", "0.5", "0.5"}, {"1e999", "inf", "inf"}, {"1.2.3", no, no}, {"1e", no, no},
		{"True", "True", "True"}, {"None", "None", "None"}, {"true", no, "True"}, {"[null, false]", no, "[None, False]"}, {"Trueish", no, no},
		{`'a' "b"`, "'ab'", "'ab'"}, {`u'\u00e9'`, "'é'", "'é'"}, {`r'\n'`, `'\\n'`, `'\\n'`}, {"'''a\nb'''", `'a\nb'`, `'a\nb'`}, {"'a\nb'", no, no}, {`'\x4'`, no, no},
		{`'\N{DASH}'`, no, no}, {`r'\N'`, `'\\N'`, `'\\N'`}, {`'\q'`, `'\\q'`, `'\\q'`},
		{"[1, [2,],]", "[1, [2]]", "[1, [2]]"}, {"1, 2", "(1, 2)", "(1, 2)"}, {"(1)", "1", "1"}, {"(1,)", "(1,)", "(1,)"}, {"{'a': 1, 2: 'b',}", "{'a': 1, 2: 'b'}", "{'a': 1, 2: 'b'}"},
		{"{1, 2}", "[1, 2]", "[1, 2]"}, {"set()", "[]", "[]"}, {"{[1]: 2}", no, no}, {"{1: 2, 3}", no, no}, {"[1\n,2]", "[1, 2]", "[1, 2]"}, {"1\n2", no, no},
		{"[1] # one", "[1]", "[1]"}, {"  7  ", "7", "7"}, {"", no, no}, {"[", no, no}, {"f()", no, no}, {"a", no, no}, {"'\xff'", no, no},
	} {
		for json, want := range map[bool]string{false: c.want, true: c.withJSON} {
			got := no
			if v, ok := parse(c.text, json); ok {
				got = v.Repr()
			}
			if got != want {
				t.Errorf("%q: got %s, want %s", c.text, got, want)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"{'a': [1, 2.5e3, (True,)]}", `"\x41\u00e9\101"`, "0b101, 0o17", "r'''\n'''"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, ok := Parse(text)
		if !ok {
			return
		}
		if again, ok := Parse(v.Repr()); ok && again.Repr() != v.Repr() {
			t.Errorf("%q: %s, then %s", text, v.Repr(), again.Repr())
		}
	})
}
