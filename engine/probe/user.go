package probe

import (
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/value"
)

// scriptUser asks id, and looks the user up in /etc/passwd before it asks the
// system's databases.
const scriptUser = `printf '@fairlead user\n'
i=$(id); printf '%s\n' "$i"; u=${i#*=}; u=${u%%[!0-9]*}; f=
while IFS= read -r l; do r=${l#*:*:}; [ "${r%%:*}" = "$u" ] && { f=1; printf '%s\n' "$l"; break; }; done </etc/passwd
[ -z "$f" ] && command -v getent >/dev/null && getent passwd "$u"`

func userFacts(r *raw, out *value.Map) {
	s := append(r.sections["user"], "", "")
	ids := map[string]int64{}
	for w := range strings.FieldsSeq(s[0]) {
		k, v, _ := strings.Cut(w, "=")
		v, _, _ = strings.Cut(v, "(")
		if n, ok := atoi(v); ok {
			ids[k] = n
		}
	}
	set := func(k string, v any) { out.Set(k, value.FromGo(v)) }
	euid, egid := ids["uid"], ids["gid"]
	if n, ok := ids["euid"]; ok {
		euid = n
	}
	if n, ok := ids["egid"]; ok {
		egid = n
	}
	if f := strings.Split(s[1], ":"); len(f) >= 7 {
		gid, _ := atoi(f[3])
		set("user_id", f[0])
		set("user_uid", ids["uid"])
		set("user_gid", gid)
		set("user_gecos", f[4])
		set("user_dir", f[5])
		set("user_shell", f[6])
	} else {
		set("user_id", strconv.FormatInt(ids["uid"], 10))
		set("user_uid", ids["uid"])
		set("user_gid", ids["gid"])
	}
	set("real_user_id", ids["uid"])
	set("effective_user_id", euid)
	set("real_group_id", ids["gid"])
	set("effective_group_id", egid)
}

// scriptEnv prints the environment that the login's shell began with, which is what
// its commands have but for the driver's own changes. It reads that of the shell: what
// a redirection opens as /proc/self is gone when a forked child becomes the command.
const scriptEnv = `printf '@fairlead env\n'
tr '\n\000' '\001\n' </proc/$$/environ 2>/dev/null`

// envFacts reads the environment with newlines and NULs exchanged, so that one
// line is one variable. That in which the shell got its first question is not the login's.
func envFacts(r *raw, out *value.Map) {
	env := value.NewMap()
	for _, l := range r.sections["env"] {
		if k, v, ok := strings.Cut(l, "="); ok && k != "" && k != remote.CarriedName {
			env.Set(k, value.String(strings.ReplaceAll(v, "\x01", "\n")))
		}
	}
	out.Set("env", value.FromMap(env))
}

// dateFacts computes everything from one call of date: seconds, offset, zone.
func dateFacts(r *raw, out *value.Map) {
	s := append(r.sections["date"], "", "")
	f := strings.Fields(s[0])
	if len(f) < 3 {
		return
	}
	sec, ok := atoi(f[0])
	off, ok2 := atoi(f[1])
	if !ok || !ok2 {
		return
	}
	var nano int64
	if len(f) > 3 {
		nano, _ = atoi(f[3])
	}
	sign := int64(1)
	if off < 0 {
		sign, off = -1, -off
	}
	zone := time.FixedZone(f[2], int(sign*(off/100*3600+off%100*60)))
	local := time.Unix(sec, nano).In(zone)
	utc := local.UTC()
	year, week := local.Year(), weekOfYear(local)
	m := value.NewMap()
	for _, kv := range [][2]string{
		{"year", strconv.Itoa(year)}, {"month", local.Format("01")}, {"weekday", local.Format("Monday")},
		{"weekday_number", strconv.Itoa(int(local.Weekday()))}, {"weeknumber", week}, {"day", local.Format("02")},
		{"hour", local.Format("15")}, {"minute", local.Format("04")}, {"second", local.Format("05")},
		{"epoch", f[0]}, {"epoch_int", f[0]}, {"date", local.Format("2006-01-02")}, {"time", local.Format("15:04:05")},
		{"iso8601_micro", utc.Format("2006-01-02T15:04:05.000000Z")}, {"iso8601", utc.Format("2006-01-02T15:04:05Z")},
		{"iso8601_basic", strings.Replace(local.Format("20060102T150405.000000"), ".", "", 1)},
		{"iso8601_basic_short", local.Format("20060102T150405")},
		{"tz", f[2]}, {"tz_dst", summerZone(s[1], f[2])}, {"tz_offset", f[1]},
	} {
		m.Set(kv[0], value.String(kv[1]))
	}
	out.Set("date_time", value.FromMap(m))
}

// weekOfYear counts weeks from the year's first Monday, as strftime's %W.
func weekOfYear(t time.Time) string {
	week := (t.YearDay() + 6 - (int(t.Weekday())+6)%7) / 7
	return pad2(week)
}

func pad2(n int) string {
	s := strconv.Itoa(n)
	if len(s) < 2 {
		return "0" + s
	}
	return s
}

// summerZone finds the name of the daylight saving time in the last line of a
// zone file, which is a POSIX TZ text such as CET-1CEST,M3.5.0,M10.5.0/3.
func summerZone(posix, standard string) string {
	names := make([]string, 0, 2)
	for s := posix; s != "" && len(names) < 2; {
		var name string
		if rest, ok := strings.CutPrefix(s, "<"); ok {
			name, s, _ = strings.Cut(rest, ">")
		} else {
			n := strings.IndexFunc(s, func(c rune) bool { return (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') })
			if n < 0 {
				n = len(s)
			}
			name, s = s[:n], s[n:]
		}
		if name == "" {
			break
		}
		names = append(names, name)
		s = strings.TrimLeft(s, "+-0123456789:")
	}
	if len(names) == 2 {
		return names[1]
	}
	return standard
}
