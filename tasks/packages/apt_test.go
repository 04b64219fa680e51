package packages

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

var now = time.Unix(1_700_000_000, 0)

var lists = state.AptInfo{Present: true, Updated: now.Unix() - 1000, Packages: map[string]state.AptPackage{
	"curl":  {Installed: "7.88.1-10", Candidate: "7.88.1-10+deb12u5", Versions: []string{"7.88.1-10+deb12u5", "7.88.1-10", "7.80"}},
	"bash":  {Installed: "5.2-1", Candidate: "5.2-1", Versions: []string{"5.2-1"}},
	"nginx": {Candidate: "1.22.1-9", Versions: []string{"1.22.1-9"}},
	"old":   {Configured: true, Candidate: "1"},
	"mta":   {Providers: []string{"exim", "postfix"}},
	"awk":   {Providers: []string{"mawk"}},
	"mawk":  {Installed: "1", Candidate: "1", Versions: []string{"1"}},
}}

// run plans and applies a task; it gives the result and the commands shown.
func run(t *testing.T, args *value.Map, check bool, stdout string, rc int) (*value.Map, []string, error) {
	t.Helper()
	m := Apt()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	in := module.Inputs{Now: now, Check: check}
	next := func(v state.View) (module.Change, error) { return m.Plan(a, in, v) }
	var ran []string
	for range 10 {
		v := state.NewHostView()
		c, err := next(v)
		for err == nil && len(c.Need) > 0 {
			for _, q := range c.Need {
				a := state.Answer{Query: q, Value: lists}
				if slices.Contains(ran, "apt-get update") {
					fetched := lists
					fetched.Updated = now.Unix()
					a.Value = fetched
				}
				if _, is := q.(state.Output); is { // what apt-get would do
					a.Value = state.OutputInfo{RC: rc, Stdout: stdout, Stderr: "E: oops\n"}
				}
				v.Learn(a)
			}
			c, err = next(v)
		}
		if err != nil {
			return nil, ran, err
		}
		if len(c.Ops) == 0 || check {
			return c.Result, ran, nil
		}
		did := []state.OpResult{{OK: true, RC: rc, Stdout: []byte(stdout), Stderr: []byte("E: oops\n")}}
		ran = append(ran, c.Ops[0].String())
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return nil, nil, nil
}

func TestApt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args    *value.Map
		stdout  string
		ran     []string
		changed bool
	}{
		"there":            {value.M("name", "bash,curl"), "", nil, false},
		"install":          {value.M("name", []string{"nginx", "bash"}), "", []string{"apt-get install 'nginx=1.22.1-9'"}, true},
		"latest":           {value.M("pkg", "curl", "state", "latest"), "", []string{"apt-get install 'curl=7.88.1-10+deb12u5'"}, true},
		"is latest":        {value.M("name", "bash", "state", "latest"), "", nil, false},
		"virtual":          {value.M("name", "mta,awk"), "", []string{"apt-get install 'mta'"}, true},
		"version there":    {value.M("name", "bash=5.*"), "", nil, false},
		"newer version":    {value.M("name", "curl=7.88*"), "", []string{"apt-get install 'curl=7.88*'"}, true},
		"other version":    {value.M("name", "curl=7.80"), "", []string{"apt-get install 'curl=7.80'"}, true},
		"at least":         {value.M("name", "curl>=7.88.1-10+deb12u1"), "", []string{"apt-get install 'curl=7.88.1-10+deb12u5'"}, true},
		"absent":           {value.M("name", "curl,nginx", "state", "absent"), "", []string{"apt-get remove 'curl'"}, true},
		"is absent":        {value.M("name", "old", "state", "absent"), "", nil, false},
		"purge":            {value.M("name", "old", "state", "absent", "purge", true), "", []string{"apt-get remove 'old'"}, true},
		"only upgrade":     {value.M("name", "nginx", "only_upgrade", true), "", nil, false},
		"fetch":            {value.M("update_cache", true), "", []string{"apt-get update"}, true},
		"fetched already":  {value.M("update_cache", true, "cache_valid_time", 3600), "", nil, false},
		"fetch, install":   {value.M("name", "nginx", "update_cache", true), "", []string{"apt-get update", "apt-get install 'nginx=1.22.1-9'"}, true},
		"fetch, nothing":   {value.M("name", "bash", "update_cache", true), "", []string{"apt-get update"}, false},
		"upgrade":          {value.M("upgrade", "dist"), "x\n3 upgraded, 0 newly installed", []string{"apt-get dist-upgrade"}, true},
		"nothing to do":    {value.M("upgrade", true), "x\n0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.", []string{"apt-get upgrade --with-new-pkgs"}, false},
		"remove leftovers": {value.M("autoremove", true), "0 upgraded, 0 newly installed, 0 to remove", []string{"apt-get autoremove"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ran, err := run(t, c.args, false, c.stdout, 0)
			if err != nil {
				t.Fatal(err)
			}
			if changed, _ := got.Get("changed"); changed.AsBool() != c.changed || !slices.Equal(ran, c.ran) {
				t.Errorf("changed %v, ran %q", changed, ran)
			}
			predicted, _, err := run(t, c.args, true, c.stdout, 0)
			if err != nil {
				t.Fatal(err)
			}
			if p, _ := predicted.Get("changed"); !p.IsUnknown() && p.AsBool() != c.changed {
				t.Errorf("predicted changed=%v", p)
			}
		})
	}
}

func TestAptFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		rc   int
		want string
	}{
		"unknown":   {value.M("name", "nosuch"), 0, "No package matching 'nosuch' is available"},
		"spec":      {value.M("name", "a=b=c"), 0, "invalid package spec: a=b=c"},
		"candidate": {value.M("name", "curl>=99"), 0, "no available installation candidate for curl>=99"},
		"option":    {value.M("name", "-oX"), 0, "No package matching '-oX' is available"},
		"install":   {value.M("name", "nginx"), 100, "' failed: E: oops"},
		"fetch":     {value.M("update_cache", true), 100, "Failed to update apt cache: E:oops"},
	} {
		_, _, err := run(t, c.args, false, "", c.rc)
		var f *module.Failure
		if !errors.As(err, &f) || !strings.Contains(f.Msg, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0}, {"1.0", "1.1", -1}, {"1.10", "1.9", 1}, {"1:0.1", "9", 1}, {"1.0~rc1", "1.0", -1}, {"1.0-1", "1.0-1+b1", -1},
		{"1.0a", "1.0+", -1}, {"1.0-2", "1.0-10", -1}, {"007", "7", 0}, {"1.0~~", "1.0~", -1}, {"", "0", 0}, {"a", "1", 1},
	} {
		n := CompareVersions(c.a, c.b)
		if sign := map[bool]int{true: 1, false: -1}[n > 0]; n == 0 && c.want != 0 || n != 0 && sign != c.want {
			t.Errorf("%s, %s: %d", c.a, c.b, n)
		}
		if (CompareVersions(c.b, c.a) > 0) != (n < 0) {
			t.Errorf("%s, %s: not the reverse", c.b, c.a)
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	f.Add("1:1.0~rc1-2", "1.0+dfsg-1")
	f.Fuzz(func(t *testing.T, a, b string) {
		if x, y := CompareVersions(a, b), CompareVersions(b, a); (x > 0) != (y < 0) || (x == 0) != (y == 0) {
			t.Errorf("%q, %q: %d and %d", a, b, x, y)
		}
	})
}
