package storage

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/value"
)

// partedSize is a size or a place: a number of units, or cylinder, head and sector.
type partedSize struct {
	n    float64
	unit string
	chs  []int64
}

func (s partedSize) value() value.Value {
	if s.chs != nil {
		return value.FromMap(value.M("cylinder", s.chs[0], "head", s.chs[1], "sector", s.chs[2]))
	}
	return value.Float(s.n)
}

var (
	sizePlain = lazyregexp.New(`^(-?[\d.]+) *([\w%]+)?$`)
	sizeCHS   = lazyregexp.New(`^(\d+),(\d+),(\d+)$`)
)

// parseSize reads a size; unit is that of one that says none.
func parseSize(text, unit string) (partedSize, error) {
	bad := module.Fail("Error interpreting parted size output: '" + text + "'")
	if m := sizePlain().FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return partedSize{}, bad
		}
		if m[2] != "" {
			unit = m[2]
		}
		return partedSize{n: n, unit: unit}, nil
	}
	m := sizeCHS().FindStringSubmatch(text)
	if m == nil {
		return partedSize{}, bad
	}
	s := partedSize{unit: "chs"}
	for _, part := range m[1:] {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return partedSize{}, bad
		}
		s.chs = append(s.chs, n)
	}
	return s, nil
}

// partition is one as parted tells it; what is in chs has no size.
type partition struct {
	num              int
	begin, end, size partedSize
	fstype, name     string
	flags            []string
}

// partedDisk is a device as parted tells it.
type partedDisk struct {
	dev, unit, table, model string
	size                    partedSize
	logical, physical       int
	chs                     *value.Map
	parts                   []partition
}

// part is the partition of a number, nil for none.
func (d partedDisk) part(number int) *partition {
	for i := range d.parts {
		if d.parts[i].num == number {
			return &d.parts[i]
		}
	}
	return nil
}

func (d partedDisk) value() *value.Map {
	m := value.M("dev", d.dev, "size", d.size.value(), "unit", d.unit, "table", d.table, "model", d.model,
		"logical_block", d.logical, "physical_block", d.physical)
	if d.chs != nil {
		m.Set("chs_info", value.FromMap(d.chs))
	}
	return m
}

func (d partedDisk) partitions() value.Value {
	list := []value.Value{}
	for _, p := range d.parts {
		size := value.String("")
		if d.unit != "chs" {
			size = p.size.value()
		}
		list = append(list, value.FromMap(value.M("num", p.num, "begin", p.begin.value(), "end", p.end.value(), "size", size,
			"fstype", p.fstype, "name", p.name, "flags", value.Strings(p.flags...), "unit", d.unit)))
	}
	return value.List(list...).MarkDeep(value.Unsafe)
}

// parseParted reads parted's output for machines: a line with the kind of unit, one
// about the device, with cyl and chs one about its geometry, then one for each partition.
func parseParted(out, unit string) (partedDisk, error) {
	var lines [][]string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, strings.Split(strings.TrimRight(line, ";"), ":"))
		}
	}
	odd := module.Fail("what parted says cannot be read", "out", value.String(out).WithMarks(value.Unsafe))
	if len(lines) < 2 || len(lines[1]) < 7 {
		return partedDisk{}, odd
	}
	r := partedReader{}
	f := lines[1]
	d := partedDisk{dev: f[0], size: r.size(f[1], unit), logical: r.int(f[3]), physical: r.int(f[4]), table: f[5], model: f[6]}
	d.unit = strings.ToLower(d.size.unit)
	lines = lines[2:]
	if d.unit == "cyl" || d.unit == "chs" {
		if len(lines) == 0 || len(lines[0]) < 4 {
			return d, odd
		}
		g := lines[0]
		size := r.size(g[3], "")
		d.chs = value.M("cylinders", r.int(g[0]), "heads", r.int(g[1]), "sectors", r.int(g[2]), "cyl_size", size.value(), "cyl_size_unit", strings.ToLower(size.unit))
		lines = lines[1:]
	}
	for _, f := range lines {
		p := partition{}
		if d.unit != "chs" && len(f) >= 4 {
			p.size = r.size(f[3], "")
			f = append(f[:3:3], f[4:]...)
		}
		if len(f) < 6 {
			return d, odd
		}
		p.num, p.begin, p.end, p.fstype, p.name = r.int(f[0]), r.size(f[1], ""), r.size(f[2], ""), f[3], f[4]
		for flag := range strings.SplitSeq(f[5], ", ") {
			if flag != "" {
				p.flags = append(p.flags, strings.TrimSpace(flag))
			}
		}
		d.parts = append(d.parts, p)
	}
	return d, r.err
}

// partedReader reads numbers and keeps the first mistake.
type partedReader struct{ err error }

func (r *partedReader) int(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil && r.err == nil {
		r.err = module.Fail(fmt.Sprintf("what parted says cannot be read: %q is no number", s))
	}
	return n
}

func (r *partedReader) size(s, unit string) partedSize {
	size, err := parseSize(s, unit)
	if err != nil && r.err == nil {
		r.err = err
	}
	return size
}
