package files

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
)

// inspectScript finds out what kind of archive $1 is, by trying the programs in
// Ansible's order. It prints the kind, the zone, and the names in it, and on
// stderr how the folder $2 differs from it. Behind the zone, "plain" says that
// tar is not GNU's. The other arguments are options of
// tar that come before the archive, a "--", and names.
const inspectScript = `s=$1 d=$2; shift 2
if command -v unzip >/dev/null 2>&1; then
  if unzip -l "$s" >/dev/null 2>&1; then
    if command -v zipinfo >/dev/null 2>&1; then echo ZipArchive; else echo ZipZArchive; fi
    date +%z; unzip -Z1 "$s"; unzip -Z -T -s "$s" >&2; exit 0
  fi
  why="unzip could not handle archive"
else why="Unable to find required 'unzip' or 'zipinfo' binary in the path."; fi
t=$(command -v gtar || command -v tar) || { echo "$why" >&2; echo "Unable to find required 'gtar' or 'tar' binary in the path" >&2; exit 1; }
case $("$t" --version 2>/dev/null) in tar*GNU*) gnu=1 ;; *) gnu= ; set -- ;; esac
compare() { # what a tar without --diff does not tell
  x=$(mktemp -d) || return
  "$t" -x $z -C "$x" -f "$s" 2>/dev/null
  printf '%s\n' "$l" | while IFS= read -r n; do
    if [ -L "$x/$n" ]; then [ "$(readlink "$x/$n")" = "$(readlink "$d/$n")" ]
    elif [ -d "$x/$n" ]; then [ -d "$d/$n" ]
    else cmp -s "$x/$n" "$d/$n"; fi || echo "$n: Mod time differs"
  done
  rm -rf "$x"
}
for k in TgzArchive:-z TarArchive: TarBzipArchive:-j TarXzArchive:-J TarZstdArchive:--use-compress-program=zstd; do
  z=${k#*:}
  [ "$gnu" ] || [ "$z" ] || z=-v
  if l=$("$t" -t $z -C "$d" "$@" -f "$s" 2>/dev/null) && [ "$l" ]; then
    echo "${k%%:*}"; echo "$(date +%z) ${gnu:-plain}"; printf '%s\n' "$l"
    if [ "$gnu" ]; then "$t" --diff -C "$d" $z "$@" -f "$s" >&2 2>&1; else compare >&2; fi
    exit 0
  fi
done
echo "$why" >&2; echo "Command \"$t\" could not handle archive, or found no files in it. Empty archive files are not supported." >&2
exit 1`

// tarOptions are the options for tar that come before the archive's name.
func (u *unpacking) tarOptions() []string {
	var o []string
	if len(u.ExtraOpts) > 0 {
		o = append(append(o, "--show-transformed-names"), u.ExtraOpts...)
	}
	if u.Owner != "" {
		o = append(o, "--owner="+u.Owner)
	}
	if u.Group != "" {
		o = append(o, "--group="+u.Group)
	}
	if u.KeepNewer {
		o = append(o, "--keep-newer-files")
	}
	for _, x := range u.Exclude {
		o = append(o, "--exclude="+strings.TrimRight(x, "/"))
	}
	return o
}

// zipFlags are tar's options for what is in the archive.
var zipFlags = map[string]string{"TgzArchive": "-z", "TarBzipArchive": "-j", "TarXzArchive": "-J", "TarZstdArchive": "--use-compress-program=zstd"}

// extractCommand is the command that unpacks.
func (u *unpacking) extractCommand() []string {
	if u.isZip() {
		argv := append([]string{"unzip", "-o"}, u.ExtraOpts...)
		argv = append(argv, u.src)
		if len(u.Exclude) > 0 {
			argv = append(append(argv, "-x"), u.Exclude...)
		}
		argv = append(argv, u.Include...)
		return append(argv, "-d", u.dest)
	}
	argv := []string{"tar", "--extract", "-C", u.dest}
	if z := zipFlags[u.handler]; z != "" {
		argv = append(argv, z)
	}
	if u.plain { // it has none of GNU's options
		argv[1] = "-x"
		for _, x := range u.Exclude {
			argv = append(argv, "--exclude", strings.TrimRight(x, "/"))
		}
		return append(append(argv, "-f", u.src), u.Include...)
	}
	argv = append(argv, u.tarOptions()...)
	return append(append(argv, "-f", u.src), u.Include...)
}

