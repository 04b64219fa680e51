package jinja

import (
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

func addURLFilters(f map[string]Filter) {
	f["urldecode"] = bound(func(_ *Context, in value.Value, _ *Bound) (value.Value, error) {
		return strResult(unquote(strings.ReplaceAll(text(in), "+", " ")))
	})
	f["urlsplit"] = bound(urlSplit, "component?")
}

// unquote decodes what is percent-encoded and leaves the rest, as Python's
// urllib does.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

// url is what Python's urlsplit makes of a text; it refuses nearly nothing.
type splitURL struct {
	scheme, netloc, path, query, fragment string
	user, password, host, port            value.Value
}

var schemePattern = lazyregexp.New(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// parseURL splits a text as urllib.parse.urlsplit does.
func parseURL(s string) (splitURL, error) {
	var u splitURL
	s = strings.TrimLeft(s, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\v\f\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	if m := schemePattern().FindString(s); m != "" {
		u.scheme, s = strings.ToLower(m[:len(m)-1]), s[len(m):]
	}
	if strings.HasPrefix(s, "//") {
		end := strings.IndexAny(s[2:], "/?#")
		if end < 0 {
			end = len(s) - 2
		}
		u.netloc, s = s[2:2+end], s[2+end:]
		if strings.Contains(u.netloc, "[") != strings.Contains(u.netloc, "]") {
			return u, refusal("Invalid IPv6 URL")
		}
	}
	s, u.fragment, _ = strings.Cut(s, "#")
	u.path, u.query, _ = strings.Cut(s, "?")
	return u, u.splitNetloc()
}

func (u *splitURL) splitNetloc() error {
	rest := u.netloc
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, has := strings.Cut(rest[:i], ":")
		u.user = value.String(user)
		if has {
			u.password = value.String(password)
		}
		rest = rest[i+1:]
	}
	host, port := rest, ""
	if i := strings.IndexByte(rest, '['); i >= 0 {
		inside, after, _ := strings.Cut(rest[i+1:], "]")
		host = inside
		_, port, _ = strings.Cut(after, ":")
	} else {
		host, port, _ = strings.Cut(rest, ":")
	}
	if host != "" {
		u.host = value.String(strings.ToLower(host))
	}
	if port == "" {
		return nil
	}
	n, err := strconv.Atoi(port)
	switch {
	case err != nil:
		return refusal("Port could not be cast to integer value as '%s'", port)
	case n < 0 || n > 65535:
		return refusal("Port out of range 0-65535")
	}
	u.port = value.Int(int64(n))
	return nil
}

func urlSplit(_ *Context, in value.Value, b *Bound) (value.Value, error) {
	u, err := parseURL(text(in))
	if err != nil {
		return in, err
	}
	m := value.M("fragment", value.String(u.fragment), "hostname", u.host, "netloc", value.String(u.netloc), "password", u.password,
		"path", value.String(u.path), "port", u.port, "query", value.String(u.query), "scheme", value.String(u.scheme), "username", u.user)
	name := b.Str("component", "")
	if name == "" {
		return value.FromMap(m), nil
	}
	v, ok := m.Get(name)
	if !ok {
		return in, refusal("urlsplit: unknown URL component: %s", name)
	}
	return v, nil
}

// uriTest is uri, url (it names a place) or urn.
func uriTest(kind string) Test {
	return Test{Fn: func(_ *Context, v value.Value, a Args) (bool, error) {
		b := a.Bind("schemes?")
		u, err := parseURL(text(v))
		if b.Err != nil || err != nil || !v.IsString() {
			return false, b.Err
		}
		known := b.Value("schemes").IsNull()
		for _, s := range b.Value("schemes").Items() {
			known = known || s.Text() == u.scheme
		}
		if kind == "url" {
			return known && (u.netloc != "" || u.scheme == "file"), nil
		}
		return known && (kind != "urn" || u.scheme == "urn"), nil
	}}
}
