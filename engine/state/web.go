package state

import (
	"net/url"
	"time"
)

// Header is one field of an HTTP message, its name as it was written.
type Header struct{ Name, Value string }

// HTTPRequest sends a request as seen from the host: the connection to the
// server begins there. Its OpResult is OK also when the server refuses or
// cannot be reached; Data is an HTTPResponse.
type HTTPRequest struct {
	Method, URL string
	Headers     []Header
	// Unredirected are names of headers that a redirected request does not get.
	Unredirected []string
	Body         *Content // nil: none
	// User and Password are for who asks for them; with ForceBasic they are
	// sent at once.
	User, Password string
	ForceBasic     bool
	Agent          string
	// Follow says which redirects are followed: "urllib2", "safe", "all" or
	// "none", as Ansible's uri has them.
	Follow string
	// Timeout bounds connecting and each wait for the server; 0: none.
	Timeout time.Duration
	// NoProxy leaves out the proxies that Env names (http_proxy and its kin).
	NoProxy bool
	Env     []string
	// Insecure takes any certificate. CAFile is a file of the host with those
	// to trust ("": what the host trusts); CertFile and KeyFile are files of
	// the host, too.
	Insecure                  bool
	CAFile, CertFile, KeyFile string
	Ciphers                   []string
	// UnixSocket is a socket of the host to ask in place of the URL's server.
	UnixSocket string
	// Decompress takes gzip off the answer.
	Decompress bool
	// Since, when it is not zero, asks only for what changed after it.
	Since time.Time
	// Fresh asks caches on the way not to answer.
	Fresh bool
	// Read promises that the request changes nothing (ReachNone).
	Read bool
}

// HTTPResponse is what came of an HTTPRequest.
type HTTPResponse struct {
	// Status is the status code; -1: nobody answered, Msg says why.
	Status int
	Reason string
	// Failed tells that the status is none of 2xx (after redirects).
	Failed bool
	Msg    string
	// Invalid tells that the request could not be made as it was asked.
	Invalid bool
	// URL is where the answer came from.
	URL string
	// Headers are those of the answer, in order.
	Headers []Header
	Cookies []Header
	// Body is what came; nil when nobody answered.
	Body      *Content
	SHA1, MD5 string
	Elapsed   time.Duration
}

// Reach is ReachExternal, unless the request promises to change nothing.
func (o HTTPRequest) Reach() Reach {
	if o.Read {
		return ReachNone
	}
	return ReachExternal
}

func (o HTTPRequest) String() string {
	shown := o.URL
	if u, err := url.Parse(o.URL); err == nil {
		shown = u.Redacted()
	}
	return o.Method + " " + shown
}
