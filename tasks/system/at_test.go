package system

import (
	"errors"
	"slices"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestAt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		jobs string // that hold the command
		ran  []string
		want string
	}{
		"a command":      {value.M("command", "ls", "count", 2, "units", "days"), "3\n", []string{"at now + 2 days <ls\n"}, `{"changed":true,"state":"present","count":2,"units":"days"}`},
		"a script":       {value.M("script_file", "/s", "count", 1, "units", "hours"), "", []string{"at now + 1 hours <echo hi\n"}, `{"changed":true,"state":"present","count":1,"units":"hours","script_file":"/s"}`},
		"another":        {value.M("command", "ls", "count", 2, "units", "days", "unique", true), "", []string{"at now + 2 days <ls\n"}, `{"changed":true,"state":"present","count":2,"units":"days"}`},
		"is there":       {value.M("command", "ls", "count", 2, "units", "days", "unique", true), "3\n", nil, `{"changed":false,"state":"present"}`},
		"taken away":     {value.M("command", "ls", "state", "absent"), "3\n4\n", []string{"at -r 3 4"}, `{"changed":true,"state":"absent"}`},
		"is not there":   {value.M("command", "ls", "state", "absent"), "", nil, `{"changed":false,"state":"absent"}`},
		"no time":        {value.M("command", "ls", "units", "days"), "", nil, "! present state requires count and units"},
		"no such script": {value.M("script_file", "/none", "state", "absent"), "", nil, "! script_file /none is no file of the host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &fakeHost{files: map[string]string{"/s": "echo hi\n"}, out: state.OutputInfo{Stdout: c.jobs}}
			_, r, err := h.run(t, At(), c.args)
			var f *module.Failure
			if c.want[0] == '!' {
				if !errors.As(err, &f) || "! "+f.Msg != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if data, _ := r.MarshalJSON(); string(data) != c.want || !slices.Equal(h.ran, c.ran) {
				t.Errorf("%s, ran %q\nwant %s, %q", data, h.ran, c.want, c.ran)
			}
		})
	}
	h := &fakeHost{out: state.OutputInfo{RC: 127}}
	if _, _, err := h.run(t, At(), value.M("command", "x", "state", "absent")); err == nil || err.Error() != `Failed to find required executable "at"` {
		t.Error(err)
	}
}
