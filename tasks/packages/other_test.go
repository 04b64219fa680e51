package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestGit(t *testing.T) {
	t.Parallel()
	args := func(kv ...any) *value.Map { return value.M(append([]any{"repo", "/src", "dest", "/c"}, kv...)...) }
	for name, c := range map[string]struct {
		said, changed, fails string
		kv                   []any
	}{
		"new":         {"@after abc\n@done 1\n", "True", "", nil},
		"same":        {"@before abc\n@after abc\n@done 1\n", "False", "", nil},
		"newer":       {"@before abc\n@after def\n@done 1\n", "True", "", nil},
		"other place": {"@before abc\n@remote_url_changed true\n@after abc\n", "True", "", nil},
		"archive":     {"@before abc\n@after def\n@archived false\n", "False", "", []any{"archive", "/a.zip"}},
		"local":       {"@before abc\n@mods 1\n", "", "Local modifications exist in the destination: /c (force=no).", nil},
		"forced":      {"@before abc\n@mods 1\n@after abc\n", "True", "", []any{"force", true}},
		"checkout":    {"@rc 1\n@full Failed to checkout x\n@cmd git checkout\n@out 0\n\n@err 8\n@after x\n\n", "", "Failed to checkout x", nil},
		"fetch":       {"@rc 1\n@text download remote objects and refs\n@out 1\no\n@err 1\ne\n", "", "Failed to download remote objects and refs: o e", nil},
		"no server":   {"@rc 128\n@run git ls-remote\n@out 0\n\n@err 7\nfatal:\n\n", "", "fatal:", nil},
		"broke":       {"", "", "git ended with 0", nil},
	} {
		h := &fakeHost{said: []state.OpResult{{OK: true, Stdout: []byte(c.said)}}}
		got := h.expect(t, name, Git(), args(c.kv...), "git file:///src HEAD", c.fails)
		if c.fails == "" && field(got, "changed") != c.changed {
			t.Errorf("%s: changed %s", name, field(got, "changed"))
		}
	}
	h := &fakeHost{check: true, outs: printed("@before abc\n@after def\n")}
	if got := h.expect(t, "dry run", Git(), args(), "", ""); field(got, "changed") != "True" || field(got, "after") != "def" {
		t.Errorf("dry run: %v", got)
	}
	(&fakeHost{}).expect(t, "no dest", Git(), value.M("repo", "/src"), "", "the destination directory must be specified")
	(&fakeHost{}).expect(t, "umask", Git(), args("umask", 22), "", "umask must be defined as a quoted octal integer")
	(&fakeHost{}).expect(t, "umask", Git(), args("umask", "99"), "", "umask must be an octal integer")
}

func TestPip(t *testing.T) {
	t.Parallel()
	ok := func(out string) state.OpResult { return state.OpResult{OK: true, Stdout: []byte(out)} }
	const sys = "pip\n/usr/bin/python3\n-m\npip.__main__\n"
	h := &fakeHost{outs: printed(sys), said: []state.OpResult{ok("Successfully installed x-1\n")}}
	if got := h.expect(t, "install", Pip(), value.M("name", "x", "version", "1"), "/usr/bin/python3 -m pip.__main__ install x==1", ""); field(got, "changed") != "True" {
		t.Error("install: not changed")
	}
	h = &fakeHost{outs: printed("new\n/usr/bin/python3\n/usr/bin/python3\n"), said: []state.OpResult{ok(""), ok("Requirement already satisfied")}}
	got := h.expect(t, "environment", Pip(), value.M("name", "x >= 1, < 3", "virtualenv", "/v", "virtualenv_command", "python3 -m venv"),
		"/usr/bin/python3 -m venv /v|/v/bin/pip3 install x<3,>=1", "")
	if field(got, "changed") != "True" {
		t.Error("environment: not changed")
	}
	h = &fakeHost{outs: printed(sys), said: []state.OpResult{ok("a==1\n"), ok("done"), ok("a==1\n")}}
	if got := h.expect(t, "requirements", Pip(), value.M("requirements", "r.txt", "chdir", "/w", "extra_args", "--a 'b c'"),
		"/usr/bin/python3 -m pip.__main__ list --format=freeze|/usr/bin/python3 -m pip.__main__ install --a b c -r r.txt|/usr/bin/python3 -m pip.__main__ list --format=freeze", ""); field(got, "changed") != "False" {
		t.Error("requirements: changed")
	}
	h = &fakeHost{outs: printed(sys), said: []state.OpResult{{OK: true, RC: 1, Stderr: []byte("x is not installed")}}}
	if got := h.expect(t, "absent", Pip(), value.M("name", "x", "state", "absent"), "/usr/bin/python3 -m pip.__main__ uninstall -y x", ""); field(got, "changed") != "False" {
		t.Error("absent: changed")
	}
	h = &fakeHost{check: true, outs: printed(sys, "x==1\n\nyes\nno\n")}
	if got := h.expect(t, "dry run", Pip(), value.M("name", []string{"x", "y"}), "", ""); field(got, "changed") != "True" {
		t.Error("dry run: not changed")
	}
	for want, args := range map[string]*value.Map{
		"version is incompatible":               value.M("name", "x", "version", "1", "state", "latest"),
		"'version' argument is ambiguous":       value.M("name", "x,y", "version", "1"),
		"The 'version' argument conflicts":      value.M("name", "x==1", "version", "1"),
		"umask must be an octal integer":        value.M("name", "x", "umask", "9"),
		"parameters are mutually exclusive":     value.M("name", "x", "virtualenv", "/v", "executable", "pip3"),
		"Unable to find any of nopip to use":    value.M("name", "x", "executable", "nopip"),
		"one of the following is required: nam": value.M("state", "present"),
	} {
		(&fakeHost{outs: printed("pip\n!Unable to find any of nopip to use.\n")}).expect(t, want, Pip(), args, "", want)
	}
	h = &fakeHost{outs: printed(sys), said: []state.OpResult{{OK: true, RC: 1, Stdout: []byte("o"), Stderr: []byte("e")}}}
	h.expect(t, "fails", Pip(), value.M("name", "x"), "", "stdout: o\n:stderr: e")
}

