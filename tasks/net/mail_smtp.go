package net

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// post is a mail on its way.
type post struct {
	server, address string // host, and host:port as messages have it
	hello           string
	user, password  string
	secure          string // always, never, starttls or try
	timeout         time.Duration
	from            string
	to              []string
	text            []byte
	// textErr is why there is no text: told when the server was met.
	textErr error
}

// posted is what came of it.
type posted struct {
	refused []refusal
	warning string
}

type refusal struct {
	addr string
	err  *textproto.Error
}

// unsent is why a mail was not sent, as the task is told.
type unsent struct {
	before string
	err    error
}

func (u *unsent) Error() string {
	if u.err == nil {
		return u.before
	}
	return u.before + u.err.Error()
}

func (u *unsent) Unwrap() error { return u.err }

// send meets the server and leaves the mail with it. A network that lets wait for
// longer than the timeout ends it.
func (p *post) send(ctx context.Context, dial state.Dialer) (any, error) {
	c, secured, err := p.meet(ctx, dial)
	if err != nil {
		return nil, err
	}
	defer c.Close() //nolint:errcheck // it is over
	if err := c.Hello(p.hello); err != nil {
		return nil, &unsent{"Helo failed for host " + p.address + ": ", err}
	}
	if !secured && (p.secure == "starttls" || p.secure == "try") {
		if secured, err = p.startTLS(c); err != nil {
			return nil, err
		}
	}
	var out posted
	if p.user != "" && p.password != "" {
		if err := p.login(c); err != nil {
			return nil, err
		}
		if !secured {
			out.warning = "Username and Password was sent without encryption"
		}
	}
	if p.textErr != nil {
		return nil, p.textErr
	}
	if out.refused, err = p.deliver(c); err != nil {
		return nil, &unsent{"Failed to send mail to '" + strings.Join(p.to, ", ") + "': ", err}
	}
	_ = c.Quit() // the mail is with the server
	return out, nil
}

// meet connects: with TLS from the start where the server knows it, else in clear.
func (p *post) meet(ctx context.Context, dial state.Dialer) (*smtp.Client, bool, error) {
	if p.secure != "never" {
		conn, err := p.dial(ctx, dial)
		if err == nil {
			secured := tls.Client(conn, p.tls())
			if err = secured.HandshakeContext(ctx); err == nil {
				c, err := smtp.NewClient(secured, p.server)
				return c, true, p.connectErr(err)
			}
			_ = conn.Close()
			if p.secure == "always" && !errors.Is(err, io.EOF) {
				return nil, false, &unsent{"Unable to start an encrypted session to " + p.address + ": ", err}
			}
		}
	}
	conn, err := p.dial(ctx, dial)
	if err != nil {
		return nil, false, p.connectErr(err)
	}
	c, err := smtp.NewClient(conn, p.server)
	return c, false, p.connectErr(err)
}

func (p *post) connectErr(err error) error {
	if err == nil {
		return nil
	}
	return &unsent{"Unable to Connect " + p.address + ": ", err}
}

func (p *post) dial(ctx context.Context, dial state.Dialer) (net.Conn, error) {
	if p.timeout > 0 {
		c, cancel := context.WithTimeoutCause(ctx, p.timeout, errors.New("timed out"))
		defer cancel()
		conn, err := dial(c, "tcp", p.address)
		if err != nil && c.Err() != nil && ctx.Err() == nil {
			return nil, context.Cause(c)
		}
		if err != nil {
			return nil, err
		}
		return &patient{conn, p.timeout}, nil
	}
	return dial(ctx, "tcp", p.address)
}

// tls takes any certificate, as Python's smtplib does.
func (p *post) tls() *tls.Config {
	return &tls.Config{ServerName: p.server, InsecureSkipVerify: true} //nolint:gosec // as the original
}

func (p *post) startTLS(c *smtp.Client) (bool, error) {
	if ok, _ := c.Extension("STARTTLS"); !ok {
		if p.secure == "starttls" {
			return false, &unsent{"StartTLS is not offered on server " + p.address, nil}
		}
		return false, nil
	}
	if err := c.StartTLS(p.tls()); err != nil {
		return false, &unsent{"Unable to start an encrypted session to " + p.address + ": ", err}
	}
	return true, nil
}

