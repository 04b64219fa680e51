package yaml

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

func parse(t testing.TB, text string, opts Options) *Node {
	t.Helper()
	n, err := ParseOne("f.yml", []byte(text), opts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPositions(t *testing.T) {
	t.Parallel()
	n := parse(t, "- name: x\n  copy:\n    src: 'é{{ a }}'\n    text: |\n      one\n      two {{ b }}\n    fold: >\n      aa {{ c }}\n      bb\n", Options{})
	task := n.Items[0]
	for _, c := range []struct {
		name string
		got  diag.Pos
		want string
	}{
		{"task", task.Pos, "f.yml:1:3"},
		{"key", task.Pair("copy").Key.Pos, "f.yml:2:3"},
		{"value", task.Get("name").Pos, "f.yml:1:9"},
		{"in quotes", task.Get("copy").Get("src").PosAt(len("é{{ ")), "f.yml:3:15"},
		{"literal", task.Get("copy").Get("text").PosAt(len("one\ntwo ")), "f.yml:6:11"},
		{"folded", task.Get("copy").Get("fold").PosAt(len("aa ")), "f.yml:8:10"},
		{"beyond", task.Get("name").PosAt(99), "f.yml:1:9"},
	} {
		if c.got.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
}

func TestVaultNodes(t *testing.T) {
	t.Parallel()
	const text = "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nb: 1\n"
	n := parse(t, text, Options{Decrypt: func(c string) (string, error) {
		if !strings.HasPrefix(c, vaultHeader) {
			t.Errorf("decrypt got %q", c)
		}
		return "{{ clear }}", nil
	}})
	if v := n.Get("a").Value(); v.Str() != "{{ clear }}" || !v.IsSecret() || n.Get("b").Value().IsSecret() {
		t.Errorf("got %s, marks %v", v.Repr(), v.Marks())
	}
	n = parse(t, text, Options{})
	if a := n.Get("a"); a.Problem == nil || !a.Value().IsUndefined() || !strings.Contains(a.Value().Undef().Message(), "no vault secrets found") || a.IsNull() {
		t.Errorf("without a password: %+v", a)
	}
	fails := Options{Decrypt: func(string) (string, error) { return "", errors.New("wrong password") }}
	if p := parse(t, text, fails).Get("a").Problem; p == nil || !strings.Contains(p.Error(), "f.yml:1:4: cannot decrypt: wrong password") {
		t.Errorf("problem = %v", p)
	}
	whole := parse(t, "$ANSIBLE_VAULT;1.1;AES256\n6162\n", Options{Decrypt: func(string) (string, error) { return "x: [1]\n", nil }})
	if x := whole.Get("x"); x.Items[0].Value().Marks() != value.Secret {
		t.Errorf("values of an encrypted file are not secret")
	}
}

func TestUnsafeGoesDeep(t *testing.T) {
	t.Parallel()
	n := parse(t, "k: &k ['{{ a }}']\nu: !unsafe {l: ['{{ b }}'], k: *k}\n", Options{})
	if n.Get("k").Value().DeepMarks() != 0 {
		t.Error("an alias inside !unsafe marked its anchor")
	}
	u := n.Get("u")
	if !u.Get("l").Items[0].Value().IsUnsafe() || !u.Get("k").Items[0].Value().IsUnsafe() || u.HasTemplate() || !n.HasTemplate() {
		t.Errorf("marks: %v", u.Value().DeepMarks())
	}
}

func TestAliasesAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [1,2,3,4,5,6,7,8,9,10]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for name, text := range map[string]string{"bomb": b.String(), "loop": "a: &a [*a]\n", "deep": strings.Repeat("[", 2000) + strings.Repeat("]", 2000)} {
		if _, err := Parse("f", []byte(text), Options{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDuplicateKeysWarn(t *testing.T) {
	t.Parallel()
	var warned []string
	n := parse(t, "x:\n  a: 1\n  b: 2\n  a: 3\n", Options{Warn: func(d *diag.Diagnostic) { warned = append(warned, d.Error()) }})
	if len(warned) != 1 || !strings.HasPrefix(warned[0], "f.yml:4:3: found a duplicate dict key (a)") || n.Get("x").Get("a").Value().Repr() != "3" {
		t.Errorf("warnings: %q", warned)
	}
}

func TestVarsKeepOrderAndReplace(t *testing.T) {
	t.Parallel()
	vs := &Vars{}
	for i := range 20 {
		vs.SetValue(fmt.Sprint("v", i), diag.Pos{}, value.Int(int64(i)))
	}
	vs.SetValue("v3", diag.Pos{Line: 7}, value.Int(33))
	if v, _ := vs.Get("v3"); vs.Len() != 20 || v.Node.Value().Repr() != "33" || v.Pos.Line != 7 {
		t.Errorf("v3 = %+v", v)
	}
	if (*Vars)(nil).Len() != 0 || vs.Node("nope") != nil {
		t.Error("absent variables")
	}
}

func FuzzParse(f *testing.F) {
	r := load(f)
	for _, c := range r.Documents {
		f.Add(c.Text)
	}
	for _, c := range r.Errors {
		f.Add(c.Text)
	}
	for _, c := range r.Scalars {
		f.Add("a: " + c.Text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := Parse("f", []byte(text), Options{})
		if err != nil {
			var d *diag.Diagnostic
			if !errors.As(err, &d) || d.Pos.Line < 1 || d.Pos.Col < 1 {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for _, n := range docs {
			for i := range min(len(n.Text), 50) {
				n.PosAt(i)
			}
			_ = n.Value().Repr()
		}
	})
}

func TestDuplicateKeysAsSaid(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]string{"error": "f.yml:2:1: found a duplicate dict key (a): it stands at line 1 too", "ignore": "", "warn": "warned", "": "warned"} {
		got := ""
		_, err := ParseOne("f.yml", []byte("a: 1\na: 2\n"), Options{Duplicates: how, Warn: func(*diag.Diagnostic) { got = "warned" }})
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", how, got, want)
		}
	}
}
