package files

import (
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type unarchiveArgs struct {
	module.FileAttrs
	Src           string           `arg:"src"`
	Dest          string           `arg:"dest"`
	RemoteSrc     module.Opt[bool] `arg:"remote_src"`
	Copy          module.Opt[bool] `arg:"copy"`
	Creates       string           `arg:"creates"`
	ListFiles     bool             `arg:"list_files"`
	KeepNewer     bool             `arg:"keep_newer"`
	Exclude       []string         `arg:"exclude"`
	Include       []string         `arg:"include"`
	ExtraOpts     []string         `arg:"extra_opts"`
	ValidateCerts bool             `arg:"validate_certs"`
	Decrypt       bool             `arg:"decrypt"`
}

var unarchiveSpec = module.Spec{
	Name:    "unarchive",
	Missing: "src (or content) and dest are required",
	Summary: "Unpack an archive on a host",
	Doc: "Unpacks tar (plain, gzip, bzip2, xz, zstd) and zip with the host's own tar and unzip, when something in dest differs from the archive. " +
		"Whether it does can only be told on the host, with the archive there: a plan calls it unknown.",
	Args: append([]module.Arg{
		{Name: "src", Type: module.Path, Required: true, Doc: "The archive: here, or with remote_src on the host or an http address."},
		{Name: "dest", Type: module.Path, Required: true, Doc: "The folder to unpack into; it must exist."},
		{Name: "remote_src", Type: module.Bool, Doc: "src is on the host, or an address; false without it."},
		{Name: "copy", Type: module.Bool, Doc: "The contrary of remote_src, which is to be used."},
		{Name: "creates", Type: module.Path, Doc: "Skip when this path exists."},
		{Name: "list_files", Type: module.Bool, Default: false, Doc: "Register the names in the archive."},
		{Name: "io_buffer_size", Type: module.Int, Default: 65536, Doc: "Without effect."},
		{Name: "keep_newer", Type: module.Bool, Default: false, Doc: "Leave files that are newer than those in the archive."},
		{Name: "exclude", Type: module.List, Elem: module.Str, Doc: "Names to leave out."},
		{Name: "include", Type: module.List, Elem: module.Str, Doc: "Names to unpack; all others are left out."},
		{Name: "extra_opts", Type: module.List, Elem: module.Str, Default: []string{}, Doc: "Further options for tar or unzip."},
		{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "Look at the certificate of an https address."},
		{Name: "decrypt", Type: module.Bool, Default: true, Unlisted: true, Doc: "Decrypt a src that is encrypted with Ansible Vault."},
	}, module.FileArgs()...),
	MutuallyExclusive: [][]string{{"include", "exclude"}},
	Order:             [][]string{{"handler", "dest", "src", "extract_results", "changed", "uid", "gid", "owner", "group", "mode", "state", "size"}},
	Returns: append([]module.Return{
		{Name: "dest", Type: "str", When: "always", Doc: "The folder."},
		{Name: "src", Type: "str", When: "always", Doc: "The archive on the host."},
		{Name: "handler", Type: "str", When: "always", Doc: "What kind of archive it is, by the names that Ansible has for them."},
		{Name: "files", Type: "list", When: "list_files", Doc: "The names in the archive."},
		{Name: "extract_results", Type: "dict", When: "it was unpacked", Doc: "cmd, rc, out and err of the program."},
	}, fileReturns...),
	Examples: "- unarchive: {src: app.tar.gz, dest: /srv/app, owner: app}\n- unarchive: {src: /tmp/app.zip, dest: /srv/app, remote_src: true, creates: /srv/app/bin}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Unarchive is the module unarchive.
func Unarchive() module.Module { return module.New(unarchiveSpec, planUnarchive) }

// unpacking is one run of unarchive.
type unpacking struct {
	unarchiveArgs
	in      module.Inputs
	login   state.LoginInfo
	there   bool // src is on the host, or an address
	dest    string
	src     string // on the host
	temp    bool   // src is ours and is removed
	plain   bool   // the host's tar is not GNU's
	handler string
	zone    *time.Location
	names   []string
	changed bool
	extract *value.Map
	bad     error // the attributes cannot be set
}

func planUnarchive(a unarchiveArgs, in module.Inputs, v state.View) (module.Change, error) {
	if c, given := a.Copy.Get(); given {
		if a.RemoteSrc.Given() {
			return module.Change{}, module.Fail("parameters are mutually exclusive: ('copy', 'remote_src')")
		}
		a.RemoteSrc = module.Some(!c)
	}
	u := &unpacking{unarchiveArgs: a, in: in, there: a.RemoteSrc.Or(false)}
	g := module.Gathering(v)
	u.login = g.Login()
	u.dest = g.Path(a.Dest)
	creates := state.File{}
	if a.Creates != "" {
		creates = g.File(trim(g.Path(a.Creates)), 0)
	}
	dest := g.File(trim(u.dest), 0)
	isURL := u.there && strings.Contains(a.Src, "://")
	var src state.File
	if u.there && !isURL {
		u.src = g.Path(a.Src)
		src = g.File(trim(u.src), state.WantAccess)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if creates.Exists() {
		return module.Change{Skip: true, Result: value.M("changed", false, "msg", "skipped, since "+a.Creates+" exists")}, nil
	}
	content, err := u.local(isURL)
	if err != nil {
		return module.Change{}, err
	}
	if !dest.IsDir() {
		return module.Change{}, module.Fail("dest '" + u.dest + "' must be an existing dir")
	}
	if isURL {
		return u.download(), nil
	}
	if u.there {
		if err := u.usable(src); err != nil {
			return module.Change{}, err
		}
		return u.inspect(nil), nil
	}
	if in.Check {
		if c, zipped, err := u.foresee(v, content, dest); zipped || err != nil {
			return c, err
		}
	}
	return u.inspect(content), nil
}

// local opens an archive of the controller.
func (u *unpacking) local(isURL bool) (*state.Content, error) {
	if u.there || isURL {
		return nil, nil
	}
	found, err := u.in.Sources.Find("files", u.Src)
	if err != nil {
		return nil, module.Fail(err.Error())
	}
	sf, err := u.in.Sources.File(found)
	if err != nil {
		return nil, err
	}
	if sf.IsDir {
		return nil, module.Fail(u.Src + " is a directory, not an archive")
	}
	u.src, u.temp = u.tempName(), true
	return sf.Content, nil
}

// tempName is where an archive that we bring goes for the time being.
func (u *unpacking) tempName() string {
	return "/tmp/.fairlead-" + hex.EncodeToString(u.in.Seed[:8]) + "-source"
}

// usable tells what is wrong with an archive that is there already.
func (u *unpacking) usable(f state.File) error {
	switch {
	case f.Followed.Type == state.TypeNone:
		return module.Fail("Source '" + u.src + "' does not exist")
	case !f.Readable:
		return module.Fail("Source '" + u.src + "' not readable")
	case f.Followed.Size == 0:
		return module.Fail("Invalid archive '" + u.src + "', the file is 0 bytes")
	}
	return nil
}

// download brings the archive from an address.
func (u *unpacking) download() module.Change {
	return module.Change{
		Ops: []state.Op{state.HTTPRequest{Method: "GET", URL: u.Src, Agent: "ansible-httpget", Follow: "urllib2", Timeout: 10 * time.Second,
			Insecure: !u.ValidateCerts, Decompress: true, Read: true}},
		Result: u.unknown(),
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			r, _ := did[len(did)-1].Data.(state.HTTPResponse)
			if r.Status != 200 {
				return module.Change{}, module.Fail("Failure downloading " + u.Src + ", " + r.Msg)
			}
			u.src, u.temp = u.tempName(), true
			return u.inspect(r.Body), nil
		},
	}
}

// unknown is the result before the archive was looked into.
func (u *unpacking) unknown() *value.Map {
	return value.M("changed", module.Later(), "dest", u.dest, "src", u.src, "handler", module.Later())
}

// inspect puts the archive in its place and looks into it.
func (u *unpacking) inspect(content *state.Content) module.Change {
	if content != nil && content.Size == 0 {
		return module.Change{Result: u.unknown(), Ops: []state.Op{state.Exec{Argv: []string{"true"}, Read: true}},
			Then: func(state.View, []state.OpResult) (module.Change, error) {
				return module.Change{}, module.Fail("Invalid archive '" + u.src + "', the file is 0 bytes")
			}}
	}
	var ops []state.Op
	if content != nil {
		mode := uint32(0o600)
		ops = append(ops, state.WriteFile{Path: u.src, Content: content, Attrs: state.Attrs{Mode: &mode}})
	}
	argv := append([]string{"/bin/sh", "-c", inspectScript, "sh", u.src, u.dest}, u.tarOptions()...)
	ops = append(ops, state.Exec{Argv: argv, Chdir: u.dest, Env: []string{"LC_ALL=C.UTF-8"}, Read: !u.temp, Shown: "look into " + u.src})
	return module.Change{Ops: ops, Result: u.unknown(), Then: u.inspected, Looks: !u.temp,
		NoCheck: "remote module (ansible.legacy.unarchive) does not support check mode when using gtar"}
}

// cleaned ends the module with an error, when what we brought was removed.
func (u *unpacking) cleaned(err error) (module.Change, error) {
	if !u.temp {
		return module.Change{}, err
	}
	return module.Change{Ops: []state.Op{state.Remove{Path: u.src}}, Result: u.unknown(),
		Then: func(state.View, []state.OpResult) (module.Change, error) { return module.Change{}, err }}, nil
}

// inspected decides what is to be done.
func (u *unpacking) inspected(v state.View, did []state.OpResult) (module.Change, error) {
	r := did[len(did)-1]
	lines := strings.Split(strings.TrimRight(string(r.Stdout), "\n"), "\n")
	if r.RC != 0 || len(lines) < 2 {
		return u.cleaned(module.Fail(fmt.Sprintf("Failed to find handler for \"%s\". Make sure the required command to extract the file is installed.\n%s",
			u.src, strings.TrimSpace(string(r.Stderr))), "src", u.src, "dest", u.dest))
	}
	u.handler = lines[0]
	u.zone, u.plain = zoneOf(lines[1]), strings.HasSuffix(lines[1], " plain")
	u.names = u.wanted(lines[2:])
	if u.isZip() {
		return u.zipDiffers(v, string(r.Stderr))
	}
	if u.tarDiffers(string(r.Stderr)) {
		return u.unpack(), nil
	}
	return u.attributes(v, nil)
}

func (u *unpacking) isZip() bool { return strings.HasPrefix(u.handler, "Zip") }

// unpack runs the program, and removes the archive when we brought it.
func (u *unpacking) unpack() module.Change {
	argv := u.extractCommand()
	ops := []state.Op{state.Exec{Argv: argv, Chdir: u.dest, Env: []string{"LC_ALL=C.UTF-8"}}}
	u.changed = true
	result := u.unknown()
	result.Set("changed", value.Bool(true))
	result.Set("handler", value.String(u.handler))
	for _, k := range []string{"extract_results", "uid", "gid", "owner", "group", "mode", "state", "size"} {
		result.Set(k, module.Later())
	}
	if u.ListFiles {
		result.Set("files", value.Strings(u.names...).MarkDeep(value.Unsafe))
	}
	return module.Change{Ops: ops, Result: result, Then: func(v state.View, did []state.OpResult) (module.Change, error) {
		r := did[len(did)-1]
		u.extract = value.M("cmd", argv, "rc", r.RC, "out", value.String(string(r.Stdout)).WithMarks(value.Unsafe),
			"err", value.String(string(r.Stderr)).WithMarks(value.Unsafe))
		if r.RC != 0 {
			return u.cleaned(module.Fail("failed to unpack "+u.src+" to "+u.dest, "src", u.src, "dest", u.dest, "handler", u.handler, "extract_results", u.extract))
		}
		return u.attributes(v, did)
	}}
}

// attributes sets owner, group and mode of all that is in the archive.
func (u *unpacking) attributes(v state.View, _ []state.OpResult) (module.Change, error) {
	g := module.Gathering(v)
	var ops []state.Op
	dest := g.File(trim(u.dest), 0)
	if u.Mode.Given || u.Owner != "" || u.Group != "" {
		seen := map[string]bool{}
		for _, name := range u.names {
			u.setAttrs(g, path.Join(u.dest, name), seen, &ops)
		}
		for _, name := range u.names {
			if top, _, below := strings.Cut(name, "/"); below {
				u.setAttrs(g, path.Join(u.dest, top), seen, &ops)
			}
		}
	}
	if c, missing, err := g.Missing(); missing {
		if err != nil {
			return u.cleaned(err)
		}
		return c, nil
	}
	if u.bad != nil {
		return u.cleaned(u.bad)
	}
	for _, op := range ops {
		if s, ok := op.(state.SetAttrs); ok && trim(s.Path) == trim(u.dest) {
			dest.Followed = applied(dest.Followed, s.Attrs)
		}
	}
	m := value.M("changed", u.changed || len(ops) > 0, "dest", u.dest, "src", u.src, "handler", u.handler)
	if u.extract != nil {
		m.Set("extract_results", value.FromMap(u.extract))
	}
	if u.ListFiles {
		m.Set("files", value.Strings(u.names...).MarkDeep(value.Unsafe))
	}
	module.PathInfo(m, dest.Followed)
	if u.temp {
		ops = append(ops, state.Remove{Path: u.src})
	}
	return module.Change{Ops: ops, Result: m, Warnings: u.Warnings()}, nil
}

func applied(s state.Stat, a state.Attrs) state.Stat {
	if a.Mode != nil {
		s.Mode = *a.Mode
	}
	if a.Owner != "" {
		s.UID, s.User = a.UID, a.Owner
	}
	if a.Group != "" {
		s.GID, s.Group = a.GID, a.Group
	}
	return s
}

func (u *unpacking) setAttrs(g *module.Gather, at string, seen map[string]bool, ops *[]state.Op) {
	if seen[at] {
		return
	}
	seen[at] = true
	f := g.File(at, 0)
	w, err := u.Want(g, f.Stat)
	if err != nil && u.bad == nil {
		u.bad = err
	}
	if err != nil || !g.Complete() || !f.Exists() {
		return
	}
	if a := w.Changes(f.Stat); !a.IsZero() {
		*ops = append(*ops, state.SetAttrs{Path: at, Attrs: a})
	}
}
