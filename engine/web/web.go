// Package web sends HTTP requests over connections that somebody else dials
// (from a host, through SSH). It behaves as Python's urllib does under
// Ansible: which redirects are followed, who gets which header, when a
// password is sent, and what is said when nobody answers.
package web

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Host is what a request needs of the host it starts from.
type Host struct {
	// Dial opens a connection from the host: network "tcp" or "unix".
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// ReadFile gives the content of a file of the host; an error that is
	// fs.ErrNotExist when there is none.
	ReadFile func(ctx context.Context, path string) ([]byte, error)
}

// maxRedirects is how many redirects are followed, as in Python.
const maxRedirects = 10

// inMemory is the size up to which an answer is kept in memory: 8 MiB.
const inMemory = 8 << 20

// call is one request with what it leads to.
type call struct {
	state.HTTPRequest
	host    Host
	client  *http.Client
	jar     jar
	tried   map[string]bool // authorizations that were sent
	retry   *request        // with an authorization
	digest  int             // how often a digest was answered
	unredir map[string]bool
}

// Do sends a request and reads the answer. The error is for a context that
// ended; everything else is in the response.
func Do(ctx context.Context, h Host, o state.HTTPRequest) (state.HTTPResponse, error) {
	c := &call{HTTPRequest: o, host: h, tried: map[string]bool{}, unredir: map[string]bool{}}
	for _, n := range o.Unredirected {
		c.unredir[strings.ToLower(n)] = true
	}
	start := time.Now()
	r := c.run(ctx)
	r.Elapsed = time.Since(start)
	return r, ctx.Err()
}

func (c *call) run(ctx context.Context) state.HTTPResponse {
	target, err := c.target()
	if err != nil {
		return state.HTTPResponse{Status: -1, URL: c.URL, Msg: err.Error(), Invalid: true}
	}
	transport, err := c.transport(ctx)
	if err != nil {
		return state.HTTPResponse{Status: -1, URL: c.URL, Msg: err.Error(), Invalid: true}
	}
	defer transport.CloseIdleConnections()
	c.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	step := request{method: strings.ToUpper(c.Method), url: target, headers: c.headers(), body: c.Body}
	for redirects := 0; ; {
		resp, cancel, err := c.send(ctx, step)
		if err != nil {
			return state.HTTPResponse{Status: -1, URL: c.URL, Msg: said(err)}
		}
		if c.authorize(resp, step) {
			drop(resp, cancel)
			step = *c.retry
			continue
		}
		next, follow := c.redirected(resp, step)
		if !follow {
			return c.answer(resp, cancel, target, step)
		}
		drop(resp, cancel)
		if redirects++; redirects > maxRedirects {
			return state.HTTPResponse{Status: resp.StatusCode, URL: c.URL, Failed: true, Headers: fields(resp),
				Msg: "HTTP Error " + resp.Status + ": The HTTP server returned a redirect error that would lead to an infinite loop."}
		}
		step = next
	}
}

// drop ends an answer that is not wanted.
func drop(resp *http.Response, cancel func()) {
	_ = resp.Body.Close()
	cancel()
}

// target takes the URL apart. A user in it counts when none is given.
func (c *call) target() (*url.URL, error) {
	text := strings.ReplaceAll(c.URL, " ", "%20")
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		return nil, errors.New("unknown url type: '" + c.URL + "'")
	default:
		return nil, errors.New("<urlopen error unknown url type: " + u.Scheme + ">")
	}
	if u.User != nil {
		if c.User == "" {
			c.User = u.User.Username()
			c.Password, _ = u.User.Password()
		}
		u.User = nil
	}
	return u, nil
}

// request is one of the requests that a call leads to.
type request struct {
	method  string
	url     *url.URL
	headers []state.Header
	body    *state.Content
	later   bool // redirected
}

