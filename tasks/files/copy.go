package files

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/hex"
	"io"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type copyArgs struct {
	module.FileAttrs
	Src           module.Opt[string] `arg:"src"`
	Content       value.Value        `arg:"content"`
	Dest          string             `arg:"dest"`
	Backup        bool               `arg:"backup"`
	Force         bool               `arg:"force"`
	Validate      string             `arg:"validate"`
	DirectoryMode module.FileMode    `arg:"directory_mode"`
	RemoteSrc     bool               `arg:"remote_src"`
	Follow        bool               `arg:"follow"`
	LocalFollow   module.Opt[bool]   `arg:"local_follow"`
	Checksum      string             `arg:"checksum"`
	Decrypt       bool               `arg:"decrypt"`
}

var copySpec = module.Spec{
	Name:    "copy",
	Missing: "dest is required",
	Summary: "Put files or folders of the controller, or a text, on a host",
	Doc: "Writes only what differs, replacing a file as a whole. A dest that is a folder, or ends with a slash, gets the " +
		"file below it; a src folder that ends with a slash gives its content, without the slash itself too.",
	Args: append([]module.Arg{
		{Name: "src", Type: module.Path, Doc: "The file or folder to copy, looked for in files/ of the role and beside the playbook."},
		{Name: "content", Type: module.Raw, Doc: "The text to write, in place of src; dicts and lists are written as JSON."},
		{Name: "dest", Type: module.Path, Required: true, Doc: "Where it goes on the host."},
		{Name: "backup", Type: module.Bool, Default: false, Doc: "Keep the old file under a name with the time."},
		{Name: "force", Aliases: []string{"thirsty"}, Type: module.Bool, Default: true, Doc: "Without it, what exists is left alone."},
		{Name: "validate", Doc: "A command with %s for the new file; it is put in place only when the command returns 0."},
		{Name: "directory_mode", Type: module.Mode, Doc: "Permissions of folders that are made on the way."},
		{Name: "remote_src", Type: module.Bool, Default: false, Doc: "src is on the host itself."},
		{Name: "follow", Type: module.Bool, Default: false, Doc: "Write to where a link at dest leads, and keep the link."},
		{Name: "local_follow", Type: module.Bool, Doc: "Follow links in src (the default); without it they are copied as links."},
		{Name: "checksum", Doc: "SHA-1 that a file must have to be copied."},
		{Name: "decrypt", Type: module.Bool, Default: true, Unlisted: true, Doc: "Decrypt a src that is encrypted with Ansible Vault."},
		{Name: "_original_basename", Doc: "Internal."},
	}, module.FileArgs()...),
	MutuallyExclusive: nil, // said by the plan, in Ansible's words
	Order:             [][]string{{"diff", "dest", "src", "md5sum", "checksum", "changed", "uid", "gid", "owner", "group", "mode", "state", "size"}, {"diff", "path", "changed", "uid", "gid", "owner", "group", "mode", "state", "size", "invocation", "checksum", "dest"}},
	Returns: append([]module.Return{
		{Name: "dest", Type: "str", When: "success", Doc: "Where the file is."},
		{Name: "src", Type: "str", When: "src was given", Doc: "Where it came from."},
		{Name: "checksum", Type: "str", When: "one file", Doc: "SHA-1 of the content."},
		{Name: "md5sum", Type: "str", When: "the content changed", Doc: "MD5 of the content."},
		{Name: "backup_file", Type: "str", When: "a backup was made", Doc: "Where the old file is."},
	}, fileReturns...),
	Examples: "- copy: {src: app.conf, dest: /etc/app/app.conf, owner: root, mode: \"0644\"}\n" +
		"- copy: {content: \"{{ motd }}\", dest: /etc/motd}\n",
	Traits: module.Traits{Reach: state.ReachPaths, DiffList: true},
}

// Copy is the module copy.
func Copy() module.Module { return module.New(copySpec, planCopy) }

func planCopy(a copyArgs, in module.Inputs, v state.View) (module.Change, error) {
	src, hasSrc := a.Src.Get()
	switch {
	case src == "" && a.Content.IsNull():
		return module.Change{}, module.Fail("src (or content) is required")
	case a.Dest == "":
		return module.Change{}, module.Fail(copySpec.Missing)
	case hasSrc && !a.Content.IsNull():
		return module.Change{}, module.Fail("src and content are mutually exclusive")
	case !hasSrc && strings.HasSuffix(a.Dest, "/"):
		return module.Change{}, module.Fail("can not use content with a dir as dest")
	}
	p := newPutter(a.FileAttrs, in, v)
	p.dirMode, p.force, p.follow, p.backup, p.validate = a.DirectoryMode, a.Force, a.Follow, a.Backup, a.Validate
	if a.Checksum != "0" { // the number 0 is none
		p.checksum = a.Checksum
	}
	dest := p.g.Path(a.Dest)
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	if a.RemoteSrc && hasSrc {
		c, err := p.remote(a, p.g.Path(src), dest)
		if in.Check && err == nil && c.Result != nil && strings.HasSuffix(dest, "/") && !p.g.File(trim(dest), 0).Exists() {
			if c.Still == nil {
				c.Still = value.NewMap()
			}
			c.Result.Set("msg", module.Later()) // of a single task in check mode, not of what a plan predicts
			c.Still.Set("msg", value.String("dest directory "+trim(dest)+" would be created"))
		}
		return c, err
	}
	if !hasSrc {
		return p.single(a, contentSource(a.Content), dest)
	}
	found, err := in.Sources.Find("files", src)
	if err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	open := in.Sources.File
	if !a.Decrypt {
		open = in.Sources.Encrypted
	}
	sf, err := open(found)
	if err != nil {
		return module.Change{}, err
	}
	if sf.IsDir {
		return p.folder(a, found, strings.HasSuffix(src, "/"), dest)
	}
	return p.single(a, fileSource(sf), dest)
}

