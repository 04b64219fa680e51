package storage

import (
	"math"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// lvolTask decides about a volume.
type lvolTask struct {
	lvolArgs
	want lvolSize
	now  lvolNow
}

// name is that of the volume that is meant, after a look at what it needs.
func (t lvolTask) name() (string, error) {
	if snapshot, ok := t.Snapshot.Get(); ok && snapshot != "" {
		origin := slices.IndexFunc(t.now.volumes, func(v lvolVolume) bool { return v.name == t.LV || v.name == t.ThinPool && t.ThinPool != "" })
		switch {
		case origin < 0:
			return "", module.Fail("Snapshot origin LV " + t.LV + " does not exist in volume group " + t.VG + ".")
		case t.now.volumes[origin].pool || t.ThinPool != "":
			return "", module.Fail("Snapshots of thin pool LVs are not supported.")
		}
		return snapshot, nil
	}
	switch {
	case t.ThinPool == "":
		return t.LV, nil
	case t.LV == "":
		return t.ThinPool, nil
	case !slices.ContainsFunc(t.now.volumes, func(v lvolVolume) bool { return v.name == t.ThinPool }):
		return "", module.Fail("Thin pool LV " + t.ThinPool + " does not exist in volume group " + t.VG + ".")
	}
	return t.LV, nil
}

func (t lvolTask) settle() (module.Change, error) {
	name, err := t.name()
	if err != nil {
		return module.Change{}, err
	}
	v := t.now.volume(name)
	switch {
	case v == nil && t.State == "absent":
		return module.OK("msg", ""), nil
	case v == nil:
		return t.create()
	case t.State == "absent" && !t.Force:
		return module.Change{}, module.Fail("Sorry, no removal of logical volume " + v.name + " without force=true.")
	case t.State == "absent":
		return t.run([]string{"lvremove", "--force", t.VG + "/" + v.name}, value.M("changed", true), "Failed to remove logical volume "+orNone(t.LV), nil), nil
	}
	tool, err := t.resize(*v)
	if err != nil {
		return module.Change{}, err
	}
	if tool == nil {
		return t.activate(*v, false), nil
	}
	if t.ResizeFS {
		tool = append(tool, "--resizefs")
	}
	tool = slices.Concat(tool, t.want.words(), []string{t.VG + "/" + v.name}, t.devices())
	return t.resized(tool, *v), nil
}

// orNone is how Ansible says an argument that is not given.
func orNone(s string) string {
	if s == "" {
		return "None"
	}
	return s
}

func (t lvolTask) devices() []string { return strings.Fields(strings.ReplaceAll(t.PVs, ",", " ")) }

// create makes the volume, snapshot or pool.
func (t lvolTask) create() (module.Change, error) {
	snapshot, isSnapshot := t.Snapshot.Get()
	size := t.want.words()
	switch {
	case t.want.operator == "-" || t.want.operator != "" && t.want.whole == "":
		return module.Change{}, module.Fail("Bad size specification of '" + t.want.operator + t.want.text + "' for creating LV")
	case !t.want.given && !slices.ContainsFunc(t.now.volumes, func(v lvolVolume) bool { return v.name == t.LV && v.thinned && snapshot != "" }):
		return module.Change{}, module.Fail("No size given.")
	case !t.want.given:
		size = nil
	}
	t.want.operator = "" // lvcreate has none
	if size != nil {
		size = t.want.words()
	}
	opts, err := module.ShlexSplit(t.Opts)
	if err != nil {
		return module.Change{}, module.Fail("opts: " + err.Error())
	}
	argv := []string{"lvcreate", "--yes"}
	switch {
	case isSnapshot:
		argv = slices.Concat(argv, size, []string{"-s", "-n", snapshot}, opts, []string{t.VG + "/" + t.LV})
	case t.ThinPool != "" && t.LV != "":
		if t.want.whole != "" {
			return module.Change{}, module.Fail("Thin volume sizing with percentage not supported.")
		}
		argv = slices.Concat(argv, []string{"-n", t.LV, "-V", size[1]}, opts, []string{"-T", t.VG + "/" + t.ThinPool})
	case t.ThinPool != "":
		argv = slices.Concat(argv, size, opts, []string{"-T", t.VG + "/" + t.ThinPool})
	default:
		argv = slices.Concat(argv, []string{"-n", t.LV}, size, opts, []string{t.VG}, t.devices())
	}
	return t.run(argv, value.M("changed", true, "msg", ""), "Creating logical volume '"+orNone(t.LV)+"' failed", nil), nil
}

// resize is the program that gives the volume its size, nil for none.
func (t lvolTask) resize(v lvolVolume) ([]string, error) {
	s := t.want
	shrinking := func(want float64, stop string) ([]string, error) {
		switch {
		case want <= 0 || s.whole != "" && want < 1:
			return nil, module.Fail("Sorry, no shrinking of " + v.name + " to 0 permitted.")
		case !t.Force:
			return nil, module.Fail("Sorry, no shrinking of " + v.name + " without force=true" + stop)
		}
		return []string{"lvreduce", "--force"}, nil
	}
	switch {
	case !s.given:
		return nil, nil
	case s.whole == "" && (s.n > v.size || s.operator == "+"):
		return []string{"lvextend"}, nil
	case s.whole == "" && (t.Shrink && s.n < v.size || s.operator == "-"):
		return shrinking(s.n, ".")
	case s.whole == "":
		return nil, nil
	}
	of := t.now.size
	if s.whole == "FREE" {
		of = t.now.free
	}
	want := s.n * of / 100
	switch s.operator {
	case "+":
		want += v.size
	case "-":
		want = v.size - want
	}
	want -= math.Mod(want, t.now.extent) // the programs round down
	switch {
	case v.size < want && (t.now.free <= 0 || t.now.free < want-v.size):
		return nil, module.Fail("Logical Volume " + v.name + " could not be extended. Not enough free space left (" +
			value.FloatRepr(want-v.size) + "m required / " + value.FloatRepr(t.now.free) + "m available)")
	case v.size < want:
		return []string{"lvextend"}, nil
	case t.Shrink && v.size > want+t.now.extent:
		return shrinking(want, "")
	}
	return nil, nil
}

// result is what is registered of a volume that was there.
func (t lvolTask) result(v lvolVolume, changed bool) *value.Map {
	return value.M("changed", changed, "vg", t.VG, "lv", v.name, "size", v.size)
}

// resized runs what resizes; what it says of a size that is there already is no failure.
func (t lvolTask) resized(tool []string, v lvolVolume) module.Change {
	return t.run(tool, t.result(v, true), "", func(r state.OpResult) (module.Change, error) {
		said := value.String(string(r.Stderr)).WithMarks(value.Unsafe)
		unable := "Unable to resize " + orNone(t.LV) + " to " + t.want.text + t.want.unit
		switch {
		case strings.Contains(string(r.Stdout), "Reached maximum COW size"):
			return module.Change{}, module.Fail(unable, "rc", r.RC, "err", said, "out", value.String(string(r.Stdout)).WithMarks(value.Unsafe))
		case r.RC == 0:
			return t.activate(v, true), nil
		case strings.Contains(said.Text(), "matches existing size"):
			return module.Change{Result: t.result(v, false)}, nil
		case strings.Contains(said.Text(), "not larger than existing size"):
			m := t.result(v, false)
			m.Set("msg", value.String("Original size is larger than requested size"))
			m.Set("err", said)
			return module.Change{Result: m}, nil
		}
		return module.Change{}, module.Fail(unable, "rc", r.RC, "err", said)
	})
}

// activate has the host see the volume, or not.
func (t lvolTask) activate(v lvolVolume, changed bool) module.Change {
	if v.active == t.Active {
		return module.Change{Result: t.result(v, changed)}
	}
	flag, verb := "-an", "deactivate"
	if t.Active {
		flag, verb = "-ay", "activate"
	}
	return t.run([]string{"lvchange", flag, t.VG + "/" + v.name}, t.result(v, true), "Failed to "+verb+" logical volume "+orNone(t.LV), nil)
}

// run plans a program; failed is said where it returns something else than 0, unless
// ended decides.
func (t lvolTask) run(argv []string, result *value.Map, failed string, ended func(state.OpResult) (module.Change, error)) module.Change {
	if ended == nil {
		ended = func(r state.OpResult) (module.Change, error) {
			if r.RC != 0 {
				return module.Change{}, module.Fail(failed, "rc", r.RC, "err", value.String(string(r.Stderr)).WithMarks(value.Unsafe))
			}
			return module.Change{Result: result}, nil
		}
	}
	return module.Steps([]state.Exec{{Argv: argv, Env: []string{"LC_ALL=C"}}}, module.Change{Result: result}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if r := did[0]; !r.OK && r.RC == 0 {
			return module.Change{}, module.CommandFailed(argv, r)
		}
		return ended(did[0])
	})
}
