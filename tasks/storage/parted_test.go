package storage

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestParted(t *testing.T) {
	t.Parallel()
	const (
		empty = "BYT;\n/d:51200kiB:file:512:512:unknown::;\n"
		one   = "BYT;\n/d:51200kiB:file:512:512:msdos::;\n1:1024kiB:10240kiB:9216kiB:::boot, lvm;\n"
		named = "BYT;\n/d:51200kiB:file:512:512:gpt::;\n1:1024kiB:10240kiB:9216kiB::old:boot, esp;\n"
	)
	for name, c := range map[string]struct {
		said []string // by the looks, in turn
		args []any
		want string // the scripts
	}{
		"info":        {[]string{one}, []any{}, ""},
		"first":       {[]string{empty, one}, []any{"number", 1, "state", "present", "part_end", "10MiB"}, "unit KiB mklabel msdos mkpart primary 0% 10MiB"},
		"marked":      {[]string{empty, one, one}, []any{"number", 1, "state", "present", "fs_type", "ext4", "flags", "boot,raid"}, "unit KiB mklabel msdos mkpart primary ext4 0% 100%|unit KiB set 1 raid on set 1 lvm off"},
		"there":       {[]string{one}, []any{"number", 1, "state", "present", "flags", "lvm,boot"}, ""},
		"name":        {[]string{named, named}, []any{"number", 1, "state", "present", "label", "gpt", "name", "new one", "flags", "esp"}, `unit KiB name 1 "new one"`},
		"resize":      {[]string{one, one}, []any{"number", 1, "state", "present", "part_end", "20MiB", "resize", true}, "resizepart 1 20MiB"},
		"same end":    {[]string{one}, []any{"number", 1, "state", "present", "part_end", "10MiB", "resize", true}, ""},
		"other table": {[]string{one, named}, []any{"number", 1, "state", "present", "label", "gpt"}, "unit KiB mklabel gpt mkpart primary 0% 100%"},
		"gone":        {[]string{one, empty}, []any{"number", 1, "state", "absent"}, "rm 1"},
		"was gone":    {[]string{one}, []any{"number", 2, "state", "absent"}, ""},
		"unit":        {[]string{one}, []any{"number", 2, "state", "present", "part_end", "2mib"}, "! The argument 'part_end' doesn't respect required format."},
		"no size":     {[]string{one}, []any{"number", 2, "state", "present", "part_start", "x"}, "! Error interpreting parted size output: 'x'"},
		"no number":   {[]string{one}, []any{"number", 0, "state", "present"}, "! The partition number must be greater then 0."},
		"odd":         {[]string{"nonsense"}, []any{}, "! what parted says cannot be read"},
		"odd number":  {[]string{strings.Replace(one, "1:1024", "x:1024", 1)}, []any{}, `! what parted says cannot be read: "x" is no number`},
	} {
		h := &moduletest.Host{}
		for i, out := range c.said {
			if i > 0 { // what the script before says
				h.Said = append(h.Said, state.OpResult{OK: true})
			}
			h.Said = append(h.Said, moduletest.Ended(0, out, ""))
		}
		_, err := h.Run(t, Parted(), value.M(append([]any{"device", "/d"}, c.args...)...))
		if want, fails := strings.CutPrefix(c.want, "! "); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
			continue
		}
		var scripts []string
		for _, r := range h.Ran {
			if _, script, ok := strings.Cut(r, " -a optimal /d -- "); ok {
				scripts = append(scripts, script)
			}
		}
		if got := strings.Join(scripts, "|"); err != nil || got != c.want {
			t.Errorf("%s: %v, ran %s, want %s", name, err, got, c.want)
		}
	}
}

func TestPartedSays(t *testing.T) {
	t.Parallel()
	d, err := parseParted("CHS;\n/d:319,3,31:file:512:512:gpt:A model:;\n320:4:32:65.5kB;\n1:0,1,2:159,3,31:ext4:primary:boot, esp;\n", "chs")
	got := value.FromMap(d.value()).Repr() + d.partitions().Repr()
	const want = "{'dev': '/d', 'size': {'cylinder': 319, 'head': 3, 'sector': 31}, 'unit': 'chs', 'table': 'gpt', 'model': 'A model', 'logical_block': 512, " +
		"'physical_block': 512, 'chs_info': {'cylinders': 320, 'heads': 4, 'sectors': 32, 'cyl_size': 65.5, 'cyl_size_unit': 'kb'}}" +
		"[{'num': 1, 'begin': {'cylinder': 0, 'head': 1, 'sector': 2}, 'end': {'cylinder': 159, 'head': 3, 'sector': 31}, 'size': '', " +
		"'fstype': 'ext4', 'name': 'primary', 'flags': ['boot', 'esp'], 'unit': 'chs'}]"
	if err != nil || got != want {
		t.Errorf("%v\n got %s\nwant %s", err, got, want)
	}
}