// headers are those of the first request.
func (c *call) headers() []state.Header {
	var hs []state.Header
	has := map[string]bool{}
	for _, h := range c.Headers {
		has[strings.ToLower(h.Name)] = true
	}
	add := func(name, text string) {
		if !has[strings.ToLower(name)] {
			hs = append(hs, state.Header{Name: name, Value: text})
		}
	}
	if c.Agent != "" {
		add("User-Agent", c.Agent)
	}
	if c.Fresh {
		add("Cache-Control", "no-cache")
	} else if !c.Since.IsZero() {
		add("If-Modified-Since", c.Since.UTC().Format(http.TimeFormat))
	}
	if c.Body != nil {
		add("Content-Type", "application/x-www-form-urlencoded")
	}
	add("Accept-Encoding", "identity")
	if c.User != "" && c.ForceBasic {
		add("Authorization", basic(c.User, c.Password))
	}
	return append(hs, c.Headers...)
}

// send sends one request. cancel must be called when the answer was read.
func (c *call) send(ctx context.Context, s request) (*http.Response, func(), error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() { cancel(nil) }
	var body io.Reader = http.NoBody
	if s.body != nil {
		r, err := s.body.Reader()
		if err != nil {
			stop()
			return nil, nil, err
		}
		body = r
	}
	req, err := http.NewRequestWithContext(ctx, s.method, s.url.String(), body)
	if err != nil {
		stop()
		return nil, nil, err
	}
	req.Close = true
	if s.body != nil {
		req.ContentLength = s.body.Size
	}
	for _, h := range s.headers {
		if strings.EqualFold(h.Name, "host") {
			req.Host = h.Value
			continue
		}
		req.Header[http.CanonicalHeaderKey(h.Name)] = []string{h.Value}
	}
	if cookies := c.jar.header(s.url); cookies != "" && req.Header.Get("Cookie") == "" {
		req.Header.Set("Cookie", cookies)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Python-urllib/3") // Go would name itself
	}
	watch := c.patience(cancel)
	var sent atomic.Bool
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Store(true) }}))
	resp, err := c.client.Do(req)
	if err != nil {
		watch.stop()
		if cause := context.Cause(ctx); errors.Is(cause, errLate) {
			err = errLate
			if sent.Load() {
				err = errSilent
			}
		}
		stop()
		return nil, nil, err
	}
	resp.Body = watch.body(resp.Body)
	c.jar.take(s.url, resp)
	return resp, func() { watch.stop(); stop() }, nil
}

// redirected gives the request that an answer leads to.
func (c *call) redirected(resp *http.Response, s request) (request, bool) {
	code := resp.StatusCode
	at := resp.Header.Get("Location")
	switch code {
	case 301, 302, 303, 307, 308:
	default:
		return request{}, false
	}
	if at == "" {
		at = resp.Header.Get("Uri")
	}
	if at == "" || !c.mayFollow(code, s.method) {
		return request{}, false
	}
	to, err := s.url.Parse(strings.ReplaceAll(at, " ", "%20"))
	if err != nil || to.Scheme != "http" && to.Scheme != "https" {
		return request{}, false
	}
	next := request{method: s.method, url: to, body: s.body, later: true}
	for _, h := range s.headers {
		name := strings.ToLower(h.Name)
		dropBody := code != 307 && code != 308 || c.Follow == "urllib2"
		if c.unredir[name] || dropBody && (name == "content-length" || name == "content-type" || name == "transfer-encoding") {
			continue
		}
		next.headers = append(next.headers, h)
	}
	switch {
	case c.Follow == "urllib2": // even HEAD goes on as GET
		next.body, next.method = nil, http.MethodGet
	case code == 307 || code == 308:
	default:
		next.body = nil
		if code == 303 && s.method != http.MethodHead || code == 302 && s.method != http.MethodHead || code == 301 && s.method == http.MethodPost {
			next.method = http.MethodGet
		}
	}
	return next, true
}

// mayFollow tells whether a redirect is followed.
func (c *call) mayFollow(code int, method string) bool {
	reads := method == http.MethodGet || method == http.MethodHead
	switch c.Follow {
	case "all", "yes", "true", "True":
		return true
	case "safe":
		return reads
	case "urllib2":
		return reads || method == http.MethodPost && code <= 303
	}
	return false
}

