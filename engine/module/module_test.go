package module

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type testArgs struct {
	FileAttrs
	Name  string                 `arg:"name"`
	Count Opt[int]               `arg:"count"`
	On    bool                   `arg:"on"`
	Tags  []string               `arg:"tags"`
	Env   map[string]value.Value `arg:"env"`
	Pass  value.Value            `arg:"pass"`
	State string                 `arg:"state"`
	Size  *int64                 `arg:"size"`
	Sub   []struct {
		Host string   `arg:"host"`
		Port Opt[int] `arg:"port"`
	} `arg:"sub"`
}

func testModule() Module {
	return New(Spec{
		Name: "t", Aliases: []string{"a.b.t"}, Summary: "Test", Doc: "Tests.",
		Args: append([]Arg{
			{Name: "name", Required: true, Aliases: []string{"nom"}},
			{Name: "count", Type: Int}, {Name: "on", Type: Bool, Default: true},
			{Name: "tags", Type: List, Elem: Str}, {Name: "nums", Type: List, Elem: Int}, {Name: "env", Type: Dict}, {Name: "pass", Secret: true},
			{Name: "state", Choices: []string{"present", "absent", "yes"}, Default: "present"}, {Name: "size", Type: Bytes},
			{Name: "sub", Type: List, Elem: Dict, Options: []Arg{{Name: "host", Required: true}, {Name: "port", Type: Int}}},
		}, FileArgs()...),
		MutuallyExclusive: [][]string{{"count", "size"}},
		RequiredIf:        [][]string{{"state", "absent", "tags"}},
		RequiredBy:        map[string][]string{"pass": {"env"}},
		RequiredTogether:  [][]string{{"owner", "group"}},
	}, func(testArgs, Inputs, state.View) (Change, error) { return OK(), nil })
}

func TestDecode(t *testing.T) {
	t.Parallel()
	got, err := testModule().Decode(value.M("nom", 5, "count", " 12 ", "on", "no", "tags", "a,b", "env", "x=1 y='2 3'", "pass", "pw",
		"state", true, "mode", 420, "sub", []any{map[string]any{"host": "h", "port": "1"}}), diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	a := got.(testArgs)
	port, _ := a.Sub[0].Port.Get()
	if a.Name != "5" || a.Count.Or(0) != 12 || a.On || len(a.Tags) != 2 || a.Env["y"].Str() != "2 3" || !a.Pass.IsSecret() ||
		a.State != "yes" || a.Mode.Text != "0644" || !a.Mode.Number || a.Size != nil || port != 1 {
		t.Errorf("decoded %+v", a)
	}
}

func TestDecodeProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		want string // all of these, separated by |
	}{
		{value.M("nmae", 1), "missing required arguments: name"},
		{value.M("nmae", 1, "name", "x", "a", 2), "Unsupported parameters for (t) module: a, nmae. Supported parameters include: attributes, "},
		{value.M("name", "x", "count", "many"), "argument 'count' is of type <class 'str'> and we were unable to convert to int"},
		{value.M("name", "x", "nums", []any{1, "many"}), "Elements value for option 'nums' is of type <class 'str'> and we were unable to convert to int"},
		{value.M("name", "x", "on", "maybe", "count", 1.5), "'maybe' is not a valid boolean"},
		{value.M("name", "x", "state", "presnt"), `value of state must be one of: present, absent, yes, got: presnt (did you mean "present"?)`},
		{value.M("name", "x", "state", "absent"), "state is absent but all of the following are missing: tags"},
		{value.M("name", "x", "count", 1, "size", "1M"), "parameters are mutually exclusive: count|size"},
		{value.M("name", "x", "pass", "p"), "missing parameter(s) required by 'pass': env"},
		{value.M("name", "x", "owner", "p"), "parameters are required together: owner, group"},
		{value.M("name", "x", "sub", []any{map[string]any{"prot": 1}}), "missing required arguments: host found in sub"},
	} {
		_, err := testModule().Decode(c.args, diag.Pos{File: "p.yml", Line: 3, Col: 5})
		if err == nil {
			t.Errorf("%s: no error", value.FromMap(c.args).Repr())
			continue
		}
		for _, w := range strings.Split(strings.ReplaceAll(c.want, "count|size", "count\x00size"), "|") {
			if w = strings.ReplaceAll(w, "\x00", "|"); !strings.Contains(err.Error(), w) || !strings.HasPrefix(err.Error(), "p.yml:3:5: ") {
				t.Errorf("%s:\n got %v\nwant %s", value.FromMap(c.args).Repr(), err, w)
			}
		}
	}
}

