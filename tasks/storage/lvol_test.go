package storage

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestLVol(t *testing.T) {
	t.Parallel()
	const now = "  data;1000.00;300.00;4.00\n--\n  home;200.00;-wi-a-----\n  off;100.00;-wi-------\n  pool;300.00;twi-a-tz--\n  [thin];100.00;Vwi-a-tz--\n"
	for name, c := range map[string]struct {
		args []any
		want string // after the look
	}{
		"made":             {[]any{"lv", "new", "size", "1.5g", "pvs", "/dev/a,/dev/b", "opts", "-r 16 --addtag 'a b'"}, "lvcreate --yes -n new -L 1.5g -r 16 --addtag a b data /dev/a /dev/b"},
		"percent":          {[]any{"lv", "new", "size", "+100%FREE"}, "lvcreate --yes -n new -l 100%FREE data"},
		"by so much":       {[]any{"lv", "new", "size", "+10"}, "! Bad size specification of '+10' for creating LV"},
		"no size":          {[]any{"lv", "new"}, "! No size given."},
		"there":            {[]any{"lv", "home", "size", "200"}, ""},
		"grows":            {[]any{"lv", "home", "size", "300", "resizefs", true}, "lvextend --resizefs -L 300m data/home"},
		"grows by":         {[]any{"lv", "home", "size", "+10%FREE"}, "lvextend -l +10%FREE data/home"},
		"no room":          {[]any{"lv", "home", "size", "80%VG"}, "! Logical Volume home could not be extended. Not enough free space left (600.0m required / 300.0m available)"},
		"shrinks":          {[]any{"lv", "home", "size", "100", "force", true}, "lvreduce --force -L 100m data/home"},
		"may not":          {[]any{"lv", "home", "size", "100"}, "! Sorry, no shrinking of home without force=true."},
		"shall not":        {[]any{"lv", "home", "size", "100", "shrink", false}, ""},
		"to nothing":       {[]any{"lv", "home", "size", "0", "force", true}, "! Sorry, no shrinking of home to 0 permitted."},
		"active":           {[]any{"lv", "off"}, "lvchange -ay data/off"},
		"inactive":         {[]any{"lv", "home", "active", false}, "lvchange -an data/home"},
		"grown and active": {[]any{"lv", "off", "size", "200"}, "lvextend -L 200m data/off|lvchange -ay data/off"},
		"snapshot":         {[]any{"lv", "home", "snapshot", "s", "size", "10m"}, "lvcreate --yes -L 10m -s -n s data/home"},
		"thin snapshot":    {[]any{"lv", "thin", "snapshot", "s"}, "lvcreate --yes -s -n s data/thin"},
		"pool snapshot":    {[]any{"lv", "pool", "snapshot", "s"}, "! Snapshots of thin pool LVs are not supported."},
		"no origin":        {[]any{"lv", "gone", "snapshot", "s"}, "! Snapshot origin LV gone does not exist in volume group data."},
		"pool":             {[]any{"thinpool", "p", "size", "1g"}, "lvcreate --yes -L 1g -T data/p"},
		"thin":             {[]any{"thinpool", "pool", "lv", "t", "size", "1g"}, "lvcreate --yes -n t -V 1g -T data/pool"},
		"no pool":          {[]any{"thinpool", "p", "lv", "t", "size", "1g"}, "! Thin pool LV p does not exist in volume group data."},
		"gone":             {[]any{"lv", "home", "state", "absent", "force", true}, "lvremove --force data/home"},
		"was gone":         {[]any{"lv", "new", "state", "absent"}, ""},
		"may not go":       {[]any{"lv", "home", "state", "absent"}, "! Sorry, no removal of logical volume home without force=true."},
		"bad":              {[]any{"lv", "home", "size", "x"}, "! Bad size specification of 'x'"},
		"too much":         {[]any{"lv", "home", "size", "110%VG"}, "! Size percentage cannot be larger than 100%"},
	} {
		h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, now, ""), {OK: true}}}
		if c.want == "" || c.want[0] != '!' {
			h.Then = func(string) {
				if len(h.Ran) == 1 { // the look itself is not compared
					h.Ran = nil
					h.Then = nil
				}
			}
		}
		h.Expect(t, name, LVol(), value.M(append([]any{"vg", "data"}, c.args...)...), c.want)
	}
	for name, c := range map[string]struct {
		said  state.OpResult
		state string
		want  string
	}{
		"no group":      {moduletest.Ended(5, "", "no\n"), "present", "! Volume group data does not exist."},
		"group is gone": {moduletest.Ended(5, "", "no\n"), "absent", "look at the volume group data"},
		"no LVM":        {moduletest.Ended(127, "", "Failed to find required executable \"lvm\" in paths: /bin\n"), "present", `! Failed to find required executable "lvm"`},
		"odd":           {moduletest.Ended(0, "x\n--\n", ""), "present", "! what vgs says cannot be read: x"},
		"odd volume":    {moduletest.Ended(0, "d;1;1;1\n--\nx\n", ""), "present", "! what lvs says cannot be read: x"},
	} {
		h := &moduletest.Host{Said: []state.OpResult{c.said}}
		h.Then = func(string) {
			if c.want[0] != '!' {
				h.Ran = []string{"look at the volume group data"}
			}
		}
		h.Expect(t, name, LVol(), value.M("vg", "data", "lv", "home", "size", "10", "state", c.state), c.want)
	}
}
