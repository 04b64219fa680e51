package net

import (
	"bufio"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type getURLArgs struct {
	module.FileAttrs
	webArgs
	Dest     string `arg:"dest"`
	Backup   bool   `arg:"backup"`
	Checksum string `arg:"checksum"`
	TmpDest  string `arg:"tmp_dest"`
}

var getURLSpec = module.Spec{
	Name:    "get_url",
	Summary: "Download a file to a host",
	Doc: "Asks a server, as seen from the host, and writes what comes to a file there, if it differs. The request goes through the SSH connection; " +
		"the host needs no program for it. A file that exists is asked for only if it is newer, unless force is set or its checksum is not as it should be. " +
		"In a dry run the server is not asked: what cannot be known is unknown.",
	Args: append(append([]module.Arg{
		{Name: "dest", Type: module.Path, Required: true, Doc: "The file, or a folder for it: the name is then the server's, or the last part of the address."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "checksum", Default: "", Doc: "What the file must have: an algorithm, a colon, and the sum, or the address of a file with sums."},
		{Name: "tmp_dest", Type: module.Path, Doc: "A folder that must exist; the file is made in its place in any case."},
	}, webSpecArgs("username", "password", 10)...), module.FileArgs()...),
	Order: [][]string{{"msg", "status_code", "changed", "checksum_dest", "checksum_src", "dest", "elapsed", "url", "src", "md5sum", "uid", "gid", "owner", "group", "mode", "state", "size"}, {"url", "dest", "changed", "msg", "status_code", "elapsed", "uid", "gid", "owner", "group", "mode", "state", "size"}},
	Returns: []module.Return{
		{Name: "dest", Type: "str", When: "success", Doc: "The file."},
		{Name: "src", Type: "str", When: "it was asked for", Doc: "Nothing is kept there; for playbooks that read it."},
		{Name: "url", Type: "str", When: "always", Doc: "The address."},
		{Name: "status_code", Type: "int", When: "the server answered", Doc: "The server's status."},
		{Name: "msg", Type: "str", When: "always", Doc: "What the server said."},
		{Name: "checksum_src", Type: "str", When: "success", Doc: "SHA-1 of what came."},
		{Name: "checksum_dest", Type: "str", When: "success", Doc: "SHA-1 of what was there before."},
		{Name: "md5sum", Type: "str", When: "success", Doc: "MD5 of the file."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
		{Name: "elapsed", Type: "int", When: "always", Doc: "Seconds it took."},
	},
	Examples: "- get_url:\n    url: http://192.0.2.1/app.tar.gz\n    dest: /srv/app.tar.gz\n    checksum: sha256:http://192.0.2.1/SHA256SUMS\n    mode: \"0644\"\n",
	Traits:   module.Traits{Reach: state.ReachExternal},
}

// GetURL is the module get_url.
func GetURL() module.Module { return module.New(getURLSpec, planGetURL) }

// getting is one run of get_url.
type getting struct {
	getURLArgs
	in        module.Inputs
	dest      string
	into      bool // dest is a folder
	algorithm string
	sum       string
	old       state.File
	req       state.HTTPRequest
}

var sums = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

func planGetURL(a getURLArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	p := &getting{getURLArgs: a, in: in, dest: g.Path(a.Dest)}
	var err error
	if p.req, err = a.request(in, g); err != nil {
		return module.Change{}, err
	}
	p.req.Method, p.req.Follow, p.req.Read = "GET", "urllib2", true
	tmp := state.File{Followed: state.Stat{Type: state.TypeDir}}
	if a.TmpDest != "" {
		tmp = g.File(strings.TrimRight(g.Path(a.TmpDest), "/"), 0)
	}
	p.look(g)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if a.Checksum != "" {
		algorithm, sum, ok := strings.Cut(a.Checksum, ":")
		if !ok {
			return module.Change{}, p.fail("The checksum parameter has to be in format <algorithm>:<checksum>")
		}
		p.algorithm, p.sum = algorithm, sum
		if sums[algorithm] == nil {
			return module.Change{}, p.fail("Could not hash file '" + p.dest + "' with algorithm '" + algorithm + "'. Available algorithms: md5, sha1, sha224, sha256, sha384, sha512")
		}
	}
	switch {
	case tmp.Followed.Type == state.TypeNone:
		return module.Change{}, module.Fail(a.TmpDest+" directory does not exist.", "elapsed", 0)
	case tmp.Followed.Type != state.TypeDir:
		return module.Change{}, module.Fail(a.TmpDest+" is a file but should be a directory.", "elapsed", 0)
	}
	if strings.Contains(p.sum, "://") {
		return p.sumFile(v)
	}
	return p.begin(v)
}

// look asks what is at dest, with the sums that may be compared.
func (p *getting) look(g *module.Gather) {
	want := state.WantSHA1 | state.WantMD5 | state.WantSHA256
	algorithm, _, _ := strings.Cut(p.Checksum, ":")
	switch algorithm {
	case "sha224", "sha384", "sha512":
		want |= state.WantContent
	}
	p.old = g.File(strings.TrimRight(p.dest, "/"), want)
	p.into = p.old.IsDir()
}

func (p *getting) base() *value.Map {
	return value.M("changed", false, "checksum_dest", nil, "checksum_src", nil, "dest", p.dest, "elapsed", 0, "url", p.URL)
}

// failed is a failure with what Ansible registers beside it: the file that was
// there before.
func (p *getting) failed(msg, at string, kv ...any) *module.Failure {
	f := module.Fail(msg, append([]any{"url", at, "dest", p.dest}, kv...)...)
	if p.old.Followed.Type != state.TypeNone {
		module.PathInfo(f.Result, p.old.Followed)
	}
	return f
}

func (p *getting) fail(msg string) *module.Failure {
	return &module.Failure{Msg: msg, Result: p.base()}
}

// sumFile asks for the file of sums first.
func (p *getting) sumFile(v state.View) (module.Change, error) {
	at := p.sum
	if file, ok := strings.CutPrefix(at, "file://"); ok { // of the host
		g := module.Gathering(v)
		f, err := g.TryFile(file, state.WantContent)
		if c, missing, gerr := g.Missing(); missing {
			return c, gerr
		}
		if err == nil && !f.IsRegular() {
			err = fmt.Errorf("[Errno 2] No such file or directory: '%s'", file)
		}
		if err != nil {
			return module.Change{}, p.failed("Request failed: <urlopen error "+err.Error()+">", at, "elapsed", 0)
		}
		return p.sumIn(v, string(f.Content), at)
	}
	o := p.req
	o.URL = at
	return module.Change{Ops: []state.Op{o}, Result: p.unknown(), Looks: p.in.Check, Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		r := answered(did)
		if err := p.refused(r, at); err != nil {
			return module.Change{}, err
		}
		text, err := readBody(r.Body)
		if err != nil {
			return module.Change{}, err
		}
		return p.sumIn(v, string(text), at)
	}}, nil
}

// sumIn goes on with the sum that a file of sums has.
func (p *getting) sumIn(v state.View, text, at string) (module.Change, error) {
	sum, ok := findSum(text, urlFilename(p.URL))
	if !ok {
		return module.Change{}, module.Fail(fmt.Sprintf("Unable to find a checksum for file '%s' in '%s'", urlFilename(p.URL), at))
	}
	p.sum = sum
	return p.begin(v)
}

func readBody(c *state.Content) ([]byte, error) {
	if c == nil {
		return nil, nil
	}
	r, err := c.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	return io.ReadAll(r)
}

// taggedSum is a line as BSD's tools and --tag write it: SHA256 (file) = sum.
var taggedSum = lazyregexp.New(`^[A-Z0-9-]+ \((.+)\) = (\S+)$`)

// findSum looks a file's sum up in a file of sums, or takes the only word.
func findSum(text, name string) (string, bool) {
	var lines []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		lines = append(lines, s.Text())
	}
	if len(lines) == 1 && len(strings.Fields(lines[0])) == 1 {
		return lines[0], true
	}
	for _, l := range lines {
		sum, file, ok := strings.Cut(l, " ")
		if !ok {
			continue
		}
		file = strings.TrimPrefix(strings.TrimLeft(file, " "), "*")
		if m := taggedSum().FindStringSubmatch(l); m != nil {
			file, sum = m[1], m[2]
		}
		if strings.TrimLeft(file, "./") == name {
			return sum, true
		}
	}
	return "", false
}