func TestDnf(t *testing.T) {
	t.Parallel()
	const has = "program dnf\nhave bash\nlack nginx\nold curl\nhave curl\n"
	for name, c := range map[string]struct {
		args *value.Map
		ran  string
	}{
		"install":    {value.M("name", []string{"bash", "nginx"}), `run ["dnf" "-y" "install" "nginx" "curl"]`},
		"remove":     {value.M("name", "bash", "state", "absent"), `run ["dnf" "-y" "--setopt=clean_requirements_on_remove=0" "remove" "bash" "curl"]`},
		"options":    {value.M("name", "nginx", "enablerepo", "a,b", "disable_gpg_check", true, "sslverify", false), `run ["dnf" "-y" "--enablerepo=a" "--enablerepo=b" "--nogpgcheck" "--setopt=sslverify=0" "install" "nginx" "curl"]`},
		"everything": {value.M("name", "*", "state", "latest"), `run ["dnf" "-y" "upgrade"]`},
		"leftovers":  {value.M("autoremove", true), `run ["dnf" "-y" "autoremove"]`},
		"update":     {value.M("name", "curl", "state", "latest", "update_only", true), `run ["dnf" "-y" "install" "curl"]`},
	} {
		h := &fakeHost{outs: printed(has), said: []state.OpResult{{OK: true, Stdout: []byte("Running\n\nInstalled:\n  nginx-1-1.x86_64  pcre-2-1.x86_64\n\nComplete!\n")}}}
		if name == "update" {
			c.ran = `run ["dnf" "-y" "upgrade" "curl"]`
		}
		got := h.expect(t, name, Dnf(), c.args, c.ran, "")
		if r, _ := got.Get("results"); r.Repr() != "['Installed: nginx-1-1.x86_64', 'Installed: pcre-2-1.x86_64']" {
			t.Errorf("%s: results %s", name, r.Repr())
		}
	}
	const upgrade = "  Upgrading        : a-2-1.noarch 1/2 \n  Cleanup          : a-1-1.noarch 2/2 \n\nUpgraded:\n  a-2-1.noarch \nRemoved:\n  b-1-1.noarch\n\nComplete!\n"
	if got := strings.Join(transaction(upgrade), ", "); got != "Installed: a-2-1.noarch, Removed: a-1-1.noarch, Removed: b-1-1.noarch" {
		t.Errorf("upgrade: %s", got)
	}
	if got := (&fakeHost{outs: printed("program dnf\nhave bash\n", "\nNothing to do.\n")}).expect(t, "nothing newer", Dnf(), value.M("name", "*", "state", "latest"), "", ""); field(got, "changed") != "False" {
		t.Errorf("nothing newer: %v", got)
	}
	got := (&fakeHost{outs: printed("a 0 1.0 2 noarch @System\na 1 2.0 1 noarch base\n")}).expect(t, "list", Dnf(), value.M("list", "a"), "", "")
	if r, _ := got.Get("results"); !strings.Contains(r.Repr(), "'nevra': '0:a-1.0-2.noarch', 'yumstate': 'installed'") || !strings.Contains(r.Repr(), "'nevra': '1:a-2.0-1.noarch', 'yumstate': 'available'") {
		t.Errorf("list: %s", r.Repr())
	}
	if got := (&fakeHost{outs: printed("program dnf\nhave bash\n")}).expect(t, "there", Yum(), value.M("name", "bash"), "", ""); field(got, "msg") != "Nothing to do" {
		t.Errorf("there: %v", got)
	}
	const table = `Dependencies resolved.
=====
 Package  Architecture  Version  Repository  Size
=====
Upgrading:
 a        noarch        2-1      dt          5.9 k
Installing dependencies:
 a-very-long-name-of-a-package
          noarch        1:2-1    dt          5.9 k
Removing dependent packages:
 b        x86_64        1-1      @System     4  

Transaction Summary
=====
Upgrade  1 Package

@old a-1-1.noarch
`
	h := &fakeHost{check: true, outs: []state.OutputInfo{{Stdout: "program dnf\nlack a\n"}, {RC: 1, Stdout: table, Stderr: "Operation aborted.\n"}}}
	got = h.expect(t, "dry run", Dnf(), value.M("name", "a"), "", "")
	if r, _ := got.Get("results"); r.Repr() != "['Installed: a-2-1.noarch', 'Installed: a-very-long-name-of-a-package-1:2-1.noarch', 'Removed: b-1-1.x86_64', 'Removed: a-1-1.noarch']" {
		t.Errorf("dry run: %v", got)
	}
	h = &fakeHost{check: true, outs: []state.OutputInfo{{Stdout: "program dnf\nlack a\n"}, {RC: 1, Stderr: "Error: Unable to find a match: a\n"}}}
	h.expect(t, "dry run that fails", Dnf(), value.M("name", "a"), "", "Failed to install some of the specified packages")
	h = &fakeHost{outs: printed("program dnf\n"), said: []state.OpResult{{OK: true}}}
	if got = h.expect(t, "lists", Dnf(), value.M("update_cache", true), `run ["dnf" "-y" "--refresh" "makecache"]`, ""); field(got, "msg") != "Cache updated" || field(got, "changed") != "False" {
		t.Errorf("lists: %v", got)
	}
	(&fakeHost{outs: []state.OutputInfo{{RC: 127}}}).expect(t, "missing", Dnf(), value.M("name", "a"), "", `Failed to find required executable "dnf"`)
	for stderr, want := range map[string]string{
		"Module or Group 'g' is not available.\nError: Nothing to do.\n":                    "No group g available.",
		"Can not load RPM file: /x.rpm.\nCould not open: /x.rpm\n":                          "Error occurred attempting remote rpm operation: Could not open: /x.rpm",
		"Error: There are no enabled repositories in \"/x\".\n":                             "Failed to install some of the specified packages",
		"x\nError: Unable to find a match: nginx @g\n":                                      "Failed to install some of the specified packages",
		"Error: \n Problem: conflicting requests\n  - nothing provides x\n(try to add ...)": "Depsolve Error occurred: \n Problem: conflicting requests\n  - nothing provides x",
	} {
		(&fakeHost{outs: printed(has), said: []state.OpResult{{OK: true, RC: 1, Stderr: []byte(stderr)}}}).expect(t, "refused", Dnf(), value.M("name", "nginx"), "", want)
	}
	if got := (&fakeHost{outs: printed("program dnf\nnewer bash-1\n")}).expect(t, "newer", Dnf(), value.M("name", "bash-1"), "", ""); field(got, "msg") != "Nothing to do" {
		t.Error("a newer version was replaced")
	}
	(&fakeHost{outs: printed(has), said: []state.OpResult{{OK: true, RC: 1, Stderr: []byte("No match for argument\n")}}}).expect(t, "fails", Dnf(), value.M("name", "nginx"), "", "No match for argument")
	(&fakeHost{}).expect(t, "autoremove", Dnf(), value.M("name", "a", "state", "present", "autoremove", true), "", "Autoremove should be used alone")
}

