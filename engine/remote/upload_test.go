package remote_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/ssh"
	"github.com/fairlead-project/fairlead/engine/state"
)

// counted counts what is read of a content.
type counted struct {
	io.Reader
	read *atomic.Int64
	hook func(read int64)
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if now := c.read.Add(int64(n)); c.hook != nil {
		c.hook(now)
	}
	return n, err
}

func (counted) Close() error { return nil }

// endless repeats a block whose length is no multiple of any packet's.
type endless struct {
	block []byte
	at    int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.block[e.at:])
	e.at = (e.at + n) % len(e.block)
	return n, nil
}

// made is a content that is never whole in memory; read counts its bytes.
func made(seed byte, size int64, hook func(read int64)) (c *state.Content, read *atomic.Int64) {
	block := make([]byte, 1_000_003)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(block)
	fresh := func() io.Reader { return io.LimitReader(&endless{block: block}, size) }
	sum, quick := sha256.New(), state.NewPrint()
	_, _ = io.Copy(io.MultiWriter(sum, quick), fresh())
	read = &atomic.Int64{}
	return &state.Content{Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Print: quick.Sum64(), Open: func() (io.ReadCloser, error) {
		return counted{fresh(), read, hook}, nil
	}}, read
}

const mib = 1 << 20

// uploadDir gives an empty folder on a host, and what is in it.
func uploadDir(t *testing.T, h *remote.Host, as state.Identity, name string) (dir string, names func() string) {
	t.Helper()
	dir = "/srv/sftptest/" + name
	out := do(t, h, state.Batch{As: as, Ops: []state.Op{
		state.Mkdir{Path: "/srv"}, state.Mkdir{Path: "/srv/sftptest"}, state.Remove{Path: dir, Recursive: true}, state.Mkdir{Path: dir},
	}})
	allOK(t, out, 4)
	t.Cleanup(func() {
		_, _ = h.Do(context.Background(), state.Batch{As: as, Ops: []state.Op{state.Remove{Path: dir, Recursive: true}}})
	})
	return dir, func() string {
		t.Helper()
		out := do(t, h, state.Batch{As: as, Ask: []state.Query{state.Tree{Path: dir}}})
		var s []string
		for _, e := range out.Answers[0].Value.([]state.TreeEntry) {
			s = append(s, e.Rel)
		}
		return strings.Join(s, " ")
	}
}

func sumOf(t *testing.T, out state.Outcome, i int, c *state.Content) state.File {
	t.Helper()
	f := file(t, out, i)
	if f.SHA256 != c.SHA256 || f.Stat.Size != c.Size {
		t.Errorf("%d bytes, sum %q; want %d, %s", f.Stat.Size, f.SHA256, c.Size, c.SHA256)
	}
	return f
}

