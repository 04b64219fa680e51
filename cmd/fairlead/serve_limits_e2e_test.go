package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// postTasks asks for contrail_deploy on a host of its own.
func (p *serveProcess) postTasks(i int, playbook, more string) (status int, answer string, took time.Duration, err error) {
	body := fmt.Sprintf(`[{"hosts_in_inv": ["h%d"], "cluster_id": "c%d", "tasks": "contrail_deploy", "parameters": {"inventory": {"[g]": ["h%d"]}, "contrail_deploy_pb": %q%s}}]`,
		i, i, i, playbook, more)
	began := time.Now()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post("http://"+p.addr+"/run_ansible_playbooks", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), time.Since(began), err
}

// inState counts the requests that are in a state.
func (p *serveProcess) inState(state string) int {
	_, rest, _ := strings.Cut(p.get("/metrics"), fmt.Sprintf("fairlead_requests{state=%q} ", state))
	line, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.Atoi(line) // none has no line
	return n
}

// peak is the most memory that the process had, in MiB.
func (p *serveProcess) peak() int {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return kib / 1024
}

// TestServeMemory sends 1,000 requests at once, all of which are accepted and
// run: memory stays within bounds.
func TestServeMemory(t *testing.T) {
	p := newServeProcess(t, "--answer-within", "10m") // however busy this machine is
	p.write("none.yml", "- {hosts: nobody, gather_facts: false, tasks: []}\n")
	p.start()
	idle := p.peak()
	const requests = 1000
	playbook := filepath.Join(p.dir, "pb", "none.yml")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	for i := range requests {
		wg.Go(func() {
			status, answer, took, err := p.postTasks(i, playbook, "")
			mu.Lock()
			defer mu.Unlock()
			if slowest = max(slowest, took); err != nil || status != http.StatusOK {
				t.Errorf("request %d: %d %s %v", i, status, answer, err)
			}
		})
	}
	wg.Wait()
	accepted := p.peak()
	p.until("all are run", func() bool { time.Sleep(200 * time.Millisecond); return p.inState("failed") == requests }) // no play is for their hosts
	many := p.peak()
	t.Logf("memory: idle %d MiB, %d requests accepted %d MiB, run %d MiB; slowest answer %v", idle, requests, accepted, many, slowest.Round(time.Millisecond))
	if many > 300*memoryFactor {
		t.Errorf("too much memory: %d MiB", many)
	}
}

// TestServeSlowDisk makes every write to disk of the server take 4 s: it answers
// all the same, what it did not wait for is recorded later and run, and nothing
// is accepted that is not recorded.
func TestServeSlowDisk(t *testing.T) {
	if err := exec.Command("strace", "-f", "-e", "trace=fdatasync", "true").Run(); err != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("strace does not work here: ", err)
		}
		t.Skip("strace does not work here: ", err)
	}
	p := newServeProcess(t, "--answer-within", "2s")
	p.write("none.yml", "- {hosts: nobody, gather_facts: false, tasks: []}\n")
	p.start()
	playbook := filepath.Join(p.dir, "pb", "none.yml")
	slow := exec.Command("strace", "-f", "-q", "-p", strconv.Itoa(p.cmd.Process.Pid), "-o", os.DevNull, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_exit=4000000")
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	fast := func() {
		if !ended {
			ended = true
			_ = slow.Process.Signal(os.Interrupt) // it lets go of the server
			_ = slow.Wait()                       // it was interrupted
		}
	}
	defer fast()
	const patience, requests = 3500 * time.Millisecond, 20
	p.until("the disk is slow", func() bool {
		began := time.Now()
		p.get("/readyz")
		return time.Since(began) > 3*time.Second
	})
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for i := range requests {
		wg.Go(func() {
			status, answer, took, err := p.postTasks(i, playbook, "")
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
			if err != nil || took > patience || status != http.StatusOK && !(status == http.StatusServiceUnavailable && strings.Contains(answer, "not recorded yet")) {
				t.Errorf("request %d after %v: %d %s %v", i, took, status, answer, err)
			}
		})
	}
	for _, path := range []string{"/healthz", "/playbook_status", "/api/v1/runs", "/metrics"} {
		began := time.Now()
		p.get(path)
		if took := time.Since(began); took > patience {
			t.Errorf("%s: %v", path, took)
		}
	}
	wg.Wait()
	if statuses[http.StatusServiceUnavailable] == 0 {
		t.Error("no answer was given before the disk's:", statuses)
	}
	fast()
	p.until("all are recorded and run", func() bool { return p.inState("failed") == requests })
	var list struct {
		Statuses []struct {
			ServerID string `json:"server_id"`
		}
	}
	if err := json.Unmarshal([]byte(p.get("/playbook_status")), &list); err != nil || len(list.Statuses) != requests {
		t.Errorf("%d statuses %v", len(list.Statuses), err)
	}
	t.Logf("answers: %v", statuses)
}
