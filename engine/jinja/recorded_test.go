package jinja

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

type recording struct {
	Vars  value.Value    `json:"vars"`
	Cases []recordedCase `json:"cases"`
}

type recordedCase struct {
	Expr    string      `json:"expr"`
	Outcome string      `json:"outcome"`
	Value   value.Value `json:"value"`
	// For templates: the loaded templates and lexer options.
	Templates map[string]string `json:"templates"`
	Trim      bool              `json:"trim_blocks"`
	Lstrip    bool              `json:"lstrip_blocks"`
	Keep      bool              `json:"keep_trailing_newline"`
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
	if err == nil {
		err = definedDeep(v)
	}
	return v, err
}
