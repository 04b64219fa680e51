package storage

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type lvolArgs struct {
	VG       string             `arg:"vg"`
	LV       string             `arg:"lv"`
	Size     string             `arg:"size"`
	Opts     string             `arg:"opts"`
	State    string             `arg:"state"`
	Force    bool               `arg:"force"`
	Shrink   bool               `arg:"shrink"`
	Active   bool               `arg:"active"`
	Snapshot module.Opt[string] `arg:"snapshot"`
	PVs      string             `arg:"pvs"`
	ResizeFS bool               `arg:"resizefs"`
	ThinPool string             `arg:"thinpool"`
}

var lvolSpec = module.Spec{
	Name:    "lvol",
	Aliases: []string{"community.general.lvol"},
	Summary: "Have a logical volume of LVM, or not",
	Doc:     "Makes, resizes, removes and activates volumes, snapshots and thin pools. Asks vgs and lvs, in a plan too.",
	Args: []module.Arg{
		{Name: "vg", Required: true, Doc: "The volume group."},
		{Name: "lv", Doc: "The volume; with snapshot its origin."},
		{Name: "size", Doc: "Its size, in MB without a unit (one of bBsSkKmMgGtTpPeE), or a percentage of VG, PVS or FREE; with + or - by how much to grow or shrink one that is there."},
		{Name: "opts", Default: "", Doc: "Words for lvcreate."},
		{Name: "state", Choices: []string{"absent", "present"}, Default: "present", Doc: "Whether it is to be there."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Let it be removed or shrunk."},
		{Name: "shrink", Type: module.Bool, Default: true, Doc: "Shrink one that is larger."},
		{Name: "active", Type: module.Bool, Default: true, Doc: "Whether the host sees it."},
		{Name: "snapshot", Doc: "The name of a snapshot of it."},
		{Name: "pvs", Default: "", Doc: "The devices to make it on, joined by commas."},
		{Name: "resizefs", Type: module.Bool, Default: false, Doc: "Resize its file system too."},
		{Name: "thinpool", Doc: "The thin pool: that of the volume, or without lv the one to have."},
	},
	RequiredOneOf: [][]string{{"lv", "thinpool"}},
	Returns: []module.Return{
		{Name: "vg", Type: "str", When: "the volume was there", Doc: "The group."},
		{Name: "lv", Type: "str", When: "the volume was there", Doc: "The volume."},
		{Name: "size", Type: "float", When: "the volume was there", Doc: "Its size before, in the unit of size."},
	},
	Examples: "- lvol: {vg: data, lv: home, size: 10g}\n- lvol: {vg: data, lv: rest, size: 100%FREE}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// LVol is the module lvol.
func LVol() module.Module { return module.New(lvolSpec, planLVol) }

// lvolSize is a size as the programs take it.
type lvolSize struct {
	given    bool
	operator string // "+", "-", or "" for the size itself
	text     string // without operator and unit
	unit     string // "" for a percentage
	n        float64
	whole    string // what a percentage is of: VG, PVS, FREE
}

// asks is the unit that sizes are asked in.
func (s lvolSize) asks() string {
	if s.whole != "" {
		return "m"
	}
	return strings.ToLower(s.unit)
}

// words are the option for a size.
func (s lvolSize) words() []string {
	opt := "-L"
	if s.whole != "" {
		opt = "-l"
	}
	return []string{opt, s.operator + s.text + s.unit}
}

func parseLVolSize(text string) (lvolSize, error) {
	s := lvolSize{given: text != "", unit: "m"}
	if !s.given {
		return s, nil
	}
	if text[0] == '+' || text[0] == '-' {
		s.operator, text = text[:1], text[1:]
	}
	bad := module.Fail("Bad size specification of '" + text + "'")
	if percent, whole, ok := strings.Cut(text, "%"); ok {
		n, err := strconv.Atoi(percent)
		switch {
		case err != nil:
			return s, bad
		case n > 100:
			return s, module.Fail("Size percentage cannot be larger than 100%")
		case whole == "ORIGIN":
			return s, module.Fail("Snapshot Volumes are not supported")
		case !slices.Contains([]string{"VG", "PVS", "FREE"}, whole):
			return s, module.Fail("Specify extents as a percentage of VG|PVS|FREE")
		}
		s.text, s.unit, s.n, s.whole = text, "", float64(n), whole
		return s, nil
	}
	if text == "" {
		return s, bad
	}
	if last := text[len(text)-1:]; strings.Contains("bskmgtpe", strings.ToLower(last)) {
		s.unit, text = last, text[:len(text)-1]
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || text[0] < '0' || text[0] > '9' {
		return s, module.Fail("Bad size specification of '" + text + "'")
	}
	s.text, s.n = text, n
	return s, nil
}

// lvolScript prints the group $1 in the unit $2, and behind a line "--" its volumes.
const lvolScript = `for p in lvm vgs lvs; do command -v $p >/dev/null 2>&1 || { echo "Failed to find required executable \"$p\" in paths: $PATH" >&2; exit 127; }; done
lvm version | grep -q 'LVM version:' || { echo 'Failed to get LVM version number' >&2; exit 126; }
vgs --noheadings --nosuffix -o vg_name,size,free,vg_extent_size --units "$2" --separator ';' "$1" || exit
echo --
lvs -a --noheadings --nosuffix -o lv_name,size,lv_attr --units "$2" --separator ';' "$1"`

// lvolNow is what LVM knows of a group; sizes are in the unit that was asked.
type lvolNow struct {
	size, free, extent float64
	volumes            []lvolVolume
}

type lvolVolume struct {
	name                  string
	size                  float64
	active, pool, thinned bool
}

func parseLVol(out string) (lvolNow, error) {
	var now lvolNow
	group, volumes, _ := strings.Cut(out, "--\n")
	number := func(s string) float64 {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			n = math.NaN()
		}
		return n
	}
	f := strings.Split(strings.TrimSpace(group), ";")
	if len(f) < 4 {
		return now, module.Fail("what vgs says cannot be read: " + group)
	}
	now.size, now.free, now.extent = number(f[1]), number(f[2]), number(f[3])
	if math.IsNaN(now.size + now.free + now.extent) {
		return now, module.Fail("what vgs says cannot be read: " + group)
	}
	for line := range strings.Lines(volumes) {
		f := strings.Split(strings.TrimSpace(line), ";")
		if len(f) < 3 || len(f[2]) < 5 || math.IsNaN(number(f[1])) {
			return now, module.Fail("what lvs says cannot be read: " + line)
		}
		now.volumes = append(now.volumes, lvolVolume{name: strings.Trim(f[0], "[]"), size: number(f[1]), active: f[2][4] == 'a', pool: f[2][0] == 't', thinned: f[2][0] == 'V'})
	}
	return now, nil
}

// volume is one of a name, nil for none.
func (n lvolNow) volume(name string) *lvolVolume {
	for i := range n.volumes {
		if n.volumes[i].name == name || n.volumes[i].name == name[strings.LastIndex(name, "/")+1:] {
			return &n.volumes[i]
		}
	}
	return nil
}

func planLVol(a lvolArgs, _ module.Inputs, _ state.View) (module.Change, error) {
	size, err := parseLVolSize(a.Size)
	if err != nil {
		return module.Change{}, err
	}
	ask := state.Exec{Argv: []string{"/bin/sh", "-c", lvolScript, "sh", a.VG, size.asks()}, Env: []string{"LC_ALL=C"}, Shown: "look at the volume group " + a.VG}
	return module.Look(ask, value.M("changed", module.Later()), func(_ state.View, r state.OpResult) (module.Change, error) {
		said := "Volume group " + a.VG + " does not exist."
		switch {
		case r.RC == 126 || r.RC == 127:
			return module.Change{}, module.Fail(strings.TrimSpace(string(r.Stderr)))
		case r.RC != 0 && a.State == "absent":
			return module.OK("stdout", said), nil
		case r.RC != 0:
			return module.Change{}, module.Fail(said, "rc", r.RC, "err", value.String(string(r.Stderr)).WithMarks(value.Unsafe))
		}
		now, err := parseLVol(string(r.Stdout))
		if err != nil {
			return module.Change{}, err
		}
		return lvolTask{lvolArgs: a, want: size, now: now}.settle()
	}), nil
}
