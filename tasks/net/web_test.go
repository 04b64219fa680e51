package net

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// web is a host with files, and the answers that servers give it in turn.
type web struct {
	files   map[string]string // a content; "/" for a folder
	answers []state.HTTPResponse
	asked   []state.HTTPRequest
	in      module.Inputs
}

func sum(text string) (string, string) {
	a, b := sha1.Sum([]byte(text)), md5.Sum([]byte(text))
	return hex.EncodeToString(a[:]), hex.EncodeToString(b[:])
}

// says is an answer of a server.
func says(code int, body string, headers ...string) state.HTTPResponse {
	r := state.HTTPResponse{Status: code, Failed: code > 299, Msg: fmt.Sprintf("OK (%d bytes)", len(body)), Body: state.Bytes([]byte(body)), URL: "http://h/f"}
	r.SHA1, r.MD5 = sum(body)
	if r.Failed {
		r.Msg = fmt.Sprintf("HTTP Error %d: x", code)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Headers = append(r.Headers, state.Header{Name: headers[i], Value: headers[i+1]})
	}
	return r
}

func (w *web) stat(p string) state.Stat {
	text, ok := w.files[p]
	s := state.Stat{Mode: 0o644, Nlink: 1, User: "root", Group: "root", Size: int64(len(text)), MTime: time.Unix(1000, 0)}
	switch {
	case text == "/" || p == "/":
		s.Type = state.TypeDir
	case ok:
		s.Type = state.TypeFile
	default:
		return state.Stat{}
	}
	return s
}

func (w *web) answer(q state.Query) state.Answer {
	switch q := q.(type) {
	case state.Path:
		s := w.stat(q.Path)
		f := state.File{Canonical: q.Path, Resolved: q.Path, Stat: s, Followed: s, Parent: w.stat(path.Dir(q.Path)), Readable: true}
		if s.Type == state.TypeFile {
			text := w.files[q.Path]
			f.SHA256, f.Content = state.Bytes([]byte(text)).SHA256, []byte(text)
			f.SHA1, f.MD5 = sum(text)
		}
		return state.Answer{Query: q, Value: f}
	case state.Login:
		return state.Answer{Query: q, Value: state.LoginInfo{User: "root", Group: "root", Home: "/root", Umask: 0o022}}
	case state.User:
		return state.Answer{Query: q, Value: state.UserInfo{Exists: true, Name: q.Name, UID: 7}}
	}
	return state.Answer{Query: q, Value: state.GroupInfo{Exists: true, Name: "root"}}
}

// run carries a module through; the last operations are given.
func (w *web) run(t *testing.T, m module.Module, args *value.Map) (module.Change, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	next := func(v state.View) (module.Change, error) { return m.Plan(a, w.in, v) }
	for range 9 {
		v := state.NewHostView()
		c, err := next(v)
		for range 6 {
			if err != nil || len(c.Need) == 0 {
				break
			}
			for _, q := range c.Need {
				v.Learn(w.answer(q))
			}
			c, err = next(v)
		}
		if err != nil || len(c.Ops) == 0 || c.Then == nil {
			return c, err
		}
		o, ok := c.Ops[0].(state.HTTPRequest)
		if !ok {
			t.Fatalf("not a request: %v", c.Ops)
		}
		w.asked = append(w.asked, o)
		r := w.answers[0]
		w.answers = w.answers[1:]
		then := c.Then
		next = func(v state.View) (module.Change, error) { return then(v, []state.OpResult{{OK: true, Data: r}}) }
	}
	t.Fatal("it never ends")
	return module.Change{}, nil
}

// written is what operations do to files.
func written(ops []state.Op) string {
	var out []string
	for _, op := range ops {
		switch o := op.(type) {
		case state.WriteFile:
			s := fmt.Sprintf("write %s %q", o.Path, o.Content.Data)
			if o.Attrs.Mode != nil {
				s += fmt.Sprintf(" %04o", *o.Attrs.Mode)
			}
			if o.Backup != "" {
				s += " backup"
			}
			out = append(out, s)
		case state.SetAttrs:
			out = append(out, "set "+o.Path)
		default:
			out = append(out, op.String())
		}
	}
	return strings.Join(out, "; ")
}

