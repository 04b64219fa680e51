package storage

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type filesystemArgs struct {
	State    string `arg:"state"`
	FSType   string `arg:"fstype"`
	Dev      string `arg:"dev"`
	Force    bool   `arg:"force"`
	ResizeFS bool   `arg:"resizefs"`
	Opts     string `arg:"opts"`
}

var filesystemSpec = module.Spec{
	Name:    "filesystem",
	Aliases: []string{"community.general.filesystem"},
	Summary: "Have a file system on a device or in a file",
	Doc: "Makes, grows and wipes file systems with the host's own tools (mkfs.*, resize2fs ..., wipefs); what there is is asked of blkid. " +
		"What blkid does not know is overwritten.",
	Args: []module.Arg{
		{Name: "dev", Aliases: []string{"device"}, Type: module.Path, Required: true, Doc: "The block device, or a regular file."},
		{Name: "state", Choices: []string{"present", "absent"}, Default: "present", Doc: "absent wipes what file system there is."},
		{Name: "fstype", Aliases: []string{"type"}, Choices: []string{"btrfs", "ext2", "ext3", "ext4", "ext4dev", "f2fs", "lvm", "ocfs2", "reiserfs", "swap", "ufs", "vfat", "xfs"},
			Doc: "The kind; lvm makes a physical volume. Needed unless state is absent."},
		{Name: "force", Type: module.Bool, Default: false, Doc: "Overwrite a file system that is there."},
		{Name: "resizefs", Type: module.Bool, Default: false, Doc: "Grow the file system to its device: btrfs and xfs (mounted), ext2 to ext4, f2fs, lvm, vfat."},
		{Name: "opts", Doc: "Words for mkfs."},
	},
	RequiredIf: [][]string{{"state", "present", "fstype"}},
	Returns:    []module.Return{{Name: "msg", Type: "str", When: "it grew, or there is no device", Doc: "What was said."}},
	Examples:   "- filesystem: {dev: /dev/sdb1, fstype: ext4}\n",
	Traits:     module.Traits{Reach: state.ReachHost},
}

// Filesystem is the module filesystem.
func Filesystem() module.Module { return module.New(filesystemSpec, planFilesystem) }

// fsKind is how one kind of file system is made, measured and grown.
type fsKind struct {
	name  string // as Ansible says it
	blkid string // as blkid says it; "" is the kind's own name
	mkfs  string
	force []string
	// info asks for the size with the device, or where it is mounted, behind it;
	// size reads the answer, in bytes.
	info []string
	size func(out string) (int64, bool)
	grow []string
	// mounted: only where it is mounted can it be grown (and, always, measured).
	mounted, alwaysMounted bool
}

var fsKinds = map[string]fsKind{
	"ext2":     {name: "Ext2", mkfs: "mkfs.ext2", force: []string{"-F"}, info: []string{"tune2fs", "-l"}, size: extSize, grow: []string{"resize2fs"}},
	"ext3":     {name: "Ext3", mkfs: "mkfs.ext3", force: []string{"-F"}, info: []string{"tune2fs", "-l"}, size: extSize, grow: []string{"resize2fs"}},
	"ext4":     {name: "Ext4", mkfs: "mkfs.ext4", force: []string{"-F"}, info: []string{"tune2fs", "-l"}, size: extSize, grow: []string{"resize2fs"}},
	"xfs":      {name: "XFS", mkfs: "mkfs.xfs", force: []string{"-f"}, info: []string{"xfs_info"}, size: xfsSize, grow: []string{"xfs_growfs"}, mounted: true},
	"reiserfs": {name: "Reiserfs", mkfs: "mkfs.reiserfs", force: []string{"-q"}},
	"btrfs": {name: "Btrfs", mkfs: "mkfs.btrfs", force: []string{"-f"}, info: []string{"btrfs", "filesystem", "usage", "-b"}, size: btrfsSize,
		grow: []string{"btrfs", "filesystem", "resize", "max"}, mounted: true, alwaysMounted: true},
	"ocfs2": {name: "Ocfs2", mkfs: "mkfs.ocfs2", force: []string{"-Fx"}},
	"f2fs":  {name: "F2fs", mkfs: "mkfs.f2fs", force: []string{"-f"}, info: []string{"dump.f2fs"}, size: f2fsSize, grow: []string{"resize.f2fs"}},
	"vfat":  {name: "VFAT", mkfs: "mkfs.vfat", info: []string{"fatresize", "--info"}, size: fatSize, grow: []string{"fatresize", "-s", "max"}},
	"lvm": {name: "LVM", blkid: "LVM2_member", mkfs: "pvcreate", force: []string{"-f"}, size: plainSize, grow: []string{"pvresize"},
		info: []string{"pvs", "--noheadings", "-o", "pv_size", "--units", "b", "--nosuffix"}},
	"swap": {name: "Swap", mkfs: "mkswap", force: []string{"-f"}},
	"ufs":  {name: "UFS", mkfs: "newfs"},
}

