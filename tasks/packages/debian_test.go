package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestAptRepository(t *testing.T) {
	t.Parallel()
	const host = "list /etc/apt/sources.list\nparts /etc/apt/sources.list.d/\ncodename bookworm\nfile /etc/apt/sources.list\n>deb http://a b c\n>#deb http://off b c # why\n"
	add := func(kv ...any) *value.Map { return value.M(append([]any{"update_cache", false}, kv...)...) }
	for name, c := range map[string]struct {
		args       *value.Map
		ran, fails string
	}{
		"there":      {add("repo", "deb  http://a b  c"), "", ""},
		"new":        {add("repo", "deb [arch=amd64] http://u:p@x.org/y z main"), "write /etc/apt/sources.list " + `'deb http://a b c\n# deb http://off b c # why\n'` + "|write /etc/apt/sources.list.d/x_org_y.list 'deb [arch=amd64] http://u:p@x.org/y z main\\n'", ""},
		"file":       {add("repo", "deb http://n z main", "filename", "own"), "write /etc/apt/sources.list " + `'deb http://a b c\n# deb http://off b c # why\n'` + "|write /etc/apt/sources.list.d/own.list 'deb http://n z main\\n'", ""},
		"switch on":  {add("repo", "deb http://off b c"), `write /etc/apt/sources.list 'deb http://a b c\ndeb http://off b c # why\n'`, ""},
		"gone":       {add("repo", "deb http://a b c", "state", "absent"), `write /etc/apt/sources.list '# deb http://off b c # why\n'`, ""},
		"was gone":   {add("repo", "deb http://zz b c", "state", "absent"), "", ""},
		"empty":      {add("repo", ""), "", "Please set argument 'repo' to a non-empty value"},
		"no source":  {add("repo", "rubbish"), "", "Invalid repository string: rubbish"},
		"with fetch": {value.M("repo", "deb http://a b c", "state", "absent"), `write /etc/apt/sources.list '# deb http://off b c # why\n'|apt-get update`, ""},
	} {
		h := &fakeHost{outs: printed(host)}
		got := h.expect(t, name, AptRepository(), c.args, c.ran, c.fails)
		if c.fails == "" && field(got, "changed") != map[bool]string{true: "True", false: "False"}[c.ran != ""] {
			t.Errorf("%s: changed %s", name, field(got, "changed"))
		}
	}
	h := &fakeHost{outs: printed(host), said: []state.OpResult{{OK: true, RC: 100, Stderr: []byte("E: nothing there\n")}}}
	h.expect(t, "put back", AptRepository(), value.M("repo", "deb http://n z main"), "", "Failed to update apt cache: E:nothing there")
	if last := h.ran[len(h.ran)-1]; last != "remove /etc/apt/sources.list.d/n.list" {
		t.Errorf("put back: ran %q", h.ran)
	}
	(&fakeHost{outs: []state.OutputInfo{{RC: 127}}}).expect(t, "no APT", AptRepository(), value.M("repo", "deb http://n z main"), "", "Module apt_repository is not supported")
}

func TestAptKey(t *testing.T) {
	t.Parallel()
	const (
		colons = "pub:-:2048:1:2DA0E65F31F116EE:1:::-:::sc:\nuid:x\n"
		with   = "pub   rsa2048/2DA0E65F31F116EE 2020-01-01 [SC]\nsub   rsa2048/1111111111111111 2020\npub   rsa2048/3333333333333333 [expired: 2020]\n"
		none   = "pub   rsa2048/AAAAAAAAAAAAAAAA 2020-01-01 [SC]\n"
	)
	for name, c := range map[string]struct {
		args       *value.Map
		outs       []string
		ran, fails string
	}{
		"new":            {value.M("data", "KEY"), []string{colons, none, with}, "apt-key present 2DA0E65F31F116EE <KEY", ""},
		"there":          {value.M("file", "/k"), []string{colons, with}, "", ""},
		"remove":         {value.M("id", "0x2da0e65f31f116ee", "state", "absent"), []string{with, none}, "apt-key absent 2DA0E65F31F116EE", ""},
		"short there":    {value.M("id", "31F116EE", "url", "http://x"), []string{with}, "", ""},
		"did not work":   {value.M("data", "KEY"), []string{colons, none, none}, "", "apt-key did not return an error, but failed to add the key"},
		"no id":          {value.M("id", "xyz"), []string{none}, "", "Invalid key_id"},
		"too short":      {value.M("id", "1234"), []string{none}, "", "Invalid key_id"},
		"server, no id":  {value.M("keyserver", "k"), nil, "", "Missing key_id, required with keyserver."},
		"nothing to add": {value.M("id", "12345678"), []string{none}, "", "No key to add"},
	} {
		(&fakeHost{outs: printed(c.outs...)}).expect(t, name, AptKey(), c.args, c.ran, c.fails)
	}
	(&fakeHost{outs: []state.OutputInfo{{RC: 2}}}).expect(t, "garbage", AptKey(), value.M("data", "x"), "", "Unable to extract key from 'inline data'")
	(&fakeHost{outs: []state.OutputInfo{{RC: 126, Stderr: "404\n"}}}).expect(t, "no address", AptKey(), value.M("url", "http://x"), "", "Failed to download key at http://x: 404")
}

