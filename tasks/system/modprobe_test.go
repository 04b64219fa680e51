package system

import (
	"errors"
	"slices"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestModprobe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		ran  []string
	}{
		"loaded":     {value.M("name", "br-netfilter"), nil},
		"built in":   {value.M("name", "tcp"), nil},
		"load":       {value.M("name", "dummy", "params", "a=1 b=2"), []string{"modprobe dummy a=1 b=2"}},
		"unload":     {value.M("name", "br_netfilter", "state", "absent"), []string{"modprobe -r br_netfilter"}},
		"not loaded": {value.M("name", "dummy", "state", "absent"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"/proc/modules": "br_netfilter 1 0 - Live 0x0\n", "/sys/module/tcp": "x"}
			r, ran, err := applied(t, Modprobe(), files, state.OpResult{}, c.args)
			if err != nil || !slices.Equal(ran, c.ran) {
				t.Fatalf("%v, ran %q, want %q", err, ran, c.ran)
			}
			if changed, _ := r.Get("changed"); changed.AsBool() != (len(c.ran) > 0) {
				t.Errorf("changed %s", changed.Text())
			}
		})
	}
	var f *module.Failure
	_, _, err := applied(t, Modprobe(), map[string]string{}, state.OpResult{RC: 1, Stderr: []byte("modprobe: no x\n")}, value.M("name", "x"))
	if !errors.As(err, &f) || f.Msg != "modprobe: no x\n" {
		t.Error(err)
	}
}

func TestModprobePlanned(t *testing.T) {
	t.Parallel()
	for why, h := range map[string]*fakeHost{
		"":                        {},
		"modprobe: no such thing": {out: state.OutputInfo{RC: 1, Stderr: "modprobe: no such thing"}},
	} {
		h.check = true
		_, _, err := h.run(t, Modprobe(), value.M("name", "dummy"))
		if got := ""; err != nil && err.Error() != why || err == nil && why != got {
			t.Errorf("%v, not %q", err, why)
		}
	}
}

func TestModprobePersistent(t *testing.T) {
	t.Parallel()
	const loads, params = "/etc/modules-load.d/", "/etc/modprobe.d/"
	h := &fakeHost{files: map[string]string{"/proc/modules": "dummy 1\n", loads + "a.conf": "other\n", params + "old.conf": "options dummy n=1 # one\nblacklist x\n"}}
	args := value.M("name", "dummy", "params", "n=2 m=3", "persistent", "present")
	_, r, err := h.run(t, Modprobe(), args)
	if err != nil || !changed(r) || h.files[loads+"dummy.conf"] != "dummy\n" || h.files[params+"dummy.conf"] != "options dummy n=2\noptions dummy m=3\n" ||
		h.files[params+"old.conf"] != "#options dummy n=1 # one\nblacklist x\n" {
		t.Fatalf("%v %q", err, h.files)
	}
	if c, r, err := h.run(t, Modprobe(), args); err != nil || changed(r) || len(c.Ops) > 0 {
		t.Errorf("again: %v %v", c.Ops, err)
	}
	args = value.M("name", "dummy", "persistent", "absent")
	if _, r, err := h.run(t, Modprobe(), args); err != nil || !changed(r) || h.files[loads+"dummy.conf"] != "#dummy\n" ||
		h.files[params+"dummy.conf"] != "#options dummy n=2\n#options dummy m=3\n" {
		t.Errorf("absent: %v %q", err, h.files)
	}
	if _, r, err := h.run(t, Modprobe(), args); err != nil || changed(r) {
		t.Errorf("absent again: %v", err)
	}
}