// login takes the first way that both know, as Python does: CRAM-MD5, PLAIN, LOGIN;
// one that is refused is followed by the next.
func (p *post) login(c *smtp.Client) error {
	ok, ways := c.Extension("AUTH")
	if !ok {
		return &unsent{"No Authentication on the server at " + p.address, nil}
	}
	offered := map[string]bool{}
	for _, w := range strings.Fields(ways) {
		offered[strings.ToUpper(w)] = true
	}
	tried := false
	for _, way := range []string{"CRAM-MD5", "PLAIN", "LOGIN"} {
		if !offered[way] {
			continue
		}
		err := p.loginBy(c, way)
		if err == nil {
			return nil
		}
		tried = true
		if _, said := errors.AsType[*textproto.Error](err); !said {
			break
		}
	}
	if tried {
		return &unsent{"Authentication to " + p.address + " failed, please check your username and/or password", nil}
	}
	return &unsent{"No Suitable authentication method was found on " + p.address, nil}
}

// loginBy logs in by one way, also at a server that does not encrypt: the task is
// warned of that. net/smtp ends the connection when a way is refused.
func (p *post) loginBy(c *smtp.Client, way string) error {
	b64 := base64.StdEncoding.EncodeToString
	const goOn, in = 334, 235
	switch way {
	case "PLAIN":
		_, err := smtpSay(c, in, "AUTH PLAIN "+b64([]byte("\x00"+p.user+"\x00"+p.password)))
		return err
	case "LOGIN":
		_, err := smtpSay(c, goOn, "AUTH LOGIN "+b64([]byte(p.user)))
		if err == nil {
			_, err = smtpSay(c, in, b64([]byte(p.password)))
		}
		return err
	}
	text, err := smtpSay(c, goOn, "AUTH CRAM-MD5")
	if err != nil {
		return err
	}
	challenge, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	mac := hmac.New(md5.New, []byte(p.password))
	mac.Write(challenge)
	_, err = smtpSay(c, in, b64(fmt.Appendf(nil, "%s %x", p.user, mac.Sum(nil))))
	return err
}

// smtpSay sends a line and gives the answer, which is to have a code.
func smtpSay(c *smtp.Client, code int, line string) (string, error) {
	id, err := c.Text.Cmd("%s", line)
	if err != nil {
		return "", err
	}
	c.Text.StartResponse(id)
	defer c.Text.EndResponse(id)
	_, text, err := c.Text.ReadResponse(code)
	return text, err
}

// deliver gives the mail to the server. Who is refused while others are not is told.
func (p *post) deliver(c *smtp.Client) ([]refusal, error) {
	if err := c.Mail(p.from); err != nil {
		return nil, err
	}
	var refused []refusal
	for _, to := range p.to {
		err := c.Rcpt(to)
		said, ok := errors.AsType[*textproto.Error](err)
		switch {
		case err == nil:
		case !ok:
			return nil, err
		default:
			refused = append(refused, refusal{to, said})
		}
	}
	if len(refused) == len(p.to) {
		return nil, allRefused(refused)
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(p.text); err != nil {
		return nil, err
	}
	return refused, w.Close()
}

// allRefused is the error when nobody is welcome, as Python writes it.
func allRefused(rs []refusal) error {
	parts := make([]string, len(rs))
	for i, r := range rs {
		parts[i] = fmt.Sprintf("'%s': %s", r.addr, pythonSays(r.err))
	}
	return errors.New("{" + strings.Join(parts, ", ") + "}")
}

// pythonSays is a server's answer as Python shows it.
func pythonSays(e *textproto.Error) string { return fmt.Sprintf("(%d, b'%s')", e.Code, e.Msg) }

// smtpWords is an error as Python's smtplib tells it.
func smtpWords(err error, msg string) string {
	if said, ok := errors.AsType[*textproto.Error](err); ok {
		return pythonSays(said)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "[SSL: WRONG_VERSION_NUMBER] wrong version number"
	}
	if errors.Is(err, io.EOF) {
		return "Connection unexpectedly closed"
	}
	return msg
}

// patient is a connection whose other side may let wait for a time.
type patient struct {
	net.Conn
	limit time.Duration
}

func (c *patient) Read(b []byte) (int, error)  { return c.wait(c.Conn.Read, b) }
func (c *patient) Write(b []byte) (int, error) { return c.wait(c.Conn.Write, b) }

func (c *patient) wait(do func([]byte) (int, error), b []byte) (int, error) {
	t := time.AfterFunc(c.limit, func() { _ = c.Close() })
	n, err := do(b)
	if !t.Stop() && err != nil {
		err = errors.New("timed out")
	}
	return n, err
}
