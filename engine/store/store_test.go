package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/event/journaltest"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FAIRLEAD_STORE_CRASH"); dir != "" {
		crashChild(dir)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestJournal(t *testing.T) {
	t.Parallel()
	journaltest.Run(t, func(t *testing.T) (event.Journal, func() event.Journal) {
		dir := t.TempDir()
		s := open(t, dir)
		return s, func() event.Journal {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, dir)
		}
	})
}

func TestRunsIndex(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	at := time.Unix(1_700_000_000, 0).UTC()
	if err := s.CreateRun(ctx, Run{ID: "r1", Who: "ann@desk", Origin: "cli", Created: at}); err != nil {
		t.Fatal(err)
	}
	stats := map[string]*event.HostStats{"h": {OK: 2, Changed: 1, Failed: 1}}
	for i, e := range []event.Event{
		{Kind: event.RunStarted, Playbooks: []string{"site.yml"}, Check: true, Version: "1"},
		{Kind: event.TaskStarted, Task: "one", TaskNo: 1}, {Kind: event.Result, Status: event.OK},
		{Kind: event.TaskStarted, Task: "two", TaskNo: 2}, {Kind: event.Result, Status: event.Changed},
		{Kind: event.Result, Status: event.Failed, Ignored: true}, {Kind: event.Result, Status: event.Failed},
		{Kind: event.Recap, Stats: stats}, {Kind: event.RunEnded, Exit: 2, Failures: []string{"h: two"}},
	} {
		e.Run, e.Seq, e.Time = "r1", int64(i+1), at.Add(time.Duration(i)*time.Second)
		if err := s.Append(ctx, &e); err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			r, err := s.Run(ctx, "r1")
			if err != nil || r.Status != RunRunning || r.Task != "two" || r.Tasks != 2 || r.Counts.OK != 2 || r.Status.Ended() {
				t.Errorf("half way: %+v %v", r, err)
			}
		}
	}
	r, err := s.Run(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{OK: 2, Changed: 1, Failed: 1, Ignored: 1}
	if r.Status != RunFailed || r.Counts != want || r.Who != "ann@desk" || !r.Check || r.Playbooks[0] != "site.yml" ||
		r.LastSeq != 9 || !r.Started.Equal(at) || !r.Ended.Equal(at.Add(8*time.Second)) || r.Stats["h"].Failed != 1 || r.Failures[0] != "h: two" {
		t.Errorf("%+v", r)
	}
	if _, err := s.Run(ctx, "none"); diag.ClassOf(err) != diag.NotFound {
		t.Errorf("no run: %v", err)
	}
}

