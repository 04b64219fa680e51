package servermanager

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/store"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestCallbackLines pins the lines that server-manager's users read and grep.
func TestCallbackLines(t *testing.T) {
	t.Parallel()
	res := value.M("rc", 1, "stderr", "no\nroom")
	item := value.String("a")
	for name, c := range map[string]struct {
		e    event.Event
		want []string
	}{
		"play":            {event.Event{Kind: event.PlayStarted, Play: "p"}, []string{"CLUSTER = None", "PLAY [p]"}},
		"nameless play":   {event.Event{Kind: event.PlayStarted}, []string{"CLUSTER = None", "PLAY"}},
		"no hosts":        {event.Event{Kind: event.NoHosts}, []string{"skipping: no hosts matched"}},
		"none left":       {event.Event{Kind: event.NoneLeft}, []string{"NO MORE HOSTS LEFT"}},
		"task":            {event.Event{Kind: event.TaskStarted, Task: "lb : t", TaskNo: 1}, []string{"TASK [lb : t]"}},
		"handler":         {event.Event{Kind: event.TaskStarted, Task: "h", Handler: true}, []string{"RUNNING HANDLER [h]"}},
		"ok":              {event.Event{Kind: event.Result, Host: "h", Status: event.OK}, []string{"ok: [h]"}},
		"changed":         {event.Event{Kind: event.Result, Host: "h", Delegate: "d", Status: event.Changed}, []string{"changed: [h -> d]"}},
		"skipped":         {event.Event{Kind: event.Result, Host: "h", Status: event.Skipped}, []string{"skipping: [h]"}},
		"item":            {event.Event{Kind: event.ItemResult, Host: "h", Status: event.OK, Item: item, HasItem: true}, []string{"ok: [h] => (item=a)"}},
		"failed item":     {event.Event{Kind: event.ItemResult, Host: "h", Status: event.Failed, Label: "a", Res: res}, []string{`fatal: [h] (item=a) => {"rc":1,"stderr":"no\nroom"}`}},
		"after its items": {event.Event{Kind: event.Result, Host: "h", Loop: true, Status: event.Changed}, nil},
		"failed":          {event.Event{Kind: event.Result, Host: "h", Status: event.Failed, Msg: "m", Res: value.M("rc", 1)}, []string{`fatal: [h]: FAILED! => (item - None) {"rc":1,"msg":"m"}`}},
		"ignored":         {event.Event{Kind: event.Result, Host: "h", Status: event.Failed, Ignored: true, Res: res}, []string{`ignored error: [h]: FAILED! => (item - None) {"rc":1,"stderr":"no\nroom"}`}},
		"delegated":       {event.Event{Kind: event.Result, Host: "h", Delegate: "d", Status: event.Failed}, []string{"fatal: [h -> d]: FAILED! => {}"}},
		"unreachable":     {event.Event{Kind: event.Result, Host: "h", Status: event.Unreachable, Msg: "no route"}, []string{`fatal: [h]: UNREACHABLE! => {"msg":"no route"}`}},
		"recap": {event.Event{Kind: event.Recap, Stats: map[string]*event.HostStats{"b": {OK: 1}, "a": {OK: 5, Changed: 4, Unreachable: 3, Skipped: 2, Failed: 1}}},
			[]string{"PLAY RECAP [a] : ok: 5 changed: 4 unreachable: 3 skipped: 2 failed: 1", "PLAY RECAP [b] : ok: 1 changed: 0 unreachable: 0 skipped: 0 failed: 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, (&callback{cluster: "None"}).lines(&c.e)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDebugLineCannotBeForged(t *testing.T) {
	t.Parallel()
	got := debugLine(time.Unix(1_700_000_000, 42_000_000), "INFO", "sm_ansible_callback.py", "append", "TASK [x]\n\"2026 forged\x1b[2J")
	form := regexp.MustCompile(`^"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,042-INFO-sm_ansible_callback\.py:1-append\(\):  TASK \[x\]\\n"2026 forged\\x1b\[2J"\n$`)
	if !form.MatchString(got) {
		t.Errorf("%q", got)
	}
}

func TestLogFileIsReopened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log", "debug.log")
	l := NewLogFile(path)
	write := func(s string) {
		t.Helper()
		if _, err := l.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write("one\n")
	write("two\n")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write("three\n")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	write("four\n")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{path: "four\n", path + ".1": "one\ntwo\n"} {
		if got, err := os.ReadFile(p); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", p, got, err)
		}
	}
}

func TestLogFileRotates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "debug.log")
	l := NewLogFile(path)
	l.limit = 8
	for i := range 15 {
		if _, err := fmt.Fprintf(l, "line %02d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != keepOld+1 {
		t.Error(files, err)
	}
	for p, want := range map[string]string{path: "line 14\n", path + ".1": "line 13\n", path + ".10": "line 04\n"} {
		if got, err := os.ReadFile(p); err != nil || string(got) != want {
			t.Errorf("%s: %q %v", p, got, err)
		}
	}
}

func TestConfigFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sm-config.ini")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("; of server-manager\n[SERVER-MANAGER]\nlisten_ip_addr   = 192.0.2.1\nlisten_port = 9001\n\n[ANSIBLE-SERVER]\n" +
		"# where\nAnsible_Srvr_IP = 192.0.2.2\nansible_srvr_port: 9103\ndocker_registry = 192.0.2.2:5100 ; ours\nlong = a\n  b\nempty = \"\"\nansible_log_path=/var/log/x.log\n")
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.IP != "192.0.2.2" || got.Port != "9103" || got.LogPath != "/var/log/x.log" || got.ServerManager != "192.0.2.1" {
		t.Errorf("%+v", got)
	}
	for k, want := range map[string]string{"docker_registry": "192.0.2.2:5100", "long": "a\nb", "empty": "", "ansible_srvr_ip": "192.0.2.2", "config_file": path} {
		if v, ok := got.Defaults.Get(k); !ok || v.Text() != want {
			t.Errorf("%s = %q", k, v.Text())
		}
	}
	write("[OTHER]\nx = 1\n")
	if got, err = ReadFile(path); err != nil || got.IP != "127.0.0.1" || got.Port != "9003" {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{"x = 1\n", "[ANSIBLE-SERVER]\nno option\n"} {
		write(bad)
		var d *diag.Diagnostic
		if _, err := ReadFile(path); !errors.As(err, &d) || d.Pos.Line == 0 || d.Pos.File != path {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ReadFile(path + ".none"); diag.ClassOf(err) != diag.Usage {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	allowed, other := filepath.Join(dir, "allowed"), filepath.Join(dir, "other")
	for _, d := range []string{allowed, other} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, "p.yml"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(other, "p.yml"), filepath.Join(allowed, "link.yml")); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Settings: Settings{PlaybookDirs: []string{allowed}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"contrail/site.yml":                                  EmbeddedSite,
		originalBase + "contrail-ansible/site.yml":           EmbeddedSite,
		originalBase + "img1/playbooks/site.yml":             EmbeddedSite,
		originalBase + "img1/playbooks/other.yml":            "",
		originalBase + "img1/playbooks/compute.yml":          EmbeddedCompute,
		originalBase + "img1/playbooks/del_compute.yml":      EmbeddedDelCompute,
		originalBase + "img1/kolla-ansible/ansible/site.yml": "",
		originalBase + "../../etc/site.yml":                  "",
		filepath.Join(allowed, "p.yml"):                      filepath.Join(allowed, "p.yml"),
		filepath.Join(allowed, "link.yml"):                   "",
		filepath.Join(allowed, "../other/p.yml"):             "",
		allowed:                                              "",
		"":                                                   "",
	} {
		got, embedded, ok := s.resolve(name, false)
		if got != want || ok != (want != "") || embedded != strings.HasPrefix(want, "contrail/") {
			t.Errorf("%s: %s %v %v, want %s", name, got, embedded, ok, want)
		}
	}
}

func TestLeniency(t *testing.T) {
	t.Parallel()
	want := map[string]string{"a": "x y", "b": "100%", "c": "%zz", "d": "é", "e": "", "f": "a=b"}
	if d := cmp.Diff(want, query("a=x+y&b=100%&c=%zz&d=%C3%A9&e&a=second&f=a=b&=none")); d != "" {
		t.Error(d)
	}
	for task, want := range map[string]string{
		"lb : sm_status_report lb_started": "lb started", "sm_status_report bare_metal_agent_completed": "bare_metal_agent completed",
		"lb_completed": "",
	} {
		_, name, state, ok := reported(task)
		if got := strings.TrimSpace(name + " " + state); got != want || ok != (want != "") {
			t.Errorf("%s: %q", task, got)
		}
	}
}

// TestAddresses: requests that share a host must be seen to do so, however they
// name it.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"10.0.0.1":                       "10.0.0.1",
		"10.0.0.1 ctrl_data_ip=10.1.0.1": "10.0.0.1",
		"10.0.0.1:2222":                  "10.0.0.1",
		"10.0.0.[1:3]":                   "10.0.0.1 10.0.0.2 10.0.0.3",
		"web[a:b]":                       "weba webb",
		"fd00::1":                        "fd00::1",
		"web ansible_host=10.0.0.5":      "10.0.0.5",
		"web[1:2] ansible_ssh_host='10.0.0.5' x='a'": "10.0.0.5",
	} {
		inv := value.FromMap(value.M("[g]", []string{line}, "[g:children]", []string{"h"}))
		if got := strings.Join(addresses(inv), " "); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func TestMarkSecrets(t *testing.T) {
	t.Parallel()
	v, err := value.ParseJSON([]byte(`{"ansible_password": "p1", "lb": {"KEYSTONE": {"admin_password": "p2", "admin_user": "u", "token": 5}}, "l": [{"rabbitmq_passwd": "p3"}], "password_file": "f"}`))
	if err != nil {
		t.Fatal(err)
	}
	got := event.NewRedactor().Value(markSecrets(v)).Repr()
	want := `{'ansible_password': '********', 'lb': {'KEYSTONE': {'admin_password': '********', 'admin_user': 'u', 'token': '********'}}, 'l': [{'rabbitmq_passwd': '********'}], 'password_file': 'f'}`
	if got != want {
		t.Error(got)
	}
}

func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`[{"server_id": "a", "parameters": {"container_name": "lb", "lb": {"GLOBAL": {}}}}]`,
		`[{"server_id": "a", "parameters": {"ansible_playbook": "contrail/site.yml", "container_name": "lb", "ansible_host": "h", "ansible_user": "u", "ansible_password": "p", "docker_insecure_registries": 1, "docker_registry_insecure": 1, "container_image": "i", "lb": {"GLOBAL": {}}}}]`,
		`[{"hosts_in_inv": ["h"], "cluster_id": "c", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h a=1 p_pass='x'"], "[all:vars]": {"ansible_user": "u", "ansible_password": "p"}}, "contrail_deploy_pb": "contrail/site.yml", "no_run": 1}}]`,
	} {
		f.Add([]byte(body))
	}
	st, err := store.Open(f.Context(), f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		if err := st.Close(); err != nil {
			f.Error(err)
		}
	})
	s, err := New(Config{Store: st})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, endpoint := range []string{runPlaybook, runContrail, runOpenstack, runAnsible} {
			orders, err := s.read(endpoint, body)
			if err != nil {
				continue
			}
			for _, o := range orders {
				o.hosts()
				c := &carrier{Service: s, id: "r", attempt: 1, o: o}
				for i, st := range o.steps {
					c.job("r", i, st)
					writeINI(st.inventory)
				}
			}
		}
	})
}