func TestDebconf(t *testing.T) {
	t.Parallel()
	const show = "* tz/Areas: Europe\n  tz/Zones/Europe: Paris\n  foo/yes: true\n"
	ask := func(q, kind, v string) *value.Map {
		return value.M("name", "tz", "question", q, "vtype", kind, "value", v)
	}
	(&fakeHost{outs: printed(show)}).expect(t, "same", Debconf(), ask("tz/Areas", "select", "Europe"), "", "")
	(&fakeHost{outs: printed(show)}).expect(t, "same boolean", Debconf(), ask("foo/yes", "boolean", "True"), "", "")
	got := (&fakeHost{outs: printed(show)}).expect(t, "other", Debconf(), ask("tz/Zones/Europe", "select", "Rome"), "debconf-set-selections: tz tz/Zones/Europe <tz tz/Zones/Europe select Rome", "")
	if p, _ := got.Get("previous"); p.Repr() != "{'tz/Zones/Europe': 'Paris'}" {
		t.Errorf("previous %s", p.Repr())
	}
	got = (&fakeHost{outs: printed(show)}).expect(t, "list", Debconf(), value.M("name", "tz"), "", "")
	if p, _ := got.Get("current"); p.Len() != 3 {
		t.Errorf("current %s", p.Repr())
	}
	(&fakeHost{outs: printed(show), said: []state.OpResult{{OK: true, RC: 1, Stderr: []byte("no")}}}).expect(t, "fails", Debconf(), ask("a/b", "string", "c"), "", "no")
	(&fakeHost{outs: []state.OutputInfo{{RC: 127, Stdout: "debconf-show\n"}}}).expect(t, "missing", Debconf(), ask("a/b", "string", "c"), "", `Failed to find required executable "debconf-show"`)
}

func TestDpkgSelections(t *testing.T) {
	t.Parallel()
	args := value.M("name", "bash", "selection", "hold")
	(&fakeHost{outs: printed("bash\tinstall\n")}).expect(t, "hold", DpkgSelections(), args, `run ["dpkg" "--set-selections"] <bash hold`, "")
	(&fakeHost{outs: printed("bash\thold\n")}).expect(t, "held", DpkgSelections(), args, "", "")
	got := (&fakeHost{outs: printed("")}).expect(t, "unknown", DpkgSelections(), args, `run ["dpkg" "--set-selections"] <bash hold`, "")
	if field(got, "before") != "not present" {
		t.Errorf("before %s", field(got, "before"))
	}
	(&fakeHost{outs: []state.OutputInfo{{RC: 2, Stderr: "dpkg: broken\n"}}}).expect(t, "fails", DpkgSelections(), args, "", "dpkg: broken")
}

