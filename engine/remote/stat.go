package remote

import (
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
)

// parseStats reads records of _sg for the names it was given, in order. GNU's
// end with a NUL and tell the targets of links, busybox's end with a newline.
func parseStats(data []byte, names []string, flavour byte) ([]state.Stat, []string, error) {
	if len(names) == 0 {
		if len(data) > 0 {
			return nil, nil, protocolError("a stat was not asked for")
		}
		return nil, nil, nil
	}
	end := "\n"
	if flavour == 'g' {
		end = "\x00"
	}
	text, whole := strings.CutSuffix(string(data), end)
	records := strings.Split(text, end)
	if !whole || len(records) != len(names) {
		return nil, nil, errMoved
	}
	stats, targets := make([]state.Stat, len(names)), make([]string, len(names))
	for i, rec := range records {
		st, target, err := parseStat(rec, names[i], flavour)
		if err != nil {
			return nil, nil, err
		}
		stats[i], targets[i] = st, target
	}
	return stats, targets, nil
}

// numbers reads fields and remembers the first that is none.
type numbers struct {
	f   []string
	bad bool
}

func (n *numbers) at(i, base, bits int) uint64 {
	v, err := strconv.ParseUint(n.f[i], base, bits)
	if err != nil {
		n.bad = true
	}
	return v
}

func (n *numbers) time(i int) time.Time {
	t, ok := parseTime(n.f[i])
	if !ok {
		n.bad = true
	}
	return t
}

// parseTime reads seconds since 1970 with or without a fraction.
func parseTime(s string) (time.Time, bool) {
	sec, frac, has := strings.Cut(s, ".")
	v, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	var nsec int64
	if has {
		frac = (frac + "000000000")[:9]
		if nsec, err = strconv.ParseInt(frac, 10, 64); err != nil || nsec < 0 {
			return time.Time{}, false
		}
	}
	if strings.HasPrefix(sec, "-") && nsec > 0 {
		nsec = -nsec
	}
	return time.Unix(v, nsec), true
}

func parseStat(rec, name string, flavour byte) (state.Stat, string, error) {
	want := 16
	if flavour == 'g' {
		want = 17
	}
	f := strings.SplitN(rec, ":", want)
	if len(f) != want {
		return state.Stat{}, "", protocolError("a stat is not one: %.80q", rec)
	}
	n := &numbers{f: f}
	raw := uint32(n.at(0, 16, 32))
	st := state.Stat{
		Type: fileType(raw), Mode: raw & 0o7777,
		UID: int(n.at(1, 10, 32)), GID: int(n.at(2, 10, 32)),
		Size: int64(n.at(3, 10, 63)), Dev: n.at(4, 10, 64), Ino: n.at(5, 10, 64), Nlink: int(n.at(6, 10, 32)),
		ATime: n.time(7), MTime: n.time(8), CTime: n.time(9),
		Blocks: int64(n.at(10, 10, 63)), BlockSize: int64(n.at(11, 10, 63)),
		RdevMajor: uint32(n.at(12, 16, 32)), RdevMinor: uint32(n.at(13, 16, 32)),
		User: known(f[14]), Group: known(f[15]),
	}
	if n.bad || st.Type == state.TypeNone {
		return st, "", protocolError("a stat is not one: %.80q", rec)
	}
	if flavour != 'g' {
		return st, "", nil
	}
	rest, ok := strings.CutPrefix(f[16], name)
	if !ok {
		return st, "", protocolError("a stat is of another file: %.80q", f[16])
	}
	target, isLink := strings.CutPrefix(rest, " -> ")
	if isLink != (st.Type == state.TypeLink) {
		return st, "", protocolError("a stat is of another file: %.80q", f[16])
	}
	return st, target, nil
}

// known drops the word that stat has for ids without a name.
func known(name string) string {
	if name == "UNKNOWN" {
		return ""
	}
	return name
}

// fileType is the type in a raw st_mode.
func fileType(raw uint32) state.FileType {
	switch raw & 0o170000 {
	case 0o100000:
		return state.TypeFile
	case 0o040000:
		return state.TypeDir
	case 0o120000:
		return state.TypeLink
	case 0o010000:
		return state.TypeFIFO
	case 0o140000:
		return state.TypeSocket
	case 0o020000:
		return state.TypeChar
	case 0o060000:
		return state.TypeBlock
	}
	return state.TypeNone
}

// rawType is the type as st_mode has it.
func rawType(t state.FileType) uint32 {
	return [...]uint32{0, 0o100000, 0o040000, 0o120000, 0o010000, 0o140000, 0o020000, 0o060000}[t]
}
