package build

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func text(m *value.Map, key string) string {
	v, _ := m.Get(key)
	return v.Text()
}

func TestMake(t *testing.T) {
	t.Parallel()
	ask := "/bin/sh -c " + upToDate + " sh "
	dir := map[string]string{"/src/": ""}
	h := &moduletest.Host{Files: dir, Said: []state.OpResult{moduletest.Ended(1, "/usr/bin/make\nq\n", ""), moduletest.Ended(0, "made\n", "w\n")}}
	got := h.Expect(t, "made", Make(), value.M("chdir", "/src", "target", "all", "jobs", 2, "params", value.M("A", 1, "B", "x y")),
		ask+" -j 2 all A=1 B=x y|/usr/bin/make -j 2 all A=1 B=x y")
	if text(got, "changed") != "True" || text(got, "stdout") != "made" || text(got, "command") != "/usr/bin/make -j 2 all A=1 'B=x y'" {
		t.Errorf("made: %s", value.FromMap(got).Repr())
	}
	h = &moduletest.Host{Files: dir, Said: []state.OpResult{moduletest.Ended(0, "/m\nq\n", "")}}
	got = h.Expect(t, "up to date", Make(), value.M("chdir", "/src", "make", "/m", "file", "/f"), ask+"/m -f /f")
	if text(got, "changed") != "False" || text(got, "stdout") != "q" || text(got, "command") != "/m -f /f ''" {
		t.Errorf("up to date: %s", value.FromMap(got).Repr())
	}
	h = &moduletest.Host{Files: dir, Check: true, Said: []state.OpResult{moduletest.Ended(1, "/m\n", "")}}
	if got = h.Expect(t, "planned", Make(), value.M("chdir", "/src", "make", "/m"), ask+"/m"); text(got, "changed") != "True" {
		t.Errorf("planned: %s", value.FromMap(got).Repr())
	}
	for want, said := range map[string][]state.OpResult{
		`Failed to find required executable "make"`: {moduletest.Ended(127, "", "Failed to find required executable \"make\"\n")},
		"no rule":  {moduletest.Ended(2, "/m\n", ""), moduletest.Ended(2, "", "no rule\n")},
		"/m: gone": {moduletest.Ended(127, "/m\n", "/m: gone\n")},
	} {
		h = &moduletest.Host{Files: dir, Said: said}
		h.Expect(t, want, Make(), value.M("chdir", "/src"), "! "+want)
	}
	h.Expect(t, "no folder", Make(), value.M("chdir", "/none"), "! chdir: /none is no folder")
}

func TestNpm(t *testing.T) {
	t.Parallel()
	const list, one = "npm list --json --long", `{"dependencies": {"a": {"version": "1.0"}, "b": {"missing": true}}}`
	for name, c := range map[string]struct {
		said []state.OpResult
		args *value.Map
		want string
	}{
		"nothing yet":   {nil, value.M("name", "a"), list + "|npm install a"},
		"there":         {[]state.OpResult{moduletest.Ended(0, `{"dependencies": {"a": {"version": "1.0"}}}`, "")}, value.M("name", "a", "version", "1.0"), list},
		"another":       {[]state.OpResult{moduletest.Ended(0, `{"dependencies": {"a": {"version": "1.0"}}}`, ""), {OK: true}}, value.M("name", "a", "version", "2"), list + "|npm install a@2"},
		"one missing":   {[]state.OpResult{moduletest.Ended(1, one, ""), {OK: true}}, value.M("production", true, "registry", "http://r"), list + " --registry http://r|npm install --production --registry http://r"},
		"absent":        {[]state.OpResult{moduletest.Ended(0, one, ""), {OK: true}}, value.M("name", "a", "state", "absent", "version", "9"), list + "|npm uninstall a"},
		"absent before": {[]state.OpResult{moduletest.Ended(0, one, "")}, value.M("name", "c", "state", "absent"), list},
		"latest": {[]state.OpResult{moduletest.Ended(0, `{"dependencies": {"a": {}}}`, ""), moduletest.Ended(1, "a 1 2\n", ""), {OK: true}}, value.M("name", "a", "state", "latest"),
			list + "|npm outdated a|npm update a"},
		"ci":           {[]state.OpResult{{OK: true}}, value.M("ci", true, "ignore_scripts", true), "npm ci --ignore-scripts"},
		"a new path":   {[]state.OpResult{{OK: true}}, value.M("name", "a", "path", "/new"), "mkdir -p -- /new|npm install a"},
		"absent there": {nil, value.M("name", "a", "path", "/new", "state", "absent"), ""},
		"no path":      {nil, value.M("name", "a", "path", ""), "! path must be specified"},
		"no name":      {nil, value.M("state", "absent"), "! uninstalling a package"},
		"a file":       {nil, value.M("path", "/f"), "! path /f is not a directory"},
		"no JSON":      {[]state.OpResult{moduletest.Ended(0, "npm!", "")}, value.M("name", "a"), "! Failed to parse NPM output"},
		"it fails":     {[]state.OpResult{moduletest.Ended(0, "", ""), moduletest.Ended(1, "", "E404\n")}, value.M("name", "a"), "! E404"},
		"no npm":       {[]state.OpResult{{Msg: "[Errno 2]"}}, value.M("name", "a"), "! Failed to find required executable \"npm\""},
	} {
		h := &moduletest.Host{Files: map[string]string{"/app/": "", "/f": "x"}, Said: c.said}
		if _, given := c.args.Get("path"); !given {
			c.args.Set("path", value.String("/app"))
		}
		h.Expect(t, name, Npm(), c.args, c.want)
	}
}
