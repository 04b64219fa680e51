package remote_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/fairlead-project/fairlead/engine/internal/sshsim"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// eleven is the work of the benchmark: five folders, one configuration, three
// files, one line in a file, one command; and the questions it begins with.
func eleven(d string, round int) (gather, apply state.Batch) {
	gather.Ask = []state.Query{state.Login{}}
	for i := range 5 {
		p := fmt.Sprintf("%s/dir%d-%d", d, round, i)
		gather.Ask = append(gather.Ask, state.Path{Path: p})
		apply.Ops = append(apply.Ops, state.Mkdir{Path: p, Attrs: state.Attrs{Mode: mode(0o755), Owner: "root"}})
		apply.Ask = append(apply.Ask, state.Path{Path: p})
	}
	for i, size := range []int{2000, 2700, 2700, 2700, 400} {
		p := fmt.Sprintf("%s/dir%d-0/file%d", d, round, i)
		gather.Ask = append(gather.Ask, state.Path{Path: p, Want: state.WantSHA256})
		apply.Ops = append(apply.Ops, state.WriteFile{Path: p, Content: state.Bytes(bytes.Repeat([]byte("k = v\n"), size/6)), Attrs: state.Attrs{Mode: mode(0o644)}})
		apply.Ask = append(apply.Ask, state.Path{Path: p})
	}
	apply.Ops = append(apply.Ops, state.Exec{Argv: []string{"true"}})
	return gather, apply
}

func benchHost(b *testing.B, h *remote.Host) {
	d := b.TempDir()
	n := 0
	run := func(b *testing.B, batch state.Batch) {
		out, err := h.Do(b.Context(), batch)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range out.Results {
			if !r.OK {
				b.Fatal(r.Msg)
			}
		}
	}
	b.Run("gather", func(b *testing.B) {
		for b.Loop() {
			g, _ := eleven(d, 0)
			run(b, g)
		}
	})
	b.Run("apply", func(b *testing.B) {
		for b.Loop() {
			n++
			_, a := eleven(d, n)
			run(b, a)
		}
	})
}

func BenchmarkLocal(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(map[bool]string{false: "sync", true: "nosync"}[noSync], func(b *testing.B) {
			h := remote.Local(remote.Options{NoSync: noSync})
			defer h.Close()
			benchHost(b, h)
		})
	}
}

func BenchmarkSimulatedSSH(b *testing.B) {
	s := sshsim.Start(b, sshsim.Options{})
	h, err := remote.Connect(b.Context(), ssh.Config{Address: s.Addr, Port: s.Port, User: "u", KeyFiles: []string{s.KeyFile},
		KnownHosts: []string{s.KnownHosts}, SSHConfig: []string{}, NoAgent: true}, remote.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	benchHost(b, h)
}

// TestForks counts real processes where the test runs in a pid namespace of its
// own; FAIRLEAD_COUNT_FORKS=1 says so.
func TestForks(t *testing.T) {
	if os.Getenv("FAIRLEAD_COUNT_FORKS") != "1" {
		t.Skip("needs a pid namespace of its own: unshare --pid --fork --mount-proc")
	}
	last := func() int {
		b, err := os.ReadFile("/proc/sys/kernel/ns_last_pid")
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(bytes.TrimSpace(b)))
		return n
	}
	h := remote.Local(remote.Options{})
	defer h.Close()
	d := t.TempDir()
	do(t, h, state.Batch{Ask: []state.Query{state.Login{}}}) // the shell itself is the floor's
	g, a := eleven(d, 1)
	for _, step := range []struct {
		name string
		b    state.Batch
	}{{"gather, nothing there", g}, {"apply", a}, {"gather, all there", g}} {
		before, said := last(), h.Stats().Processes
		do(t, h, step.b)
		t.Logf("%s: %d processes, by construction %d", step.name, last()-before, h.Stats().Processes-said)
	}
}
