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
		return p.remoteFolder(f.Resolved, src, dest)
	}
	return p.single(a, hostSource(src, f), dest)
}

// hostSource is a regular file of the host.
func hostSource(src string, f state.File) source {
	return source{path: src, base: path.Base(src), mode: f.Followed.Mode, stat: f.Followed, remote: true,
		content: &state.Content{SHA256: f.SHA256, Size: f.Followed.Size}, sha1: f.SHA1, md5: f.MD5}
}

func (p *putter) remoteFolder(real, src, dest string) (module.Change, error) {
	root := trim(dest)
	if !strings.HasSuffix(src, "/") {
		root = path.Join(root, path.Base(src))
	}
	p.inherit = true
	p.makeFolders(root)
	for _, e := range p.g.Tree(real) {
		from, at := path.Join(real, e.Rel), path.Join(root, e.Rel)
		switch e.Stat.Type {
		case state.TypeDir:
			if err := p.haveFolder(at); err != nil {
				return module.Change{}, err
			}
		case state.TypeLink:
			p.remoteLink(at, e.Target)
		case state.TypeFile:
			f := p.g.File(from, allSums)
			if !p.g.Complete() {
				p.g.File(at, p.wants())
				continue
			}
			if _, err := p.put(at, hostSource(from, f)); err != nil && p.g.Complete() {
				return module.Change{}, err
			}
		}
	}
	if c, missing, err := p.g.Missing(); missing {
		return c, err
	}
	r := value.M("dest", dest, "src", src, "checksum", nil, "md5sum", nil, "changed", len(p.ops) > 0)
	f := p.g.File(trim(dest), 0)
	st := f.Followed
	if made, ok := p.folders[trim(dest)]; ok {
		st = made
		st.Size = -1
	}
	module.PathInfo(r, st)
	return p.change(r)
}

func (p *putter) remoteLink(at, target string) {
	f := p.g.File(at, 0)
	if f.IsLink() && f.Target == target {
		return
	}
	p.ops = append(p.ops, state.Symlink{Path: at, Target: target, Replace: f.Exists()})
}
