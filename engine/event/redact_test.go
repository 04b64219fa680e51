package event

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const nasty = `p'a"s\s w%r/d+é&x`

func TestRedactorFindsForms(t *testing.T) {
	t.Parallel()
	j, err := json.Marshal(nasty)
	if err != nil {
		t.Fatal(err)
	}
	jj, err := json.Marshal(string(j))
	if err != nil {
		t.Fatal(err)
	}
	inner := `p'a\"s\\s w%r/d+` + `\u00e9&x`
	cases := map[string]string{
		"plain":          nasty,
		"json":           string(j),
		"json twice":     string(jj),
		"python json":    inner,
		"python repr":    value.String(nasty).Repr(),
		"single quotes":  `'` + strings.ReplaceAll(nasty, `'`, `'\''`) + `'`,
		"ansible quotes": `'` + strings.ReplaceAll(nasty, `'`, `'"'"'`) + `'`,
		"query":          url.QueryEscape(nasty),
		"path":           url.PathEscape(nasty),
		"base64":         base64.StdEncoding.EncodeToString([]byte(nasty)),
		"base64 url":     base64.RawURLEncoding.EncodeToString([]byte(nasty)),
		"base64 inside":  base64.StdEncoding.EncodeToString([]byte("root:" + nasty + "@host")),
		"base64 inside2": base64.StdEncoding.EncodeToString([]byte("user:" + nasty)),
		"ini":            "password = " + strings.ReplaceAll(nasty, "%", "%%"),
	}
	r := NewRedactor(nasty)
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := r.String("before " + s + " after")
			if !strings.Contains(got, Hidden) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%q became %q", s, got)
			}
			for _, part := range []string{nasty, "s w%r/d", "s w%%r", `r%2Fd`} {
				if strings.Contains(got, part) {
					t.Errorf("%q still holds %q", got, part)
				}
			}
		})
	}
}

func TestRedactorOverlapAndLength(t *testing.T) {
	t.Parallel()
	r := NewRedactor("abcdefgh", "efghijkl", "short", "secret1", "secret12345")
	for in, want := range map[string]string{
		"xabcdefghijklx":      "x" + Hidden + "x",
		"short abcde":         "short abcde",
		"secret12345!secret1": Hidden + "!" + Hidden,
		"":                    "",
		"abcdef":              "abcdef",
	} {
		if got := r.String(in); got != want {
			t.Errorf("String(%q) = %q, want %q", in, got, want)
		}
	}
	var none *Redactor
	if got := none.String("abcdefgh"); got != "abcdefgh" {
		t.Errorf("a nil redactor changed the text: %q", got)
	}
}

func TestRedactorPrivateKeyByLine(t *testing.T) {
	t.Parallel()
	pem := "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA7x\nb3BlbnNzaC1rZXktdjEAAAA\n-----END KEY-----\n"
	r := NewRedactor(pem)
	got := r.String("+    MIIEpAIBAAKCAQEA7x\n+    b3BlbnNzaC1rZXktdjEAAAA\n+  -----END KEY-----")
	if strings.Contains(got, "MIIE") || strings.Contains(got, "b3Bl") || !strings.Contains(got, "END KEY") {
		t.Error(got)
	}
}

func secretEvent() *Event {
	secret := value.String("hunter2000").WithMarks(value.Secret)
	res := value.M("stdout", "it is hunter2000!", "changed", true, "pw", value.String("abc").WithMarks(value.Secret),
		"list", []any{"hunter2000", 1}, "hunter2000", "as a key", "b64", base64.StdEncoding.EncodeToString([]byte("hunter2000")))
	return &Event{
		Seq: 7, Run: "r1", Time: time.Unix(1, 5).UTC(), Kind: Result, Task: "set hunter2000", Host: "h1", Status: Failed,
		Msg: "command said hunter2000", Item: value.List(value.String("u"), secret), HasItem: true, Label: "u hunter2000",
		Res: res, Diff: state.Diff{{AfterHeader: "/etc/x", Before: "a\n", After: "pw=hunter2000\n"}},
		Warnings: []string{"do not use hunter2000"}, Failures: []string{"h1: hunter2000"}, Pos: diag.Pos{File: "a.yml", Line: 3, Col: 5},
		Stats: map[string]*HostStats{"h1": {OK: 1}}, Duration: time.Second,
	}
}

func TestRedactorEvent(t *testing.T) {
	t.Parallel()
	r := NewRedactor("hunter2000")
	e := secretEvent()
	got, err := json.Marshal(r.Event(e))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got, []byte("hunter2000")) || bytes.Contains(got, []byte(`"abc"`)) || bytes.Contains(got, []byte("aHVudGVyMjAw")) {
		t.Errorf("a secret is left: %s", got)
	}
	if !strings.Contains(e.Msg, "hunter2000") {
		t.Error("the original event was changed")
	}
	again, err := json.Marshal(r.Event(r.Event(e)))
	if err != nil || !bytes.Equal(again, got) {
		t.Errorf("redacting twice differs:\n%s\n%s", got, again)
	}
}

func TestRedactorNoLog(t *testing.T) {
	t.Parallel()
	e := secretEvent()
	e.NoLog = true
	var r *Redactor
	got := r.Event(e)
	want := value.M("censored", Censored, "changed", true)
	if value.FromMap(got.Res).Repr() != value.FromMap(want).Repr() {
		t.Errorf("result %s", value.FromMap(got.Res).Repr())
	}
	if got.Label != CensoredLabel || got.Item.Str() != CensoredItem || got.Diff != nil || got.Msg != Censored || got.Warnings != nil {
		t.Errorf("not censored: %+v", got)
	}
}

func TestEventJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]*Event{
		"full":      NewRedactor("hunter2000").Event(secretEvent()),
		"null item": {Seq: 1, Run: "x", Kind: ItemResult, HasItem: true, Loop: true},
		"plain":     {Seq: 2, Run: "x", Kind: RunStarted, Playbooks: []string{"a.yml"}, Check: true},
		"big":       {Seq: 3, Kind: Result, Res: value.M("n", value.Int(1<<62), "f", 1.5, "e", map[string]any{}, "nil", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := json.Marshal(*e)
			if err != nil {
				t.Fatal(err)
			}
			var back Event
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(&back)
			if err != nil || string(again) != string(b) {
				t.Errorf("round trip:\n%s\n%s", b, again)
			}
			if back.HasItem != e.HasItem || !back.Time.Equal(e.Time) {
				t.Errorf("lost something: %+v", back)
			}
		})
	}
}

func TestOutputHeldBack(t *testing.T) {
	t.Parallel()
	var got []string
	s := NewRedactor("hunter2000").Sink(SinkFunc(func(_ context.Context, e *Event) error {
		got = append(got, string(e.Kind)+":"+e.Chunk)
		return nil
	}))
	for _, e := range []*Event{
		{Kind: Output, Host: "a", Chunk: "one hun"}, {Kind: Output, Host: "b", Chunk: "hunt"}, {Kind: Output, Host: "a", Chunk: "ter20"},
		{Kind: Output, Host: "a", Chunk: "00 two h"}, {Kind: Output, Host: "a", NoLog: true, Chunk: "never"},
		{Kind: Result, Host: "a"}, {Kind: RunEnded},
	} {
		if err := s.Emit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"output:one ", "output:" + Hidden + " two ", "output:h", "result:", "output:hunt", "run_ended:"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRedactorConcurrent(t *testing.T) {
	t.Parallel()
	r := NewRedactor()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 15 {
				s := fmt.Sprintf("secret-%d-%d", g, i)
				r.Add(s)
				if got := r.String("x " + s); got != "x "+Hidden {
					t.Errorf("%q not hidden: %q", s, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestLogHandlerAndError(t *testing.T) {
	t.Parallel()
	r := NewRedactor("hunter2000")
	var b bytes.Buffer
	l := slog.New(r.LogHandler(slog.NewTextHandler(&b, nil))).With("a", "hunter2000").WithGroup("g")
	l.Info("said hunter2000", "err", errors.New("no hunter2000"), slog.Group("k", "v", "hunter2000"), "n", 5)
	if strings.Contains(b.String(), "hunter2000") || !strings.Contains(b.String(), "g.n=5") {
		t.Error(b.String())
	}
	cause := &diag.Diagnostic{Class: diag.Auth, Msg: "password hunter2000 refused"}
	err := r.Error(fmt.Errorf("dial: %w", cause))
	if strings.Contains(err.Error(), "hunter2000") || diag.ClassOf(err) != diag.Auth {
		t.Error(err, diag.ClassOf(err))
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":               "plain",
		"a\tb\nc\r\nd":        "a\tb\nc\nd",
		"\x1b[31mred\x1b]0;x": `\x1b[31mred\x1b]0;x`,
		"rewrite\rok":         `rewrite\rok`,
		"c1 \u009b31m":        `c1 \x9b31m`,
		"bad \xff":            `bad \xff`,
		"\u202eevil":          `\u202eevil`,
		"äöü 漢字 👍":            "äöü 漢字 👍",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got := PrintableLine("a\nTASK [forged]\t\r"); got != `a\nTASK [forged]\t\r` {
		t.Error(got)
	}
}

func TestJSONLinesAndMulti(t *testing.T) {
	t.Parallel()
	var a, b bytes.Buffer
	bad := SinkFunc(func(context.Context, *Event) error { return errors.New("full") })
	err := Multi(JSONLines(&a), nil, bad, JSONLines(&b)).Emit(t.Context(), &Event{Seq: 1, Msg: "x\x1b\x7f\u009b<é>"})
	if err == nil || a.String() != b.String() || strings.Count(a.String(), "\n") != 1 {
		t.Errorf("%v %q %q", err, a.String(), b.String())
	}
	if !strings.Contains(a.String(), `"msg":"x\u001b\u007f\u009b<é>"`) {
		t.Error(a.String())
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("hunter2000", "some hunter2000 text")
	f.Fuzz(func(t *testing.T, secret, text string) {
		r := NewRedactor(secret)
		got := r.String(text + secret)
		if r.index != nil && len(secret) > 8 && !strings.Contains(Hidden, secret) && strings.Contains(got, secret) {
			t.Errorf("%q left in %q", secret, got)
		}
		ready, held := r.split(text)
		if ready+held != text {
			t.Errorf("split lost text: %q %q", ready, held)
		}
	})
}

func BenchmarkRedactor(b *testing.B) {
	r := NewRedactor()
	for i := range 1000 {
		r.Add(fmt.Sprintf("password-number-%d", i))
	}
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100)
	r.String(text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.String(text)
	}
}
