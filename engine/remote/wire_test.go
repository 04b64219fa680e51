package remote

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// FuzzAnswer feeds a host's answer in pieces: nothing of it may panic or hang,
// and how it is cut must not matter.
func FuzzAnswer(f *testing.F) {
	const nonce = "0123456789abcdef0123456789abcdef"
	f.Add([]byte(nonce+" d 0 0 4\n/etc"+nonce+" p 0 E 6\n/etc/x"+nonce+" s\n"+nonce+" T g\n"+nonce+" e 1\n"), 3)
	f.Add([]byte(nonce+" f 1\na\x00b\x00"+nonce+" F 1 g\n"+nonce+" u 2\nroot:x:0:0::/:/\n"+nonce+" e 1\n"), 40)
	f.Add([]byte(nonce+" x 0 5\nout"+nonce+" y 0 0 0\n"+nonce+" e 1\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		read := func(cut int) (int, error) {
			lim := Limits{Output: 1 << 10, Answer: 1 << 16}
			rx := newReceiver(nonce, 1, lim)
			rx.expect(0, lim)
			for rest := data; len(rest) > 0; {
				n := min(max(cut, 1), len(rest))
				rx.feed(0, rest[:n])
				rest = rest[n:]
			}
			rx.feed(1, []byte(nonce+" e 1\n"))
			if rx.err != nil || !rx.finished() {
				return len(rx.sections[0]), rx.err
			}
			h := &Host{}
			s := &shell{host: h, hello: &hello{}}
			ask := newAsking([]state.Query{state.Path{Path: "/etc/x", Want: state.WantContent | state.WantSHA256}, state.Tree{Path: "/t"}, state.User{Name: "root"}})
			fr := newFrame()
			ask.put(fr, s, nil)
			return len(rx.sections[0]), ask.read(s, rx.sections[0])
		}
		n1, err1 := read(cut % 64)
		n2, err2 := read(len(data))
		if (err1 == nil) != (err2 == nil) || n1 != n2 {
			t.Fatalf("cut matters: %d %v, %d %v", n1, err1, n2, err2)
		}
	})
}

func FuzzKept(f *testing.F) {
	f.Add([]byte("abcdefghij"), 4, 3)
	f.Fuzz(func(t *testing.T, data []byte, limit, piece int) {
		if limit < 2 || limit > 1000 {
			return
		}
		k := kept{limit: limit}
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			k.write(rest[:n])
			rest = rest[n:]
		}
		got := k.bytes()
		if len(data) <= limit {
			if !bytes.Equal(got, data) || k.truncated {
				t.Fatalf("%q of %q", got, data)
			}
			return
		}
		want := append(bytes.Clone(data[:limit/2]), data[len(data)-(limit-limit/2):]...)
		if !bytes.Equal(got, want) || !k.truncated {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}

func TestExecStringIsPlain(t *testing.T) {
	if strings.ContainsAny(loop, "!'\\\n") {
		t.Error("the loop cannot be passed through every login shell")
	}
	for _, id := range []state.Identity{{}, {Method: "sudo", Password: "p-secret"}, {Method: "su", User: "u", Password: "p-secret"}} {
		b, err := become(id)
		if err != nil || strings.Contains(b.command, "secret") || strings.ContainsAny(b.command, "!\\\n") || strings.Count(b.command, "'") != map[bool]int{true: 0, false: 2}[b.script] {
			t.Errorf("%v %q", err, b.command)
		}
	}
}
