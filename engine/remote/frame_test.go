package remote

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prologue []string
		text     string
		seq      int
	}{{nil, "", 1}, {[]string{"N=", "x\n"}, "_k=\n", 12}, {nil, strings.Repeat("é\n", 5000), 345}} {
		f := newFrame()
		f.text.WriteString(c.text)
		body := c.text + "_M e " + strconv.Itoa(c.seq) + "\n"
		whole := "{\n" + strings.Join(c.prologue, "") + body + "}"
		if got, want := sentText(f.encode(c.prologue, c.seq, sized)), strconv.Itoa(len(whole))+"\n"+whole; got != want {
			t.Errorf("frame %d is %q, want %q", c.seq, got, want)
		}
		if got, want := sentText(f.encode(nil, c.seq, lined)), "l"+strconv.Itoa(2+strings.Count(body, "\n"))+"\n{\n"+body+"}\n"; got != want {
			t.Errorf("frame %d as lines is %q, want %q", c.seq, got, want)
		}
		if got, want := sentText(f.encode(c.prologue, c.seq, script)), "{\n"+wire+"\n"+strings.Join(c.prologue, "")+body+frames+"\n}\n"; got != want {
			t.Errorf("frame %d as a script is %q, want %q", c.seq, got, want)
		}
	}
}

// sentText is what is written of a frame.
func sentText(e encoded) string {
	var b strings.Builder
	_ = e.send(&b)
	return b.String()
}

func TestForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    *shell
		text string
		want form
	}{
		{&shell{fresh: true, script: true}, "", script},
		{&shell{fresh: true}, "", sized},
		{&shell{script: true, has: partBase}, "a", lined},
		{&shell{script: true}, "a", sized},
		{&shell{stat: 'b'}, "a", sized},
		{&shell{has: partBase}, strings.Repeat("a", maxLined+1), sized},
		{&shell{has: partBase}, "é", sized},
		{&shell{has: partBase}, "\xff", sized},
	} {
		f := newFrame()
		f.text.WriteString(c.text)
		if got := c.s.form(f); got != c.want {
			t.Errorf("%.9q goes as %d, want %d (fresh %v)", c.text, got, c.want, c.s.fresh)
		}
	}
}

// BenchmarkFrame asks about ten files: the frame that a shell gets first.
func BenchmarkFrame(b *testing.B) {
	var ask []state.Query
	for i := range 10 {
		ask = append(ask, state.Path{Path: "/srv/app/etc/file" + strconv.Itoa(i), Want: state.WantSHA256})
	}
	h := newHost(Options{})
	b.ReportAllocs()
	for b.Loop() {
		s := &shell{host: h, nonce: "0123456789abcdef0123456789abcdef", fresh: true, seq: 1}
		f, err := s.build(state.Batch{Ask: ask}, newAsking(ask), nil, ahead{})
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(f.encode(s.prologue(f), s.seq, script).size()))
	}
}

// BenchmarkAnswer takes an answer of 64 KiB in pieces of 4 KiB apart.
func BenchmarkAnswer(b *testing.B) {
	const nonce = "0123456789abcdef0123456789abcdef"
	text := nonce + " c\n" + strings.Repeat("a line of a file that was asked for\n", 64<<10/36) + nonce + " e 1\n"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		rx := newReceiver(nonce, 1, Limits{Answer: 1 << 20, Output: 1 << 20})
		for rest := []byte(text); len(rest) > 0; {
			n := min(4<<10, len(rest))
			rx.feed(0, rest[:n])
			rest = rest[n:]
		}
		rx.feed(1, []byte(nonce+" e 1\n"))
		if rx.err != nil || !rx.finished() {
			b.Fatal(rx.err)
		}
	}
}

// TestCutFrames: nothing of a frame that came in part is done, whatever its form.
func TestCutFrames(t *testing.T) {
	t.Parallel()
	for _, sh := range []string{"sh", "dash", "bash", "busybox"} {
		args := []string{}
		if sh == "busybox" {
			args = append(args, "sh")
		}
		if _, err := exec.LookPath(sh); err != nil {
			continue // this machine has others of them
		}
		for as, name := range map[form]string{sized: "sized", lined: "lined", script: "script"} {
			made := filepath.Join(t.TempDir(), "made")
			run := func(cut int) bool {
				cmd := exec.Command(sh, args...)
				in, err := cmd.StdinPipe()
				if err != nil {
					t.Fatal(err)
				}
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				driver := []string{"_M() { echo; }\n_nl='\n'\n"}
				if as != script { // a frame behind the shell's own, which has been answered
					_, _ = in.Write([]byte(sentText(newFrame().encode(driver, 1, script))))
					_, _ = io.ReadFull(out, make([]byte, 1))
					driver = nil
				}
				f := newFrame()
				f.text.WriteString("true >'" + made + "'\ntrue\n")
				b := []byte(sentText(f.encode(driver, 2, as)))
				_, _ = in.Write(b[:len(b)-cut])
				_ = in.Close()
				_, _ = io.Copy(io.Discard, out)
				_ = cmd.Wait()
				_, err = os.Stat(made)
				return err == nil
			}
			for _, cut := range []int{3, 20} {
				if run(cut) {
					t.Errorf("%s did a %s frame that lacks %d bytes", sh, name, cut)
				}
			}
			if !run(0) {
				t.Errorf("%s did not do a whole %s frame", sh, name)
			}
		}
	}
}

func TestSplitPath(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"/etc/motd", "/etc", "motd"}, {"/motd", "", "motd"}, {"/", "/.", ""}, {"//", "/.", ""}, {"/etc//motd/", "/etc", "motd"},
		{"/etc/./motd", "/etc", "motd"}, {"/etc/../motd", "/etc/..", "motd"}, {"/etc/..", "/etc/../.", ""}, {"/a b/ ", "/a b", " "}, {"/...", "", "..."},
	} {
		if dir, base, err := splitPath(c[0]); dir != c[1] || base != c[2] || err != nil {
			t.Errorf("splitPath(%q) is %q, %q, %v; want %q, %q", c[0], dir, base, err, c[1], c[2])
		}
	}
	for _, p := range []string{"", "etc", "/a\x00b"} {
		if _, _, err := splitPath(p); err == nil {
			t.Errorf("splitPath(%q) succeeds", p)
		}
	}
}