// urlFilename is the last part of an address.
func urlFilename(at string) string {
	u, err := url.Parse(at)
	if err != nil || path.Base(u.Path) == "." || path.Base(u.Path) == "/" || strings.HasSuffix(u.Path, "/") {
		return "index.html"
	}
	p := u.EscapedPath()
	return p[strings.LastIndexByte(p, '/')+1:]
}

var (
	notWord = lazyregexp.New(`[^\pL\pN_]+`)
	isHex   = lazyregexp.New(`^[0-9a-f]+$`)
)

// begin asks for the file, unless what is there has the right checksum.
func (p *getting) begin(v state.View) (module.Change, error) {
	if p.algorithm != "" {
		p.sum = strings.ToLower(notWord().ReplaceAllString(p.sum, ""))
		if !isHex().MatchString(p.sum) {
			return module.Change{}, p.fail("The checksum format is invalid")
		}
	}
	o := p.req
	if p.old.Followed.Type != state.TypeNone && !p.into {
		if !p.Force && p.sum != "" {
			if p.sum == p.oldSum() {
				return p.present(v)
			}
			o.Fresh = true
		}
		o.Since = p.old.Followed.MTime
	}
	if file, ok := strings.CutPrefix(p.URL, "file://"); ok {
		return p.fromFile(v, file)
	}
	if p.in.Check {
		o.Method = "HEAD" // whether the server has it, not what it has
	}
	return module.Change{Ops: []state.Op{o}, Result: p.unknown(), Looks: p.in.Check, Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		r := answered(did)
		if r.Status == 304 {
			return p.unchanged(v, r)
		}
		if p.in.Check {
			return p.would(r)
		}
		if err := p.refused(r, p.URL); err != nil {
			return module.Change{}, err
		}
		return p.came(v, r)
	}}, nil
}