func TestCheckArgsSkipsTemplates(t *testing.T) {
	t.Parallel()
	tmpl := value.Unknown(&value.Origin{What: "a template"})
	l := CheckArgs(testModule().Spec(), []Given{{Name: "count", Value: tmpl}, {Name: "mode", Value: value.Int(644)}, {Name: "x", Value: value.Null}}, diag.Pos{}, false)
	if len(l) != 2 || l[0].Code != "unknown-argument" && l[1].Code != "unknown-argument" || l.Err() == nil {
		t.Errorf("problems: %v", l)
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	file, dir := state.Stat{Type: state.TypeFile, Mode: 0o640}, state.Stat{Type: state.TypeDir, Mode: 0o2750}
	for _, c := range []struct {
		mode string
		cur  state.Stat
		want uint32
	}{
		{"0644", file, 0o644}, {"644", file, 0o644}, {"0o600", file, 0o600}, {"u=rwX,go=", file, 0o600}, {"u=rwX,go=rX", dir, 0o755},
		{"a+x", file, 0o751}, {"+x", file, 0o751}, {"g-r,o=u", file, 0o606}, {"u+s", file, 0o4640}, {"o=t", dir, 0o3750}, {"u+rw-x", file, 0o640}, {"", file, 0o640},
	} {
		got, err := FileMode{Text: c.mode}.Resolve(c.cur, 0o022)
		if err != nil || got != c.want {
			t.Errorf("%q on %04o = %04o, %v; want %04o", c.mode, c.cur.Mode, got, err, c.want)
		}
	}
	for _, bad := range []string{"u~x", "q+r", "u+z", "77777"} {
		if _, err := (FileMode{Text: bad}).Resolve(file, 0); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	for n, trap := range map[int64]bool{420: false, 493: false, 644: true, 755: true, 448: false, 1777: true, 600: true, 511: false, 0: false} {
		if got := fileModeOf(value.Int(n)).Trap() != ""; got != trap {
			t.Errorf("trap of %d = %v", n, got)
		}
	}
}

func TestBadSpecsPanic(t *testing.T) {
	t.Parallel()
	type wrong struct {
		X string `arg:"y"`
	}
	for name, f := range map[string]func(){
		"a field that names nothing": func() {
			Check(New(Spec{Name: "w"}, func(wrong, Inputs, state.View) (Change, error) { return OK(), nil }))
		},
		"no struct": func() {
			Check(New(Spec{Name: "w"}, func(string, Inputs, state.View) (Change, error) { return OK(), nil }))
		},
		"an argument declared twice": func() {
			Check(New(Spec{Name: "w", Args: []Arg{{Name: "y"}, {Name: "y"}}}, func(wrong, Inputs, state.View) (Change, error) { return OK(), nil }))
		},
		"a name claimed twice": func() { NewRegistry(testModule(), testModule()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	s := testModule().Spec()
	if md := Markdown(s); !strings.Contains(md, "| `sub.host` | str | required |") || !strings.Contains(md, "Only one of `count`, `size`.") {
		t.Errorf("markdown:\n%s", md)
	}
	if tx := Text(s); !strings.Contains(tx, "  on (bool; default true)") {
		t.Errorf("text:\n%s", tx)
	}
	j := value.FromMap(Schema(s)).Repr()
	if !strings.Contains(j, "'additionalProperties': False") || !strings.Contains(j, "'nom'") {
		t.Errorf("schema: %s", j)
	}
}
