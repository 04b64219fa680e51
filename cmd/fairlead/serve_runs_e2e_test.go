package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/store"
)

// command runs this program.
func (p *serveProcess) command(args ...string) (string, error) {
	out, err := exec.Command(filepath.Join(p.dir, "fairlead"), args...).CombinedOutput()
	return string(out), err
}

// TestRunsOfAServer ends a server's run over HTTP and in its folder: its process
// on the host is ended too. What is in doubt then must be decided before the run
// goes on, and server-manager is told how it ended.
func TestRunsOfAServer(t *testing.T) {
	b := newBed(t)
	needPycurl(t)
	node := serverNodes(b)[0]
	const dir = "/var/tmp/fairlead-runs"
	b.on(node, "rm -rf "+dir+"; mkdir "+dir)
	t.Cleanup(func() { b.on(node, "rm -rf "+dir) })
	sm := newSMStandIn(t)
	p := newServeProcess(t, "--sm", sm.Listener.Addr().String())
	p.write("slow.yml", `
- hosts: all
  gather_facts: false
  tasks:
    - {name: sm_status_report lb_started, debug: {msg: ""}}
    - {name: one, shell: "echo one >> `+dir+`/log"}
    - {name: slow, shell: "echo slow >> `+dir+`/log; test -e `+dir+`/quick || exec sleep 4321"}
    - {name: end, shell: "echo end >> `+dir+`/log"}
    - {name: sm_status_report lb_completed, debug: {msg: ""}}
`)
	p.start()
	from := map[string][]string{"over HTTP": {"--server", "http://" + p.addr}, "in its folder": {"--data", filepath.Join(p.dir, "data")}}
	for name, decide := range map[string]string{"over HTTP": "--done", "in its folder": "--redo"} {
		sm.forget()
		b.on(node, "rm -f "+dir+"/*")
		runs := func(args ...string) (string, error) {
			return p.command(append(append([]string{"runs"}, args...), from[name]...)...)
		}
		must := func(want string, args ...string) {
			t.Helper()
			if out, err := runs(args...); err != nil || !strings.Contains(out, want) {
				t.Errorf("%s: %v: %v\n%s\nwant %q", name, args, err, out, want)
			}
		}
		p.send(p.describe(b, "C", "slow.yml", node))
		b.until(node, "pgrep -f '[s]leep 4321'")
		must("running", "list")
		must("is being cancelled", "cancel", "last")
		b.until(node, "! pgrep -f '[s]leep 4321'")
		p.until("a failure told", func() bool { return strings.HasSuffix(strings.Join(sm.all(), " "), "=provision_failed") })
		must("in doubt, to be said", "show", "last")
		must(node+": task 'slow' at", "show", "last")
		must(`"status":"in_doubt"`, "events", "last")
		if out, err := runs("resume", "last"); err == nil || !strings.Contains(out, "before somebody says") || !strings.Contains(out, "--redo HOST") {
			t.Errorf("%s: resumed without a decision: %v\n%s", name, err, out)
		}
		b.on(node, "touch "+dir+"/quick")
		must("is queued", "resume", "last", decide, node+":slow")
		p.until("the end told", func() bool { return strings.HasSuffix(strings.Join(sm.all(), " "), "=provision_completed") })
		want := "contrail-deploy lb_started provision_failed contrail-deploy lb_started lb_completed provision_completed"
		if got := strings.ReplaceAll(strings.Join(sm.all(), " "), node+"=", ""); got != want {
			t.Errorf("%s: told %s", name, got)
		}
		log := map[string]string{"--done": "one\nslow\nend", "--redo": "one\nslow\nslow\nend"}[decide]
		if got := b.on(node, "cat "+dir+"/log"); got != log {
			t.Errorf("%s: %q", name, got)
		}
		must("done", "list", "-n", "1")
		if out, err := runs("resume", "last"); err == nil || !strings.Contains(out, "nothing left to resume") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	p.forgets(t, b)
}

// forgets cancels a run, and looks whether nothing is kept of it when that is asked.
func (p *serveProcess) forgets(t *testing.T, b bed) {
	t.Helper()
	node := serverNodes(b)[0]
	b.on(node, "rm -f /var/tmp/fairlead-runs/*")
	p.send(p.describe(b, "C", "slow.yml", node))
	b.until(node, "pgrep -f '[s]leep 4321'")
	runs := func(args ...string) (string, error) {
		return p.command(append(append([]string{"runs"}, args...), "--server", p.addr)...)
	}
	if out, err := runs("forget", "last"); err == nil || !strings.Contains(out, "cancel it first") {
		t.Error(out, err)
	}
	if out, err := runs("cancel", "last"); err != nil {
		t.Fatal(out, err)
	}
	p.until("an end", func() bool { return strings.Contains(p.get("/api/v1/runs?limit=1"), `"status":"cancelled"`) })
	p.until("forgotten", func() bool {
		out, err := runs("forget", "last")
		return err == nil && strings.Contains(out, "cannot be resumed")
	})
	if out, err := runs("resume", "last"); err == nil || !strings.Contains(out, "nothing left to resume") {
		t.Error(out, err)
	}
	st, err := store.Open(t.Context(), filepath.Join(p.dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	list, err := st.Runs(t.Context(), store.RunFilter{Limit: 1})
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	req, err := st.Request(t.Context(), list[0].Request)
	notes, nerr := st.Ledger(list[0].Root, false).Notes(t.Context())
	if err != nil || nerr != nil || req.Body != nil || len(notes) > 0 {
		t.Errorf("kept: a body of %d bytes, %d notes; %v %v", len(req.Body), len(notes), err, nerr)
	}
}
