package storage

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestLVG(t *testing.T) {
	t.Parallel()
	const (
		groups = "  data;1;0\n  full;1;2\n--\n"
		inData = groups + "/dev/a;/dev/a;data\n"
	)
	for name, c := range map[string]struct {
		out  string
		args *value.Map
		want string // after the look
	}{
		"made":        {"--\n", value.M("pvs", "/dev/a,/dev/b", "pesize", "32", "pv_options", "--x 1", "vg_options", "--y"), "pvcreate --x 1 -f /dev/a|pvcreate --x 1 -f /dev/b|vgcreate --y -s 32 data /dev/a /dev/b"},
		"there":       {inData, value.M("pvs", "/dev/a"), ""},
		"another":     {inData + "/dev/b;/dev/b;\n", value.M("pvs", "/dev/a,/dev/b"), "pvcreate -f /dev/b|vgextend data /dev/b"},
		"one less":    {inData + "/dev/b;/dev/b;data\n", value.M("pvs", "/dev/b"), "vgreduce --force data /dev/a"},
		"grows":       {inData + "--\n  /dev/a;100000000;50000000;1048576;4194304\n", value.M("pvs", "/dev/a", "pvresize", true), "pvresize /dev/a"},
		"is as great": {inData + "--\n  /dev/a;54000000;50000000;1048576;4194304\n", value.M("pvs", "/dev/a", "pvresize", true), ""},
		"taken":       {groups + "/dev/a;/dev/a;full\n", value.M("pvs", "/dev/a"), "! Device /dev/a is already in full volume group."},
		"absent":      {groups, value.M("state", "absent"), "vgremove --force data"},
		"no group":    {"--\n", value.M("state", "absent"), ""},
		"not empty":   {groups, value.M("state", "absent", "vg", "full"), "! Refuse to remove non-empty volume group full without force=true"},
		"forced":      {groups, value.M("state", "absent", "vg", "full", "force", true), "vgremove --force full"},
		"odd":         {"data;1;x\n--\n", value.M("state", "absent"), "! what vgs says of data cannot be read: data;1;x"},
		"no device":   {"", value.M("pvs", "/dev/none"), "! Device /dev/none not found."},
		"no devices":  {"", value.M(), "! No physical volumes given."},
	} {
		h := &moduletest.Host{Files: map[string]string{"/dev/a": "x", "/dev/b": "x"}, Said: []state.OpResult{moduletest.Ended(0, c.out, ""), {OK: true}}}
		if _, given := c.args.Get("vg"); !given {
			c.args.Set("vg", value.String("data"))
		}
		if c.want == "" || c.want[0] != '!' {
			h.Then = func(string) {
				if len(h.Ran) == 1 { // the look itself is not compared
					h.Ran = nil
					h.Then = nil
				}
			}
		}
		h.Expect(t, name, LVG(), c.args, c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(127, "", "Failed to find required executable \"vgs\"\n")}}
	h.Expect(t, "no LVM", LVG(), value.M("vg", "data", "state", "absent"), `! Failed to find required executable "vgs"`)
	h = &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, groups, ""), moduletest.Ended(5, "", "in use\n")}}
	h.Expect(t, "it fails", LVG(), value.M("vg", "data", "state", "absent"), "! Failed to remove volume group data")
}
