package files

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type statArgs struct {
	Path          string `arg:"path"`
	Follow        bool   `arg:"follow"`
	GetChecksum   bool   `arg:"get_checksum"`
	GetMime       bool   `arg:"get_mime"`
	GetAttributes bool   `arg:"get_attributes"`
	Algorithm     string `arg:"checksum_algorithm"`
	GetMD5        bool   `arg:"get_md5"`
}

var statSpec = module.Spec{
	Name:    "stat",
	Summary: "Say what a path of a host is",
	Doc:     "Registers what lstat (with follow: stat) says about a path, its checksum, and what the identity may do with it.",
	Args: []module.Arg{
		{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Doc: "The path."},
		{Name: "follow", Type: module.Bool, Default: false, Doc: "Look at what a link leads to."},
		{Name: "get_md5", Type: module.Bool, Default: false, Doc: "Add the MD5 of a regular file as md5."},
		{Name: "get_checksum", Type: module.Bool, Default: true, Doc: "Add the checksum of a regular file."},
		{Name: "get_mime", Aliases: []string{"mime", "mime_type", "mime-type"}, Type: module.Bool, Default: true, Doc: "Add mimetype and charset, as the host's program file tells them; without it they are unknown."},
		{Name: "get_attributes", Aliases: []string{"attr", "attributes"}, Type: module.Bool, Default: true, Doc: "Add the flags that chattr sets as attributes and attr_flags, and the version, where the host has lsattr and the file system has these."},
		{Name: "checksum_algorithm", Aliases: []string{"checksum", "checksum_algo"}, Default: "sha1",
			Choices: []string{"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}, Doc: "Which checksum. Those but md5, sha1 and sha256 are for files up to 8 MiB."},
	},
	Returns: []module.Return{{Name: "stat", Type: "dict", When: "always", Doc: "exists, and when it does: path, mode, isdir, isreg, islnk, size, uid, gid, pw_name, gr_name, checksum, mtime and the rest, named as in Ansible."}},
	Traits:  module.Traits{Reads: true},
}

// Stat is the module stat.
func Stat() module.Module { return module.New(statSpec, planStat) }

func planStat(a statArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	shown := a.Path
	p := g.Path(a.Path)
	want := state.WantAccess
	if a.GetChecksum {
		want |= sumWants[a.Algorithm]
	}
	if a.GetMD5 {
		want |= state.WantMD5
	}
	if a.Path == "" { // no path is no file
		return module.OK("stat", value.M("exists", false)), nil
	}
	if foreseen(v, trim(p)) {
		return a.foresee(g, v, p), nil
	}
	f, err := g.TryFile(trim(p), want)
	var said kindInfo
	if a.GetMime || a.GetAttributes {
		said = parseKind(g.OutputAbout(trim(p), askKind, p, flagWord(a.GetAttributes), flagWord(a.GetMime)).Stdout)
	}
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return module.OK("stat", value.M("exists", false)), nil
		}
		if errors.Is(err, fs.ErrPermission) {
			return module.Change{}, module.Fail("Permission denied")
		}
		return module.Change{}, module.Fail(err.Error())
	}
	s := f.Stat
	if a.Follow || f.IsLink() && f.IsDir() && strings.HasSuffix(p, "/") { // behind the slash is the folder
		s = f.Followed
	}
	if below := f.Parent.Type; !f.Exists() && below != state.TypeNone && below != state.TypeDir || strings.HasSuffix(a.Path, "/") && f.IsRegular() {
		return module.Change{}, module.Fail("Not a directory")
	}
	if s.Type == state.TypeNone {
		return module.OK("stat", value.M("exists", false)), nil
	}
	m := statMap(s, p, f)
	if shown != "" && path.IsAbs(shown) {
		m.Set("path", value.String(shown))
	}
	if a.GetChecksum && s.Type == state.TypeFile && f.Readable {
		m.Set("checksum", value.String(sumOf(a.Algorithm, f)))
	}
	if a.GetMD5 && s.Type == state.TypeFile && f.Readable {
		m.Set("md5", value.String(f.MD5))
	}
	if s.Type == state.TypeLink {
		m.Set("lnk_source", value.String(f.Resolved).WithMarks(value.Unsafe))
		m.Set("lnk_target", value.String(f.Target).WithMarks(value.Unsafe))
	}
	if a.GetMime {
		if !said.hasFile {
			said.mime, said.charset = "unknown", "unknown"
		}
		m.Set("mimetype", value.String(said.mime))
		m.Set("charset", value.String(said.charset))
	}
	if a.GetAttributes {
		said.attributes(m)
	}
	return module.OK("stat", m), nil
}

var sumWants = map[string]state.Want{
	"md5": state.WantMD5, "sha1": state.WantSHA1, "sha256": state.WantSHA256,
	"sha224": state.WantContent, "sha384": state.WantContent, "sha512": state.WantContent,
}