// would is the end in check mode: a file that is not there would come, of another
// it is not known whether it differs.
func (p *getting) would(r state.HTTPResponse) (module.Change, error) {
	if err := p.refused(r, p.URL); err != nil {
		return module.Change{}, err
	}
	m := p.unknown()
	m.Set("msg", value.String(r.Msg))
	m.Set("elapsed", value.Int(int64(seconds(r.Elapsed))))
	if p.sum != "" || p.old.Followed.Type == state.TypeNone {
		m.Set("changed", value.Bool(true))
	}
	return module.Change{Result: m}, nil
}

// oldSum is the checksum of what is there, by the algorithm asked for.
func (p *getting) oldSum() string {
	switch p.algorithm {
	case "md5":
		return p.old.MD5
	case "sha1":
		return p.old.SHA1
	case "sha256":
		return p.old.SHA256
	}
	h := sums[p.algorithm]()
	_, _ = h.Write(p.old.Content) // hashes never fail
	return hex.EncodeToString(h.Sum(nil))
}

func (p *getting) unknown() *value.Map {
	m := p.base()
	for _, k := range []string{"changed", "checksum_dest", "checksum_src", "elapsed", "msg", "status_code", "md5sum"} {
		m.Set(k, module.Later())
	}
	return m
}

// present ends where the file has the right checksum already.
func (p *getting) present(v state.View) (module.Change, error) {
	g := module.Gathering(v)
	ops, after, err := place(g, p.FileAttrs, strings.TrimRight(p.dest, "/"), nil, "")
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	m := p.base()
	m.Set("msg", value.String("file already exists"))
	if len(ops) > 0 {
		m.Set("changed", value.Bool(true))
		m.Set("msg", value.String("file already exists but file attributes changed"))
	}
	module.PathInfo(m, after)
	return module.Change{Ops: ops, Result: m, Warnings: p.Warnings()}, nil
}