// contentSource is the text of the argument content.
func contentSource(v value.Value) source {
	text := v.Text()
	if v.Kind() == value.KindMap || v.Kind() == value.KindList {
		text = v.PythonJSON()
	}
	return textSource(text, v.DeepMarks())
}

// textSource is a text, with the mode of the file in which Ansible keeps it meanwhile.
func textSource(text string, marks value.Marks) source {
	s1, m5 := sha1.Sum([]byte(text)), md5.Sum([]byte(text))
	return source{mode: 0o600, content: state.Bytes([]byte(text)), sha1: hex.EncodeToString(s1[:]), md5: hex.EncodeToString(m5[:]), marks: marks}
}

func fileSource(f module.SourceFile) source {
	var marks value.Marks
	if f.Secret {
		marks = value.Secret
	}
	return source{marks: marks, path: f.Path, base: path.Base(f.Path), mode: uint32(f.Mode.Perm()), content: f.Content, sha1: f.SHA1, md5: f.MD5}
}

func readAll(c *state.Content) ([]byte, error) {
	r, err := c.Reader()
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return b, err
}

// single plans one file.
func (p *putter) single(a copyArgs, s source, dest string) (module.Change, error) {
	if s.remote && a.Checksum != "" && a.Checksum != s.sha1 { // also of a file that is there already
		return module.Change{}, otherSum(s, a.Checksum)
	}
	at, err := p.target(dest, s)
	if err != nil {
		if c, missing, gerr := p.g.Missing(); missing {
			return c, gerr
		}
		return module.Change{}, err
	}
	r, err := p.put(at, s)
	if c, missing, gerr := p.g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{Warnings: p.Warnings()}, err
	}
	return p.change(r)
}

func otherSum(s source, want string) error {
	return module.Fail("Copied file does not match the expected checksum. Transfer failed.", "checksum", s.sha1, "expected_checksum", want)
}

// folder plans a folder with everything in it.
func (p *putter) folder(a copyArgs, src string, contentOnly bool, dest string) (module.Change, error) {
	entries, err := p.in.Sources.Walk(trim(src), a.LocalFollow.Or(true))
	if err != nil {
		return module.Change{}, err
	}
	root := trim(dest)
	if !contentOnly {
		root = path.Join(root, path.Base(trim(src))) // made with what is in it: an empty folder is not copied
	}
	for _, e := range entries {
		p.follow = p.follow && !e.IsDir // links of the host are followed for files alone
	}
	var only *value.Map
	regular := 0
	for _, e := range entries {
		at := path.Join(root, e.Rel)
		switch {
		case e.IsDir:
			if err := p.haveFolder(at); err != nil {
				return module.Change{}, err
			}
			continue
		case e.Link != "":
			p.makeFolders(path.Dir(at))
			p.remoteLink(at, e.Link)
			continue
		}
		if !a.Decrypt {
			rel := e.Rel
			if e, err = p.in.Sources.Encrypted(e.Path); err != nil {
				return module.Change{}, err
			}
			e.Rel = rel
		}
		regular++
		p.makeFolders(path.Dir(at))
		r, err := p.put(at, fileSource(e))
		if err != nil && p.g.Complete() {
			return module.Change{}, err
		}
		only = r
	}
	if contentOnly {
		src = trim(src) + "/"
	}
	r := value.M("dest", trim(dest)+"/", "src", src, "changed", len(p.ops) > 0)
	if regular == 1 && only != nil {
		r = only
		r.Set("changed", value.Bool(len(p.ops) > 0))
	}
	return p.change(r)
}

// haveFolder plans a folder, or the attributes of one that exists.
func (p *putter) haveFolder(at string) error {
	if _, planned := p.folders[at]; planned {
		return nil
	}
	f := p.g.File(at, 0)
	if !p.g.Complete() {
		return nil
	}
	if !f.Exists() {
		p.makeFolders(at)
		return nil
	}
	if !f.IsDir() {
		return module.Fail(at+" already exists as a "+module.PathState(f.Stat), "path", at)
	}
	w, err := p.dirAttrs().Want(p.g, f.Followed)
	if err != nil {
		return err
	}
	if a := w.Changes(f.Followed); !a.IsZero() {
		p.ops = append(p.ops, state.SetAttrs{Path: f.Resolved, Attrs: a})
		d := newSides(at)
		d.attrs(f.Followed, a)
		if e, ok := d.entry(); ok {
			p.diff = append(p.diff, e)
		}
	}
	return nil
}
