package storage

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestWantedSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size  value.Value
		block string
		want  sizeWanted
		iec   string
	}{
		{value.String("10K"), "4096", sizeWanted{10, 1024, 10240}, "10.0 KiB"},
		{value.String("8 kB"), "4096", sizeWanted{8, 1000, 8000}, "7.81 KiB"},
		{value.String("1.5MiB"), "4096", sizeWanted{384, 4096, 1572864}, "1.5 MiB"},
		{value.String("2GB"), "4096", sizeWanted{2000, 1000000, 2000000000}, "1.86 GiB"},
		{value.String("1TiB"), "3000", sizeWanted{1048576, 1048576, 1 << 40}, "1.0 TiB"},
		{value.Int(3), "512B", sizeWanted{3, 512, 1536}, "1.5 KiB"},
		{value.Float(2.5), "512", sizeWanted{3, 512, 1536}, "1.5 KiB"},
		{value.String("0.5k"), "4096", sizeWanted{1, 512, 512}, "512 B"},
	} {
		got, err := wantedSize(c.size, c.block)
		iec, _ := got.registered().Get("iec")
		if err != nil || got != c.want || iec.Text() != c.iec {
			t.Errorf("%s in %s: %v, %v, %s", c.size.Text(), c.block, err, got, iec.Text())
		}
	}
	for size, want := range map[string]string{
		"1XB":      "invalid size unit (XB): unit must be one of B, kB",
		"1kiB":     "invalid size unit (kiB)",
		"1.5B":     "byte is the smallest unit and requires an integer value",
		"":         "invalid size \"\"",
		"99999YiB": "the size \"99999YiB\" is more than a file can have",
	} {
		h := &moduletest.Host{Outs: moduletest.Printed("/bin/dd\n4096\n")}
		h.Expect(t, size, Filesize(), value.M("path", "/f", "size", size), "! "+want)
	}
}

func TestFilesize(t *testing.T) {
	t.Parallel()
	asked := moduletest.Printed("/bin/dd\n4096\n")
	for name, c := range map[string]struct {
		text  string
		args  *value.Map
		want  string
		after string // what is there then
	}{
		"made":      {"", value.M("size", "1K"), "/bin/dd if=/dev/zero of=/d/f bs=1024 seek=0 count=1", string(make([]byte, 1024))},
		"grown":     {"0123456789", value.M("size", "4KiB", "blocksize", 1024), "/bin/dd if=/dev/zero of=/d/f bs=1024 seek=1 count=3", string(make([]byte, 4096))},
		"cut":       {string(make([]byte, 4096)), value.M("size", "1KiB", "blocksize", 512), "/bin/dd if=/dev/zero of=/d/f bs=512 seek=2 count=0", string(make([]byte, 1024))},
		"a hole":    {"", value.M("size", "4K", "sparse", true), "/bin/dd if=/dev/zero of=/d/f bs=4096 seek=1 count=0", string(make([]byte, 4096))},
		"as it is":  {"01234", value.M("size", "5B"), "", "01234"},
		"too short": {"", value.M("size", "1K"), "! module error while creating file /d/f with size 1K from source /dev/zero: file is 3 bytes long", "abc"},
	} {
		h := &moduletest.Host{Files: map[string]string{"/d/": ""}, Outs: asked}
		if c.text != "" {
			h.Files["/d/f"] = c.text
		}
		c.args.Set("path", value.String("/d/f"))
		h.Then = func(string) { h.Files["/d/f"] = c.after }
		h.Expect(t, name, Filesize(), c.args, c.want)
		h.Ran = nil
		if c.want != "" && c.want[0] != '!' && name != "too short" {
			h.Expect(t, name+" again", Filesize(), c.args, "")
		}
	}
	h := &moduletest.Host{Files: map[string]string{"/d/": ""}, Outs: asked, Said: []state.OpResult{moduletest.Ended(1, "", "no space")}}
	h.Expect(t, "full", Filesize(), value.M("path", "/d/f", "size", "1K"), "! dd error while creating file /d/f")
	h.Expect(t, "no folder", Filesize(), value.M("path", "/none/f", "size", "1K"), "! parent directory of the file must exist")
	h.Expect(t, "a folder", Filesize(), value.M("path", "/d", "size", "1K"), "! /d exists but is not a regular file")
}

