package net

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

// postOffice is a mail server: what it was told, and the last mail.
type postOffice struct {
	mu    sync.Mutex
	lines []string
	mail  string
	// offers are its abilities, greets its first words.
	offers []string
	greets string
}

func (o *postOffice) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			o.talk(c)
		}
		_ = l.Close()
	}()
	return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
}

func (o *postOffice) talk(c net.Conn) {
	defer c.Close() //nolint:errcheck // it is over
	in := bufio.NewReader(c)
	say := func(s string) { _, _ = fmt.Fprintf(c, "%s\r\n", s) }
	say(o.greets)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		o.mu.Lock()
		o.lines = append(o.lines, line)
		o.mu.Unlock()
		switch word, _, _ := strings.Cut(line, " "); {
		case word == "EHLO":
			for _, x := range append([]string{"here"}, o.offers...) {
				say("250-" + x)
			}
			say("250 HELP")
		case word == "AUTH" && strings.HasPrefix(line, "AUTH PLAIN"):
			say("535 no")
		case word == "AUTH":
			say("334 UGFzc3dvcmQ6")
		case line == "c2VzYW1l":
			say("235 in")
		case strings.Contains(line, "nobody"):
			say("550 unknown")
		case word == "DATA":
			say("354 go")
			var b strings.Builder
			for line, err := in.ReadString('\n'); err == nil && line != ".\r\n"; line, err = in.ReadString('\n') {
				b.WriteString(line)
			}
			o.mu.Lock()
			o.mail = b.String()
			o.mu.Unlock()
			say("250 taken")
		default:
			say("250 ok")
		}
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	office := &postOffice{greets: "220 here", offers: []string{"AUTH PLAIN LOGIN"}}
	h := &moduletest.Host{Files: map[string]string{"/f/a.txt": "enclosed"}, Dial: office.dial, Outs: moduletest.Printed("web.example.org\n")}
	r, err := h.Run(t, Mail(), value.M("secure", "never", "subject", "Größe", "body", "text ü", "sender", `"Joe, D." <joe@x>`,
		"to", value.Strings("Ann <ann@x>", "nobody@x", "ann@x"), "bcc", value.Strings("hidden@x"), "attach", value.Strings("/f/a.txt"),
		"headers", value.Strings("X-A=b|bad"), "username", "joe", "password", "sesame"))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := r.Get("result")
	if msg, _ := r.Get("msg"); msg.Str() != "Failed to send mail to at least one recipient" || m.Repr() != "{'nobody@x': [550, 'unknown']}" {
		t.Errorf("registered %v", r)
	}
	said := strings.Join(office.lines, "|")
	for _, want := range []string{"EHLO web.example.org", "AUTH LOGIN am9l|c2VzYW1l", "MAIL FROM:<joe@x>", "RCPT TO:<hidden@x>|RCPT TO:<ann@x>|RCPT TO:<nobody@x>|DATA"} {
		if !strings.Contains(said, want) {
			t.Errorf("said %s, not %s", said, want)
		}
	}
	got, err := mail.ReadMessage(strings.NewReader(office.mail))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != "Größe" || got.Header.Get("X-A") != "b" || got.Header.Get("From") != `"Joe, D." <joe@x>` || got.Header.Get("Bcc") != "" {
		t.Errorf("headers %v, %v", got.Header, err)
	}
	_, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(got.Body, params["boundary"])
	for _, want := range []string{"dGV4dCDDvAoK\r\n", "ZW5jbG9zZWQ=\r\n"} {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(p); err != nil || strings.TrimSpace(string(body)) != strings.TrimSpace(want) {
			t.Errorf("a part is %q, %v", body, err)
		}
	}
}

func TestMailRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		greets string
		args   []any
		want   string
	}{
		"nobody":    {"220 here", []any{"to", value.Strings("nobody@x")}, "Failed to send mail to 'nobody@x': {'nobody@x': (550, b'unknown')}"},
		"two lines": {"220 here", []any{"to", value.Strings("a\r\nBcc: b <c>")}, "Failed to send mail to 'a\r\nBcc"},
		"starttls":  {"220 here", []any{"secure", "starttls"}, "StartTLS is not offered on server localhost:25"},
		"always":    {"220 here", []any{"secure", "always"}, "Unable to start an encrypted session to localhost:25: [SSL: WRONG_VERSION_NUMBER]"},
		"login":     {"220 here", []any{"username", "a", "password", "b"}, "No Authentication on the server at localhost:25"},
		"down":      {"554 down", nil, "Unable to Connect localhost:25: (554, b'down')"},
		"file":      {"220 here", []any{"attach", value.Strings("/none")}, "Failed to send community.general.mail: can't attach file /none: [Errno 2]"},
		"charset":   {"220 here", []any{"charset", "us-ascii", "body", "ü"}, "'ascii' codec"},
	} {
		office := &postOffice{greets: c.greets}
		h := &moduletest.Host{Files: map[string]string{"/f/x": ""}, Dial: office.dial}
		_, err := h.Run(t, Mail(), value.M(append([]any{"subject", "x", "secure", "never"}, c.args...)...))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestParseAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"root":                 "root",
		"Joe Doe <joe@x>":      "Joe Doe <joe@x>",
		"joe@x (Joe)":          "Joe <joe@x>",
		`"Doe, J." <joe@x>`:    `"Doe, J." <joe@x>`,
		`"say \"hi\"" <joe@x>`: `"say \"hi\"" <joe@x>`,
		"Jörg <j@x>":           "=?utf-8?b?SsO2cmc=?= <j@x>",
		"<joe@x>":              "joe@x",
	} {
		if got := formatAddress(parseAddress(in)); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}