func TestApk(t *testing.T) {
	t.Parallel()
	const has = "wanted bash\nhave bash\nwanted curl\nhave curl\nhave lib\n"
	said := []state.OpResult{{OK: true, Stdout: []byte("(1/1) Installing nginx (1-r0)\nOK: 1 MiB\n")}}
	got := (&fakeHost{outs: printed(has), said: said}).expect(t, "install", Apk(), value.M("name", "bash,nginx"), `run ["apk" "add" "nginx"]`, "")
	if field(got, "msg") != "installed nginx package(s)" || field(got, "packages") != "['nginx']" {
		t.Errorf("install: %v", got)
	}
	(&fakeHost{outs: printed(has)}).expect(t, "wanted only", Apk(), value.M("name", "lib"), `run ["apk" "add" "lib"]`, "")
	(&fakeHost{outs: printed(has)}).expect(t, "update", Apk(), value.M("name", "bash", "update_cache", true), `run ["apk" "update"]`, "")
	(&fakeHost{outs: printed(has + "old curl\n")}).expect(t, "latest", Apk(), value.M("name", "curl,nginx", "state", "latest", "no_cache", true), `run ["apk" "--no-cache" "add" "--upgrade" "nginx" "curl"]`, "")
	(&fakeHost{outs: printed("have bash\n")}).expect(t, "remove", Apk(), value.M("name", "bash", "state", "absent"), `run ["apk" "del" "--purge" "bash"]|run ["apk" "-v" "info" "--installed" "bash"]`, "")
	if got := (&fakeHost{outs: printed(has)}).expect(t, "there", Apk(), value.M("name", "bash"), "", ""); field(got, "msg") != "package(s) already installed" {
		t.Errorf("there: %v", got)
	}
	got = (&fakeHost{outs: printed(""), said: []state.OpResult{{OK: true, Stdout: []byte("OK: 1 MiB\n")}}}).expect(t, "upgrade", Apk(), value.M("upgrade", true, "available", true), `run ["apk" "upgrade" "--available"]`, "")
	if field(got, "changed") != "False" {
		t.Errorf("upgrade: %v", got)
	}
	(&fakeHost{outs: []state.OutputInfo{{RC: 127}}}).expect(t, "missing", Apk(), value.M("name", "a"), "", `Failed to find required executable "apk"`)
}