func TestBedUpload(t *testing.T) {
	b := testbed.Need(t)
	for name, c := range map[string]struct {
		addr, user string
		as         state.Identity
		from       int64
	}{
		"node":    {b.Node(), "root", state.Identity{}, 0},
		"raw":     {b.Node(), "root", state.Identity{}, -1},
		"busybox": {b.Busybox(), "root", state.Identity{}, 0},
		"sudo":    {b.Sudo(), "deploy", state.Identity{Method: "sudo", Password: b.Password("deploy")}, 0},
		"nopass":  {b.Sudo(), "ops", state.Identity{Method: "sudo"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := bedHost(t, bedConfig(b, c.addr, c.user), remote.Options{SFTPFrom: c.from, Lock: &remote.LockInfo{Run: "upload-" + name, Wait: 20 * time.Second}})
			dir, names := uploadDir(t, h, c.as, name)
			one, read := made(1, 20*mib, nil)
			two, _ := made(2, 9*mib+7, nil)
			var last, tells atomic.Int64
			begin := time.Now()
			out := do(t, h, state.Batch{As: c.as, Ops: []state.Op{
				state.Mkdir{Path: dir + "/new", Attrs: state.Attrs{Mode: mode(0o755)}},
				state.WriteFile{Path: dir + "/new/one", Content: one, Attrs: state.Attrs{Mode: mode(0o644), Owner: "1", Group: "2"}},
				state.WriteFile{Path: dir + "/new/two", Content: two},
				state.WriteFile{Path: dir + "/small", Content: state.Bytes([]byte("small"))},
				state.Exec{Argv: []string{"echo", "done"}},
			}, Ask: []state.Query{state.Path{Path: dir + "/new/one", Want: state.WantSHA256}, state.Path{Path: dir + "/new/two", Want: state.WantSHA256}},
				Sent: func(op int, done, total int64) {
					if op == 1 {
						tells.Add(1)
						last.Store(done)
						if total != one.Size {
							t.Errorf("total %d", total)
						}
					}
				}})
			took := time.Since(begin)
			allOK(t, out, 5)
			if got := string(out.Results[4].Stdout); got != "done\n" {
				t.Errorf("the command said %q", got)
			}
			if f := sumOf(t, out, 0, one); f.Stat.Mode != 0o644 || f.Stat.UID != 1 || f.Stat.GID != 2 {
				t.Errorf("%+v", f.Stat)
			}
			if f := sumOf(t, out, 1, two); f.Stat.Mode != 0o644 || f.Stat.UID != 0 {
				t.Errorf("%+v", f.Stat)
			}
			if last.Load() != one.Size || tells.Load() > int64(took/(100*time.Millisecond))+3 || read.Load() != one.Size {
				t.Errorf("told %d times in %s, at the end %d; read %d", tells.Load(), took, last.Load(), read.Load())
			}
			// What is there keeps its mode and owner; a backup and the check come first.
			out = do(t, h, state.Batch{As: c.as, Ops: []state.Op{
				state.WriteFile{Path: dir + "/new/one", Content: two, Backup: dir + "/old", Validate: "test -s %s"},
				state.WriteFile{Path: dir + "/new/two", Content: one, InPlace: true},
			}, Ask: []state.Query{state.Path{Path: dir + "/new/one", Want: state.WantSHA256}, state.Path{Path: dir + "/new/two", Want: state.WantSHA256},
				state.Path{Path: dir + "/old", Want: state.WantSHA256}}})
			allOK(t, out, 2)
			if f := sumOf(t, out, 0, two); f.Stat.Mode != 0o644 || f.Stat.UID != 1 || f.Stat.GID != 2 {
				t.Errorf("%+v", f.Stat)
			}
			sumOf(t, out, 1, one)
			sumOf(t, out, 2, one)
			// Failures leave the old file, and nothing else.
			fails := func(say string, n int, ops ...state.Op) {
				t.Helper()
				out := do(t, h, state.Batch{As: c.as, Ops: ops, Ask: []state.Query{state.Path{Path: dir + "/new/one", Want: state.WantSHA256}}})
				if len(out.Results) != n || out.Results[n-1].OK || !strings.Contains(out.Results[n-1].Msg, say) {
					t.Errorf("%+v", out.Results)
				}
				sumOf(t, out, 0, two)
			}
			fails("", 1, state.WriteFile{Path: dir + "/new/one", Content: one, Validate: "false %s"})
			fails("none", 2, state.WriteFile{Path: dir + "/s", Content: state.Bytes([]byte("s"))}, state.WriteFile{Path: dir + "/none/one", Content: one})
			fails("none", 1, state.Mkdir{Path: dir + "/none/x"}, state.WriteFile{Path: dir + "/new/one", Content: one})
			fails("none", 1, state.WriteFile{Path: dir + "/none/x", Content: state.Bytes(nil)}, state.WriteFile{Path: dir + "/new/one", Content: one})
			if c.from == 0 && name != "busybox" {
				wrong := *one
				wrong.SHA256, wrong.Print = two.SHA256, 0
				quick, _ := made(3, 20*mib, nil) // what was never sent: else it is copied there
				quick.Print = two.Print
				fails("changed meanwhile", 1, state.WriteFile{Path: dir + "/new/one", Content: &wrong})
				fails("changed meanwhile", 1, state.WriteFile{Path: dir + "/new/one", Content: quick})
			}
			// What was relied on is not there: nothing is read, nothing sent.
			before := read.Load()
			out = do(t, h, state.Batch{As: c.as, Rely: []state.Relied{{Path: dir + "/small", Stat: state.Stat{}}},
				Ops: []state.Op{state.WriteFile{Path: dir + "/new/one", Content: one}}})
			if len(out.Changed) != 1 || out.Results != nil || (read.Load() != before && c.from == 0) {
				t.Errorf("%+v, and %d bytes read", out, read.Load()-before)
			}
			if got := names(); got != "new new/one new/two old s small" {
				t.Errorf("there is %q", got)
			}
			t.Logf("20 and 9 MiB in %s; %+v", took, h.Stats())
		})
	}
}

