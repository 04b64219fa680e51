package storage

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type partedArgs struct {
	Device   string             `arg:"device"`
	Align    string             `arg:"align"`
	Number   module.Opt[int]    `arg:"number"`
	Unit     string             `arg:"unit"`
	Label    string             `arg:"label"`
	PartType string             `arg:"part_type"`
	Start    string             `arg:"part_start"`
	End      string             `arg:"part_end"`
	Name     module.Opt[string] `arg:"name"`
	Flags    []string           `arg:"flags"`
	State    string             `arg:"state"`
	FSType   module.Opt[string] `arg:"fs_type"`
	Resize   bool               `arg:"resize"`
}

// The units of sizes, in the order of their powers of 1000 and of 1024.
var (
	unitsSI     = []string{"B", "KB", "MB", "GB", "TB"}
	unitsIEC    = []string{"KiB", "MiB", "GiB", "TiB"}
	partedUnits = slices.Concat(unitsSI, unitsIEC, []string{"s", "%", "cyl", "chs", "compact"})
)

var partedSpec = module.Spec{
	Name:    "parted",
	Aliases: []string{"community.general.parted"},
	Summary: "Have a partition on a device or in a file, or not",
	Doc: "Works with the host's parted (3.1 or newer), and asks it, in a plan too. A device with another kind of table than label gets a new one, " +
		"and what was in its partitions is lost.",
	Args: []module.Arg{
		{Name: "device", Required: true, Doc: "The device or file."},
		{Name: "align", Choices: []string{"cylinder", "minimal", "none", "optimal", "undefined"}, Default: "optimal", Doc: "How new partitions are aligned; undefined leaves it to parted."},
		{Name: "number", Type: module.Int, Doc: "The number of the partition."},
		{Name: "unit", Choices: partedUnits, Default: "KiB", Doc: "The unit of what is registered, and of what says none."},
		{Name: "label", Choices: []string{"aix", "amiga", "bsd", "dvh", "gpt", "loop", "mac", "msdos", "pc98", "sun"}, Default: "msdos", Doc: "The kind of the table of partitions."},
		{Name: "part_type", Choices: []string{"extended", "logical", "primary"}, Default: "primary", Doc: "The kind of a new partition; with gpt its name."},
		{Name: "part_start", Default: "0%", Doc: "Where a new one begins, with a unit; negative from the end of the device."},
		{Name: "part_end", Default: "100%", Doc: "Where it ends."},
		{Name: "name", Doc: "Its name (gpt, mac, pc98)."},
		{Name: "flags", Type: module.List, Elem: module.Str, Doc: "All of its flags."},
		{Name: "state", Choices: []string{"absent", "info", "present"}, Default: "info", Doc: "Whether it is to be there; info only tells of the device."},
		{Name: "fs_type", Doc: "The file system that a new one is marked for."},
		{Name: "resize", Type: module.Bool, Default: false, Doc: "Move the end of one that is there to part_end."},
	},
	RequiredIf: [][]string{{"state", "present", "number"}, {"state", "absent", "number"}},
	Returns: []module.Return{
		{Name: "disk", Type: "dict", When: "success", Doc: "The device: dev, size, unit, table, model, logical_block, physical_block."},
		{Name: "partitions", Type: "list", When: "success", Doc: "Its partitions: num, begin, end, size, fstype, name, flags, unit."},
		{Name: "script", Type: "str", When: "success", Doc: "What parted was told."},
	},
	Examples: "- parted: {device: /dev/sdb, number: 1, state: present, part_end: 1GiB, label: gpt}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Parted is the module parted.
func Parted() module.Module { return module.New(partedSpec, planParted) }

func planParted(a partedArgs, in module.Inputs, _ state.View) (module.Change, error) {
	if n, ok := a.Number.Get(); ok && n < 1 {
		return module.Change{}, module.Fail("The partition number must be greater then 0.")
	}
	for name, at := range map[string]string{"part_start": a.Start, "part_end": a.End} {
		size, err := parseSize(at, "")
		if err != nil {
			return module.Change{}, err
		}
		if !slices.Contains(partedUnits, size.unit) {
			return module.Change{}, module.Fail("The argument '"+name+"' doesn't respect required format.The size unit is case sensitive.",
				"err", value.List(size.value(), value.String(size.unit)))
		}
	}
	p := partedTask{partedArgs: a, check: in.Check}
	later := value.M("changed", module.Later(), "disk", module.Later(), "partitions", module.Later(), "script", module.Later())
	return module.Look(p.print(), later, func(_ state.View, r state.OpResult) (module.Change, error) {
		now, err := p.read(r)
		if err != nil {
			return module.Change{}, err
		}
		return p.settle(now)
	}), nil
}

// partedTask is a task on its way: its first script may label the device and make the
// partition, the second names it and sets flags.
type partedTask struct {
	partedArgs
	check bool
	done  string // the scripts that were run
}

// partedWords is a script for parted: its words, and how it is told.
type partedWords struct {
	argv  []string
	shown string
}

func (w *partedWords) add(words ...string) {
	w.argv = append(w.argv, words...)
	w.shown += strings.Join(words, " ") + " "
}

func (p partedTask) print() state.Exec {
	argv := []string{"parted", "-s", "-m", p.Device, "--", "unit", p.Unit, "print"}
	return state.Exec{Argv: append([]string{"/bin/sh", "-c", partedScript, "sh"}, argv...), Env: []string{"LC_ALL=C"}, Shown: strings.Join(argv, " ")}
}

// partedScript tells that there is no parted in the words of the original.
const partedScript = `command -v "$1" >/dev/null 2>&1 || { echo "Failed to find required executable \"$1\" in paths: $PATH" >&2; exit 127; }
exec "$@"`

// read takes apart what parted printed; a device without a table is not a mistake.
func (p partedTask) read(r state.OpResult) (partedDisk, error) {
	out, said := string(r.Stdout), string(r.Stderr)
	switch {
	case r.RC == 127:
		return partedDisk{}, module.Fail(strings.TrimSpace(said))
	case r.RC != 0 && !strings.Contains(said, "unrecognised disk label"):
		return partedDisk{}, module.Fail(fmt.Sprintf("Error while getting device information with parted script: 'parted -s -m %s -- unit '%s' print'", p.Device, p.Unit),
			"rc", r.RC, "out", value.String(out).WithMarks(value.Unsafe), "err", value.String(said).WithMarks(value.Unsafe))
	}
	return parseParted(out, p.Unit)
}

// settle decides about the first script.
func (p partedTask) settle(now partedDisk) (module.Change, error) {
	var s partedWords
	number := fmt.Sprint(p.Number.Or(0))
	part := now.part(p.Number.Or(0))
	switch {
	case p.State == "info":
		p.done = "unit '" + p.Unit + "' print"
		return module.Change{Result: p.result(now, false)}, nil
	case p.State == "absent" && part == nil:
		return module.Change{Result: p.result(now, false)}, nil
	case p.State == "absent":
		s.add("rm", number)
		p.done = s.shown
		return p.run(now, s, func(now partedDisk) (module.Change, error) { return module.Change{Result: p.result(now, true)}, nil }), nil
	}
	fresh := now.table != p.Label
	if fresh {
		s.add("mklabel", p.Label)
	}
	if fresh || part == nil {
		s.add("mkpart", p.PartType)
		if kind, ok := p.FSType.Get(); ok {
			s.add(strings.Fields(kind)...)
		}
		s.add(p.Start, p.End)
	}
	s = p.withUnit(s)
	if p.Resize && part != nil {
		moved, err := p.moved(now, *part)
		if err != nil {
			return module.Change{}, err
		}
		if moved {
			s.add("resizepart", number, p.End)
		}
	}
	if len(s.argv) == 0 {
		return p.finish(now, part, false)
	}
	then := func(now partedDisk) (module.Change, error) { return p.finish(now, now.part(p.Number.Or(0)), true) }
	p.done = s.shown
	if p.check { // what the second script would be for a new partition
		second, err := p.marks(partition{})
		p.done += second.shown
		return p.run(now, s, nil), err
	}
	return p.run(now, s, then), nil
}

// withUnit puts the unit before a script that does something.
func (p partedTask) withUnit(s partedWords) partedWords {
	if len(s.argv) == 0 {
		return s
	}
	return partedWords{argv: append([]string{"unit", p.Unit}, s.argv...), shown: "unit " + p.Unit + " " + s.shown}
}

// moved tells whether the end of a partition is elsewhere than asked, as the original
// computes it.
func (p partedTask) moved(now partedDisk, part partition) (bool, error) {
	want, err := parseSize(p.End, p.Unit)
	if err != nil {
		return false, err
	}
	if want.chs != nil || part.end.chs != nil {
		return false, module.Fail("resize needs sizes that are numbers: another unit than chs")
	}
	n, unit := want.n, want.unit
	if unit == "%" {
		n, unit = math.Trunc(math.Trunc(now.size.n)*n/100), p.Unit
	}
	return inBytes(part.end.n, p.Unit) != inBytes(n, unit), nil
}

// inBytes is a size in bytes; sectors and what is no unit stay what they are.
func inBytes(n float64, unit string) int64 {
	factor := 1.0
	if i := slices.Index(unitsSI, unit); i >= 0 {
		factor = math.Pow(1000, float64(i))
	} else if i := slices.Index(unitsIEC, unit); i >= 0 {
		factor = math.Pow(1024, float64(i+1))
	} else if slices.Contains([]string{"", "compact", "cyl", "chs"}, unit) {
		factor = 1e6
	}
	return int64(n * factor)
}

// marks is the script that names a partition and sets its flags.
func (p partedTask) marks(part partition) (partedWords, error) {
	var s partedWords
	number := fmt.Sprint(p.Number.Or(0))
	if name, ok := p.Name.Get(); ok && part.name != name {
		s.argv = append(s.argv, "name", number, `"`+name+`"`)
		s.shown += "name " + number + ` '"` + name + `"' `
	}
	if len(p.Flags) > 0 {
		want := slices.Clone(p.Flags)
		if slices.Contains(want, "esp") && !slices.Contains(want, "boot") { // parted has them together
			want = append(want, "boot")
		}
		for _, f := range want {
			if !slices.Contains(part.flags, f) {
				s.add("set", number, f, "on")
			}
		}
		for _, f := range part.flags {
			if !slices.Contains(want, f) {
				s.add("set", number, f, "off")
			}
		}
	}
	return p.withUnit(s), nil
}

// finish runs the second script, where there is something to mark.
func (p partedTask) finish(now partedDisk, part *partition, changed bool) (module.Change, error) {
	var s partedWords
	if part != nil {
		var err error
		if s, err = p.marks(*part); err != nil {
			return module.Change{}, err
		}
	}
	if len(s.argv) == 0 {
		return module.Change{Result: p.result(now, changed)}, nil
	}
	p.done += s.shown
	return p.run(now, s, func(now partedDisk) (module.Change, error) { return module.Change{Result: p.result(now, true)}, nil }), nil
}

// run has parted do a script, and goes on with what the device is then.
func (p partedTask) run(now partedDisk, s partedWords, then func(partedDisk) (module.Change, error)) module.Change {
	argv := []string{"parted", "-s", "-m"}
	if p.Align != "undefined" {
		argv = append(argv, "-a", p.Align)
	}
	shown := strings.TrimSpace(strings.Join(append(argv, p.Device, "--", s.shown), " "))
	argv = append(append(argv, p.Device, "--"), s.argv...)
	if p.State == "present" {
		now.table = p.Label
	}
	predicted := p.result(now, true)
	predicted.Set("partitions", module.Later())
	cmds := []state.Exec{{Argv: argv, Env: []string{"LC_ALL=C"}}, p.print()}
	return module.Steps(cmds, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[0]; r.RC != 0 {
			return module.Change{}, module.Fail("Error while running parted script: "+shown, "rc", r.RC,
				"out", value.String(string(r.Stdout)).WithMarks(value.Unsafe), "err", value.String(string(r.Stderr)).WithMarks(value.Unsafe))
		}
		now, err := p.read(did[1])
		if err != nil {
			return module.Change{}, err
		}
		return then(now)
	})
}

func (p partedTask) result(now partedDisk, changed bool) *value.Map {
	return value.M("changed", changed, "disk", value.FromMap(now.value()), "partitions", now.partitions(), "script", strings.TrimSpace(p.done))
}
