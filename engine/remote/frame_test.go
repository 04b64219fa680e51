package remote

import (
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
		var f frame
		f.text.WriteString(c.text)
		got := string(f.encode(c.prologue, c.seq))
		body := "{\n" + strings.Join(c.prologue, "") + c.text + "_M e " + strconv.Itoa(c.seq) + "\n}"
		if want := strconv.Itoa(len(body)) + "\n" + body; got != want {
			t.Errorf("frame %d is %q, want %q", c.seq, got, want)
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
		b.SetBytes(int64(len(f.encode(s.prologue(), s.seq))))
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
