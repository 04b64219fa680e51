package difftest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead-project/fairlead/engine/internal/testbed"
)

// bedInfo is what the suite uses of the test bed.
type bedInfo struct {
	port            int
	key, knownHosts string
	ansible         side // where ansible-playbook works
	fairlead        side // where Fairlead works: the twin
	docker          bool // both have a container engine
	registry        string
}

func findBed(t *testing.T, docker bool) bedInfo {
	t.Helper()
	bed := testbed.Need(t)
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		testbed.Missing(t, "no ansible-playbook: run scripts/apt-need ansible")
	}
	a, b := bed.TwinA(), bed.TwinB()
	if docker {
		a, b = bed.DockerA(), bed.DockerB()
	}
	return bedInfo{port: bed.Port(), key: bed.Key(), knownHosts: bed.KnownHosts(), docker: docker, registry: bed.Registry(),
		ansible: side{"ansible", a}, fairlead: side{"fairlead", b}}
}

// alone waits until no other run of the suite uses the twins.
func alone(t *testing.T, docker bool) {
	t.Helper()
	name := "difftest.lock"
	if docker {
		name = "difftest-docker.lock"
	}
	f, err := os.OpenFile(filepath.Join(os.Getenv("FAIRLEAD_TESTBED"), name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// ssh runs a shell script on a host.
func (b bedInfo) ssh(address, script string) ([]byte, error) {
	cmd := b.command(address, "sh", "-s")
	cmd.Stdin = strings.NewReader(script)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ssh %s: %w: %s", address, err, stderr.String())
	}
	return out, nil
}

// tree is what is below the cases' folder: path to what is there.
type tree map[string]string

func (b bedInfo) tree(address string) (tree, error) {
	t := tree{}
	if err := b.python(address, "tree.py", treeRoot, &t); err != nil || !b.docker {
		return t, err
	}
	return t, b.engineTree(address, t)
}

// python runs one of our programs on a host and reads the JSON it writes.
func (b bedInfo) python(address, file, args string, into any) error {
	src, err := os.ReadFile("testdata/ansible/" + file)
	if err != nil {
		return err
	}
	out, err := b.ssh(address, "python3 - "+args+" <<'END_OF_SCRIPT'\n"+string(src)+"\nEND_OF_SCRIPT\n")
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

// prepare makes the starting state of all cases on a host.
func (b bedInfo) prepare(address string, cases []*testCase) error {
	script := prepareScript(cases)
	if b.docker {
		script = cleanEngine + script
	}
	_, err := b.ssh(address, script)
	return err
}

// of is the part of a tree that belongs to a case.
func (t tree) of(c *testCase) tree {
	part := tree{}
	for p, e := range t {
		if rest, ok := strings.CutPrefix(p, c.name+"/"); ok {
			part[rest] = e
		}
	}
	return part
}

// neutral replaces what differs between the two hosts, and from run to run.
func (b bedInfo) neutral(base string, s side) func([]byte) []byte {
	return func(text []byte) []byte {
		text = bytes.ReplaceAll(text, []byte(base), []byte("/base"))
		text = bytes.ReplaceAll(text, []byte(s.address), []byte("192.0.2.1"))
		if b.docker {
			text = b.neutralIDs(text)
		}
		return text
	}
}

// buildFairlead builds the program under test, with further flags of go build.
func buildFairlead(t *testing.T, flags ...string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "fairlead")
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", bin}, flags, []string{"github.com/fairlead-project/fairlead/cmd/fairlead"})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// runAnsible runs ansible-playbook for every case on its host.
func runAnsible(bed bedInfo, dirs map[*testCase]string, cases []*testCase) (map[*testCase]*outcome, error) {
	result := map[*testCase]*outcome{}
	if len(cases) == 0 {
		return result, nil
	}
	if err := bed.prepare(bed.ansible.address, cases); err != nil {
		return nil, err
	}
	exits, err := playAll(bed, dirs, cases)
	if err != nil {
		return nil, err
	}
	after, err := bed.tree(bed.ansible.address)
	if err != nil {
		return nil, err
	}
	for i, c := range cases {
		o, err := readAnsible(filepath.Join(dirs[c], "ansible.out"), bed.neutral(filepath.Dir(dirs[c]), bed.ansible))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		o.Exit, o.Tree = exits[i], after.of(c)
		if bed.docker {
			o.withoutEmpty()
		}
		result[c] = o
	}
	return result, nil
}

// playAll runs all cases from one warm Python and gives the exit codes.
func playAll(bed bedInfo, dirs map[*testCase]string, cases []*testCase) ([]int, error) {
	dir, err := filepath.Abs("testdata/ansible")
	if err != nil {
		return nil, err
	}
	var jobs bytes.Buffer
	for _, c := range cases {
		job := map[string]any{"dir": dirs[c], "out": filepath.Join(dirs[c], "ansible.out"),
			"argv": append([]string{"-i", "hosts-ansible", "site.yml"}, c.args...)}
		if err := json.NewEncoder(&jobs).Encode(job); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("/usr/bin/python3", filepath.Join(dir, "zygote.py"), "4")
	cmd.Stdin = &jobs
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(dir, "ansible.cfg"),
		"ANSIBLE_SSH_ARGS=-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile="+bed.knownHosts)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ansible-playbook: %w: %s", err, stderr.String())
	}
	exits := make([]int, len(cases))
	sc := bufio.NewScanner(bytes.NewReader(out))
	for sc.Scan() {
		var done struct{ Index, Exit int }
		if err := json.Unmarshal(sc.Bytes(), &done); err != nil {
			return nil, fmt.Errorf("%q: %w", sc.Text(), err)
		}
		exits[done.Index] = done.Exit
	}
	return exits, sc.Err()
}

// runFairlead runs every case in one mode ("plan", "run", "lockstep").
func runFairlead(bed bedInfo, bin, mode string, dirs map[*testCase]string, cases []*testCase) (map[*testCase]*outcome, error) {
	if err := bed.prepare(bed.fairlead.address, cases); err != nil {
		return nil, err
	}
	result := map[*testCase]*outcome{}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(1)
	if mode == "plan" { // which changes nothing, and needs no lock on the host
		g.SetLimit(3)
	}
	for _, c := range cases {
		args := []string{"run"}
		switch mode {
		case "plan":
			if c.noPlan {
				continue
			}
			args = []string{"plan"}
		case "lockstep":
			args = append(args, "--lockstep")
		}
		args = append(args, "--json", "--no-record", "--known-hosts", bed.knownHosts, "-i", "hosts-fairlead", "site.yml")
		g.Go(func() error {
			o, err := runCase(bed, bin, c, dirs[c], append(args, c.args...))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			result[c] = o
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	after, err := bed.tree(bed.fairlead.address)
	if err != nil {
		return nil, err
	}
	for c, o := range result {
		o.Tree = after.of(c)
	}
	return result, nil
}

// runCase runs one case. Somebody else may be at work on the twin: then the run
// was refused before it changed anything, and is tried again.
func runCase(bed bedInfo, bin string, c *testCase, dir string, args []string) (*outcome, error) {
	const patience = 60
	for try := 0; ; try++ {
		cmd := exec.Command(bin, args...)
		cmd.Dir = dir
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		began := time.Now()
		err := cmd.Run()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0 {
			return nil, err
		}
		if bytes.Contains(stdout.Bytes(), []byte(" is held by run ")) && try < patience {
			time.Sleep(time.Second)
			continue
		}
		o, err := readFairlead(bed.neutral(filepath.Dir(dir), bed.fairlead)(stdout.Bytes()))
		if err != nil {
			return nil, err
		}
		o.Exit, o.Said, o.took = cmd.ProcessState.ExitCode(), stderr.String(), time.Since(began)
		if bed.docker {
			o.withoutEmpty()
		}
		return o, nil
	}
}
