package web

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// jar keeps the cookies of one call, by domain, then path, in the order in
// which each came first.
type jar struct {
	cookies []cookie
}

type cookie struct {
	domain, path, name, value string
	subdomains, secure        bool
}

// take keeps the cookies of an answer.
func (j *jar) take(u *url.URL, resp *http.Response) {
	for _, c := range resp.Cookies() {
		k := cookie{domain: strings.ToLower(u.Hostname()), path: c.Path, name: c.Name, value: c.Value, secure: c.Secure}
		if d := strings.TrimPrefix(strings.ToLower(c.Domain), "."); d != "" && d != k.domain {
			if !strings.HasSuffix(k.domain, "."+d) {
				continue // of somebody else
			}
			k.domain, k.subdomains = d, true
		}
		if !strings.HasPrefix(k.path, "/") {
			k.path = path.Dir(u.Path)
			if k.path == "." {
				k.path = "/"
			}
		}
		gone := c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) && c.MaxAge == 0
		j.put(k, gone)
	}
}

// put keeps a cookie beside those of its domain and path.
func (j *jar) put(k cookie, gone bool) {
	at := len(j.cookies)
	for i, old := range j.cookies {
		same := old.domain == k.domain && old.path == k.path
		switch {
		case same && old.name == k.name && gone:
			j.cookies = append(j.cookies[:i], j.cookies[i+1:]...)
			return
		case same && old.name == k.name:
			j.cookies[i] = k
			return
		case same:
			at = i + 1
		}
	}
	if gone {
		return
	}
	j.cookies = append(j.cookies, cookie{})
	copy(j.cookies[at+1:], j.cookies[at:])
	j.cookies[at] = k
}

// header is the text of the header Cookie for a URL.
func (j *jar) header(u *url.URL) string {
	var parts []string
	host := strings.ToLower(u.Hostname())
	at := u.Path
	if at == "" {
		at = "/"
	}
	for _, k := range j.cookies {
		if host != k.domain && !(k.subdomains && strings.HasSuffix(host, "."+k.domain)) {
			continue
		}
		if !strings.HasPrefix(at, k.path) || k.secure && u.Scheme != "https" {
			continue
		}
		parts = append(parts, k.name+"="+k.value)
	}
	return strings.Join(parts, "; ")
}

func (j *jar) all() []state.Header {
	out := make([]state.Header, len(j.cookies))
	for i, k := range j.cookies {
		out[i] = state.Header{Name: k.name, Value: k.value}
	}
	return out
}