func TestYumRepository(t *testing.T) {
	t.Parallel()
	const file = "/etc/yum.repos.d/epel.repo"
	args := func(kv ...any) *value.Map {
		return value.M(append([]any{"name", "epel", "description", "E", "baseurl", []string{"http://a", "http://b"}, "enabled", true, "exclude", "x,y"}, kv...)...)
	}
	const text = "[epel]\nbaseurl = http://a\n\thttp://b\nenabled = 1\nexclude = x y\nname = E\n\n"
	host := func(old string) *fakeHost {
		h := &fakeHost{files: map[string]string{"/etc/yum.repos.d": "dir"}}
		if old != "" {
			h.files[file] = old
		}
		return h
	}
	host("").expect(t, "new", YumRepository(), args(), "write "+file+" "+value.String(text).Repr(), "")
	host(text).expect(t, "same", YumRepository(), args(), "", "")
	host(text+"[two]\nname=2\n").expect(t, "gone", YumRepository(), args("state", "absent"), "write "+file+" "+value.String("[two]\nname = 2\n\n").Repr(), "")
	host(text).expect(t, "empty", YumRepository(), args("state", "absent"), "remove "+file, "")
	host(text).expect(t, "mode", YumRepository(), args("mode", "0600"), "set attributes of "+file, "")
	host("").expect(t, "no address", YumRepository(), value.M("name", "x", "description", "d"), "", "Parameter 'baseurl', 'metalink' or 'mirrorlist' is required.")
	host("").expect(t, "no name", YumRepository(), value.M("name", "x", "baseurl", "d"), "", "Parameter 'description' is required.")
	(&fakeHost{}).expect(t, "no folder", YumRepository(), args(), "", "Repo directory '/etc/yum.repos.d' does not exist.")
}

func TestRPMKey(t *testing.T) {
	t.Parallel()
	const key = "pub:-:4096:1:2DA0E65F31F116EE:1::\nfpr:::::::::C70EB78443FA23B080C59CB82DA0E65F31F116EE:\n"
	there, none := key+"\n"+key, key+"\n"
	(&fakeHost{outs: printed(there)}).expect(t, "there", RPMKey(), value.M("key", "/k"), "", "")
	(&fakeHost{outs: printed(none)}).expect(t, "new", RPMKey(), value.M("key", "/k", "fingerprint", "C70E B784 43FA 23B0 80C5 9CB8 2DA0 E65F 31F1 16EE"), `run ["rpm" "--import" "/k"]`, "")
	(&fakeHost{outs: printed(none)}).expect(t, "address", RPMKey(), value.M("key", "http://k"), "rpm --import http://k", "")
	(&fakeHost{outs: printed("\n" + key)}).expect(t, "remove", RPMKey(), value.M("key", "31F116EE", "state", "absent"), `run ["rpm" "--erase" "--allmatches" "gpg-pubkey-31f116ee"]`, "")
	(&fakeHost{outs: printed(none)}).expect(t, "other fingerprint", RPMKey(), value.M("key", "/k", "fingerprint", "AA"), "", "The specified fingerprint, 'AA', does not match")
	(&fakeHost{outs: printed("\n")}).expect(t, "id alone", RPMKey(), value.M("key", "31F116EE"), "", "When importing a key, a valid file must be given")
	for rc, want := range map[int]string{127: "Failed to find required executable", 126: "failed to fetch key at http://k", 125: "Not a public key: http://k", 124: "Not a valid key http://k"} {
		(&fakeHost{outs: []state.OutputInfo{{RC: rc}}}).expect(t, want, RPMKey(), value.M("key", "http://k"), "", want)
	}
	if !strings.Contains(scriptRPMKey, scriptFetch) {
		t.Error("the script cannot fetch")
	}
}