func TestPackageFacts(t *testing.T) {
	t.Parallel()
	const apt = "p\tbash\t5.2\tamd64\tshells\no\thttp://m bookworm/main amd64\tDebian\nf\tbash\thttp://m bookworm/main amd64\np\town\t1\tall\tmisc\n"
	got := (&fakeHost{outs: printed(apt)}).expect(t, "apt", PackageFacts(), value.NewMap(), "", "")
	facts, _ := got.Get("ansible_facts")
	want := "{'packages': {'bash': [{'name': 'bash', 'version': '5.2', 'arch': 'amd64', 'category': 'shells', 'origin': 'Debian', 'source': 'apt'}], " +
		"'own': [{'name': 'own', 'version': '1', 'arch': 'all', 'category': 'misc', 'origin': '', 'source': 'apt'}]}}"
	if facts.Repr() != want {
		t.Errorf("apt: %s", facts.Repr())
	}
	for manager, c := range map[string][2]string{
		"rpm": {"k\t1\t2.el9\t(none)\tx86_64\nk\t1\t3.el9\t4\tx86_64\n", "{'packages': {'k': [{'name': 'k', 'version': '1', 'release': '2.el9', 'epoch': None, 'arch': 'x86_64', 'source': 'rpm'}, " +
			"{'name': 'k', 'version': '1', 'release': '3.el9', 'epoch': 4, 'arch': 'x86_64', 'source': 'rpm'}]}}"},
		"apk": {"musl-utils-1.2-r4\n", "{'packages': {'musl-utils': [{'name': 'musl-utils', 'version': '1.2', 'release': 'r4', 'source': 'apk'}]}}"},
	} {
		got := (&fakeHost{outs: printed(c[0])}).expect(t, manager, PackageFacts(), value.M("manager", manager), "", "")
		if facts, _ := got.Get("ansible_facts"); facts.Repr() != c[1] {
			t.Errorf("%s: %s", manager, facts.Repr())
		}
	}
	(&fakeHost{}).expect(t, "unknown", PackageFacts(), value.M("manager", "bogus"), "", "Unsupported package managers requested: bogus")
	(&fakeHost{outs: []state.OutputInfo{{RC: 127}}}).expect(t, "none", PackageFacts(), value.M("manager", "rpm"), "", "Could not detect a supported package manager")
}

func TestAptDeb(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out, ran, fails string
		args            []any
	}{
		"new":          {"deb foo 1.0 all \ndep bar\n", "apt-get install bar|dpkg --force-confdef --force-confold -i /p/foo.deb", "", nil},
		"there":        {"deb foo 1.0 all 1.0\n", "", "", nil},
		"older":        {"deb foo 1.0 all 2.0\n", "", "A later version is already installed", nil},
		"downgrade":    {"deb foo 1.0 all 2.0\n", "dpkg --force-confdef --force-confold -i /p/foo.deb", "", []any{"allow_downgrade", true}},
		"unmet":        {"deb foo 1.0 all \nwhy : Depends: bar (>= 2) but it is not installable\nbad\n", "", "Dependency is not satisfiable: bar (>= 2)", nil},
		"unmet forced": {"deb foo 1.0 all \nbad\n", "dpkg --force-confdef --force-confold --force-all -i /p/foo.deb", "", []any{"force", true}},
		"no package":   {"no dpkg-deb: error: not a package\n", "", "Unable to install package: dpkg-deb: error", nil},
	} {
		h := &fakeHost{outs: printed(c.out)}
		h.expect(t, name, Apt(), value.M(append([]any{"deb", "/p/foo.deb"}, c.args...)...), c.ran, c.fails)
	}
	(&fakeHost{}).expect(t, "absent", Apt(), value.M("deb", "/p/foo.deb", "state", "absent"), "", "deb only supports state=present")
}

func TestAptMore(t *testing.T) {
	t.Parallel()
	h := &fakeHost{outs: printed("nginx\nbash\n")}
	h.expect(t, "pattern", Apt(), value.M("name", "*n*"), "apt-get install 'nginx=1.22.1-9'", "")
	if p := h.asked[0].Params(); len(p) != 1 || p[0] != ".*n.*" {
		t.Errorf("pattern: asked %q", p)
	}
	(&fakeHost{outs: printed("")}).expect(t, "no match", Apt(), value.M("name", "z*"), "", "No package(s) matching 'z*' available")
	(&fakeHost{}).expect(t, "build-dep", Apt(), value.M("name", "curl", "state", "build-dep"), "apt-get build-dep 'curl'", "")
	(&fakeHost{}).expect(t, "clean", Apt(), value.M("clean", true), `run ["apt-get" "clean"]`, "")
	(&fakeHost{}).expect(t, "all and one", Apt(), value.M("name", "*,curl", "state", "latest"), "", "unable to install additional packages")
	(&fakeHost{}).expect(t, "exclusive", Apt(), value.M("name", "curl", "upgrade", "dist"), "", "parameters are mutually exclusive")
	for glob, want := range map[string]string{"a*b?": "a.*b.", "[!a]x": "[^a]x", "a.b$": `a\.b\$`, "lib+[0-9]": "lib+[0-9]"} {
		if got := globRegexp(glob); got != want {
			t.Errorf("%s: %s", glob, got)
		}
	}
}