// cutter passes a TCP connection on, and cuts it.
type cutter struct {
	l    net.Listener
	to   string
	mu   sync.Mutex
	cs   []net.Conn
	down bool
	wg   sync.WaitGroup
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{l: l, to: to}
	c.wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			c.mu.Lock()
			if err != nil || c.down {
				_ = in.Close()
				if out != nil {
					_ = out.Close()
				}
				c.mu.Unlock()
				continue
			}
			c.cs = append(c.cs, in, out)
			c.mu.Unlock()
			pass := func(a, b net.Conn) {
				_, _ = io.Copy(a, b)
				_ = a.Close()
				_ = b.Close()
			}
			c.wg.Go(func() { pass(in, out) })
			c.wg.Go(func() { pass(out, in) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		c.cut(true)
		c.wg.Wait()
	})
	return c
}

func (c *cutter) cut(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
	for _, x := range c.cs {
		_ = x.Close()
	}
	c.cs = nil
}

func (c *cutter) host(t *testing.T, b testbed.Bed, user string) *remote.Host {
	cfg := bedConfig(b, "127.0.0.1", user)
	cfg.Port, cfg.HostKeyChecking, cfg.ConnectTimeout = c.l.Addr().(*net.TCPAddr).Port, ssh.HostKeyOff, 3*time.Second
	return bedHost(t, cfg, remote.Options{})
}

