package files

import (
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type fetchArgs struct {
	Src           string `arg:"src"`
	Dest          string `arg:"dest"`
	Flat          bool   `arg:"flat"`
	FailOnMissing bool   `arg:"fail_on_missing"`
	Validate      bool   `arg:"validate_checksum"`
}

var fetchSpec = module.Spec{
	Name:    "fetch",
	Missing: "src and dest are required",
	Summary: "Bring a file of a host to the controller",
	Doc: "Copies a file of any size here, below dest in a folder named as the host, under its whole path. With flat it goes to dest itself. " +
		"It is written only when it differs.",
	Args: []module.Arg{
		{Name: "src", Required: true, Doc: "The file on the host."},
		{Name: "dest", Required: true, Doc: "The folder here, relative to the playbook's; with flat, the file, or with a closing slash the folder it goes into."},
		{Name: "flat", Type: module.Bool, Default: false, Doc: "Write to dest itself."},
		{Name: "fail_on_missing", Type: module.Bool, Default: true, Doc: "Fail when there is no such file, or it cannot be read."},
		{Name: "validate_checksum", Type: module.Bool, Default: true, Doc: "Fail when what came is not what the host has."},
	},
	Returns: []module.Return{
		{Name: "dest", Type: "str", When: "success", Doc: "The file here."},
		{Name: "file", Type: "str", When: "nothing was brought", Doc: "The file on the host."},
		{Name: "checksum", Type: "str", When: "success", Doc: "SHA-1 of the file here."},
		{Name: "remote_checksum", Type: "str", When: "changed", Doc: "SHA-1 of the file on the host."},
		{Name: "md5sum", Type: "str", When: "success", Doc: "MD5 of the file here."},
		{Name: "remote_md5sum", Type: "str", When: "changed", Doc: "Nothing; there for playbooks that read it."},
	},
	Examples: "- fetch: {src: /etc/app/app.conf, dest: collected}\n- fetch: {src: /var/log/app.log, dest: \"logs/{{ inventory_hostname }}.log\", flat: true}\n",
	Traits:   module.Traits{Reach: state.ReachExternal, Reads: true, Controller: true},
}

// Fetch is the module fetch.
func Fetch() module.Module { return module.New(fetchSpec, planFetch) }

func planFetch(a fetchArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	src := g.Path(a.Src)
	f, err := g.TryFile(trim(src), state.WantSHA1|state.WantAccess)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if c, done, err := a.unusable(src, f, err); done {
		return c, err
	}
	from := src
	if !strings.ContainsAny(a.Src[:1], "/~$") { // below the host's folder here as it was given
		from = a.Src
	}
	dest, err := a.place(in, from)
	if err != nil {
		return module.Change{}, err
	}
	if in.Check {
		return a.predict(in, src, dest, f), nil
	}
	return module.Change{
		Ops:    []state.Op{state.Fetch{Src: f.Resolved, Dest: dest, SHA1: f.SHA1}},
		Result: value.M("changed", module.Later(), "dest", dest),
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			got, _ := did[len(did)-1].Data.(state.Fetched)
			return a.result(src, dest, f.SHA1, got)
		},
		Failed: func(_ int, r state.OpResult) *module.Failure {
			return module.Fail("Failed to fetch the file: "+r.Msg, "file", src, "dest", dest)
		},
	}, nil
}

// unusable ends where there is nothing to bring.
func (a fetchArgs) unusable(src string, f state.File, err error) (module.Change, bool, error) {
	msg := ""
	switch {
	case f.IsDir():
		msg = "remote file is a directory, fetch cannot work on directories"
		if !a.FailOnMissing {
			return module.Change{Result: value.M("msg", msg+", not transferring, ignored", "changed", false)}, true, nil
		}
		return module.Change{}, true, module.Fail(msg, "changed", false)
	case err == nil && f.Followed.Type == state.TypeNone:
		msg = "the remote file does not exist, not transferring, ignored"
	case err != nil:
		msg = err.Error()
	case !f.Readable || f.SHA1 == "":
		msg = "file is not readable: " + src
	default:
		return module.Change{}, false, nil
	}
	if a.FailOnMissing {
		return module.Change{}, true, module.Fail(msg)
	}
	r := value.M("changed", false, "file", src)
	if f.Followed.Type == state.TypeNone && err == nil {
		r.Set("msg", value.String(msg))
	}
	return module.Change{Result: r}, true, nil
}

// place is where the file goes here.
func (a fetchArgs) place(in module.Inputs, src string) (string, error) {
	base := "."
	if in.Vars != nil {
		v, ok, err := in.Vars.Lookup("playbook_dir")
		if err != nil {
			return "", err
		}
		if ok {
			base = v.Text()
		}
	}
	dest := a.Dest
	if strings.HasPrefix(dest, "~") {
		if found, err := in.Sources.Find("files", dest); err == nil {
			dest = found
		}
	}
	abs := func(p string) string {
		if path.IsAbs(p) {
			return path.Clean(p)
		}
		return path.Join(base, p)
	}
	if !a.Flat {
		return path.Join(abs(dest), in.Host, src), nil
	}
	if strings.HasSuffix(dest, "/") {
		return path.Join(abs(dest), path.Base(src)), nil
	}
	if f, err := in.Sources.File(abs(dest)); err == nil && f.IsDir {
		return "", module.Fail("dest is an existing directory, use a trailing slash if you want to fetch src into that directory")
	}
	return abs(dest), nil
}

// predict is what a plan says: whether the file here differs.
func (a fetchArgs) predict(in module.Inputs, src, dest string, f state.File) module.Change {
	here, err := in.Sources.File(dest)
	if err == nil && here.SHA1 == f.SHA1 {
		c, _ := a.result(src, dest, f.SHA1, state.Fetched{SHA1: here.SHA1, MD5: here.MD5})
		return c
	}
	return module.Change{Result: value.M("changed", true, "dest", dest, "checksum", f.SHA1, "remote_checksum", f.SHA1,
		"md5sum", module.Later(), "remote_md5sum", nil)}
}

func (a fetchArgs) result(src, dest, remote string, got state.Fetched) (module.Change, error) {
	switch {
	case !got.Changed:
		return module.OK("md5sum", got.MD5, "file", src, "dest", dest, "checksum", got.SHA1), nil
	case a.Validate && got.SHA1 != remote:
		return module.Change{}, module.Fail("checksum mismatch", "md5sum", got.MD5, "file", src, "dest", dest,
			"remote_md5sum", nil, "checksum", got.SHA1, "remote_checksum", remote)
	}
	return module.Change{Result: value.M("changed", true, "md5sum", got.MD5, "dest", dest, "remote_md5sum", nil,
		"checksum", got.SHA1, "remote_checksum", remote)}, nil
}
