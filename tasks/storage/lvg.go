package storage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type lvgArgs struct {
	VG        string   `arg:"vg"`
	PVs       []string `arg:"pvs"`
	PESize    string   `arg:"pesize"`
	PVOptions string   `arg:"pv_options"`
	PVResize  bool     `arg:"pvresize"`
	VGOptions string   `arg:"vg_options"`
	State     string   `arg:"state"`
	Force     bool     `arg:"force"`
}

var lvgSpec = module.Spec{
	Name:    "lvg",
	Aliases: []string{"community.general.lvg"},
	Summary: "Have a volume group of LVM on some devices, or not",
	Doc: "Makes a group, adds devices to it and takes those away that are not named. The size of extents of a group that is there stays. " +
		"Asks pvs and vgs, in a plan too.",
	Args: []module.Arg{
		{Name: "vg", Required: true, Doc: "The group."},
		{Name: "pvs", Type: module.List, Elem: module.Str, Doc: "Its devices; needed unless it is to go away."},
		{Name: "pesize", Default: "4", Doc: "The size of an extent, in MB without a unit."},
		{Name: "pv_options", Default: "", Doc: "Words for pvcreate."},
		{Name: "pvresize", Type: module.Bool, Default: false, Doc: "Grow the devices' volumes to what they have."},
		{Name: "vg_options", Default: "", Doc: "Words for vgcreate."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Remove a group that has volumes."},
	},
	Examples: "- lvg: {vg: data, pvs: [/dev/sdb1, /dev/sdc5]}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// LVG is the module lvg.
func LVG() module.Module { return module.New(lvgSpec, planLVG) }

// lvgScript prints all groups, then, behind a line "--", the devices with their
// groups that $1 selects (none when that is empty). A device mapper's number is
// said as its name. With $2, behind another "--" come the sizes of the volumes
// of the group $3: device, its size, the volume's, where extents begin, an
// extent's.
const lvgScript = `command -v vgs >/dev/null 2>&1 || { echo 'Failed to find required executable "vgs"' >&2; exit 127; }
vgs --noheadings -o vg_name,pv_count,lv_count --separator ';' || { echo "Failed executing vgs command." >&2; exit 1; }
echo --
[ "$1" ] || exit 0
pvs --noheadings -o pv_name,vg_name --separator ';' --select "$1" | while IFS= read -r l; do
  l=${l#"${l%%[! ]*}"}; d=${l%%;*}
  case $d in /dev/dm-*) n=$(dmsetup info -C --noheadings -o name "$d") && d=/dev/mapper/$n ;; esac
  printf '%s;%s;%s\n' "$(readlink -f "$d")" "$d" "${l#*;}"
done
[ "$2" ] || exit 0
echo --
pvs --noheadings --units b --nosuffix --separator ';' -o pv_name,dev_size,pv_size,pe_start,vg_extent_size --select "vg_name=$3"`

// volumeGroup is what LVM knows.
type volumeGroup struct {
	exists  bool
	volumes int
	// devices are those of the group, as real paths, others those of other
	// groups by device; grow are devices that have room for another extent.
	devices []string
	others  map[string]string
	grow    []string
}

// parseLVG reads what lvgScript prints.
func parseLVG(out, vg string) (volumeGroup, error) {
	g := volumeGroup{others: map[string]string{}}
	part := 0
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line == "--" {
			part++
			continue
		}
		f := strings.Split(line, ";")
		switch {
		case line == "":
		case part == 0 && len(f) >= 3:
			if f[0] != vg {
				continue
			}
			n, err := strconv.Atoi(f[2])
			if err != nil {
				return g, fmt.Errorf("what vgs says of %s cannot be read: %s", vg, line)
			}
			g.exists, g.volumes = true, n
		case part == 1 && len(f) >= 3 && f[2] == vg:
			g.devices = append(g.devices, f[0])
		case part == 1 && len(f) >= 3 && f[2] != "":
			g.others[f[0]], g.others[f[1]] = f[2], f[2]
		case part == 2 && len(f) >= 5:
			var n [4]int64
			for i := range n {
				var err error
				if n[i], err = strconv.ParseInt(f[i+1], 10, 64); err != nil {
					return g, fmt.Errorf("what pvs says of %s cannot be read: %s", vg, line)
				}
			}
			if n[0]-(n[2]+n[1]) > n[3] {
				g.grow = append(g.grow, f[0])
			}
		}
	}
	return g, nil
}

func planLVG(a lvgArgs, _ module.Inputs, v state.View) (module.Change, error) {
	present := a.State == "present"
	if present && len(a.PVs) == 0 {
		return module.Change{}, module.Fail("No physical volumes given.")
	}
	g := module.Gathering(v)
	devices := make([]string, len(a.PVs))
	for i, d := range a.PVs {
		f := g.File(strings.TrimRight(g.Path(d), "/"), 0)
		devices[i] = f.Resolved
		if g.Complete() && present && f.Followed.Type == state.TypeNone {
			return module.Change{}, module.Fail("Device " + f.Resolved + " not found.")
		}
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	filter, resize := "", ""
	if present {
		for _, d := range slices.Concat(devices, a.PVs) {
			filter += "pv_name = " + d + " || "
		}
		filter += "vg_name = " + a.VG
		if a.PVResize {
			resize = "resize"
		}
	}
	ask := state.Exec{Argv: []string{"/bin/sh", "-c", lvgScript, "sh", filter, resize, a.VG}, Env: []string{"LC_ALL=C"}, Shown: "look at the volume group " + a.VG}
	return module.Look(ask, value.M("changed", module.Later()), func(_ state.View, r state.OpResult) (module.Change, error) {
		if r.RC != 0 {
			return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)), "rc", r.RC)
		}
		now, err := parseLVG(string(r.Stdout), a.VG)
		if err != nil {
			return module.Change{}, module.Fail(err.Error())
		}
		return a.settle(now, devices)
	}), nil
}

