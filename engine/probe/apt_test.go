package probe

import (
	"os/exec"
	"reflect"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// aptText is what a Debian 12 machine said, shortened.
const aptText = `@fairlead apt
1795449197
@fairlead policy
bash:
  Installed: 5.2.15-2+b8
  Candidate: 5.2.15-2+b13
  Version table:
     5.2.15-2+b13 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
 *** 5.2.15-2+b8 100
        100 /var/lib/dpkg/status
awk:
  Installed: (none)
  Candidate: (none)
  Version table:
sudo:
  Installed: (none)
  Candidate: 1.9.13p3-1+deb12u4
  Version table:
     1.9.13p3-1+deb12u4 500
mail-transport-agent:
  Installed: (none)
  Candidate: (none)
  Version table:
@fairlead dpkg
ii |bash|amd64|5.2.15-2+b8
rc |gone|amd64|1.0
@fairlead provides
awk mawk
awk original-awk
awk mawk
@fairlead policy2
mawk:
  Installed: 1.3.4
  Candidate: 1.3.4
  Version table:
 *** 1.3.4 500
        500 http://mirror.example/debian bookworm/main amd64 Packages
        100 /var/lib/dpkg/status
@fairlead dpkg2
ii |mawk|amd64|1.3.4
@fairlead auto
libc6
mawk
@fairlead end
`

func TestApt(t *testing.T) {
	t.Parallel()
	_, read, _ := For(state.Apt{Names: "awk bash gone mail-transport-agent nosuch sudo"})
	got, err := read(ScriptResult{Stdout: []byte(aptText)})
	if err != nil {
		t.Fatal(err)
	}
	want := state.AptInfo{Present: true, Updated: 1795449197, Packages: map[string]state.AptPackage{
		"awk":                  {Providers: []string{"mawk", "original-awk"}},
		"mawk":                 {Installed: "1.3.4", Candidate: "1.3.4", Versions: []string{"1.3.4"}, Auto: true},
		"bash":                 {Installed: "5.2.15-2+b8", Candidate: "5.2.15-2+b13", Versions: []string{"5.2.15-2+b13", "5.2.15-2+b8"}},
		"gone":                 {Configured: true},
		"mail-transport-agent": {},
		"sudo":                 {Candidate: "1.9.13p3-1+deb12u4", Versions: []string{"1.9.13p3-1+deb12u4"}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if _, err := read(ScriptResult{Stdout: []byte("@fairlead apt\n1\n")}); err == nil {
		t.Error("half an answer is taken")
	}
}

func TestAptInShells(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("no apt-get here")
	}
	for _, sh := range shells {
		info := ask(t, sh, state.Apt{Names: "dpkg no-such-package-here"}).(state.AptInfo)
		if p := info.Packages["dpkg"]; !info.Present || p.Installed == "" || info.Packages["no-such-package-here"].Known() {
			t.Errorf("%v: %+v", sh, info)
		}
	}
}

func FuzzApt(f *testing.F) {
	f.Add(aptText)
	f.Fuzz(func(_ *testing.T, text string) { _ = readApt(parseRaw([]byte(text))) })
}

func TestAptArchitecture(t *testing.T) {
	t.Parallel()
	_, read, _ := For(state.Apt{Names: "bash:amd64 sudo:i386 nosuch:amd64"})
	got, err := read(ScriptResult{Stdout: []byte(aptText)})
	if err != nil {
		t.Fatal(err)
	}
	packages := got.(state.AptInfo).Packages
	if p := packages["bash:amd64"]; p.Installed != "5.2.15-2+b8" || p.Candidate != "5.2.15-2+b13" {
		t.Errorf("bash:amd64: %+v", p)
	}
	if _, has := packages["nosuch:amd64"]; has {
		t.Error("nosuch:amd64 is known")
	}
}