// kindOf is the kind of an argument, or of what blkid says.
func kindOf(name string) (fsKind, bool) {
	if name == "ext4dev" {
		name = "ext4"
	}
	for n, k := range fsKinds {
		if n == name && k.blkid == "" || name != "" && k.blkid == name {
			return k, true
		}
	}
	return fsKind{}, false
}

// blkidScript prints the file system of the device $1, past any cache.
const blkidScript = `command -v blkid >/dev/null 2>&1 || { echo 'Failed to find required executable "blkid"' >&2; exit 127; }
blkid -c /dev/null -o value -s TYPE "$1"`

func planFilesystem(a filesystemArgs, _ module.Inputs, v state.View) (module.Change, error) {
	g := module.Gathering(v)
	dev := strings.TrimRight(g.Path(a.Dev), "/")
	f := g.File(dev, 0)
	said := g.Output(blkidScript, dev)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if f.Followed.Type == state.TypeNone {
		msg := "Device " + dev + " not found."
		if a.State == "present" {
			return module.Change{}, module.Fail(msg)
		}
		return module.OK("msg", msg), nil
	}
	if said.RC == 127 {
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr))
	}
	now := strings.TrimSpace(said.Stdout)
	if a.State == "absent" {
		if now == "" {
			return module.OK(), nil
		}
		return runTools(value.M("changed", true), nil, []string{"wipefs", "--all", dev}), nil
	}
	kind, ok := fsKinds[a.FSType]
	if !ok {
		kind, _ = kindOf(a.FSType)
	}
	is, known := kindOf(now)
	same := known && is.name == kind.name
	switch {
	case same && !a.ResizeFS && !a.Force:
		return module.OK(), nil
	case same && a.ResizeFS:
		if kind.grow == nil {
			return module.Change{}, module.Fail("module does not support resizing "+a.FSType+" filesystem yet.", "changed", false)
		}
		return kind.planGrow(g, dev)
	case now != "" && !a.Force:
		return module.Change{}, module.Fail(fmt.Sprintf("'%s' is already used as %s, use force=true to overwrite", dev, now), "rc", said.RC, "err", said.Stderr)
	}
	argv := slices.Concat([]string{kind.mkfs}, kind.force, strings.Fields(a.Opts), []string{dev})
	return runTools(value.M("changed", true), nil, argv), nil
}

// sizeScript prints the size of the device $1 and where it is mounted, a line
// each, and what the command behind it says of it: of the mount when $2 is
// "mount" and there is one, and else of the device.
const sizeScript = `d=$1 m=$2; shift 2
if [ -b "$d" ]; then blockdev --getsize64 "$d" || exit; elif [ -f "$d" ]; then wc -c <"$d"; else echo "Target device not supported: $d" >&2; exit 1; fi
at=$(findmnt --mtab --noheadings --output TARGET --source "$d" 2>/dev/null | head -n 1); printf '%s\n' "$at"
[ "$m" != always ] || [ "$at" ] || exit 0
[ "$m" ] && [ "$at" ] && d=$at
command -v "$1" >/dev/null 2>&1 || { printf 'Failed to find required executable "%s"\n' "$1" >&2; exit 127; }
"$@" "$d"`