func TestRunsListAndPrune(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	at := time.Unix(1_700_000_000, 0)
	for i := range 10 {
		id := fmt.Sprintf("r%d", i)
		when := at.Add(time.Duration(i) * time.Hour)
		for seq, k := range []event.Kind{event.RunStarted, event.RunEnded} {
			if err := s.Append(ctx, &event.Event{Run: id, Seq: int64(seq + 1), Kind: k, Time: when}); err != nil {
				t.Fatal(err)
			}
		}
	}
	ids := func(f RunFilter) string {
		t.Helper()
		rs, err := s.Runs(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range rs {
			out = append(out, r.ID)
		}
		return strings.Join(out, " ")
	}
	if got := ids(RunFilter{Limit: 3}); got != "r9 r8 r7" {
		t.Error(got)
	}
	if got := ids(RunFilter{Limit: 2, Before: "r7", Status: RunDone}); got != "r6 r5" {
		t.Error(got)
	}
	if got := ids(RunFilter{Status: RunFailed}); got != "" {
		t.Error(got)
	}
	if err := s.Prune(ctx, Keep{Runs: 4, For: 150 * time.Minute}, at.Add(9*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := ids(RunFilter{}); got != "r9 r8 r7" {
		t.Error(got)
	}
	if es, err := s.Read(ctx, "r1", 0, 0); err != nil || len(es) != 0 {
		t.Error("events of a pruned run are left", es, err)
	}
}

func TestInboxKeepsSecretsSealed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	ctx := t.Context()
	now := time.Now()
	body := []byte(`{"ansible_password": "correct-horse-battery"}`)
	if _, err := s.Accept(ctx, Request{ID: "a", Endpoint: "/run_playbook", Remote: "127.0.0.1", Received: now, Body: body},
		Request{ID: "b", Received: now.Add(1), Body: body}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(ctx, Request{ID: "a", Received: now}); err == nil {
		t.Error("the same id was accepted twice")
	}
	if err := s.Begin(ctx, "b", now); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{DatabaseFile, DatabaseFile + "-wal"} {
		raw, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("correct-horse")) || bytes.Contains(raw, []byte("ansible_password")) {
			t.Errorf("%s holds the request in clear", f)
		}
	}
	un, err := s.Unfinished(ctx)
	if err != nil || len(un) != 2 || un[0].ID != "a" || un[1].State != Running || un[1].Attempts != 1 || un[0].Body != nil {
		t.Errorf("%+v %v", un, err)
	}
	if r, err := s.Request(ctx, "a"); err != nil || !bytes.Equal(r.Body, body) {
		t.Errorf("%+v %v", r, err)
	}
	if err := s.Finish(ctx, "a", End{State: Failed, Reason: "why"}, now); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Request(ctx, "a"); err != nil || r.Body != nil || r.Reason != "why" || r.State != Failed {
		t.Errorf("%+v %v", r, err)
	}
	if err := s.Finish(ctx, "none", End{State: Done}, now); diag.ClassOf(err) != diag.NotFound {
		t.Error(err)
	}
}

// TestForgotten: what was sealed is not only taken out of the tables when it is
// not needed any more, it is gone from the files.
func TestForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	ctx, now := t.Context(), time.Now()
	if _, err := s.Accept(ctx, Request{ID: "a", Received: now, Body: bytes.Repeat([]byte("x"), 100_000)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Ledger("a", true).Note(ctx, true, event.Note{Kind: "k", Body: bytes.Repeat([]byte("y"), 50)}); err != nil {
		t.Fatal(err)
	}
	var body, note []byte
	if err := s.reader.QueryRow("SELECT body, (SELECT body FROM notes) FROM inbox").Scan(&body, &note); err != nil {
		t.Fatal(err)
	}
	left := func() (names []string) {
		for _, f := range []string{DatabaseFile, DatabaseFile + "-wal"} {
			raw, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			for name, part := range map[string][]byte{"the end of the body": body[len(body)-24:], "its beginning": body[:24], "the note": note[:24]} {
				if bytes.Contains(raw, part) {
					names = append(names, name+" in "+f)
				}
			}
		}
		return names
	}
	if len(left()) == 0 {
		t.Error("nothing was found before it was forgotten: the test looks for the wrong thing")
	}
	if err := s.Finish(ctx, "a", End{State: Done}, now); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(left()) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("left: ", left())
		}
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.Accept(t.Context(), Request{ID: "a", Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, KeyFile)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that all may read: %v", err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if _, err := s.Request(t.Context(), "a"); !errors.Is(err, ErrSealed) {
		t.Errorf("another key: %v", err)
	}
	for _, f := range []string{KeyFile, DatabaseFile} {
		if st, err := os.Stat(filepath.Join(dir, f)); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, st.Mode(), err)
		}
	}
}