// unchanged ends where the server has nothing newer.
func (p *getting) unchanged(v state.View, r state.HTTPResponse) (module.Change, error) {
	g := module.Gathering(v)
	f := g.File(strings.TrimRight(p.dest, "/"), 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	m := value.M("url", p.URL, "dest", p.dest, "changed", false, "msg", r.Msg, "status_code", r.Status, "elapsed", seconds(r.Elapsed))
	module.PathInfo(m, f.Followed)
	return module.Change{Result: m}, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// refused is the failure of a server that did not give what was asked for.
func (p *getting) refused(r state.HTTPResponse, at string) error {
	switch {
	case r.Status == 200:
		return nil
	case r.Status == -1:
		return p.failed(r.Msg, at, "elapsed", seconds(r.Elapsed))
	}
	return p.failed("Request failed", at, "status_code", r.Status, "response", r.Msg, "elapsed", seconds(r.Elapsed))
}

var attachment = lazyregexp.New(`^attachment; ?filename="?([^"]+)`)

// came puts what came into its place.
func (p *getting) came(v state.View, r state.HTTPResponse) (module.Change, error) {
	g := module.Gathering(v)
	dest := strings.TrimRight(p.dest, "/")
	shown := p.dest
	if p.into {
		name := urlFilename(r.URL)
		if m := attachment().FindStringSubmatch(header(r, "content-disposition")); m != nil {
			name = path.Base(m[1])
		}
		dest = path.Join(dest, name)
		shown = strings.TrimRight(p.dest, "/") + "/" + name
	}
	old := g.File(dest, state.WantSHA1|state.WantSHA256)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	m := p.base()
	m.Set("dest", value.String(shown))
	m.Set("elapsed", value.Int(int64(seconds(r.Elapsed))))
	m.Set("src", value.String("(kept by the controller)"))
	m.Set("checksum_src", value.String(r.SHA1))
	fail := func(msg string) error { return &module.Failure{Msg: msg, Result: m} }
	switch {
	case !p.into && strings.HasSuffix(p.dest, "/"): // a folder was meant, and there is none
		return module.Change{}, fail("Destination " + dest + " does not exist")
	case old.IsDir():
		return module.Change{}, fail("Destination " + dest + " is a directory")
	case old.Followed.Type != state.TypeNone:
		m.Set("checksum_dest", value.String(old.SHA1))
	case old.Parent.Type == state.TypeNone:
		return module.Change{}, fail("Destination " + path.Dir(dest) + " does not exist")
	}
	if p.sum != "" {
		have, err := bodySum(r.Body, p.algorithm)
		if err != nil {
			return module.Change{}, err
		}
		if have != p.sum {
			return module.Change{}, fail(fmt.Sprintf("The checksum for %s did not match %s; it was %s.", dest, p.sum, have))
		}
	}
	differs := old.Followed.Type == state.TypeNone || old.SHA1 != r.SHA1
	backup := ""
	if p.Backup && differs && old.Followed.Type != state.TypeNone {
		backup = module.BackupName(dest, p.in)
		m.Set("backup_file", value.String(backup))
	}
	ops, after, err := place(g, p.FileAttrs, dest, r.Body, backup)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	m.Set("changed", value.Bool(len(ops) > 0))
	m.Set("md5sum", value.String(r.MD5))
	m.Set("msg", value.String(r.Msg))
	m.Set("status_code", value.Int(int64(r.Status)))
	module.PathInfo(m, after)
	return module.Change{Ops: ops, Result: m, Warnings: p.Warnings()}, nil
}

// bodySum sums up what came.
func bodySum(c *state.Content, algorithm string) (string, error) {
	r, err := c.Reader()
	if err != nil {
		return "", err
	}
	defer r.Close() //nolint:errcheck // only read
	h := sums[algorithm]()
	_, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// fromFile takes a file of the host itself (up to 8 MiB).
func (p *getting) fromFile(v state.View, file string) (module.Change, error) {
	if u, err := url.PathUnescape(file); err == nil {
		file = u
	}
	file = strings.TrimPrefix(file, "localhost")
	g := module.Gathering(v)
	f := g.File(file, state.WantContent|state.WantSHA1|state.WantMD5)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if !f.IsRegular() {
		return module.Change{}, p.failed("Request failed: <urlopen error [Errno 2] No such file or directory: '"+file+"'>", p.URL, "elapsed", 0)
	}
	r := state.HTTPResponse{Status: 200, URL: p.URL, Body: state.Bytes(f.Content), SHA1: f.SHA1, MD5: f.MD5, Msg: fmt.Sprintf("OK (%d bytes)", f.Followed.Size)}
	c, err := p.came(v, r)
	if c.Result != nil {
		c.Result.Set("status_code", value.Null)
	}
	return c, err
}
