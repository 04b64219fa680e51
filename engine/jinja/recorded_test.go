package jinja

import (
	"encoding/json"
	"io/fs"
	"os"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

type recording struct {
	Vars      value.Value       `json:"vars"`
	Templates map[string]string `json:"templates"`
	Cases     []recordedCase    `json:"cases"`
}

type recordedCase struct {
	Expr    string      `json:"expr"`
	Outcome string      `json:"outcome"`
	Value   value.Value `json:"value"`
	// For templates: lexer options.

	Trim   bool `json:"trim_blocks"`
	Lstrip bool `json:"lstrip_blocks"`
	Keep   bool `json:"keep_trailing_newline"`
}

func loadRecording(t testing.TB, name string) (recording, Vars) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var r recording
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	vars := Vars{}
	for k, v := range r.Vars.Map().All() {
		vars[k.Str()] = v
	}
	return r, vars
}

// plain is v as JSON can hold it: what recordings compare.
func plain(v value.Value) string {
	data, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func sameRecorded(got, want value.Value) bool {
	if got.IsNumber() != want.IsNumber() || got.Kind() == value.KindBool != (want.Kind() == value.KindBool) {
		return false
	}
	return plain(got) == plain(want) || (got.IsNumber() && value.Equal(got, want))
}

func TestExpressionsOfJinja2(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"jinja-expressions.json", "native.json"} {
		r, vars := loadRecording(t, file)
		env := New()
		for _, c := range r.Cases {
			if unlike[c.Expr] != "" {
				continue
			}
			v, err := evalCase(env, vars, c.Expr)
			if c.Outcome == "err" {
				if err == nil {
					t.Errorf("%s = %s, want an error: %s", c.Expr, plain(v), c.Value.Text())
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v, want %s", c.Expr, err, plain(c.Value))
				continue
			}
			if c.Value.Text() != "BYTES" && !sameRecorded(v, c.Value) {
				t.Errorf("%s = %s, want %s", c.Expr, plain(v), plain(c.Value))
			}
		}
	}
}

func evalCase(env *Env, vars Vars, src string) (value.Value, error) {
	x, err := env.ParseExpr(src, diag.Pos{})
	if err != nil {
		return value.Null, err
	}
	v, err := x.Eval(NewContext(env, vars))
	if err == nil && v.IsUndefined() {
		err = undefinedError(v)
	}
	if err == nil {
		err = definedDeep(v)
	}
	return v, err
}

// unlike are recorded cases in which this engine differs on purpose; see the
// reasons. The key is the source.
var unlike = map[string]string{
	"{% raw %}": "an unclosed raw block at the end of a template is an error here, not nothing",
	"{{ ['/a/b/c', '/a/b/d'] | commonpath }}": "newer Ansible has it",
	"{% set o = [3,1,2] %}{% set _ = o.sort() %}{{ o }}{% set _ = o.reverse() %}{{ o }}{% set _ = o.pop() %}{{ o }}{% set _ = o.insert(0, 9) %}{{ o }}": "Ansible writes the first list after it was changed again",
	"{% with %}{% set q = 1 %}{% endwith %}{{ q is defined }}": "q is the lookup function there; the engine adds it",
	"{% if false %}{{ s | nosuch }}{% endif %}ok":              "as in Jinja2; lint reports it",
	"'é'.encode('utf-8') | length":                             "there are no bytes here",
	"d.items":                                                  "the text of a method",
	"'x' | attr('upper')":                                      "the text of a method",
	"'http://a.b/c' | urlize":                                  "top-level domains are not judged",
}

func TestTemplatesOfJinja2(t *testing.T) {
	t.Parallel()
	r, vars := loadRecording(t, "templates.json")
	env := New()
	env.Loader = func(name string) (string, diag.Pos, error) {
		src, ok := r.Templates[name]
		if !ok {
			return "", diag.Pos{}, fs.ErrNotExist
		}
		return src, diag.Pos{File: name}, nil
	}
	for _, c := range r.Cases {
		if unlike[c.Expr] != "" {
			continue
		}
		o := Options{TrimBlocks: c.Trim, LstripBlocks: c.Lstrip, KeepTrailingNewline: c.Keep}
		env.LoadOptions = o
		got, err := func() (string, error) {
			tpl, err := env.Parse(c.Expr, diag.Pos{}, o)
			if err != nil {
				return "", err
			}
			return tpl.RenderString(NewContext(env, vars))
		}()
		report(t, c, value.String(got), err)
	}
}

func TestPlaybookStringsOfAnsible(t *testing.T) {
	t.Parallel()
	r, vars := loadRecording(t, "ansible.json")
	env := NewAnsible()
	for _, c := range r.Cases {
		if unlike[c.Expr] != "" {
			continue
		}
		got, err := func() (value.Value, error) {
			tpl, err := env.Parse(c.Expr, diag.Pos{}, PlaybookOptions())
			if err != nil {
				return value.Null, err
			}
			return tpl.Value(NewContext(env, vars))
		}()
		report(t, c, got, err)
	}
}

func report(t *testing.T, c recordedCase, got value.Value, err error) {
	t.Helper()
	switch {
	case c.Outcome == "err" && err == nil:
		t.Errorf("%q = %s, want an error: %s", c.Expr, plain(got), c.Value.Text())
	case c.Outcome == "ok" && err != nil:
		t.Errorf("%q: %v, want %s", c.Expr, err, plain(c.Value))
	case c.Outcome == "ok" && !sameRecorded(got, c.Value):
		t.Errorf("%q = %s, want %s", c.Expr, plain(got), plain(c.Value))
	}
}