func sumOf(algorithm string, f state.File) string {
	switch algorithm {
	case "md5":
		return f.MD5
	case "sha1":
		return f.SHA1
	case "sha224":
		s := sha256.Sum224(f.Content)
		return hex.EncodeToString(s[:])
	case "sha384":
		s := sha512.Sum384(f.Content)
		return hex.EncodeToString(s[:])
	case "sha512":
		s := sha512.Sum512(f.Content)
		return hex.EncodeToString(s[:])
	}
	return f.SHA256
}

// foreseen tells whether what is known of a path is a plan's prediction.
func foreseen(v state.View, p string) bool {
	w, ok := v.(interface{ Predicted(q state.Path) bool })
	return ok && w.Predicted(state.Path{Path: p})
}

// foresee tells of an entry that a plan predicts what can be told: not its times, its
// place on the disk, and what programs of the host say of it.
func (a statArgs) foresee(g *module.Gather, v state.View, p string) module.Change {
	ask := state.Path{Path: trim(p)}
	f, known, err := v.File(ask)
	if !known || err != nil {
		c, _, _ := g.Missing()
		c.Need = append(c.Need, ask)
		return c
	}
	ask.Want = state.WantAccess
	whole, able, err := v.File(ask)
	able = able && err == nil
	if able {
		f.Readable, f.Writable, f.Executable = whole.Readable, whole.Writable, whole.Executable
	}
	s := f.Stat
	if a.Follow {
		s = f.Followed
	}
	if s.Type == state.TypeNone {
		c := module.OK("stat", value.M("exists", false))
		c.Foreseen = true
		return c
	}
	m := statMap(s, p, f)
	if path.IsAbs(a.Path) {
		m.Set("path", value.String(a.Path))
	}
	later := []string{"atime", "mtime", "ctime", "inode", "dev", "blocks", "block_size", "nlink"}
	if s.Size < 0 || s.Type == state.TypeDir {
		later = append(later, "size")
	}
	if !able {
		later = append(later, "readable", "writeable", "executable")
	}
	if a.GetMime {
		later = append(later, "mimetype", "charset")
	}
	if a.GetAttributes {
		later = append(later, "version", "attributes", "attr_flags")
	}
	for _, k := range later {
		m.Set(k, module.Later())
	}
	for _, sum := range []struct {
		key  string
		want state.Want
		of   func(state.File) string
	}{{"checksum", sumWants[a.Algorithm], func(f state.File) string { return sumOf(a.Algorithm, f) }}, {"md5", state.WantMD5, func(f state.File) string { return f.MD5 }}} {
		if s.Type != state.TypeFile || sum.key == "checksum" && !a.GetChecksum || sum.key == "md5" && !a.GetMD5 {
			continue
		}
		m.Set(sum.key, module.Later())
		if f, known, err := v.File(state.Path{Path: trim(p), Want: sum.want}); known && err == nil {
			m.Set(sum.key, value.String(sum.of(f)))
		}
	}
	if s.Type == state.TypeLink {
		m.Set("lnk_source", value.String(f.Resolved).WithMarks(value.Unsafe))
		m.Set("lnk_target", value.String(f.Target).WithMarks(value.Unsafe))
	}
	c := module.OK("stat", m)
	c.Foreseen = true
	return c
}

func statMap(s state.Stat, p string, f state.File) *value.Map {
	is := func(t state.FileType) bool { return s.Type == t }
	bit := func(b uint32) bool { return s.Mode&b != 0 }
	m := value.M(
		"exists", true, "path", p, "mode", fmt.Sprintf("%04o", s.Mode),
		"isdir", is(state.TypeDir), "ischr", is(state.TypeChar), "isblk", is(state.TypeBlock),
		"isreg", is(state.TypeFile), "isfifo", is(state.TypeFIFO), "islnk", is(state.TypeLink), "issock", is(state.TypeSocket),
		"uid", module.IDValue(s.UID), "gid", module.IDValue(s.GID), "size", s.Size, "inode", s.Ino, "dev", s.Dev, "nlink", s.Nlink,
		"atime", seconds(s.ATime), "mtime", seconds(s.MTime), "ctime", seconds(s.CTime),
		"wusr", bit(0o200), "rusr", bit(0o400), "xusr", bit(0o100),
		"wgrp", bit(0o020), "rgrp", bit(0o040), "xgrp", bit(0o010),
		"woth", bit(0o002), "roth", bit(0o004), "xoth", bit(0o001),
		"isuid", bit(0o4000), "isgid", bit(0o2000),
		"blocks", s.Blocks, "block_size", s.BlockSize, "device_type", int64(s.RdevMajor)<<8|int64(s.RdevMinor&0xff)|int64(s.RdevMinor&^uint32(0xff))<<12,
		"readable", f.Readable, "writeable", f.Writable, "executable", f.Executable)
	if s.User != "" {
		m.Set("pw_name", value.String(s.User))
	}
	if s.Group != "" {
		m.Set("gr_name", value.String(s.Group))
	}
	return m
}
