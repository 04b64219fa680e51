package jinja

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// FuzzRender: parsing and rendering never panics and always ends.
func FuzzRender(f *testing.F) {
	for _, file := range []string{"native.json", "templates.json", "ansible.json", "jinja-expressions.json"} {
		r, _ := loadRecording(f, file)
		for _, c := range r.Cases {
			f.Add(c.Expr)
			f.Add("{{ " + c.Expr + " }}")
		}
	}
	_, vars := loadRecording(f, "native.json")
	env := NewAnsible()
	f.Fuzz(func(t *testing.T, src string) {
		tpl, err := env.Parse(src, diag.Pos{}, PlaybookOptions())
		if err != nil {
			return
		}
		c := NewContext(env, vars)
		c.Prefetch = true // keeps away from the controller's files
		c.Limits = Limits{Steps: 100_000, Depth: 100, Output: 1 << 20, Items: 10_000}
		_, _ = tpl.Value(c)
	})
}

const benchTemplate = `{% for u in users %}
user {{ u.name }} {{ u.groups | join(',') | upper }}{% if u.groups %} admin{% endif %}

{% endfor %}
{{ d.b.c.x | default('none') }}`

func BenchmarkParse(b *testing.B) {
	env := NewAnsible()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env.Parse(benchTemplate, diag.Pos{}, FileOptions()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	_, vars := loadRecording(b, "native.json")
	env := NewAnsible()
	tpl, err := env.Parse(benchTemplate, diag.Pos{}, FileOptions())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Render(NewContext(env, vars)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpr(b *testing.B) {
	_, vars := loadRecording(b, "native.json")
	env := NewAnsible()
	x, err := env.ParseExpr("res.changed and s in ['hello', 'x'] and (five | int) > 3", diag.Pos{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Eval(NewContext(env, vars)); err != nil {
			b.Fatal(err)
		}
	}
}