func TestBedUploadInterrupted(t *testing.T) {
	b := testbed.Need(t)
	for name, c := range map[string]struct {
		addr, user string
		as         state.Identity
		spoil      bool
	}{
		"node":    {b.Node(), "root", state.Identity{}, false},
		"sudo":    {b.Sudo(), "deploy", state.Identity{Method: "sudo", Password: b.Password("deploy")}, false},
		"spoiled": {b.Node(), "root", state.Identity{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cut := newCutter(t, net.JoinHostPort(c.addr, fmt.Sprint(b.Port())))
			other := bedHost(t, bedConfig(b, c.addr, c.user), remote.Options{})
			dir, names := uploadDir(t, other, c.as, "cut-"+name)
			h := cut.host(t, b, c.user)
			const size = 20 * mib
			var once sync.Once
			content, _ := made(3, size, func(read int64) {
				if read < 14*mib {
					return
				}
				once.Do(func() {
					cut.cut(false)
					if c.spoil {
						out, err := other.Do(context.Background(), state.Batch{As: c.as, Ops: []state.Op{
							state.Exec{Shell: "sleep 0.3; printf spoiled | dd of=$(echo " + dir + "/.fairlead-*) conv=notrunc"},
						}})
						if err != nil || out.Results[0].RC != 0 {
							t.Errorf("%+v, %v", out, err)
						}
					}
				})
			})
			var mu sync.Mutex
			var opens int
			begun := map[int]int64{}
			open := content.Open
			content.Open = func() (io.ReadCloser, error) {
				mu.Lock()
				opens++
				mu.Unlock()
				return open()
			}
			out := do(t, h, state.Batch{As: c.as, Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: content, Attrs: state.Attrs{Mode: mode(0o640)}}},
				Ask: []state.Query{state.Path{Path: dir + "/f", Want: state.WantSHA256}},
				Sent: func(_ int, done, _ int64) {
					mu.Lock()
					defer mu.Unlock()
					if _, known := begun[opens]; !known {
						begun[opens] = done
					}
				}})
			allOK(t, out, 1)
			if f := sumOf(t, out, 0, content); f.Stat.Mode != 0o640 {
				t.Errorf("%+v", f.Stat)
			}
			if opens != map[bool]int{false: 2, true: 3}[c.spoil] || begun[1] != 0 || (begun[opens] < 4*mib) != c.spoil {
				t.Errorf("opened %d times, begun at %v", opens, begun)
			}
			t.Logf("begun at %v", begun)
			if got := names(); got != "f" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

// A host that is gone for a while: the batch fails, the next one goes on where
// it stopped, or takes away what is left.
func TestBedUploadLater(t *testing.T) {
	b := testbed.Need(t)
	for _, again := range []bool{true, false} {
		t.Run(fmt.Sprint(again), func(t *testing.T) {
			cut := newCutter(t, net.JoinHostPort(b.Node(), fmt.Sprint(b.Port())))
			other := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{})
			dir, names := uploadDir(t, other, state.Identity{}, fmt.Sprint("later-", again))
			h := cut.host(t, b, "root")
			var once sync.Once
			content, _ := made(4, 20*mib, func(read int64) {
				if read > 14*mib {
					once.Do(func() { cut.cut(true) })
				}
			})
			write := state.Batch{Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: content}}, Ask: []state.Query{state.Path{Path: dir + "/f", Want: state.WantSHA256}}}
			_, err := h.Do(t.Context(), write)
			if !diag.ClassOf(err).NoConnection() {
				t.Fatalf("class %s: %v", diag.ClassOf(err), err)
			}
			if got := names(); !strings.HasPrefix(got, ".fairlead-") {
				t.Errorf("there is %q", got)
			}
			cut.cut(false)
			if !again {
				allOK(t, do(t, h, state.Batch{Ops: []state.Op{state.Mkdir{Path: dir + "/d"}}}), 1)
				if got := names(); got != "d" {
					t.Errorf("there is %q", got)
				}
				return
			}
			first := int64(-1)
			write.Sent = func(_ int, done, _ int64) {
				if first < 0 {
					first = done
				}
			}
			sumOf(t, do(t, h, write), 0, content)
			if first < 4*mib {
				t.Errorf("it began at %d", first)
			}
		})
	}
}

func TestBedUploadCancelled(t *testing.T) {
	b := testbed.Need(t)
	for name, as := range map[string]state.Identity{"login": {}, "sudo": {Method: "sudo"}} {
		t.Run(name, func(t *testing.T) {
			h := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{})
			dir, names := uploadDir(t, h, as, "cancel-"+name)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			content, _ := made(5, 64*mib, func(read int64) {
				if read > 12*mib {
					cancel()
				}
			})
			_, err := h.Do(ctx, state.Batch{As: as, Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: content}}})
			if diag.ClassOf(err) != diag.Cancelled {
				t.Errorf("class %s: %v", diag.ClassOf(err), err)
			}
			if got := names(); got != "" {
				t.Errorf("there is %q", got)
			}
			// A content that ends early fails the batch, and leaves nothing.
			short, _ := made(6, 9*mib, nil)
			short.Size = 10 * mib
			if _, err := h.Do(t.Context(), state.Batch{As: as, Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: short}}}); err == nil || !strings.Contains(err.Error(), "ended after") {
				t.Error(err)
			}
			if got := names(); got != "" {
				t.Errorf("there is %q", got)
			}
		})
	}
}