// zoneOf reads an offset such as +0200, which may have more behind it.
func zoneOf(s string) *time.Location {
	zone, _, _ := strings.Cut(s, " ")
	if t, err := time.Parse("-0700", zone); err == nil {
		return t.Location()
	}
	return time.UTC
}

// wanted are the names that are to be unpacked.
func (u *unpacking) wanted(listed []string) []string {
	var out []string
	for _, name := range listed {
		if !u.isZip() {
			name = strings.TrimPrefix(unescape(name), "/")
		}
		if matchAny(u.Exclude, name, !u.isZip()) || u.isZip() && len(u.Include) > 0 && !matchAny(u.Include, name, false) {
			continue
		}
		if !u.isZip() && len(u.Include) > 0 && !included(u.Include, name) {
			continue
		}
		out = append(out, name)
	}
	return out
}

// included tells whether tar unpacks a name when it is told some.
func included(include []string, name string) bool {
	for _, i := range include {
		if i = strings.TrimRight(i, "/"); name == i || strings.HasPrefix(name, i+"/") {
			return true
		}
	}
	return false
}

func matchAny(patterns []string, name string, trimmed bool) bool {
	for _, p := range patterns {
		if trimmed {
			p = strings.TrimRight(p, "/")
		}
		re, err := pyre.CompileText(`\A` + shellPattern(p))
		if err != nil {
			continue
		}
		if m, err := re.Search([]byte(name)); err == nil && m != nil {
			return true
		}
	}
	return false
}