// settle says what must be done.
func (a lvgArgs) settle(now volumeGroup, devices []string) (module.Change, error) {
	if a.State == "absent" {
		switch {
		case !now.exists:
			return module.OK(), nil
		case now.volumes > 0 && !a.Force:
			return module.Change{}, module.Fail("Refuse to remove non-empty volume group " + a.VG + " without force=true")
		}
		return a.run([]string{"vgremove", "--force", a.VG}), nil
	}
	for _, d := range devices {
		if other := now.others[d]; other != "" {
			return module.Change{}, module.Fail("Device " + d + " is already in " + other + " volume group.")
		}
	}
	var cmds [][]string
	prepare := func(devices []string) {
		for _, d := range devices {
			cmds = append(cmds, slices.Concat([]string{"pvcreate"}, strings.Fields(a.PVOptions), []string{"-f", d}))
		}
	}
	if !now.exists {
		prepare(devices)
		cmds = append(cmds, slices.Concat([]string{"vgcreate"}, strings.Fields(a.VGOptions), []string{"-s", a.PESize, a.VG}, devices))
		return a.run(cmds...), nil
	}
	for _, d := range now.grow {
		cmds = append(cmds, []string{"pvresize", d})
	}
	without := func(all, some []string) (left []string) {
		for _, d := range all {
			if !slices.Contains(some, d) && !slices.Contains(left, d) {
				left = append(left, d)
			}
		}
		return left
	}
	if add := without(devices, now.devices); len(add) > 0 {
		prepare(add)
		cmds = append(cmds, append([]string{"vgextend", a.VG}, add...))
	}
	if remove := without(now.devices, devices); len(remove) > 0 {
		cmds = append(cmds, append([]string{"vgreduce", "--force", a.VG}, remove...))
	}
	if len(cmds) == 0 {
		return module.OK(), nil
	}
	return a.run(cmds...), nil
}

// run plans commands of LVM, each of which must return 0.
func (a lvgArgs) run(argvs ...[]string) module.Change {
	c := runTools(value.M("changed", true), nil, argvs...)
	return failing(c, func(argv []string) string {
		last := argv[len(argv)-1]
		switch argv[0] {
		case "pvcreate":
			return "Creating physical volume '" + last + "' failed"
		case "vgcreate":
			return "Creating volume group '" + a.VG + "' failed"
		case "vgextend":
			return "Unable to extend " + a.VG + " by " + strings.Join(argv[2:], " ") + "."
		case "vgreduce":
			return "Unable to reduce " + a.VG + " by " + strings.Join(argv[3:], " ") + "."
		case "vgremove":
			return "Failed to remove volume group " + a.VG
		}
		return "Failed executing " + argv[0] + " command."
	})
}

// failing gives the failure of commands words of its own.
func failing(c module.Change, words func(argv []string) string) module.Change {
	then, cmd := c.Then, c.Ops[0].(state.Exec)
	c.Then = func(v state.View, did []state.OpResult) (module.Change, error) {
		if r := did[len(did)-1]; r.RC != 0 {
			return module.Change{}, module.Fail(words(cmd.Argv), "rc", r.RC, "err", value.String(string(r.Stderr)).WithMarks(value.Unsafe))
		}
		next, err := then(v, did)
		if err == nil && len(next.Ops) > 0 {
			next = failing(next, words)
		}
		return next, err
	}
	return c
}
