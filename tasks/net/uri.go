package net

import (
	"fmt"
	"mime"
	"net/url"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type uriArgs struct {
	module.FileAttrs
	webArgs
	Method        string             `arg:"method"`
	Body          value.Value        `arg:"body"`
	BodyFormat    string             `arg:"body_format"`
	Src           module.Opt[string] `arg:"src"`
	RemoteSrc     bool               `arg:"remote_src"`
	Dest          module.Opt[string] `arg:"dest"`
	ReturnContent bool               `arg:"return_content"`
	Follow        string             `arg:"follow_redirects"`
	Creates       module.Opt[string] `arg:"creates"`
	Removes       module.Opt[string] `arg:"removes"`
	StatusCode    []int              `arg:"status_code"`
	UnixSocket    string             `arg:"unix_socket"`
	CAPath        string             `arg:"ca_path"`
}

var uriSpec = module.Spec{
	Name:    "uri",
	Summary: "Send a request to a web server",
	Doc: "Asks a server, as seen from the host, and registers its answer: the headers by their names in lower case with underscores, " +
		"and json when the answer is JSON. The request goes through the SSH connection; the host needs no program for it. In a dry run nothing is sent.",
	Args: append(append([]module.Arg{
		{Name: "method", Default: "GET", Doc: "The method."},
		{Name: "body", Type: module.Raw, Doc: "What to send: a text, or what body_format makes one of."},
		{Name: "body_format", Default: "raw", Choices: []string{"form-urlencoded", "json", "raw", "form-multipart"}, Doc: "How body is written; it sets Content-Type, too."},
		{Name: "src", Type: module.Path, Doc: "A file to send: here, or with remote_src on the host."},
		{Name: "remote_src", Type: module.Bool, Default: false, Doc: "src, and files that a form-multipart body names, are on the host."},
		{Name: "dest", Type: module.Path, Doc: "A file of the host to write the answer to, or a folder for it."},
		{Name: "return_content", Type: module.Bool, Default: false, Doc: "Register the answer as content, too."},
		{Name: "follow_redirects", Default: "safe", Choices: []string{"all", "no", "none", "safe", "urllib2", "yes"}, Doc: "safe: those of GET and HEAD; all; none."},
		{Name: "creates", Type: module.Path, Doc: "Send nothing when this path exists."},
		{Name: "removes", Type: module.Path, Doc: "Send nothing when this path does not exist."},
		{Name: "status_code", Type: module.List, Elem: module.Int, Default: []any{200}, Doc: "The status codes that are a success."},
		{Name: "unix_socket", Type: module.Path, Doc: "A socket of the host to ask in place of the address's server."},
		{Name: "ca_path", Type: module.Path, Doc: "A file of the host with the certificates to trust."},
	}, webSpecArgs("user", "password", 30)...), module.FileArgs()...),
	MutuallyExclusive: [][]string{{"body", "src"}},
	Order:             [][]string{{"redirected", "url", "status", "server", "date", "content_type", "content_length", "last_modified", "cookies_string", "cookies", "msg", "elapsed", "changed"}},
	Returns: []module.Return{
		{Name: "status", Type: "int", When: "always", Doc: "The status code; -1: nobody answered."},
		{Name: "msg", Type: "str", When: "always", Doc: "What the server said, or why there was no answer."},
		{Name: "url", Type: "str", When: "always", Doc: "The address that answered."},
		{Name: "redirected", Type: "bool", When: "always", Doc: "It is not the one that was asked."},
		{Name: "elapsed", Type: "int", When: "always", Doc: "Seconds it took."},
		{Name: "content", Type: "str", When: "return_content", Doc: "The answer."},
		{Name: "json", Type: "dict", When: "the answer is JSON", Doc: "The answer, read."},
		{Name: "cookies", Type: "dict", When: "success", Doc: "The cookies that were set."},
		{Name: "cookies_string", Type: "str", When: "success", Doc: "The same as a header has them."},
		{Name: "path", Type: "str", When: "dest was given", Doc: "The file that was written."},
	},
	Examples: "- uri: {url: \"http://192.0.2.1:8080/health\", status_code: [200, 204]}\n  register: health\n  until: health.status == 200\n  retries: 10\n" +
		"- uri: {url: \"https://192.0.2.1/api\", method: POST, body_format: json, body: {name: app}, status_code: 201}\n",
	Traits: module.Traits{Reach: state.ReachExternal},
}

// URI is the module uri.
func URI() module.Module { return module.New(uriSpec, planURI) }

// repeatable are the methods of which two requests do what one does (RFC 9110,
// 9.2.2).
var repeatable = map[string]bool{"GET": true, "HEAD": true, "OPTIONS": true, "TRACE": true, "PUT": true, "DELETE": true}

var oneWord = lazyregexp.New(`^[A-Z]+$`)

func planURI(a uriArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	o, err := a.request(in, g)
	if err != nil {
		return module.Change{}, err
	}
	o.Method, o.Follow, o.Fresh = strings.ToUpper(a.Method), a.Follow, false
	if !oneWord().MatchString(o.Method) {
		return module.Change{}, module.Fail("Parameter 'method' needs to be a single word in uppercase, like GET or POST.")
	}
	if a.UnixSocket != "" {
		o.UnixSocket = g.Path(a.UnixSocket)
	}
	if a.CAPath != "" {
		o.CAFile = g.Path(a.CAPath)
	}
	if c, done, err := a.guard(g); done {
		return c, err
	}
	dest := ""
	if d, ok := a.Dest.Get(); ok {
		dest = g.Path(d)
		f := g.File(strings.TrimRight(dest, "/"), 0)
		if f.IsRegular() {
			o.Since = f.Followed.MTime
		}
	}
	if err := a.body(g, in, &o); err != nil && g.Complete() {
		return module.Change{}, err
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	o.Read = (o.Method == "GET" || o.Method == "HEAD" || o.Method == "OPTIONS") && dest == ""
	m := value.M("changed", false)
	for _, k := range []string{"status", "msg", "url", "redirected", "elapsed", "json", "content", "cookies", "cookies_string"} {
		m.Set(k, later(in))
	}
	return module.Change{Ops: []state.Op{o}, Result: m, Once: !repeatable[o.Method], NoCheck: "remote module (ansible.legacy.uri) does not support check mode", Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		return a.answer(v, dest, answered(did))
	}}, nil
}

// later is a field that only the server can tell; no flush of a dry run will
// bring it.
func later(in module.Inputs) value.Value {
	if in.Check {
		return value.Unknown(&value.Origin{What: "a request that would be sent"})
	}
	return module.Later()
}

// guard looks at creates and removes.
func (a uriArgs) guard(g *module.Gather) (module.Change, bool, error) {
	look := func(o module.Opt[string]) (string, bool, bool) {
		p, given := o.Get()
		if !given {
			return "", false, false
		}
		p = g.Path(p)
		return p, true, g.File(strings.TrimRight(p, "/"), 0).Followed.Type != state.TypeNone
	}
	creates, c, made := look(a.Creates)
	removes, r, there := look(a.Removes)
	if change, missing, err := g.Missing(); missing {
		return change, true, err
	}
	switch {
	case c && made:
		return notSent("skipped, since '" + creates + "' exists"), true, nil
	case r && !there:
		return notSent("skipped, since '" + removes + "' does not exist"), true, nil
	}
	return module.Change{}, false, nil
}

func notSent(why string) module.Change {
	return module.OK("stdout", why, "stdout_lines", []string{why})
}

// setDefault adds a header unless the task gives it.
func setDefault(o *state.HTTPRequest, name, text string) {
	if !slices.ContainsFunc(o.Headers, func(h state.Header) bool { return strings.EqualFold(h.Name, name) }) {
		o.Headers = append(o.Headers, state.Header{Name: name, Value: text})
	}
}

// body makes what is sent.
func (a uriArgs) body(g *module.Gather, in module.Inputs, o *state.HTTPRequest) error {
	if src, ok := a.Src.Get(); ok {
		c, err := readFile(g, in, src, a.RemoteSrc)
		if err != nil {
			return err
		}
		o.Body = c
		return nil
	}
	if a.Body.IsNull() && a.BodyFormat != "json" {
		if a.BodyFormat == "form-multipart" {
			return module.Fail("body must be mapping, cannot be type NoneType")
		}
		if a.BodyFormat == "form-urlencoded" {
			setDefault(o, "Content-Type", "application/x-www-form-urlencoded")
		}
		return nil
	}
	text := ""
	switch a.BodyFormat {
	case "json":
		setDefault(o, "Content-Type", "application/json")
		text = a.Body.Text()
		if a.Body.Kind() != value.KindString {
			text = a.Body.PythonJSON()
		}
	case "form-urlencoded":
		setDefault(o, "Content-Type", "application/x-www-form-urlencoded")
		var err error
		if text, err = formEncoded(a.Body); err != nil {
			return module.Fail("failed to parse body as form_urlencoded: "+err.Error(), "elapsed", 0)
		}
	case "form-multipart":
		kind, data, err := multipartBody(g, in, a.Body, a.RemoteSrc)
		if err != nil {
			return err
		}
		o.Headers = slices.DeleteFunc(o.Headers, func(h state.Header) bool { return strings.EqualFold(h.Name, "content-type") })
		o.Headers = append(o.Headers, state.Header{Name: "Content-Type", Value: kind})
		o.Body = state.Bytes(data)
		return nil
	default:
		if why := notABody(a.Body); why != "" {
			return module.Fail("Status code was -1 and not "+a.statuses()+": An unknown error occurred: "+why,
				"status", -1, "url", a.URL, "redirected", false, "elapsed", 0)
		}
		text = a.Body.Text()
	}
	o.Body = state.Bytes([]byte(text))
	return nil
}

// statuses are the codes that are welcome, as Python writes a list.
func (a uriArgs) statuses() string {
	codes := make([]string, len(a.StatusCode))
	for i, c := range a.StatusCode {
		codes[i] = fmt.Sprint(c)
	}
	return "[" + strings.Join(codes, ", ") + "]"
}

// notABody tells why data that no body_format makes a text of cannot be a body, in the
// words of Python's HTTP client; "" for a text.
func notABody(body value.Value) string {
	switch body.Kind() {
	case value.KindString:
		return ""
	case value.KindMap:
		return "can't concat str to bytes"
	case value.KindList:
		if items := body.Items(); len(items) > 0 && !items[0].IsString() {
			return "object of type '" + items[0].TypeName() + "' has no len()"
		}
		return "can't concat str to bytes"
	}
	return "message_body should be a bytes-like object or an iterable, got <class '" + body.TypeName() + "'>"
}

// readFile opens a file to be sent: of the controller, or (up to 8 MiB) of the host.
func readFile(g *module.Gather, in module.Inputs, src string, remote bool) (*state.Content, error) {
	if remote {
		p := g.Path(src)
		f, err := g.TryFile(p, state.WantContent)
		if err != nil || g.Complete() && !f.IsRegular() {
			return nil, module.Fail("Unable to open source file "+p, "elapsed", 0)
		}
		return state.Bytes(f.Content), nil
	}
	found, err := in.Sources.Find("files", src)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	sf, err := in.Sources.File(found)
	if err != nil {
		return nil, err
	}
	if sf.IsDir {
		return nil, module.Fail(src + " is a directory")
	}
	return sf.Content, nil
}

// formEncoded writes a dict, or a list of pairs, as a form has it.
func formEncoded(v value.Value) (string, error) {
	var pairs [][2]value.Value
	switch v.Kind() {
	case value.KindString:
		return v.Str(), nil
	case value.KindMap:
		for k, x := range v.Map().All() {
			pairs = append(pairs, [2]value.Value{k, x})
		}
	case value.KindList:
		for _, it := range v.Items() {
			p := it.Items()
			if len(p) != 2 {
				return "", fmt.Errorf("not enough values to unpack (expected 2, got %d)", len(p))
			}
			pairs = append(pairs, [2]value.Value{p[0], p[1]})
		}
	default:
		return v.Text(), nil
	}
	var out []string
	for _, p := range pairs {
		values := []value.Value{p[1]}
		switch p[1].Kind() {
		case value.KindList:
			values = p[1].Items()
		case value.KindMap:
			values = p[1].Map().Keys()
		}
		for _, x := range values {
			if !x.IsNull() {
				out = append(out, url.QueryEscape(p[0].Text())+"="+url.QueryEscape(x.Text()))
			}
		}
	}
	return strings.Join(out, "&"), nil
}

// answer registers what came, and writes it to dest.
func (a uriArgs) answer(v state.View, dest string, r state.HTTPResponse) (module.Change, error) {
	if r.Invalid {
		return module.Change{}, module.Fail(r.Msg, "url", r.URL, "status", -1)
	}
	good := slices.Contains(a.StatusCode, r.Status)
	m := a.fields(r)
	g := module.Gathering(v)
	var ops []state.Op
	if dest != "" && r.Status != -1 {
		at, after, more, err := a.write(g, dest, r, good)
		if c, missing, gerr := g.Missing(); missing {
			return c, gerr
		}
		if err != nil {
			return module.Change{}, err
		}
		ops = more
		m.Set("path", value.String(at))
		if good && r.Status != 304 {
			m.Set("changed", value.Bool(true))
		}
		module.PathInfo(m, after)
	}
	text, isJSON, err := a.text(r)
	if err != nil {
		return module.Change{}, err
	}
	if isJSON && (r.Body == nil || r.Body.Size > 0) {
		if x, err := value.ParseJSON([]byte(text)); err == nil {
			m.Set("json", x.MarkDeep(value.Unsafe))
		}
	}
	if r.Failed && good && !isJSON && !a.ReturnContent {
		data, err := readBody(r.Body)
		if err != nil {
			return module.Change{}, err
		}
		m.Set("body", value.String(string(data)).WithMarks(value.Unsafe))
	}
	if a.ReturnContent && r.Status != -1 {
		m.Set("content", value.String(text).WithMarks(value.Unsafe))
	} else if a.ReturnContent {
		m.Set("content", value.String(""))
	}
	if !good {
		return module.Change{}, &module.Failure{Msg: fmt.Sprintf("Status code was %d and not %s: %s", r.Status, a.statuses(), r.Msg), Result: m}
	}
	return module.Change{Ops: ops, Result: m, Warnings: a.Warnings()}, nil
}

// fields are what is registered of every answer: the headers, by names that can
// be used as variables, and what is known besides.
func (a uriArgs) fields(r state.HTTPResponse) *value.Map {
	m := value.M("redirected", r.URL != a.URL)
	text := func(s string) value.Value { return value.String(s).WithMarks(value.Unsafe) }
	seen := map[string]string{}
	for _, h := range r.Headers {
		name := strings.ReplaceAll(strings.ToLower(h.Name), "-", "_")
		shown := h.Value
		if old, ok := seen[name]; ok && !r.Failed {
			shown = old + ", " + h.Value
		}
		seen[name] = shown
		m.Set(name, text(shown))
	}
	if at, ok := seen["location"]; ok {
		m.Set("location", text(absolute(a.URL, at)))
	}
	m.Set("url", text(r.URL))
	m.Set("status", value.Int(int64(r.Status)))
	m.Set("msg", text(r.Msg))
	m.Set("elapsed", value.Int(int64(seconds(r.Elapsed))))
	m.Set("changed", value.Bool(false))
	if r.Status != -1 && !r.Failed {
		cookies := value.NewMap()
		var all []string
		for _, c := range r.Cookies {
			cookies.Set(c.Name, text(c.Value))
			all = append(all, c.Name+"="+c.Value)
		}
		m.Set("cookies", value.FromMap(cookies))
		m.Set("cookies_string", text(strings.Join(all, "; ")))
	}
	return m
}

// absolute makes an address of what a header Location says, as Ansible does.
func absolute(at, location string) string {
	switch {
	case strings.Contains(location, "://"):
		return location
	case strings.HasPrefix(location, "/"):
		if u, err := url.Parse(at); err == nil && u.EscapedPath() != "" {
			return strings.ReplaceAll(at, u.EscapedPath(), "") + location
		}
		return at + location
	}
	return at[:strings.LastIndexByte(at, '/')] + "/" + location
}

// text is the answer as text, and whether it says that it is JSON.
func (a uriArgs) text(r state.HTTPResponse) (string, bool, error) {
	kind, params, err := mime.ParseMediaType(strings.Split(header(r, "content-type"), ",")[0])
	if err != nil || !strings.Contains(kind, "/") {
		kind = "text/plain"
	}
	_, sub, _ := strings.Cut(kind, "/")
	if _, suffix, ok := strings.Cut(sub, "+"); ok {
		sub = suffix
	}
	isJSON := r.Status != -1 && (sub == "json" || sub == "javascript")
	if !isJSON && !a.ReturnContent {
		return "", false, nil
	}
	data, err := readBody(r.Body)
	if err != nil {
		return "", false, err
	}
	if charset := params["charset"]; charset != "" {
		if enc, err := htmlindex.Get(charset); err == nil {
			if decoded, err := enc.NewDecoder().Bytes(data); err == nil {
				data = decoded
			}
		}
	}
	return string(data), isJSON, nil
}

// write plans to put the answer into a file, and says which.
func (a uriArgs) write(g *module.Gather, dest string, r state.HTTPResponse, good bool) (string, state.Stat, []state.Op, error) {
	at := strings.TrimRight(dest, "/")
	f := g.File(at, state.WantSHA256)
	if f.IsDir() {
		name := ""
		if _, params, err := mime.ParseMediaType(header(r, "content-disposition")); err == nil {
			name = params["filename"]
		}
		if u, err := url.Parse(r.URL); name == "" && err == nil {
			name = path.Base(strings.TrimRight(u.Path, "/"))
		}
		if name == "" || name == "." || name == "/" {
			name = "index.html"
		}
		at = path.Join(at, path.Base(name))
		f = g.File(at, state.WantSHA256)
	}
	if !g.Complete() {
		return at, f.Followed, nil, nil
	}
	if !good || r.Status == 304 {
		return at, f.Followed, nil, nil
	}
	if f.Parent.Type != state.TypeDir && f.Followed.Type == state.TypeNone {
		return at, f.Followed, nil, module.Fail("failed to copy the answer to " + at + ": the folder does not exist")
	}
	ops, after, err := place(g, a.FileAttrs, at, r.Body, "")
	return at, after, ops, err
}