func TestFilesystem(t *testing.T) {
	t.Parallel()
	tune := "Filesystem\nBlock count:              2048\nReserved: 1\nBlock size:               1024\n"
	for name, c := range map[string]struct {
		outs []state.OutputInfo
		args *value.Map
		want string
	}{
		"made":              {moduletest.Printed(""), value.M("fstype", "ext4", "opts", "-q  -L x"), "mkfs.ext4 -F -q -L x /dev/x"},
		"there":             {moduletest.Printed("ext4\n"), value.M("fstype", "ext4dev"), ""},
		"another":           {moduletest.Printed("xfs\n"), value.M("fstype", "ext4"), "! '/dev/x' is already used as xfs, use force=true to overwrite"},
		"forced":            {moduletest.Printed("xfs\n"), value.M("fstype", "lvm", "force", true), "pvcreate -f /dev/x"},
		"volume":            {moduletest.Printed("LVM2_member\n"), value.M("fstype", "lvm"), ""},
		"wiped":             {moduletest.Printed("swap\n"), value.M("state", "absent"), "wipefs --all /dev/x"},
		"empty":             {moduletest.Printed(""), value.M("state", "absent"), ""},
		"grows":             {moduletest.Printed("ext4\n", "4194304\n\n"+tune), value.M("fstype", "ext4", "resizefs", true), "resize2fs /dev/x"},
		"grown":             {moduletest.Printed("ext4\n", "2097152\n\n"+tune), value.M("fstype", "ext4", "resizefs", true), ""},
		"xfs":               {moduletest.Printed("xfs\n", "9999999\n/srv\nmeta-data=/dev/x bsize=512\ndata     =                       bsize=4096   blocks=100, imaxpct=25\n"), value.M("fstype", "xfs", "resizefs", true), "xfs_growfs /srv"},
		"xfs unused":        {moduletest.Printed("xfs\n", "9999999\n\ndata     =    bsize=4096   blocks=100, imaxpct=25\n"), value.M("fstype", "xfs", "resizefs", true), "! /dev/x needs to be mounted for XFS operations"},
		"btrfs":             {moduletest.Printed("btrfs\n", "9999\n/m\nOverall:\n    Device size:\t\t      5000\n"), value.M("fstype", "btrfs", "resizefs", true), "btrfs filesystem resize max /m"},
		"f2fs":              {moduletest.Printed("f2fs\n", "99999\n\nInfo: sector size = 512\nInfo: total FS sectors = 100 (0 MB)\n"), value.M("fstype", "f2fs", "resizefs", true), "resize.f2fs /dev/x"},
		"fat":               {moduletest.Printed("vfat\n", "99999\n\nfatresize 1\nSize: 100\n"), value.M("fstype", "vfat", "resizefs", true), "fatresize -s max /dev/x"},
		"lvm grows":         {moduletest.Printed("LVM2_member\n", "99999\n\n  5000\n"), value.M("fstype", "lvm", "resizefs", true), "pvresize /dev/x"},
		"odd":               {moduletest.Printed("ext4\n", "99999\n\nwhat\n"), value.M("fstype", "ext4", "resizefs", true), "! unable to process tune2fs output for /dev/x"},
		"never grows":       {moduletest.Printed("swap\n"), value.M("fstype", "swap", "resizefs", true), "! module does not support resizing swap filesystem yet."},
		"no device":         {moduletest.Printed(""), value.M("fstype", "swap", "dev", "/none"), "! Device /none not found."},
		"no device, absent": {moduletest.Printed(""), value.M("state", "absent", "dev", "/none"), ""},
	} {
		h := &moduletest.Host{Files: map[string]string{"/dev/x": "x"}, Outs: c.outs}
		if _, given := c.args.Get("dev"); !given {
			c.args.Set("dev", value.String("/dev/x"))
		}
		h.Expect(t, name, Filesystem(), c.args, c.want)
	}
	h := &moduletest.Host{Files: map[string]string{"/dev/x": "x"}, Said: []state.OpResult{moduletest.Ended(1, "", "mkfs.ext4: bad\n")}}
	h.Expect(t, "mkfs fails", Filesystem(), value.M("dev", "/dev/x", "fstype", "ext4"), "! mkfs.ext4: bad")
}