func (k fsKind) planGrow(g *module.Gather, dev string) (module.Change, error) {
	where := ""
	switch {
	case k.alwaysMounted:
		where = "always"
	case k.mounted:
		where = "mount"
	}
	said := g.Output(sizeScript, append([]string{dev, where}, k.info...)...)
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if said.RC != 0 {
		return module.Change{}, module.Fail(strings.TrimSpace(said.Stderr), "rc", said.RC, "stdout", said.Stdout, "stderr", said.Stderr)
	}
	lines := strings.SplitN(said.Stdout, "\n", 3)
	lines = append(lines, "", "")
	size, err := strconv.ParseInt(strings.TrimSpace(lines[0]), 10, 64)
	if err != nil {
		return module.Change{}, module.Fail("the size of " + dev + " cannot be told: " + lines[0])
	}
	target, at := dev, lines[1]
	if k.alwaysMounted && at == "" {
		return module.Change{}, module.Fail(dev + " needs to be mounted for " + k.name + " operations")
	}
	has, ok := k.size(lines[2])
	if !ok {
		return module.Change{}, module.Fail("unable to process " + k.info[0] + " output for " + dev)
	}
	if has >= size {
		return module.OK("msg", k.name+" filesystem is using the whole device "+dev), nil
	}
	if k.mounted {
		if target = at; at == "" {
			return module.Change{}, module.Fail(dev + " needs to be mounted for " + k.name + " operations")
		}
	}
	c := runTools(value.M("changed", true, "msg", module.Later()), func(did []state.OpResult) *value.Map {
		return value.M("changed", true, "msg", value.String(string(did[len(did)-1].Stdout)).WithMarks(value.Unsafe))
	}, append(slices.Clone(k.grow), target))
	c.Still = value.M("msg", "resizing filesystem "+k.name+" on device "+dev)
	return c, nil
}

var (
	extCount = lazyregexp.New(`(?m)^Block count:\s*(\d+)`)
	extBlock = lazyregexp.New(`(?m)^Block size:\s*(\d+)`)
	xfsData  = lazyregexp.New(`(?m)^data\s*=\s*bsize=(\d+)\s+blocks=(\d+)`)
	btrfsDev = lazyregexp.New(`(?m)Device size.*?(\d+)\s*$`)
	f2fsUnit = lazyregexp.New(`Info: sector size = (\d+)`)
	f2fsAll  = lazyregexp.New(`Info: total FS sectors = (\d+)`)
	fatBytes = lazyregexp.New(`(?m)^\s*(?:Size|Cur size):\s*(\d+)`)
)

// product multiplies the numbers that patterns find.
func product(out string, patterns ...*regexp.Regexp) (int64, bool) {
	n := int64(1)
	for _, p := range patterns {
		m := p.FindStringSubmatch(out)
		if m == nil {
			return 0, false
		}
		for _, text := range m[1:] {
			x, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return 0, false
			}
			n *= x
		}
	}
	return n, true
}

func extSize(out string) (int64, bool)   { return product(out, extCount(), extBlock()) }
func xfsSize(out string) (int64, bool)   { return product(out, xfsData()) }
func btrfsSize(out string) (int64, bool) { return product(out, btrfsDev()) }
func f2fsSize(out string) (int64, bool)  { return product(out, f2fsUnit(), f2fsAll()) }
func fatSize(out string) (int64, bool)   { return product(out, fatBytes()) }
func plainSize(out string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return n, err == nil
}

// runTools plans commands, each of which must return 0. end makes what is
// registered of their results; nil keeps what was predicted.
func runTools(predicted *value.Map, end func([]state.OpResult) *value.Map, argvs ...[]string) module.Change {
	cmds := make([]state.Exec, len(argvs))
	for i, argv := range argvs {
		cmds[i] = state.Exec{Argv: argv, Env: []string{"LC_ALL=C"}}
	}
	return module.Steps(cmds, module.Change{Result: predicted}, func(_ state.View, did []state.OpResult) (module.Change, error) {
		if last := len(did) - 1; did[last].RC != 0 {
			return module.Change{}, module.CommandFailed(argvs[last], did[last])
		}
		if end == nil {
			return module.Change{Result: predicted}, nil
		}
		return module.Change{Result: end(did)}, nil
	})
}
