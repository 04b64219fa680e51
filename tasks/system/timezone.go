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
d=; [ -d /etc/sysconfig ] && [ ! -f /etc/timezone ] && d=sysconfig
e=no; [ -f "/usr/share/zoneinfo/$1" ] && e=yes
printf '%s\n%s\n%s\n%s\n%s\n' $s "$z" "$c" $e "$d"`

func planTimezone(a timezoneArgs, in module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	out := g.Output(scriptTimezone, a.Name)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	f := strings.Split(out.Stdout+"\n\n\n\n\n", "\n")
	systemd, zone, clock := f[0] == "systemd", f[1], f[2]
	if a.Name != "" && f[3] != "yes" {
		return module.Change{}, module.Fail("Error message:\ngiven timezone \"" + a.Name + "\" is not available")
	}
	newZone, newClock := a.Name != "" && a.Name != zone, a.HWClock != "" && a.HWClock != clock
	result := value.M("changed", newZone || newClock)
	var cmds []state.Exec
	if newZone {
		q := module.Quote(a.Name)
		op := state.Exec{Argv: []string{"timedatectl", "set-timezone", a.Name}}
		if !systemd {
			op = state.Exec{Shell: "ln -sfn -- /usr/share/zoneinfo/" + q + " /etc/localtime && printf '%s\\n' " + q + " >/etc/timezone", Shown: "set the time zone " + a.Name}
			if f[4] == "sysconfig" {
				op.Shell = "ln -sfn -- /usr/share/zoneinfo/" + q + " /etc/localtime && printf 'ZONE=\"%s\"\\n' " + q + " >/etc/sysconfig/clock"
			}
		}
		cmds = append(cmds, op)
	}
	if newClock {
		op := state.Exec{Argv: []string{"timedatectl", "set-local-rtc", map[string]string{"local": "yes", "UTC": "no"}[a.HWClock]}}
		if !systemd {
			op = state.Exec{Argv: []string{"hwclock", "--systohc", map[string]string{"local": "--localtime", "UTC": "--utc"}[a.HWClock]}}
		}
		cmds = append(cmds, op)
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
