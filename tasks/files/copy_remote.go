package files

import (
	"fmt"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const allSums = state.WantSHA256 | state.WantSHA1 | state.WantMD5

// remote plans a copy whose source is on the host itself.
func (p *putter) remote(a copyArgs, src, dest string) (module.Change, error) {
	f := p.g.File(trim(src), allSums)
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	switch f.Followed.Type {
	case state.TypeNone:
		return module.Change{}, module.Fail(fmt.Sprintf("Source %s not found", src))
	case state.TypeDir:
		return p.remoteFolder(a, f, src, dest)
	case state.TypeFile:
	default:
		return module.Change{}, module.Fail(fmt.Sprintf("Cannot copy invalid source '%s': not a file", src))
	}
	return p.single(a, hostSource(src, f), dest)
}

// hostSource is a regular file of the host.
func hostSource(src string, f state.File) source {
	return source{path: src, base: path.Base(src), mode: f.Followed.Mode, stat: f.Followed, remote: true,
		content: &state.Content{SHA256: f.SHA256, Size: f.Followed.Size}, sha1: f.SHA1, md5: f.MD5}
}

// remoteCopy is a copy of a folder of the host, as Ansible makes it: what is new
// as a whole keeps modes and links; what is put into a folder that exists is
// compared, and links are left out unless local_follow says what becomes of them.
type remoteCopy struct {
	*putter
	follow module.Opt[bool]
	own    module.FileAttrs // owner and group, for everything
	odd    bool             // something is reported as changed that is not
}

func (p *putter) remoteFolder(a copyArgs, f state.File, src, dest string) (module.Change, error) {
	c := &remoteCopy{putter: p, follow: a.LocalFollow, own: module.FileAttrs{Owner: a.Owner, Group: a.Group}}
	p.inherit = true
	root := trim(dest)
	to := p.g.File(root, 0)
	inside := !strings.HasSuffix(src, "/")
	at := root
	if inside {
		at = path.Join(root, path.Base(src))
	}
	there := p.g.File(at, 0)
	switch {
	case !p.g.Complete():
	case to.Exists() && !to.IsDir():
		return module.Change{}, module.Fail("Remote copy does not support recursive copy of directory: "+dest, "dest", dest, "src", src)
	case inside && !to.Exists():
		p.makeFolders(at)
		c.sync(f.Resolved, at, false)
	case !inside && !to.Exists() && strings.HasSuffix(dest, "/"): // made first, as for a file
		p.makeFolders(at)
		c.sync(f.Resolved, at, false)
	case there.IsDir():
		c.sync(f.Resolved, at, false)
	default:
		p.makeFolders(path.Dir(at))
		c.folder(at, f.Followed.Mode)
		c.sync(f.Resolved, at, true)
	}
	return c.end(src, dest, to)
}

// end sets the attributes of dest itself.
func (c *remoteCopy) end(src, dest string, to state.File) (module.Change, error) {
	if to.IsDir() { // Ansible means what is in it then
		dest = strings.TrimRight(dest, "/") + "/" + src[strings.LastIndexByte(src, '/')+1:]
	}
	root := trim(dest)
	st := c.g.File(root, 0).Followed
	if made, ok := c.folders[root]; ok {
		st = made
		st.Size = -1
	}
	attrs := c.FileAttrs
	if attrs.Mode.Text == "preserve" {
		attrs.Mode = module.FileMode{}
	}
	w, err := attrs.Want(c.g, st)
	if ch, missing, gerr := c.g.Missing(); missing {
		return ch, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	if set := w.Changes(st); !set.IsZero() {
		c.ops = append(c.ops, state.SetAttrs{Path: root, Follow: true, Attrs: set})
	}
	r := value.M("dest", dest, "src", src, "checksum", nil, "md5sum", nil, "changed", c.odd || len(c.ops) > 0)
	st = w.Apply(st)
	module.PathInfo(r, st)
	ch, err := c.change(r)
	if st.Size < 0 {
		ch.Then = measured(root, r)
	}
	return ch, err
}

// folder plans a folder with a mode, and the owner asked for.
func (c *remoteCopy) folder(at string, mode uint32) {
	parent, ok := c.folders[path.Dir(at)]
	if !ok {
		parent = c.g.File(path.Dir(at), 0).Followed
	}
	ns := c.g.NewStat(parent, state.TypeDir)
	w, err := c.own.Want(c.g, ns)
	if err != nil || !c.g.Complete() {
		return
	}
	set := w.Make(ns)
	set.Mode = &mode
	ns = w.Apply(ns)
	ns.Mode = mode
	c.ops = append(c.ops, state.Mkdir{Path: at, Attrs: set})
	c.folders[at] = ns
}

// sync copies what is in a folder. whole tells that the folder is new as a whole.
func (c *remoteCopy) sync(from, to string, whole bool) {
	news := map[string]bool{".": whole}
	for _, e := range c.g.Tree(from) {
		at, src := path.Join(to, e.Rel), path.Join(from, e.Rel)
		fresh := news[path.Dir(e.Rel)]
		var there state.File
		if !fresh {
			there = c.g.File(at, c.wants(state.MaxContent))
		}
		switch e.Stat.Type {
		case state.TypeDir:
			if news[e.Rel] = !there.Exists(); news[e.Rel] {
				c.folder(at, e.Stat.Mode)
			} else {
				c.attrs(at, there.Stat)
			}
		case state.TypeLink:
			c.link(at, src, e.Target, fresh, there)
		case state.TypeFile:
			c.file(at, src, there)
		}
	}
}

// attrs sets owner and group of what is there already.
func (c *remoteCopy) attrs(at string, cur state.Stat) {
	w, err := c.own.Want(c.g, cur)
	if err != nil || !c.g.Complete() {
		return
	}
	if set := w.Changes(cur); !set.IsZero() {
		c.ops = append(c.ops, state.SetAttrs{Path: at, Attrs: set})
	}
}

func (c *remoteCopy) file(at, src string, there state.File) {
	f := c.g.File(src, state.WantSHA256)
	if !c.g.Complete() {
		return
	}
	if there.IsRegular() && there.SHA256 == f.SHA256 {
		c.attrs(at, there.Stat)
		return
	}
	cur := there.Stat
	if cur.Type != state.TypeFile {
		cur = c.g.NewStat(c.parentOf(at, there), state.TypeFile)
	}
	w, err := c.own.Want(c.g, cur)
	if err != nil || !c.g.Complete() {
		return
	}
	set := w.Changes(cur)
	mode := f.Followed.Mode
	set.Mode = &mode
	c.ops = append(c.ops, state.CopyFile{Src: f.Resolved, Path: at, Attrs: set})
}

// link copies a link of the source.
func (c *remoteCopy) link(at, src, target string, fresh bool, there state.File) {
	follow, given := c.follow.Get()
	switch {
	case there.Exists():
		return // both have it: only files are compared
	case given && follow:
		f := c.g.File(src, 0)
		if f.IsDir() && !strings.HasPrefix(src+"/", f.Resolved+"/") {
			c.folder(at, f.Followed.Mode)
			c.sync(f.Resolved, at, true)
		} else if f.IsRegular() {
			c.file(at, src, there)
		}
	case given || fresh:
		c.remoteLink(at, target)
	default:
		c.odd = true // Ansible leaves it out, and says that it changed something
	}
}

func (p *putter) remoteLink(at, target string) {
	f := p.g.File(at, 0)
	if f.IsLink() && f.Target == target {
		return
	}
	p.ops = append(p.ops, state.Symlink{Path: at, Target: target, Replace: f.Exists()})
}