func TestAptPolicy(t *testing.T) {
	t.Parallel()
	if got := (&aptRun{}).policy("x"); got != "x" {
		t.Errorf("without: %q", got)
	}
	r := &aptRun{aptArgs: aptArgs{PolicyRCD: module.Some(101)}}
	if got := r.policy("apt-get x"); !strings.Contains(got, "101 >$p") || !strings.HasSuffix(got, "\napt-get x") {
		t.Errorf("with: %q", got)
	}
}

func TestDpkgDivert(t *testing.T) {
	t.Parallel()
	// What the look prints: program, option, holder, place, files, exit status, words.
	look := func(lines ...string) []state.OutputInfo {
		return printed("/usr/bin/dpkg-divert\n--no-rename\n" + strings.Join(lines, "\n") + "\n")
	}
	said := func(text string, rc int) state.OpResult {
		return state.OpResult{OK: true, RC: rc, Stdout: []byte(text)}
	}
	adding, leaving := "Adding 'local diversion of /f to /f.distrib'", "Leaving 'local diversion of /f to /f.distrib'"
	main := `run ["/usr/bin/dpkg-divert" "--no-rename" `
	for name, c := range map[string]struct {
		args       *value.Map
		look       []state.OutputInfo
		said       []state.OpResult
		ran, fails string
		want       map[string]string
	}{
		"new": {value.M("path", "/f"), look("", "", "p", "0", adding), []state.OpResult{said(adding+"\n", 0)}, main + `"--local" "--add" "/f"]`, "", map[string]string{
			"commands":  "['/usr/bin/dpkg-divert --no-rename --local --add /f']",
			"messages":  `["` + adding + `"]`,
			"diversion": "{'path': '/f', 'state': 'present', 'divert': '/f.distrib', 'holder': 'LOCAL'}",
		}},
		"there": {value.M("path", "/f"), look("LOCAL", "/f.distrib", "p", "0", leaving), nil, "", "", map[string]string{"messages": `["` + leaving + `"]`}},
		"gone": {value.M("path", "/f", "state", "absent", "holder", "x"), look("LOCAL", "/f.distrib", "p", "0", "Removing"), []state.OpResult{said("Removing\n", 0)},
			main + `"--remove" "/f"]`, "", map[string]string{"diversion": "{'path': '/f', 'state': 'absent', 'divert': None, 'holder': None}"}},
		"of a package": {value.M("path", "/f", "holder", "app", "divert", "/g", "rename", true), look("", "", "p", "0", "Adding"), nil,
			`run ["/usr/bin/dpkg-divert" "--rename" "--package" "app" "--divert" "/g" "--add" "/f"]`, "", nil},
		"in the way": {value.M("path", "/f", "rename", true), look("", "", "pt", "2", ""), nil, "", "Set 'force' param to True to force renaming of files.", nil},
		"forced": {value.M("path", "/f", "rename", true, "force", true), look("", "", "pt", "2", ""), nil,
			`run ["rm" "--" "/f.distrib"]` + "|" + `run ["/usr/bin/dpkg-divert" "--rename" "--local" "--add" "/f"]`, "", nil},
		"elsewhere": {value.M("path", "/f", "divert", "/g"), look("LOCAL", "/f.distrib", "d", "2", ""), []state.OpResult{said("Removing\n", 0), said("Adding\n", 0), said("", 0)},
			main + `"--remove" "/f"]` + "|" + main + `"--local" "--divert" "/g" "--add" "/f"]` + "|" +
				`run ["sh" "-c" "mv -- \"$1\" \"$2\" || true" "sh" "/f.distrib" "/g"]`, "", map[string]string{"messages": "['Removing', 'Adding']"}},
		"broken":  {value.M("path", "/f"), []state.OutputInfo{{RC: 2, Stderr: "dpkg-divert: error: x\n"}}, nil, "", "dpkg-divert: error: x", nil},
		"no dpkg": {value.M("path", "/f"), []state.OutputInfo{{RC: 127}}, nil, "", `Failed to find required executable "dpkg-divert"`, nil},
	} {
		got := (&fakeHost{outs: c.look, said: c.said}).expect(t, name, DpkgDivert(), c.args, c.ran, c.fails)
		for k, want := range c.want {
			if v, _ := got.Get(k); v.Repr() != want {
				t.Errorf("%s: %s is %s, want %s", name, k, v.Repr(), want)
			}
		}
	}
}