// unescape reads a name as tar writes it: backslashes and octal numbers.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if n, err := strconv.ParseUint(s[i:min(i+3, len(s))], 8, 8); err == nil && i+3 <= len(s) {
			b.WriteByte(byte(n))
			i += 2
			continue
		}
		if r := strings.IndexByte("nrtabfv", s[i]); r >= 0 {
			b.WriteByte("\n\r\t\a\b\f\v"[r])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

var (
	differsAlways = lazyregexp.New(`: Mod time differs$|: Warning: Cannot stat: No such file or directory$|: Invalid owner|: Invalid group`)
	noName        = lazyregexp.New(`: : Warning: Cannot stat: No such file or directory$`)
)

// tarDiffers tells whether what tar says of the folder is a reason to unpack.
// What differs in what the task sets is none.
func (u *unpacking) tarDiffers(said string) bool {
	root := u.login.UID == 0
	for line := range strings.SplitSeq(said, "\n") {
		switch {
		case noName().MatchString(line):
		case differsAlways().MatchString(line),
			root && u.Owner == "" && strings.HasSuffix(line, ": Uid differs"),
			root && u.Group == "" && strings.HasSuffix(line, ": Gid differs"),
			!u.Mode.Given && strings.HasSuffix(line, ": Mode differs"):
			return true
		}
	}
	return false
}

// zipEntry is a line of zipinfo.
type zipEntry struct {
	name  string
	kind  state.FileType
	perms string
	odd   bool // of another kind than zipinfo knows
	size  int64
	mtime time.Time
}

var zipPerms = lazyregexp.New(`^([r-][w-][SsTtx-]){3}$`)

// zipEntries reads what zipinfo -T -s prints.
func zipEntries(said string, zone *time.Location) []zipEntry {
	var out []zipEntry
	for line := range strings.SplitSeq(said, "\n") {
		f := splitFields(line, 8)
		if len(f) != 8 || len(f[0]) != 7 && len(f[0]) != 10 || len(f[6]) != 15 || !strings.ContainsRune("dl-?", rune(f[0][0])) {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		t, terr := time.ParseInLocation("20060102.150405", f[6], zone)
		if err != nil || terr != nil {
			continue
		}
		e := zipEntry{name: f[7], perms: f[0][1:], size: size, mtime: t, odd: f[0][0] == '?', kind: state.TypeFile}
		switch {
		case strings.HasSuffix(e.name, "/"):
			e.kind = state.TypeDir
		case f[0][0] == 'l':
			e.kind = state.TypeLink
		}
		out = append(out, e)
	}
	return out
}

// splitFields cuts at blanks into at most n parts; the last keeps its blanks.
func splitFields(s string, n int) []string {
	var out []string
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		i := strings.IndexAny(s, " \t")
		if i < 0 || len(out) == n-1 {
			return append(out, s)
		}
		out, s = append(out, s[:i]), s[i:]
	}
	return out
}

// mode is what unzip gives the entry.
func (e zipEntry) mode(umask uint32) (uint32, bool) {
	perms := e.perms
	if len(perms) == 6 { // of DOS
		if e.kind == state.TypeDir || perms == "rwx---" {
			perms = "rwxrwxrwx"
		} else {
			perms = "rw-rw-rw-"
		}
	} else {
		umask = 0
	}
	if !zipPerms().MatchString(perms) {
		return 0, false
	}
	var m uint32
	for i := range 9 {
		if strings.IndexByte("rwxst", perms[8-i]) >= 0 {
			m |= 1 << i
		}
	}
	return m &^ umask, true
}

// zipDiffers compares the folder with a zip archive.
func (u *unpacking) zipDiffers(v state.View, said string) (module.Change, error) {
	g := module.Gathering(v)
	differs := false
	var compare []string
	for _, e := range zipEntries(said, u.zone) {
		if matchAny(u.Exclude, e.name, false) || len(u.Include) > 0 && !matchAny(u.Include, e.name, false) {
			continue
		}
		f := g.File(path.Join(u.dest, e.name), 0)
		w, err := u.Want(g, f.Stat)
		if err != nil && g.Complete() {
			return u.cleaned(err)
		}
		if !g.Complete() {
			continue
		}
		newer, other := u.zipEntryDiffers(e, f.Stat, w)
		switch {
		case newer:
			u.Exclude = append(u.Exclude, e.name)
		case other:
			differs = true
		case e.kind == state.TypeFile:
			compare = append(compare, e.name)
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if differs {
		return u.unpack(), nil
	}
	if len(compare) == 0 {
		return u.attributes(v, nil)
	}
	const script = `s=$1 d=$2; shift 2; for f; do n=$(printf '%s' "$f" | sed 's/[][*?\\]/\\&/g'); unzip -p "$s" "$n" | cmp -s - "$d/$f" || exit 1; done`
	return module.Change{
		Ops:    []state.Op{state.Exec{Argv: append([]string{"/bin/sh", "-c", script, "sh", u.src, u.dest}, compare...), Read: !u.temp, Shown: "compare with " + u.src}},
		Result: u.unknown(),
		Then: func(v state.View, did []state.OpResult) (module.Change, error) {
			if did[len(did)-1].RC != 0 {
				return u.unpack(), nil
			}
			return u.attributes(v, nil)
		},
	}, nil
}

// zipEntryDiffers tells whether an entry of the folder is not as in the
// archive, or is newer and to be kept.
func (u *unpacking) zipEntryDiffers(e zipEntry, s state.Stat, w module.Wanted) (newer, differs bool) {
	if s.Type != e.kind {
		return false, true
	}
	if s.Type == state.TypeFile {
		at := s.MTime.Truncate(time.Second)
		switch {
		case u.KeepNewer && e.mtime.Before(at):
			return true, false
		case u.KeepNewer && e.mtime.After(at), !u.KeepNewer && !e.mtime.Equal(s.MTime), e.size != s.Size:
			return false, true
		}
	}
	after := w.Apply(s)
	if !u.Mode.Given && e.kind != state.TypeLink {
		umask := u.login.Umask
		if m, ok := e.mode(umask); ok {
			after.Mode = m
		}
	}
	if u.Owner == "" {
		after.UID = u.login.UID
	}
	if u.Group == "" {
		after.GID = u.login.GID
	}
	return false, after.Mode != s.Mode || after.UID != s.UID || after.GID != s.GID
}
