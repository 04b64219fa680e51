package net

import (
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// webArgs are what modules have in common that send a request.
type webArgs struct {
	URL           string      `arg:"url"`
	Force         bool        `arg:"force"`
	Agent         string      `arg:"http_agent"`
	UseProxy      bool        `arg:"use_proxy"`
	ValidateCerts bool        `arg:"validate_certs"`
	User          string      `arg:"url_username"`
	Password      value.Value `arg:"url_password"`
	ForceBasic    bool        `arg:"force_basic_auth"`
	ClientCert    string      `arg:"client_cert"`
	ClientKey     string      `arg:"client_key"`
	Timeout       int         `arg:"timeout"`
	Headers       *value.Map  `arg:"headers"`
	Unredirected  []string    `arg:"unredirected_headers"`
	Decompress    bool        `arg:"decompress"`
	Ciphers       []string    `arg:"ciphers"`
	UseNetrc      bool        `arg:"use_netrc"`
	Gssapi        bool        `arg:"use_gssapi"`
}

// webSpecArgs declares webArgs; user and password are other names of the
// credentials, and seconds is how long to wait.
func webSpecArgs(user, password string, seconds int) []module.Arg {
	return []module.Arg{
		{Name: "url", Required: true, Doc: "The address: http or https."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Ask for it again even if it seems to be unchanged."},
		{Name: "http_agent", Default: "ansible-httpget", Doc: "What to say who asks."},
		{Name: "use_proxy", Type: module.Bool, Default: true, Doc: "Go through the proxies that the task's environment names (http_proxy, https_proxy, no_proxy)."},
		{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Look at the server's certificate, with what the host trusts."},
		{Name: "url_username", Aliases: []string{user}, Doc: "The user, when the server asks."},
		{Name: "url_password", Aliases: []string{password}, Secret: true, Doc: "The password."},
		{Name: "force_basic_auth", Type: module.Bool, Default: false, Doc: "Send user and password without being asked."},
		{Name: "client_cert", Type: module.Path, Doc: "A file of the host with the certificate to show (and its key)."},
		{Name: "client_key", Type: module.Path, Doc: "A file of the host with the key of client_cert."},
		{Name: "timeout", Type: module.Int, Default: seconds, Doc: "Seconds to wait for the server each time."},
		{Name: "headers", Type: module.Dict, Default: map[string]any{}, Doc: "Headers to send."},
		{Name: "unredirected_headers", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Names of headers that are not sent where a redirect leads."},
		{Name: "decompress", Type: module.Bool, Default: true, Doc: "Take gzip off the answer."},
		{Name: "ciphers", Type: module.List, Elem: module.Str, Doc: "Accepted; the library chooses among safe ones."},
		{Name: "use_netrc", Type: module.Bool, Default: true, Doc: "Take user and password from ~/.netrc of the host (or the file that NETRC of the environment names), when none are given."},
		{Name: "use_gssapi", Type: module.Bool, Default: false, Doc: "Not supported."},
	}
}

// request is the request that the arguments ask for, without method and body.
func (a webArgs) request(in module.Inputs, g *module.Gather) (state.HTTPRequest, error) {
	if a.Gssapi {
		return state.HTTPRequest{}, module.Fail("use_gssapi is not supported")
	}
	o := state.HTTPRequest{URL: a.URL, Agent: a.Agent, NoProxy: !a.UseProxy, Insecure: !a.ValidateCerts, User: a.User, ForceBasic: a.ForceBasic,
		Timeout: time.Duration(a.Timeout) * time.Second, Unredirected: a.Unredirected, Decompress: a.Decompress, Ciphers: a.Ciphers, Fresh: a.Force}
	if !a.Password.IsNull() {
		o.Password = a.Password.Text()
	}
	if a.ClientCert != "" {
		o.CertFile = g.Path(a.ClientCert)
	}
	if a.ClientKey != "" {
		o.KeyFile = g.Path(a.ClientKey)
	}
	if a.Headers != nil {
		for k, v := range a.Headers.All() {
			o.Headers = append(o.Headers, state.Header{Name: k.Text(), Value: v.Text()})
		}
	}
	if a.UseNetrc && a.User == "" && !strings.Contains(a.URL, "@") {
		a.netrc(in, g, &o)
	}
	return o, nil
}

// netrc takes the credentials of the URL's server from the host's file that NETRC
// of the task's environment names, or ~/.netrc.
func (a webArgs) netrc(in module.Inputs, g *module.Gather, o *state.HTTPRequest) {
	file := ""
	for _, e := range in.Env {
		if v, ok := strings.CutPrefix(e, "NETRC="); ok {
			file = g.Path(v)
		}
	}
	if home := g.Login().Home; file == "" && home != "" {
		file = path.Join(home, ".netrc")
	}
	if file == "" {
		return
	}
	f, err := g.TryFile(file, state.WantContent)
	if err != nil || len(f.Content) == 0 {
		return
	}
	_, rest, _ := strings.Cut(a.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	if user, password, ok := netrcLogin(string(f.Content), host); ok {
		o.User, o.Password, o.ForceBasic = user, password, true
	}
}

// netrcLogin looks a host up; an entry "default" is for all that come to it.
func netrcLogin(text, host string) (user, password string, ok bool) {
	words := strings.Fields(text)
	mine, done := false, false
	for i := 0; i < len(words) && !done; i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] {
		case "machine":
			done = mine
			mine = mine || next == host
			i++
		case "default":
			done = mine
			mine = true
		case "login":
			if mine {
				user = next
			}
			i++
		case "password":
			if mine {
				password = next
			}
			i++
		case "account":
			i++
		}
	}
	return user, password, mine && user != "" && password != ""
}

// answered gives the answer of a request that was just sent.
func answered(did []state.OpResult) state.HTTPResponse {
	r, _ := did[len(did)-1].Data.(state.HTTPResponse)
	return r
}

// header gives a header of an answer, "" when it has none.
func header(r state.HTTPResponse, name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// place plans to put what came into a file of the host, with the attributes
// asked for, and gives the stat it will have. done tells that something must be
// asked first, or is wrong.
func place(g *module.Gather, a module.FileAttrs, dest string, body *state.Content, backup string) (ops []state.Op, after state.Stat, err error) {
	f := g.File(dest, state.WantSHA256)
	login := g.Login()
	cur := f.Followed
	exists := cur.Type != state.TypeNone
	if !exists {
		cur = g.NewStat(f.Parent, state.TypeFile)
		cur.Mode = 0o666 &^ login.Umask
		if a.Group == "" && cur.GID != login.GID {
			cur.GID, cur.Group = login.GID, login.Group
		}
	}
	if !g.Complete() {
		return nil, cur, nil
	}
	if exists && body == nil || exists && f.SHA256 == body.SHA256 {
		w, err := a.Want(g, cur)
		if err != nil {
			return nil, cur, err
		}
		if set := w.Changes(cur); !set.IsZero() {
			ops = []state.Op{state.SetAttrs{Path: f.Resolved, Attrs: set}}
		}
		return ops, w.Apply(cur), nil
	}
	w, err := a.Want(g, cur)
	if err != nil {
		return nil, cur, err
	}
	set := w.Changes(cur)
	if !exists {
		set = w.Make(cur)
	}
	after = w.Apply(cur)
	after.Size, after.Nlink = body.Size, 1
	at := f.Resolved
	return []state.Op{state.WriteFile{Path: at, Content: body, Attrs: set, Backup: backup, InPlace: a.UnsafeWrites && exists}}, after, nil
}
