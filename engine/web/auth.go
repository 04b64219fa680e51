package web

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// authorize answers a server that asks who we are. It tells whether the
// request, whose headers it changed, is to be sent again.
func (c *call) authorize(resp *http.Response, s request) bool {
	if resp.StatusCode != http.StatusUnauthorized || c.User == "" || c.ForceBasic {
		return false
	}
	for _, challenge := range resp.Header.Values("Www-Authenticate") {
		scheme, params, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		answer := ""
		switch strings.ToLower(scheme) {
		case "basic":
			answer = basic(c.User, c.Password)
		case "digest":
			if c.digest++; c.digest <= 2 { // a stale nonce is answered once more
				answer = c.digested(parseParams(params), s)
			}
		}
		if answer == "" || c.tried[answer] {
			continue
		}
		c.tried[answer] = true
		setHeader(&s, "Authorization", answer)
		c.retry = &s
		return true
	}
	return false
}

func setHeader(s *request, name, text string) {
	kept := make([]state.Header, 0, len(s.headers)+1)
	for _, h := range s.headers {
		if !strings.EqualFold(h.Name, name) {
			kept = append(kept, h)
		}
	}
	s.headers = append(kept, state.Header{Name: name, Value: text})
}

// parseParams reads key=value pairs between commas; values may be quoted.
func parseParams(s string) map[string]string {
	out := map[string]string{}
	for s = strings.TrimLeft(s, " ,"); s != ""; s = strings.TrimLeft(s, " ,") {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			return out
		}
		value := ""
		if strings.HasPrefix(rest, `"`) {
			end := strings.Index(rest[1:], `"`)
			if end < 0 {
				return out
			}
			value, s = rest[1:1+end], rest[end+2:]
		} else {
			value, s, _ = strings.Cut(rest, ",")
		}
		out[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
	}
	return out
}

var digests = map[string]func() hash.Hash{"": md5.New, "MD5": md5.New, "SHA": sha1.New, "SHA-256": sha256.New}

// digested is the answer to a digest challenge (RFC 7616), "" when it cannot
// be answered.
func (c *call) digested(p map[string]string, s request) string {
	newHash := digests[strings.ToUpper(p["algorithm"])]
	auth := p["qop"] == ""
	for q := range strings.SplitSeq(p["qop"], ",") {
		auth = auth || strings.TrimSpace(q) == "auth"
	}
	if newHash == nil || p["nonce"] == "" || !auth {
		return ""
	}
	sum := func(text string) string {
		h := newHash()
		_, _ = h.Write([]byte(text)) // hashes never fail
		return hex.EncodeToString(h.Sum(nil))
	}
	uri := s.url.RequestURI()
	ha1 := sum(c.User + ":" + p["realm"] + ":" + c.Password)
	ha2 := sum(s.method + ":" + uri)
	nonce := make([]byte, 8)
	_, _ = rand.Read(nonce) // never fails
	cnonce := hex.EncodeToString(nonce)
	nc := fmt.Sprintf("%08x", c.digest)
	response := sum(ha1 + ":" + p["nonce"] + ":" + ha2)
	if p["qop"] != "" {
		response = sum(ha1 + ":" + p["nonce"] + ":" + nc + ":" + cnonce + ":auth:" + ha2)
	}
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, c.User, p["realm"], p["nonce"], uri, response)
	if p["opaque"] != "" {
		out += fmt.Sprintf(`, opaque="%s"`, p["opaque"])
	}
	if p["algorithm"] != "" {
		out += fmt.Sprintf(`, algorithm="%s"`, p["algorithm"])
	}
	if p["qop"] != "" {
		out += fmt.Sprintf(`, qop=auth, nc=%s, cnonce="%s"`, nc, cnonce)
	}
	return out
}