// Memory does not grow with the content.
func TestBedUploadMemory(t *testing.T) {
	b := testbed.Need(t)
	h := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{NoSync: true})
	dir, _ := uploadDir(t, h, state.Identity{}, "memory")
	var base, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&base)
	var top, at uint64
	content, _ := made(7, 96*mib, func(read int64) {
		if uint64(read)/(8*mib) > at {
			at = uint64(read) / (8 * mib)
			runtime.GC()
			runtime.ReadMemStats(&now)
			top = max(top, now.HeapAlloc)
		}
	})
	allOK(t, do(t, h, state.Batch{Ops: []state.Op{state.WriteFile{Path: dir + "/f", Content: content}}}), 1)
	if top > base.HeapAlloc+16*mib {
		t.Errorf("%d MiB more than before", (top-base.HeapAlloc)/mib)
	}
	t.Logf("before %d KiB, at most %d KiB", base.HeapAlloc>>10, top>>10)
}

func BenchmarkBedUpload(b *testing.B) {
	bed := testbed.Need(b)
	name := filepath.Join(b.TempDir(), "content")
	content, _ := made(8, 100*mib, nil)
	r, _ := content.Open()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(f, r); err != nil {
		b.Fatal(err)
	}
	_ = f.Close()
	content.Open = func() (io.ReadCloser, error) { return os.Open(name) }
	for way, from := range map[string]int64{"raw": -1, "sftp": 0} {
		b.Run(way, func(b *testing.B) {
			h, err := remote.Connect(b.Context(), bedConfig(bed, bed.Node(), "root"), remote.Options{SFTPFrom: from, NoSync: true})
			if err != nil {
				b.Fatal(err)
			}
			defer h.Close()
			b.SetBytes(content.Size)
			for b.Loop() {
				out, err := h.Do(b.Context(), state.Batch{Ops: []state.Op{state.Mkdir{Path: "/srv/sftptest"}, state.WriteFile{Path: "/srv/sftptest/bench", Content: content}}})
				if err != nil || !out.Results[1].OK {
					b.Fatal(out, err)
				}
			}
			if _, err := h.Do(b.Context(), state.Batch{Ops: []state.Op{state.Remove{Path: "/srv/sftptest/bench"}}}); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// A full file system: SFTP says no more than that it failed, the other way why.
func TestBedUploadNoSpace(t *testing.T) {
	b := testbed.Need(t)
	h := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{NoSync: true})
	dir, names := uploadDir(t, h, state.Identity{}, "full")
	full := dir + "/fs"
	out := do(t, h, state.Batch{Ops: []state.Op{state.Mkdir{Path: full}, state.Exec{Argv: []string{"mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", full}}}})
	if out.Results[1].RC != 0 {
		t.Fatalf("mount: %s", out.Results[1].Stderr)
	}
	t.Cleanup(func() {
		_, _ = h.Do(context.Background(), state.Batch{Ops: []state.Op{state.Exec{Argv: []string{"umount", full}}}})
	})
	content, _ := made(11, 20*mib, nil)
	out = do(t, h, state.Batch{Ops: []state.Op{state.WriteFile{Path: full + "/f", Content: content}}})
	if len(out.Results) != 1 || out.Results[0].OK || !strings.Contains(out.Results[0].Msg, "No space left") {
		t.Errorf("%+v", out.Results)
	}
	if got := names(); got != "fs" {
		t.Errorf("there is %q", got)
	}
}

// What a host was sent once is copied there when another file is to hold the same.
func TestBedUploadOnce(t *testing.T) {
	b := testbed.Need(t)
	for name, c := range map[string]struct {
		addr, user string
		as         state.Identity
		size       int64
	}{
		"node":    {b.Node(), "root", state.Identity{}, 9 * mib},
		"busybox": {b.Busybox(), "root", state.Identity{}, 9 * mib},
		"sudo":    {b.Sudo(), "deploy", state.Identity{Method: "sudo", Password: b.Password("deploy")}, 9 * mib},
		"raw":     {b.Node(), "root", state.Identity{}, mib},
	} {
		t.Run(name, func(t *testing.T) {
			h := bedHost(t, bedConfig(b, c.addr, c.user), remote.Options{})
			dir, _ := uploadDir(t, h, c.as, "once-"+name)
			content, _ := made(21, c.size, nil)
			private := state.Attrs{Mode: mode(0o600)}
			before := h.Stats().BytesOut
			out := do(t, h, state.Batch{As: c.as, Ops: []state.Op{
				state.WriteFile{Path: dir + "/one", Content: content, Attrs: private},
				state.WriteFile{Path: dir + "/two", Content: content, Attrs: state.Attrs{Mode: mode(0o644)}},
				state.WriteFile{Path: dir + "/three", Content: content, Attrs: private},
			}, Ask: []state.Query{state.Path{Path: dir + "/two", Want: state.WantSHA256}, state.Path{Path: dir + "/three", Want: state.WantSHA256}}})
			allOK(t, out, 3)
			if f := sumOf(t, out, 0, content); f.Stat.Mode != 0o644 {
				t.Errorf("%+v", f.Stat)
			}
			if f := sumOf(t, out, 1, content); f.Stat.Mode != 0o600 {
				t.Errorf("%+v", f.Stat)
			}
			if sent := h.Stats().BytesOut - before; sent > c.size*3/2 {
				t.Errorf("%d bytes went out for %d", sent, c.size)
			}
			if c.size < 8*mib || name == "busybox" { // no SFTP
				return
			}
			// A later batch, and a file that was changed meanwhile.
			before = h.Stats().BytesOut
			out = do(t, h, state.Batch{As: c.as, Ops: []state.Op{state.WriteFile{Path: dir + "/four", Content: content, Attrs: private}},
				Ask: []state.Query{state.Path{Path: dir + "/four", Want: state.WantSHA256}}})
			allOK(t, out, 1)
			sumOf(t, out, 0, content)
			if sent := h.Stats().BytesOut - before; sent > c.size/2 {
				t.Errorf("%d bytes went out for what was there", sent)
			}
			out = do(t, h, state.Batch{As: c.as, Ops: []state.Op{
				state.Exec{Shell: "printf other | dd of=" + dir + "/four conv=notrunc 2>/dev/null"},
			}})
			allOK(t, out, 1)
			out = do(t, h, state.Batch{As: c.as, Ops: []state.Op{state.WriteFile{Path: dir + "/five", Content: content, Attrs: private}},
				Ask: []state.Query{state.Path{Path: dir + "/five", Want: state.WantSHA256}}})
			allOK(t, out, 1)
			sumOf(t, out, 0, content)
		})
	}
}

// A folder may have two names: a file that was sent may be another when its content
// is to be copied.
func TestBedUploadOnceBehindALink(t *testing.T) {
	b := testbed.Need(t)
	h := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{})
	dir, _ := uploadDir(t, h, state.Identity{}, "alias")
	one, _ := made(31, mib, nil)
	two, _ := made(32, mib, nil)
	out := do(t, h, state.Batch{Ops: []state.Op{state.Mkdir{Path: dir + "/real"}, state.Symlink{Path: dir + "/link", Target: "real"}}})
	allOK(t, out, 2)
	out = do(t, h, state.Batch{Ops: []state.Op{
		state.WriteFile{Path: dir + "/real/f", Content: one},
		state.WriteFile{Path: dir + "/link/f", Content: two},
		state.WriteFile{Path: dir + "/third", Content: one},
	}, Ask: []state.Query{state.Path{Path: dir + "/third", Want: state.WantSHA256}}})
	allOK(t, out, 3)
	sumOf(t, out, 0, one)
}
