package system

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type timezoneArgs struct {
	Name    string `arg:"name"`
	HWClock string `arg:"hwclock"`
}

// Timezone is the module timezone.
func Timezone() module.Module {
	return module.New(module.Spec{
		Name:    "timezone",
		Aliases: []string{"community.general.timezone"},
		Summary: "Set the time zone of a host",
		Doc:     "Sets the time zone with timedatectl where systemd runs, else in /etc/localtime and /etc/timezone.",
		Args: []module.Arg{
			{Name: "name", Doc: "The zone, such as Europe/Berlin."},
			{Name: "hwclock", Aliases: []string{"rtc"}, Choices: []string{"local", "UTC"}, Doc: "Whether the hardware clock has local time."},
		},
		RequiredOneOf: [][]string{{"hwclock", "name"}},
		Returns:       []module.Return{{Name: "diff", Type: "dict", When: "always", Doc: "The zone before and after."}},
		Examples:      "- timezone: {name: Etc/UTC}\n",
		Traits:        module.Traits{Reach: state.ReachHost},
	}, planTimezone)
}

// scriptTimezone prints whether timedatectl works, the zone and the clock as
// they are, and whether there is a zone $1.
const scriptTimezone = `s=nosystemd; command -v timedatectl >/dev/null && timedatectl >/dev/null 2>&1 && s=systemd
z=
if [ $s = systemd ]; then z=$(timedatectl | sed -n 's/^ *Time *zone: *\([^ ]*\).*/\1/p'); c=UTC; timedatectl | grep -q 'RTC in local TZ: yes' && c=local
else
l=$(readlink -f /etc/localtime 2>/dev/null); case $l in /usr/share/zoneinfo/*) z=${l#/usr/share/zoneinfo/};; esac
[ -f /etc/timezone ] && IFS= read -r t </etc/timezone && [ -n "$t" ] && z=$t
c=UTC; [ -f /etc/adjtime ] && grep -q LOCAL /etc/adjtime && c=local
[ -f /etc/default/rcS ] && grep -q '^UTC=no' /etc/default/rcS && c=local
fi
d=/etc/timezone; [ -d /etc/sysconfig ] && [ ! -f /etc/timezone ] && d=/etc/sysconfig/clock
e=no; [ -f "/usr/share/zoneinfo/$1" ] && e=yes
n=0; [ ! -f $d ] || case $d in *clock) n=$(grep -c '^ZONE[[:space:]]*=' $d);; *) n=$(grep -c '^[^[:space:]]' $d);; esac
[ $s = systemd ] && t=$(command -v timedatectl) || t=$(command -v hwclock)
printf '%s\n' $s "$z" "$c" $e $d $n "$t" "$(command -v dpkg-reconfigure)"`

// zonePaths are where a host keeps its time zone.
var zonePaths = []string{"/etc/localtime", "/etc/timezone", "/etc/adjtime", "/etc/default/rcS", "/etc/sysconfig", "/usr/share/zoneinfo", "/etc/systemd", "/run/systemd"}

func planTimezone(a timezoneArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.OutputUnder(zonePaths, scriptTimezone, a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := strings.Split(out.Stdout+strings.Repeat("\n", 8), "\n")
	systemd, zone, clock, file, old, tool, debian := f[0] == "systemd", f[1], f[2], f[4], f[5], f[6], f[7] != ""
	if a.Name != "" && f[3] != "yes" {
		return module.Change{}, module.Fail("Error message:\ngiven timezone \"" + a.Name + "\" is not available")
	}
	newZone, newClock := a.Name != "" && a.Name != zone, a.HWClock != "" && a.HWClock != clock
	result := value.M("changed", newZone || newClock)
	var cmds []state.Exec
	var did []string
	run := func(argv ...string) {
		cmds = append(cmds, state.Exec{Argv: argv})
		did = append(did, "executed `"+tool+" "+strings.Join(argv[1:], " ")+"`")
	}
	switch {
	case newZone && systemd:
		run("timedatectl", "set-timezone", a.Name)
	case newZone:
		q := module.Quote(a.Name)
		text := "ln -sfn -- /usr/share/zoneinfo/" + q + " /etc/localtime && printf '%s\\n' " + q + " >/etc/timezone"
		if file != "/etc/timezone" {
			text = "ln -sfn -- /usr/share/zoneinfo/" + q + " /etc/localtime && printf 'ZONE=\"%s\"\\n' " + q + " >" + file
		}
		cmds = append(cmds, state.Exec{Shell: text, Shown: "set the time zone " + a.Name})
		if debian { // its answer, which an upgrade of the package would bring back
			cmds = append(cmds, state.Exec{Argv: []string{"dpkg-reconfigure", "--frontend", "noninteractive", "tzdata"}})
		}
		did = append(did, "Added 1 line and deleted "+old+" line(s) on "+file)
	}
	switch {
	case newClock && systemd:
		run("timedatectl", "set-local-rtc", map[string]string{"local": "yes", "UTC": "no"}[a.HWClock])
	case newClock:
		run("hwclock", "--systohc", map[string]string{"local": "--localtime", "UTC": "--utc"}[a.HWClock])
	}
	if len(did) > 0 {
		result.Set("msg", value.String(strings.Join(did, "\n")))
	}
	c := module.Change{Result: result}
	if len(cmds) > 0 && in.Diff {
		side := func(zone, clock string) string {
			var b strings.Builder
			if a.HWClock != "" {
				b.WriteString("hwclock: " + clock + "\n")
			}
			if a.Name != "" {
				b.WriteString("name: " + zone + "\n")
			}
			return b.String()
		}
		c.Diff = state.Diff{{Before: side(zone, clock), After: side(a.Name, a.HWClock)}}
	}
	return module.Steps(cmds, c, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail("Error message: "+string(r.Stderr), "rc", r.RC)
		}
		return module.Change{Result: result}, nil
	}), nil
}
