package jinja

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

func markedVars() Vars {
	unknown := value.Unknown(&value.Origin{What: "install"})
	return Vars{
		"secret": value.String("hunter2").WithMarks(value.Secret),
		"unsafe": value.String("{{ x }}").WithMarks(value.Unsafe),
		"u":      unknown,
		"reg":    value.FromMap(value.M("rc", unknown, "name", "x", "pw", value.String("p").WithMarks(value.Secret))),
		"mixed":  value.List(value.Int(1), unknown),
		"t":      value.Bool(true),
		"s":      value.String("plain"),
	}
}

func TestSecretsFollowTheValue(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"secret ~ 'x'", "'x' + secret", "secret | upper", "secret.upper()", "secret[0]", "secret[1:]", "secret | b64encode",
		"[secret] | join(',')", "'%s' % secret", "'{}'.format(secret)", "secret | length", "secret == 'x'", "reg.pw", "reg | to_json",
		"secret | regex_replace('h', 'j')", "secret | list | first", "secret.split('t')[0]", "[secret] | map('upper') | first",
		"(secret | hash)[:4]", "secret if t else ''", "{'a': secret}.a", "missing | default(secret)", "dict(a=secret).a",
		"secret | ternary('a', 'b')", "'x' if secret == 'y' else secret", "t and secret",
	} {
		v, err := evalCase(NewAnsible(), markedVars(), src)
		if err != nil || !v.IsSecret() {
			t.Errorf("%s = %s (%v) is not secret", src, plain(v), err)
		}
	}
	for _, src := range []string{"s ~ 'x'", "reg.name", "secret is defined", "[secret, s] | last"} {
		if v, err := evalCase(NewAnsible(), markedVars(), src); err != nil || v.IsSecret() {
			t.Errorf("%s is secret (%v)", src, err)
		}
	}
	if _, err := evalCase(NewAnsible(), markedVars(), "[1].index(secret)"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error tells a secret: %v", err)
	}
}

func TestUnknownHasASemantics(t *testing.T) {
	t.Parallel()
	known := map[string]string{
		"false and u": "false", "u and false": "false", "true or u": "true", "u or true": "true",
		"u is defined": "true", "reg.rc is defined": "true", "mixed | length": "2", "1 in mixed": "true", "reg is mapping": "true", "mixed[0]": "1",
	}
	for src, want := range known {
		v, err := evalCase(NewAnsible(), markedVars(), src)
		if err != nil || plain(v) != want {
			t.Errorf("%s = %s (%v), want %s", src, plain(v), err, want)
		}
	}
	for _, src := range []string{"u", "u + 1", "not u", "u and true", "u or false", "u | upper", "u.x.y", "u['a']", "u()", "u == 1", "2 in mixed",
		"mixed | join(',')", "mixed | sum", "reg | to_json", "'a' if u else 'b'", "u ~ 'x'", "'%s' % u", "s.replace(u, 'x')", "u is string",
		"reg.rc == 0", "mixed | select('odd') | list", "u | default('x')", "range(u)", "[1, 2][u]", "mixed == [1, 2]", "u in [1]"} {
		v, err := evalCase(NewAnsible(), markedVars(), src)
		if err != nil || !v.IsUnknown() {
			t.Errorf("%s = %s (%v), want unknown", src, plain(v), err)
		}
	}
	for _, src := range []string{"a{{ u }}", "{% if u %}x{% endif %}", "{% for i in u %}{% endfor %}", "{{ mixed }}", "{% set x %}{{ u }}{% endset %}{{ x }}",
		"{% macro m() %}{{ u }}{% endmacro %}{{ m() }}", "{{ u }}"} {
		tpl, err := NewAnsible().Parse(src, diag.Pos{}, PlaybookOptions())
		if err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(*Context) (value.Value, error){"Render": tpl.Render, "Value": tpl.Value} {
			if v, err := f(NewContext(NewAnsible(), markedVars())); err != nil || !v.IsUnknown() {
				t.Errorf("%s of %s = %s (%v), want unknown", name, src, plain(v), err)
			}
		}
	}
}

func TestTheUnsafeMarkSurvivesConversion(t *testing.T) {
	t.Parallel()
	tpl, _ := NewAnsible().Parse("{{ [unsafe] }}", diag.Pos{}, PlaybookOptions())
	v, err := tpl.Value(NewContext(NewAnsible(), markedVars()))
	if err != nil || v.Kind() != value.KindList || !v.Items()[0].IsUnsafe() {
		t.Errorf("= %s (%v)", plain(v), err)
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	tpl, err := NewAnsible().Parse("{% set a = b %}{{ a }}{% for i in c %}{{ i ~ d ~ loop.index }}{% endfor %}{% if e %}{% set f = 1 %}{% endif %}{{ f | default(g) }}{{ range(3) }}{{ now() }}", diag.Pos{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := tpl.Reads(); !slices.Equal(got, []string{"b", "c", "d", "e", "f", "g"}) {
		t.Errorf("Reads = %v", got)
	}
	if !tpl.Impure() {
		t.Error("now() is impure")
	}
}

func TestErrorsHaveAPlaceAndAHint(t *testing.T) {
	t.Parallel()
	at := diag.Pos{File: "site.yml", Line: 7, Col: 10}
	for src, want := range map[string]string{
		"a {{ s | uper }}":    "site.yml:7:19: No filter named 'uper'. (did you mean 'upper'?)",
		"{{ s is strin }}":    "site.yml:7:18: No test named 'strin'. (did you mean 'string'?)",
		"a\n{{ missing.x }}":  "site.yml:8:12: 'missing' is undefined",
		"{{ 1 + 'a' }}":       "site.yml:7:15: unsupported operand type(s) for +: 'int' and 'str'",
		"{% fro x in y %}":    "site.yml:7:13: Encountered unknown tag 'fro'. (did you mean 'from'?)",
		"{{ s":                "site.yml:7:14: unexpected end of template, expected 'end of print statement'.",
		"{{ s.foo | upper }}": "site.yml:7:21: 'str object' has no attribute 'foo'",
	} {
		tpl, err := NewAnsible().Parse(src, at, PlaybookOptions())
		if err == nil {
			_, err = tpl.Value(NewContext(NewAnsible(), markedVars()))
		}
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Error() != want {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

func TestEvaluationIsBounded(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"{{ range(999999999) }}", "{{ 'a' * 9999999999 }}", "{{ 9 ** 99999999 }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}", "{{ '%999999999d' % 1 }}", "{{ 'x'.zfill(999999999999) }}",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l | length }}{{ [1] * 99999999 }}", "{{ ('a' * 40 ~ 'b') | regex_search('(a*)*$c') or missing }}",
		"{{ " + strings.Repeat("(", 100000) + " }}", "{{ " + strings.Repeat("-", 100000) + "1 }}", "{{ " + strings.Repeat("not ", 100000) + "1 }}", "{{ range(100) | permutations }}"} {
		tpl, err := NewAnsible().Parse(src, diag.Pos{}, Options{})
		if err == nil {
			_, err = tpl.Render(NewContext(NewAnsible(), markedVars()))
		}
		if err == nil {
			t.Errorf("%.60s is not bounded", src)
		}
	}
}