func TestStatusesAndPushes(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ctx := t.Context()
	at := time.Unix(1_700_000_000, 0).UTC()
	put := func(server, role, state, run string) {
		t.Helper()
		err := s.PutStatus(ctx, []Status{{ServerID: server, Role: role, State: state, Run: run, Time: at}},
			[]Push{{Addr: "127.0.0.1:9002", ServerID: server, State: state, Created: at}})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("a", "lb", "In_Progress", "r1")
	put("a", "control", "In_Progress", "r1")
	put("b", "lb", "In_Progress", "r2")
	put("a", "lb", "Provision_Success", "r1")
	show := func(f StatusFilter) string {
		t.Helper()
		sts, err := s.Statuses(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, st := range sts {
			out = append(out, st.ServerID+"/"+st.Role+"="+st.State)
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		f    StatusFilter
		want string
	}{
		{StatusFilter{}, "a/control=In_Progress b/lb=In_Progress a/lb=Provision_Success"},
		{StatusFilter{ServerID: "a", Role: "lb"}, "a/lb=Provision_Success"},
		{StatusFilter{Run: "r2"}, "b/lb=In_Progress"},
		{StatusFilter{ServerID: "a", Role: "lb", History: true}, "a/lb=In_Progress a/lb=Provision_Success"},
		{StatusFilter{History: true, Limit: 1}, "a/lb=Provision_Success"},
		{StatusFilter{ServerID: "x"}, ""},
	} {
		if got := show(c.f); got != c.want {
			t.Errorf("%+v: %s, want %s", c.f, got, c.want)
		}
	}
	p, due, ok, err := s.NextPush(ctx)
	if err != nil || !ok || p.ServerID != "a" || p.State != "In_Progress" || !due.Equal(at) {
		t.Fatalf("%+v %v %v %v", p, due, ok, err)
	}
	if err := s.PushAgain(ctx, p.ID, "refused", at.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	again, due, _, err := s.NextPush(ctx)
	if err != nil || again.ID != p.ID || again.Attempts != 1 || again.Error != "refused" || !due.Equal(at.Add(time.Minute)) {
		t.Errorf("%+v %v %v", again, due, err)
	}
	// Another address does not wait for one that does not answer.
	if err := s.PutStatus(ctx, nil, []Push{{Addr: "127.0.0.2:9002", ServerID: "c", State: "x", Created: at}}); err != nil {
		t.Fatal(err)
	}
	if p, _, _, err := s.NextPush(ctx); err != nil || p.ServerID != "c" {
		t.Errorf("%+v %v", p, err)
	}
	for range 5 {
		p, _, ok, err := s.NextPush(ctx)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := s.Pushed(ctx, p.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, ok, err := s.NextPush(ctx); ok || err != nil {
		t.Error(ok, err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	ch, stop := s.Watch("r")
	defer stop()
	for i := int64(1); i <= 3; i++ {
		if err := s.Append(t.Context(), &event.Event{Run: "r", Seq: i, Kind: event.RunStarted}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ch:
		case <-time.After(5 * time.Second):
			t.Fatal("nobody said that there is an event")
		}
	}
}

func TestTwoProcessesShareAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	stores := make([]*Store, 4)
	for i := range stores {
		wg.Go(func() {
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			for n := int64(1); n <= 50; n++ {
				if err := s.Append(t.Context(), &event.Event{Run: fmt.Sprint("r", i), Seq: n, Kind: event.Result, Time: time.Now()}); err != nil {
					t.Error(err)
				}
			}
			if err := s.Sync(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i, s := range stores {
		if es, err := s.Read(t.Context(), fmt.Sprint("r", (i+1)%4), 0, 0); err != nil || len(es) != 50 {
			t.Error(len(es), err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBigEventAndClosed(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	big := strings.Repeat("x", maxEvent+1)
	if err := s.Append(t.Context(), &event.Event{Run: "r", Seq: 1, Kind: event.Result, Msg: big, Res: value.M("stdout", big)}); err != nil {
		t.Fatal(err)
	}
	es, err := s.Read(t.Context(), "r", 0, 0)
	if err != nil || len(es) != 1 || !es[0].Res.Has("truncated") || len(es[0].Msg) > maxEvent {
		t.Error(len(es), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), &event.Event{Run: "r", Seq: 2}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if err := s.Sync(t.Context()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// crashChild appends and accepts until it is killed, and says what is safe.
func crashChild(dir string) {
	ctx := context.Background()
	s, err := Open(ctx, dir)
	if err != nil {
		panic(err)
	}
	for i := int64(1); ; i++ {
		if err := s.Append(ctx, &event.Event{Run: "r", Seq: i, Kind: event.Result, Time: time.Now()}); err != nil {
			panic(err)
		}
		if i%20 == 0 {
			if _, err := s.Accept(ctx, Request{ID: fmt.Sprint("q", i), Received: time.Now(), Body: []byte("b")}); err != nil {
				panic(err)
			}
			fmt.Println(i)
		}
	}
}

func TestKilledLosesNothingAccepted(t *testing.T) {
	t.Parallel()
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "FAIRLEAD_STORE_CRASH="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var last int64
		for last < 200 {
			if _, err := fmt.Fscanln(out, &last); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		s := open(t, dir)
		es, err := s.Read(t.Context(), "r", 0, 0)
		if err != nil || int64(len(es)) < last {
			t.Errorf("%d events of %d: %v", len(es), last, err)
		}
		for i := range es {
			if es[i].Seq != int64(i+1) {
				t.Fatalf("gap at %d", i)
			}
		}
		if un, err := s.Unfinished(t.Context()); err != nil || int64(len(un)) < last/20 {
			t.Errorf("%d requests: %v", len(un), err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var seq int64
	for b.Loop() {
		seq++
		e := event.Event{Run: "r", Seq: seq, Kind: event.Result, Host: "h", Task: "a task", Res: value.M("changed", true)}
		if err := s.Append(b.Context(), &e); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
}
