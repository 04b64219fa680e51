package probe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// fakeBin makes a folder of fake programs: there is no real init system where
// tests run.
func fakeBin(t *testing.T, programs map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const fakeSystemctl = `s=
case $1 in --user) s=$1; shift;; esac
case "$1 $2" in
"is-enabled on") echo enabled;;
"is-enabled alias") echo alias;;
"is-enabled masked") echo masked; exit 1;;
"is-enabled off") echo disabled; exit 1;;
is-enabled*) echo "Failed to get unit file state" >&2; exit 1;;
"show on"|"show alias") printf 'Type=notify\nExecStart={ path=/bin/x ; argv[]=/bin/x\n more }\nLoadState=loaded\nActiveState=active\nSubState=running\nDescription=a=b\n';;
"show off") printf 'LoadState=loaded\nActiveState=inactive\n';;
"show masked") printf 'LoadState=masked\nActiveState=inactive\nLoadError=org.freedesktop.systemd1.UnitMasked "Unit masked."\n';;
"show dead") echo "System has not been booted with systemd as init system (PID 1). Can't operate."; exit 1;;
"show "*) printf 'LoadState=not-found\nActiveState=inactive\n';;
esac`

func TestSystemd(t *testing.T) {
	t.Parallel()
	bin := fakeBin(t, map[string]string{"systemctl": fakeSystemctl, "id": "echo 0"})
	for _, sh := range shells {
		get := func(name, scope string) state.ServiceInfo {
			v := ask(t, absolute(t, sh), state.Service{Name: name, Scope: scope, Use: state.Systemd}, "PATH="+bin)
			return v.(state.ServiceInfo)
		}
		on := get("on", "")
		if !on.Exists || !on.Active || !on.Enabled || on.State != "active" || on.Script != "" || !slices.Equal(on.Tools, []string{"systemctl"}) {
			t.Errorf("%v: on: %+v", sh, on)
		}
		if want := [2]string{"ExecStart", "{ path=/bin/x ; argv[]=/bin/x\n more }"}; on.Properties[1] != want || on.Properties[5] != [2]string{"Description", "a=b"} {
			t.Errorf("%v: properties %q", sh, on.Properties)
		}
		if off := get("off", "user"); !off.Exists || off.Active || off.Enabled || !off.EnabledKnown || !off.ActiveKnown {
			t.Errorf("%v: off: %+v", sh, off)
		}
		if m := get("masked", ""); !m.Exists || !m.Masked || m.Enabled {
			t.Errorf("%v: masked: %+v", sh, m)
		}
		if a := get("alias", ""); a.Enabled {
			t.Errorf("%v: alias: %+v", sh, a)
		}
		if none := get("none", ""); none.Exists || none.Enabled || none.Active {
			t.Errorf("%v: none: %+v", sh, none)
		}
		if dead := get("dead", ""); dead.Exists || dead.Properties != nil || !strings.HasPrefix(dead.Err, "System has not been booted") {
			t.Errorf("%v: dead: %+v", sh, dead)
		}
	}
}

// absolute finds a shell by its path, so that PATH can hold fakes only.
func absolute(t *testing.T, sh []string) []string {
	t.Helper()
	for _, dir := range []string{"/bin/", "/usr/bin/"} {
		if _, err := os.Stat(dir + sh[0]); err == nil {
			return append([]string{dir + sh[0]}, sh[1:]...)
		}
	}
	t.Skipf("no %s here", sh[0])
	return nil
}

func TestOtherManagers(t *testing.T) {
	t.Parallel()
	openrc := fakeBin(t, map[string]string{
		"rc-service": `case $1 in up) echo " * status: started";; crash) echo " * status: crashed" >&2; exit 32;; *) echo " * rc-service: service '$1' does not exist" >&2; exit 1;; esac`,
		"rc-update":  `printf '                   up | default boot\n                crash |      \n'`,
	})
	dir := t.TempDir()
	script := filepath.Join(dir, "web")
	body := "#!/bin/sh\n[ \"$1\" = status ] || exit 9\n[ -e " + dir + "/running ] && { echo web is running; exit 0; }\necho web is not running; exit 3\n"
	if err := os.WriteFile(script, []byte(body), 0o755); err != nil {
		t.Fatal(err)
	}
	sysv := fakeBin(t, map[string]string{"update-rc.d": "", "ps": "echo 'root 1 /sbin/web --daemon'"})
	for _, sh := range shells {
		sh := absolute(t, sh)
		get := func(q state.Service, path string) state.ServiceInfo {
			return ask(t, sh, q, "PATH="+path).(state.ServiceInfo)
		}
		if up := get(state.Service{Name: "up", Use: state.OpenRC}, openrc); !up.Active || !slices.Equal(up.Runlevels, []string{"default", "boot"}) {
			t.Errorf("%v: up: %+v", sh, up)
		}
		if crash := get(state.Service{Name: "crash", Use: state.OpenRC}, openrc); crash.Active || !crash.Crashed || crash.Enabled {
			t.Errorf("%v: crash: %+v", sh, crash)
		}
		os.Remove(dir + "/running")
		web := get(state.Service{Name: script, Processes: true}, sysv)
		if web.Manager != state.SysV || !web.Exists || web.Active || !web.ActiveKnown || !web.EnabledKnown || web.Enabled || web.Script != script {
			t.Errorf("%v: web: %+v", sh, web)
		}
		// busybox has its own ps and does not look for the fake.
		if len(web.Processes) == 0 || sh[0] != "/bin/busybox" && !slices.Contains(web.Processes, "root 1 /sbin/web --daemon") {
			t.Errorf("%v: %d processes, ours not among them", sh, len(web.Processes))
		}
		if err := os.WriteFile(dir+"/running", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if web := get(state.Service{Name: script}, sysv); !web.Active {
			t.Errorf("%v: web runs: %+v", sh, web)
		}
		if none := get(state.Service{Name: "no'such $(touch " + dir + "/oops)"}, sysv); none.Exists || none.Manager != "" {
			t.Errorf("%v: none: %+v", sh, none)
		}
	}
	if _, err := os.Stat(dir + "/oops"); err == nil {
		t.Error("a name was evaluated")
	}
}

func TestRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text          string
		rc            int64
		active, known bool
	}{
		{"nginx is running.", 0, true, true},
		{"nginx is not running", 0, false, true},
		{"nginx is stopped", 0, false, true},
		{"", 3, false, true},
		{"nginx start/running, process 5", 0, true, true},
		{"could not access PID file for nginx", 5, false, true},
		{"many\nlines\nhere stop", 0, true, true},
		{"", 77, false, false},
		{"", 0, true, true},
	} {
		if a, k := runs("nginx", c.text, c.rc); a != c.active || k != c.known {
			t.Errorf("%q, %d: %v %v", c.text, c.rc, a, k)
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	out := `@fairlead sysv
 [ + ]  cron
 [ - ]  x11-common
@fairlead upstart
ssh start/running, process 1139
tty4 stop/waiting
@fairlead levels
 sshd |      default
 dhcpd |
@fairlead openrc
Runlevel: default
 sshd [  started  ]
 dhcpd [  stopped  ]
@fairlead units
docker.service loaded active running Docker Application Container Engine
● gone.service not-found inactive dead gone.service
● bad.service loaded failed failed Bad
idle.service loaded inactive dead Idle
@fairlead files
docker.service enabled enabled
idle.service static -
bad.service enabled enabled
getty@.service enabled enabled
other.service disabled enabled
`
	_, read, _ := For(state.Services{})
	v, err := read(ScriptResult{Stdout: []byte(out)})
	if err != nil {
		t.Fatal(err)
	}
	want := []state.ServiceEntry{
		{Name: "bad.service", State: "stopped", Status: "failed", Source: "systemd"},
		{Name: "cron", State: "running", Source: "sysv"},
		{Name: "dhcpd", State: "stopped", Status: "disabled", Source: "openrc"},
		{Name: "docker.service", State: "running", Status: "enabled", Source: "systemd"},
		{Name: "getty@.service", State: "unknown", Status: "enabled", Source: "systemd"},
		{Name: "gone.service", State: "stopped", Status: "not-found", Source: "systemd"},
		{Name: "idle.service", State: "stopped", Status: "static", Source: "systemd"},
		{Name: "other.service", State: "inactive", Status: "disabled", Source: "systemd"},
		{Name: "ssh", State: "running", Source: "upstart"},
		{Name: "sshd", State: "started", Status: "enabled", Source: "openrc"},
		{Name: "tty4", State: "waiting", Source: "upstart"},
		{Name: "x11-common", State: "stopped", Source: "sysv"},
	}
	if got := v.([]state.ServiceEntry); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, sh := range shells {
		ask(t, sh, state.Services{})
	}
}

func FuzzService(f *testing.F) {
	f.Add("@fairlead found\nsystemd\n systemctl\n\n\n\n\n@fairlead enabled\nenabled\n\n0\n", "ActiveState=active\nExecStart={ a\nb }\n\n0\n")
	f.Add("@fairlead found\nopenrc\n rc-service rc-update\n\n\n\n\n@fairlead enabled\nx | default\n", " * status: started\n\n0\n")
	f.Add("@fairlead found\nsysv\n service\n/etc/init.d/x\n1\n1\n\n", "x is running\n0\n")
	f.Fuzz(func(_ *testing.T, head, status string) {
		_, _ = readService(state.Service{Name: "x"}, parseRaw([]byte(head)), status)
		_, read, _ := For(state.Services{})
		_, _ = read(ScriptResult{Stdout: []byte(head + status)})
	})
}
