package storage

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type filesizeArgs struct {
	module.FileAttrs
	Path      string      `arg:"path"`
	Size      value.Value `arg:"size"`
	Blocksize value.Value `arg:"blocksize"`
	Source    string      `arg:"source"`
	Force     bool        `arg:"force"`
	Sparse    bool        `arg:"sparse"`
}

var filesizeSpec = module.Spec{
	Name:    "filesize",
	Aliases: []string{"community.general.filesize"},
	Summary: "Have a file of a size",
	Doc: "Makes, extends or cuts a file with dd, as for a swap file. What is there of the file stays, up to the size. " +
		"Sizes are a number and a unit: B, kB (1000), KiB or K (1024), MB, MiB or M and so on up to YiB; without a unit they are blocks.",
	Args: append([]module.Arg{
		{Name: "path", Type: module.Path, Required: true, Doc: "The file; its folder must be there."},
		{Name: "size", Type: module.Raw, Required: true, Doc: "Its size."},
		{Name: "blocksize", Type: module.Raw, Doc: "The size of a block; without it that of the file system."},
		{Name: "source", Type: module.Path, Default: "/dev/zero", Doc: "Where the bytes come from that are added."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Write all of it anew."},
		{Name: "sparse", Type: module.Bool, Default: false, Doc: "Add a hole in place of bytes."},
	}, module.FileArgs()...),
	Returns: []module.Return{
		{Name: "path", Type: "str", When: "success", Doc: "The file; where a link leads."},
		{Name: "filesize", Type: "dict", When: "success", Doc: "The size that is asked for: blocks, blocksize, bytes, iec, si."},
		{Name: "size_diff", Type: "int", When: "success", Doc: "How many bytes came or went."},
		{Name: "cmd", Type: "str", When: "dd ran", Doc: "The command."},
		{Name: "rc", Type: "int", When: "dd ran", Doc: "What it returned."},
		{Name: "stderr", Type: "str", When: "dd ran", Doc: "What it said."},
	},
	Examples: "- filesize: {path: /var/swap0, size: 512M, mode: \"0600\"}\n",
	Traits:   module.Traits{Reach: state.ReachHost},
}

// Filesize is the module filesize.
func Filesize() module.Module { return module.New(filesizeSpec, planFilesize) }

// askBlock prints where dd is, and the size of the blocks of the folder $1.
const askBlock = `command -v dd || echo; stat -f -c %S "$1" 2>/dev/null || echo 4096`

// sizing is one file that is to have a size.
type sizing struct {
	filesizeArgs
	file    state.File
	after   state.Stat // of a file that is made, at first
	is      int64      // the size now; -1: there is no file
	want    sizeWanted
	dd      []string
	changes bool
}

func planFilesize(a filesizeArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	if a.Sparse && a.Force {
		return module.Change{}, module.Fail("parameters values are mutually exclusive: force=true|sparse=true")
	}
	s := &sizing{filesizeArgs: a}
	s.Path = g.Path(a.Path)
	dir := path.Dir(s.Path)
	said := g.Output(askBlock, dir)
	folder := g.File(dir, 0)
	s.file = g.File(strings.TrimRight(s.Path, "/"), 0)
	s.after = g.NewStat(folder.Followed, state.TypeFile)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if folder.Followed.Type == state.TypeNone {
		return module.Change{}, module.Fail("parent directory of the file must exist prior to run this module")
	}
	dd, block, _ := strings.Cut(strings.TrimSpace(said.Stdout), "\n")
	if b := a.Blocksize.Text(); a.Blocksize.Truthy() {
		block = b
	}
	switch s.file.Followed.Type {
	case state.TypeNone:
		s.is = -1
	case state.TypeFile:
		s.is = s.file.Followed.Size
	default:
		return module.Change{}, module.Fail(s.Path + " exists but is not a regular file")
	}
	var err error
	if s.want, err = wantedSize(a.Size, block); err != nil {
		return module.Change{}, module.Fail(err.Error())
	}
	if dd == "" {
		return module.Change{}, module.Fail(`Failed to find required executable "dd"`)
	}
	s.changes = a.Force || s.want.bytes != s.is
	if !s.changes {
		return s.attributes(v, nil)
	}
	return s.write(dd, g.Path(a.Source), v)
}

// write plans the run of dd.
func (s *sizing) write(dd, source string, v state.View) (module.Change, error) {
	var seek int64
	switch {
	case s.Sparse || s.is >= 0 && !s.Force && s.diff() < 0:
		seek = s.want.blocks
	case s.Force || s.is < 0:
	case s.diff()%s.want.blocksize != 0:
		seek = s.is/s.want.blocksize + 1
	default:
		seek = s.is / s.want.blocksize
	}
	s.dd = []string{dd, "if=" + source, "of=" + s.Path, fmt.Sprintf("bs=%d", s.want.blocksize), fmt.Sprintf("seek=%d", seek), fmt.Sprintf("count=%d", s.want.blocks-seek)}
	g := module.Gathering(v)
	if s.is >= 0 {
		s.after = s.file.Followed
	}
	w, err := s.Want(g, s.after)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	predicted := s.result(true)
	predicted.Set("rc", value.Int(0))
	predicted.Set("stderr", module.Later())
	after := w.Apply(s.after)
	after.Size = s.want.bytes
	module.PathInfo(predicted, after)
	before, now := s.sides()
	c := module.Change{Result: predicted, Diff: state.Diff{{Before: module.DiffJSON(before), After: module.DiffJSON(now)}},
		Warnings: s.Warnings()}
	return module.Steps([]state.Exec{{Argv: s.dd}}, c, func(v state.View, did []state.OpResult) (module.Change, error) {
		return s.written(v, did[0])
	}), nil
}

func (s *sizing) written(v state.View, r state.OpResult) (module.Change, error) {
	g := module.Gathering(v)
	s.file = g.File(strings.TrimRight(s.Path, "/"), 0)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	ran := []any{"cmd", strings.Join(s.dd, " "), "rc", r.RC, "stderr", value.String(string(r.Stderr)).WithMarks(value.Unsafe)}
	what := fmt.Sprintf("while creating file %s with size %s from source %s", s.Path, s.Size.Text(), strings.TrimPrefix(s.dd[1], "if="))
	switch {
	case r.RC != 0:
		return module.Change{}, module.Fail("dd error "+what+": see stderr for details", ran...)
	case s.file.Followed.Size != s.want.bytes:
		return module.Change{}, module.Fail(fmt.Sprintf("module error %s: file is %d bytes long", what, s.file.Followed.Size), ran...)
	}
	return s.attributes(v, &r)
}

// attributes plans mode and owner of the file, and what is registered; ran is
// how dd ended, when it ran.
func (s *sizing) attributes(v state.View, ran *state.OpResult) (module.Change, error) {
	g := module.Gathering(v)
	cur := s.file.Followed
	w, err := s.Want(g, cur)
	if c, missing, gerr := g.Missing(); missing {
		return c, gerr
	}
	if err != nil {
		return module.Change{}, err
	}
	c := module.Change{Warnings: s.Warnings()}
	set := w.Changes(cur)
	c.Result = s.result(s.changes || !set.IsZero())
	if ran != nil {
		c.Result.Set("rc", value.Int(int64(ran.RC)))
		c.Result.Set("stderr", value.String(string(ran.Stderr)).WithMarks(value.Unsafe))
	}
	module.PathInfo(c.Result, w.Apply(cur))
	if !set.IsZero() {
		c.Ops = []state.Op{state.SetAttrs{Path: s.file.Resolved, Attrs: set}}
	}
	return c, nil
}

// diff is how many bytes come or go.
func (s *sizing) diff() int64 {
	if s.is > 0 {
		return s.want.bytes - s.is
	}
	return s.want.bytes
}

func (s *sizing) result(changed bool) *value.Map {
	p := s.Path
	if s.file.IsLink() {
		p = s.file.Resolved
	}
	before, after := s.sides()
	m := value.M("changed", changed, "diff", value.M("before", before, "after", after), "size_diff", s.diff(), "path", p, "filesize", s.want.registered())
	if s.dd != nil {
		m.Set("cmd", value.String(strings.Join(s.dd, " ")))
	}
	return m
}

// sides are the sizes before and afterwards, as they are registered.
func (s *sizing) sides() (before, after *value.Map) {
	before, after = value.M("size", nil), value.M("size", s.want.bytes)
	if s.is >= 0 {
		before.Set("size", value.Int(s.is))
	}
	return before, after
}

// sizeWanted is a size as blocks that dd can write.
type sizeWanted struct{ blocks, blocksize, bytes int64 }

func (w sizeWanted) registered() *value.Map {
	return value.M("blocks", w.blocks, "blocksize", w.blocksize, "bytes", w.bytes, "iec", humanSize(w.bytes, "KiB MiB GiB TiB PiB EiB", 1024), "si", humanSize(w.bytes, "kB MB GB TB PB EB", 1000))
}

// humanSize writes a size with the greatest unit that it has one of.
func humanSize(n int64, units string, step float64) string {
	unit, size := "B", float64(n)
	for u := range strings.FieldsSeq(units) {
		if size < step {
			break
		}
		unit, size = u, size/step
	}
	if unit == "B" {
		return strconv.FormatInt(n, 10) + " B"
	}
	return value.FloatRepr(math.RoundToEven(size*100)/100) + " " + unit
}

// unitOf is how many bytes a unit is: the letters of kilo and so on in either
// case, alone or with iB 1024s, with B 1000s.
func unitOf(unit string) (n float64, ok bool) {
	if unit == "B" {
		return 1, true
	}
	if unit == "" {
		return 0, false
	}
	power := strings.IndexByte("KMGTPEZY", unit[0]&^0x20) + 1
	base, lower := 1024.0, unit[0] >= 'a'
	switch unit[1:] {
	case "":
	case "iB":
		ok = lower
	case "B":
		base = 1000
	default:
		return 0, false
	}
	if power == 0 || ok { // kiB is none
		return 0, false
	}
	return math.Pow(base, float64(power)), true
}

const unitNames = "B, kB, KB, KiB, K, k, MB, mB, MiB, M, m, GB, gB, GiB, G, g, TB, tB, TiB, T, t, PB, pB, PiB, P, p, EB, eB, EiB, E, e, ZB, zB, ZiB, Z, z, YB, yB, YiB, Y, y"

// splitSize takes a size apart: the number, the unit, and the bytes that it is
// (the number alone without a unit).
func splitSize(text string) (n float64, unit string, bytes int64, err error) {
	digits := func(r rune) rune {
		if r == '.' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}
	number := strings.Map(digits, text)
	unit = strings.TrimSpace(strings.Map(func(r rune) rune {
		if digits(r) < 0 {
			return r
		}
		return -1
	}, text))
	if n, err = strconv.ParseFloat(number, 64); err != nil {
		return 0, "", 0, fmt.Errorf("invalid size %q: it is a number, with a unit or without", text)
	}
	if unit == "" {
		return n, "", int64(math.RoundToEven(n)), nil
	}
	by, ok := unitOf(unit)
	if !ok {
		// Ansible's own words, with their full stop.
		return 0, "", 0, errors.New(fmt.Sprintf("invalid size unit (%s): unit must be one of %s, or none", unit, unitNames) + ".")
	}
	if n*by >= math.MaxInt64 {
		return 0, "", 0, fmt.Errorf("the size %q is more than a file can have", text)
	}
	return n, unit, int64(math.RoundToEven(n * by)), nil
}

// wantedSize makes blocks of a size.
func wantedSize(size value.Value, block string) (w sizeWanted, err error) {
	if k := size.Kind(); k != value.KindString && k != value.KindInt && k != value.KindFloat {
		return w, fmt.Errorf("invalid value type (<class '%s'>): size must be integer, float or string", size.TypeName())
	}
	bn, bunit, b, err := splitSize(block)
	switch {
	case err != nil:
		return w, err
	case (bunit == "" || bunit == "B") && bn != math.Trunc(bn):
		return w, fmt.Errorf("invalid blocksize value: bytes require an integer value")
	case b == 0:
		return w, fmt.Errorf("block size cannot be equal to zero")
	}
	n, unit, bytes, err := splitSize(size.Text())
	if err != nil {
		return w, err
	}
	if unit == "" {
		w = sizeWanted{blocks: int64(math.Ceil(n)), blocksize: b}
	} else {
		if w.blocksize, err = fittingBlock(n, unit, bytes, b); err != nil {
			return w, err
		}
		w.blocks = (bytes + w.blocksize - 1) / w.blocksize
	}
	w.bytes = w.blocks * w.blocksize
	return w, nil
}

// fittingBlock is a size of blocks of which the size is a whole number.
func fittingBlock(n float64, unit string, bytes, block int64) (int64, error) {
	if bytes%block == 0 {
		return block, nil
	}
	by, _ := unitOf(unit)
	switch {
	case n == math.Trunc(n) && by > 1<<20:
		if int64(by)%5 != 0 {
			return 1 << 20, nil
		}
		return 1_000_000, nil
	case n == math.Trunc(n):
		return int64(by), nil
	case unit == "B":
		return 0, fmt.Errorf("byte is the smallest unit and requires an integer value")
	case 0 < bytes && bytes < block:
		return bytes, nil
	}
	for _, b := range []int64{1024, 1000, 512, 256, 128, 100, 64, 32, 16, 10, 8, 4, 2} {
		if bytes%b == 0 {
			return b, nil
		}
	}
	return 1, nil
}