// expect compares the end of a module with what is wanted: operations, and
// results as key=value, or a failure behind "! ".
func expect(t *testing.T, c module.Change, err error, ops, results string) {
	t.Helper()
	if want, fails := strings.CutPrefix(results, "! "); fails || err != nil {
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		return
	}
	if got := written(c.Ops); got != ops {
		t.Errorf("operations %s, want %s", got, ops)
	}
	for _, kv := range strings.Split(results, "|") {
		key, want, _ := strings.Cut(kv, "=")
		v, ok := c.Result.Get(key)
		if got := v.Text(); got != want || !ok && want != "-" {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
}

func TestGetURL(t *testing.T) {
	t.Parallel()
	const sha = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" // of hello\n
	hello := says(200, "hello\n")
	for _, c := range []struct {
		name, ops, results string
		args               *value.Map
		answers            []state.HTTPResponse
	}{
		{"new", `write /d/new "hello\n" 0600`, "changed=True|status_code=200|msg=OK (6 bytes)|dest=/d/new|mode=0600|checksum_dest=None", value.M("dest", "/d/new", "mode", "0600"), []state.HTTPResponse{hello}},
		{"the same", "", "changed=False|size=6", value.M("dest", "/d/hello"), []state.HTTPResponse{hello}},
		{"another", `write /d/old "hello\n" backup`, "changed=True", value.M("dest", "/d/old", "backup", true), []state.HTTPResponse{hello}},
		{"not newer", "", "changed=False|status_code=304", value.M("dest", "/d/old"), []state.HTTPResponse{says(304, "")}},
		{"into a folder", `write /d/f "hello\n"`, "dest=/d/f", value.M("dest", "/d"), []state.HTTPResponse{hello}},
		{"named by the server", `write /d/x "hello\n"`, "dest=/d/x", value.M("dest", "/d"), []state.HTTPResponse{says(200, "hello\n", "Content-Disposition", `attachment; filename="../x"`)}},
		{"checksum", `write /d/new "hello\n"`, "changed=True", value.M("dest", "/d/new", "checksum", "sha256:"+strings.ToUpper(sha)), []state.HTTPResponse{hello}},
		{"checksum is there", "", "changed=False|msg=file already exists", value.M("dest", "/d/hello", "checksum", "sha256:"+sha), nil},
		{"checksum is there, mode is not", "set /d/hello", "changed=True|msg=file already exists but file attributes changed", value.M("dest", "/d/hello", "checksum", "sha256:"+sha, "mode", "0600"), nil},
		{"a file of sums", `write /d/new "hello\n"`, "changed=True", value.M("dest", "/d/new", "checksum", "sha256:http://h/sums"), []state.HTTPResponse{says(200, "abc  other\n"+sha+"  ./f\n"), hello}},
		{"not in it", "", "! Unable to find a checksum for file 'f' in 'http://h/sums'", value.M("dest", "/d/new", "checksum", "sha256:http://h/sums"), []state.HTTPResponse{says(200, "abc  other\nabd  more\n")}},
		{"wrong checksum", "", "! The checksum for /d/new did not match abcd", value.M("dest", "/d/new", "checksum", "sha1:abcd"), []state.HTTPResponse{hello}},
		{"no checksum at all", "", "! The checksum parameter has to be in format", value.M("dest", "/d/new", "checksum", "abcd"), nil},
		{"odd checksum", "", "! The checksum format is invalid", value.M("dest", "/d/new", "checksum", "sha1:xyz"), nil},
		{"refused", "", "! Request failed", value.M("dest", "/d/new"), []state.HTTPResponse{says(404, "")}},
		{"nobody", "", "! Request failed: <urlopen error x>", value.M("dest", "/d/new"), []state.HTTPResponse{{Status: -1, Msg: "Request failed: <urlopen error x>"}}},
		{"nowhere", "", "! Destination /none does not exist", value.M("dest", "/none/new"), []state.HTTPResponse{hello}},
		{"no temporary folder", "", "! /none directory does not exist.", value.M("dest", "/d/new", "tmp_dest", "/none"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &web{files: map[string]string{"/d": "/", "/d/old": "old", "/d/hello": "hello\n"}, answers: c.answers}
			c.args.Set("url", value.String("http://h/f"))
			ch, err := w.run(t, GetURL(), c.args)
			expect(t, ch, err, c.ops, c.results)
			if len(w.answers) > 0 {
				t.Errorf("%d answers were not asked for", len(w.answers))
			}
		})
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, ops, results string
		args               *value.Map
		says               state.HTTPResponse
	}{
		{"json", "", "changed=False|status=200|json={'a': 1}|content_type=application/json|redirected=False", value.M(), says(200, `{"a": 1}`, "Content-Type", "application/json")},
		{"its own json", "", "json=[1]", value.M(), says(200, "[1]", "Content-Type", "application/x+json; charset=utf-8")},
		{"not json", "", "status=200", value.M(), says(200, "[1", "Content-Type", "application/json")},
		{"content", "", "content=café", value.M("return_content", true), says(200, "caf\xe9", "Content-Type", "text/plain; charset=latin1")},
		{"twice the same header", "", "x_a=1, 2", value.M(), says(200, "", "X-A", "1", "X-A", "2")},
		{"another status", "", "! Status code was 404 and not [200]: HTTP Error 404: x", value.M(), says(404, "")},
		{"as expected", "", "status=404|body=gone", value.M("status_code", "404,200"), says(404, "gone", "Content-Type", "text/plain")},
		{"where to", "", "location=http://h/else", value.M("status_code", 201), says(201, "", "Location", "/else")},
		{"written", `write /d/out "x" 0600`, "changed=True|path=/d/out|mode=0600", value.M("dest", "/d/out", "mode", "0600"), says(200, "x")},
		{"into a folder", `write /d/f "x"`, "changed=True|path=/d/f", value.M("dest", "/d"), says(200, "x")},
		{"nobody", "", "! Status code was -1 and not [200]: why", value.M(), state.HTTPResponse{Status: -1, Msg: "why", URL: "http://h/f"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &web{files: map[string]string{"/d": "/"}, answers: []state.HTTPResponse{c.says}}
			c.args.Set("url", value.String("http://h/f"))
			ch, err := w.run(t, URI(), c.args)
			expect(t, ch, err, c.ops, c.results)
		})
	}
}

func TestURISends(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		args       *value.Map
	}{
		{"json", `POST application/json {"a": [1, "\u00e9", null]}`, value.M("method", "post", "body_format", "json", "body", value.M("a", []any{1, "é", nil}))},
		{"text as json", `POST application/json [1]`, value.M("method", "POST", "body_format", "json", "body", "[1]")},
		{"form", "POST application/x-www-form-urlencoded a=x+y%26&b=1&b=2", value.M("method", "POST", "body_format", "form-urlencoded", "body", value.M("a", "x y&", "b", []any{1, 2}))},
		{"pairs", "POST application/x-www-form-urlencoded k=v&k=w", value.M("method", "POST", "body_format", "form-urlencoded", "body", []any{[]any{"k", "v"}, []any{"k", "w"}})},
		{"own type", "PUT text/x [1]", value.M("method", "PUT", "body_format", "json", "body", "[1]", "headers", value.M("content-type", "text/x"))},
		{"a file there", "POST  file", value.M("method", "POST", "src", "/d/file", "remote_src", true)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &web{files: map[string]string{"/d": "/", "/d/file": "file"}, answers: []state.HTTPResponse{says(200, "")}}
			c.args.Set("url", value.String("http://h/f"))
			if _, err := w.run(t, URI(), c.args); err != nil {
				t.Fatal(err)
			}
			o := w.asked[0]
			kind := ""
			for _, h := range o.Headers {
				if strings.EqualFold(h.Name, "content-type") {
					kind = h.Value
				}
			}
			if got := o.Method + " " + kind + " " + string(o.Body.Data); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	for _, args := range []*value.Map{value.M("method", "a b"), value.M("body_format", "form-multipart", "body", "x"), value.M("use_gssapi", true)} {
		args.Set("url", value.String("http://h/f"))
		if _, err := (&web{}).run(t, URI(), args); err == nil {
			t.Errorf("%s is sent", value.FromMap(args).Repr())
		}
	}
}

// A request of which two are not as one says so; a later attempt of a run must
// not send it again by itself.
func TestURIOnce(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]bool{"get": false, "HEAD": false, "PUT": false, "DELETE": false, "POST": true, "PATCH": true, "PURGE": true} {
		m := URI()
		a, err := m.Decode(value.M("url", "http://h/f", "method", method), diag.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		v := state.NewHostView()
		c, err := m.Plan(a, module.Inputs{}, v)
		for range 5 {
			for _, q := range c.Need {
				v.Learn((&web{}).answer(q))
			}
			c, err = m.Plan(a, module.Inputs{}, v)
		}
		if err != nil || len(c.Ops) != 1 || c.Once != want {
			t.Errorf("%s: once %v, %v %v", method, c.Once, c.Ops, err)
		}
	}
}

func TestURIGuards(t *testing.T) {
	t.Parallel()
	for _, args := range []*value.Map{value.M("creates", "/d"), value.M("removes", "/none")} {
		args.Set("url", value.String("http://h/f"))
		c, err := (&web{files: map[string]string{"/d": "/"}}).run(t, URI(), args)
		if err != nil || len(c.Ops) > 0 {
			t.Errorf("%s: %v %v", value.FromMap(args).Repr(), c.Ops, err)
		}
	}
}

func TestNetrc(t *testing.T) {
	t.Parallel()
	const file = "machine other login o password p\nmachine h\n  login me\n  password secret\ndefault login any password word\n"
	for host, want := range map[string]string{"h": "me secret", "other": "o p", "third": "any word"} {
		user, password, ok := netrcLogin(file, host)
		if got := user + " " + password; !ok || got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
	if _, _, ok := netrcLogin("machine x login y password z", "h"); ok {
		t.Error("credentials of somebody else")
	}
	w := &web{files: map[string]string{"/root": "/", "/root/.netrc": file}, answers: []state.HTTPResponse{says(200, "")}}
	if _, err := w.run(t, URI(), value.M("url", "http://h/f")); err != nil || w.asked[0].User != "me" || !w.asked[0].ForceBasic {
		t.Errorf("%+v %v", w.asked, err)
	}
}

func TestMultipart(t *testing.T) {
	t.Parallel()
	body := value.FromMap(value.M("b", value.M("content", "c", "filename", "/x/n.json", "mime_type", "application/json"), "a", "text"))
	g := module.Gathering(state.NewHostView())
	kind, data, err := multipartBody(g, module.Inputs{}, body, false)
	if err != nil {
		t.Fatal(err)
	}
	boundary := strings.TrimSuffix(strings.TrimPrefix(kind, `multipart/form-data; boundary="`), `"`)
	want := "--B\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntext\r\n" +
		"--B\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=\"b\"; filename=\"n.json\"\r\n\r\nc\r\n--B--\r\n"
	if got := strings.ReplaceAll(string(data), boundary, "B"); got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestFindSum(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"aa  f.txt\nbb  g.txt\n":                   "bb",
		"aa *f.txt\nbb *g.txt\n":                   "bb",
		"aa f.txt\nbb      ./g.txt\n":              "bb",
		"SHA256 (f.txt) = aa\nSHA256 (g.txt) = bb": "bb",
		"bb\n":                   "bb",
		"aa  f.txt\ncc  a.b\n":   "",
		"aa  xg.txt\ncc  g.tx\n": "",
	} {
		if got, ok := findSum(text, "g.txt"); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
}
