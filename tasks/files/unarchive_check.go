package files

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// maxForeseen is how large an archive may be to be looked into here.
const maxForeseen = 64 << 20

// foresee tells in check mode what would become of an archive of the controller that zip
// made, without bringing it to the host. ok is false for other archives.
func (u *unpacking) foresee(v state.View, content *state.Content, dest state.File) (c module.Change, ok bool, err error) {
	if content == nil || content.Size > maxForeseen {
		return c, false, nil
	}
	b, err := readAll(content)
	if err != nil {
		return c, false, err
	}
	archive, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return c, false, nil //nolint:nilerr // it is another archive, or none
	}
	g := module.Gathering(v)
	u.handler, u.zone = "ZipArchive", zoneOf(g.Output("date +%z").Stdout)
	differs := false
	var names []string
	for _, f := range archive.File {
		names = append(names, f.Name)
		if matchAny(u.Exclude, f.Name, false) || len(u.Include) > 0 && !matchAny(u.Include, f.Name, false) {
			continue
		}
		other, err := u.foreseen(g, f)
		if err != nil && g.Complete() {
			return c, true, err
		}
		differs = differs || other
	}
	if c, missing, err := g.Missing(); missing {
		return c, true, err
	}
	m := value.M("changed", differs, "dest", u.dest, "handler", "ZipArchive")
	if u.ListFiles {
		m.Set("files", value.Strings(u.wanted(names)...).MarkDeep(value.Unsafe))
	}
	module.PathInfo(m, dest.Followed)
	return module.Change{Result: m, Warnings: u.Warnings()}, true, nil
}

// foreseen tells whether an entry of a zip archive is not so on the host.
func (u *unpacking) foreseen(g *module.Gather, f *zip.File) (bool, error) {
	there := g.File(path.Join(u.dest, f.Name), state.WantSHA256)
	w, err := u.Want(g, there.Stat)
	if err != nil || !g.Complete() {
		return false, err
	}
	e := entryOf(f, u.zone)
	if newer, other := u.zipEntryDiffers(e, there.Stat, w); newer || other || e.kind != state.TypeFile {
		return other, nil
	}
	r, err := f.Open()
	if err != nil {
		return false, err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, io.LimitReader(r, maxForeseen))
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return hex.EncodeToString(sum.Sum(nil)) != there.SHA256, err
}

// entryOf is an entry as zipinfo would tell it on a host of a zone.
func entryOf(f *zip.File, zone *time.Location) zipEntry {
	e := zipEntry{name: f.Name, size: int64(min(f.UncompressedSize64, 1<<62)), kind: state.TypeFile, perms: "rw-a--", mtime: f.Modified}
	mode := f.Mode()
	if f.CreatorVersion>>8 == 3 { // Unix; others have the attributes of DOS
		e.perms = (mode.Perm()).String()[1:]
	}
	switch {
	case mode.IsDir():
		e.kind = state.TypeDir
	case mode&fs.ModeSymlink != 0:
		e.kind = state.TypeLink
	}
	if !hasUnixTime(f.Extra) { // a time of day, wherever that is
		t := f.Modified
		e.mtime = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	}
	return e
}

// hasUnixTime tells whether the extra fields of an entry hold its time since 1970.
func hasUnixTime(extra []byte) bool {
	const unixTime = 0x5455
	for len(extra) >= 4 {
		id, size := binary.LittleEndian.Uint16(extra), int(binary.LittleEndian.Uint16(extra[2:]))
		if id == unixTime {
			return true
		}
		if extra = extra[4:]; size > len(extra) {
			return false
		}
		extra = extra[size:]
	}
	return false
}