// answer reads what came.
func (c *call) answer(resp *http.Response, cancel func(), first *url.URL, s request) state.HTTPResponse {
	defer cancel()
	defer resp.Body.Close() //nolint:errcheck // only read
	out := state.HTTPResponse{Status: resp.StatusCode, Reason: reason(resp), URL: c.URL, Headers: fields(resp)}
	var body io.Reader = resp.Body
	if c.Decompress && strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") && s.method != http.MethodHead && resp.StatusCode < 300 {
		body = &gunzip{from: resp.Body}
	}
	content, s1, m5, err := spool(body)
	if err != nil {
		return state.HTTPResponse{Status: -1, URL: c.URL, Msg: "Connection failure: " + plain(err)}
	}
	out.Body, out.SHA1, out.MD5 = content, s1, m5
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		out.Failed = true
		out.Msg = "HTTP Error " + strings.Fields(resp.Status)[0] + ": " + out.Reason
		return out
	}
	length := resp.Header.Get("Content-Length")
	if length == "" {
		length = "unknown"
	}
	out.Msg = "OK (" + length + " bytes)"
	if s.later {
		out.URL = s.url.String()
	} else if c.User != "" && first.String() != c.URL {
		out.URL = first.String()
	}
	out.Cookies = c.jar.all()
	return out
}

// reason is the text behind the status code.
func reason(resp *http.Response) string {
	_, text, _ := strings.Cut(resp.Status, " ")
	return text
}

// fields are the headers of an answer, those included that Go takes away.
func fields(resp *http.Response) []state.Header {
	var out []state.Header
	for name, values := range resp.Header {
		for _, v := range values {
			out = append(out, state.Header{Name: name, Value: v})
		}
	}
	if resp.Close && resp.ProtoAtLeast(1, 1) && resp.Header.Get("Connection") == "" {
		out = append(out, state.Header{Name: "Connection", Value: "close"})
	}
	if len(resp.TransferEncoding) > 0 {
		out = append(out, state.Header{Name: "Transfer-Encoding", Value: strings.Join(resp.TransferEncoding, ", ")})
	}
	return out
}

// spool keeps what comes: in memory while it is small, else in a file that
// goes when nobody needs it any more.
func spool(r io.Reader) (*state.Content, string, string, error) {
	s1, m5, s256 := sha1.New(), md5.New(), sha256.New()
	sums := io.MultiWriter(s1, m5, s256)
	data, err := io.ReadAll(io.LimitReader(r, inMemory+1))
	if err != nil {
		return nil, "", "", err
	}
	_, _ = sums.Write(data) // hashes never fail
	c := &state.Content{Data: data, Size: int64(len(data))}
	if data == nil {
		c.Data = []byte{}
	}
	if len(data) > inMemory {
		if c, err = toFile(data, r, sums); err != nil {
			return nil, "", "", err
		}
	}
	sum := func(h interface{ Sum([]byte) []byte }) string { return hex.EncodeToString(h.Sum(nil)) }
	c.SHA256 = sum(s256)
	return c, sum(s1), sum(m5), nil
}

func toFile(head []byte, rest io.Reader, sums io.Writer) (*state.Content, error) {
	f, err := os.CreateTemp("", "fairlead-web-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil { // it lives as long as it is open
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Write(head); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	n, err := io.Copy(io.MultiWriter(f, sums), rest)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	size := int64(len(head)) + n
	return &state.Content{Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, size)), nil
	}}, nil
}

// tlsConfig is how the server's certificate is looked at.
func (c *call) tlsConfig(ctx context.Context) (*tls.Config, error) {
	cfg := &tls.Config{InsecureSkipVerify: c.Insecure, MinVersion: tls.VersionTLS12} //nolint:gosec // the task says so
	if !c.Insecure {
		roots, err := c.roots(ctx)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = roots
	}
	return cfg, c.clientCert(ctx, cfg)
}
