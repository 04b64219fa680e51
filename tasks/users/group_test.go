package users

import (
	"slices"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		ran  []string
		want string
	}{
		"is there":      {value.M("name", "app"), nil, `{"changed":false,"name":"app","state":"present","gid":1000,"system":false}`},
		"right number":  {value.M("name", "app", "gid", 1000), nil, `{"changed":false,"name":"app","state":"present","gid":1000,"system":false}`},
		"other number":  {value.M("name", "app", "gid", 7, "non_unique", true), []string{"groupmod -g 7 -o app"}, `{"changed":true,"name":"app","state":"present","gid":7,"system":false}`},
		"new":           {value.M("name", "new", "gid", 7, "system", true), []string{"if command -v groupadd >/dev/null 2>&1; then 'groupadd' '-g' '7' '-r' 'new'; else 'addgroup' '-g' '7' '-S' 'new'; fi"}, `{"changed":true,"name":"new","state":"present","gid":7,"system":true}`},
		"removed":       {value.M("name", "app", "state", "absent"), []string{"if command -v groupdel >/dev/null 2>&1; then 'groupdel' 'app'; else 'delgroup' 'app'; fi"}, `{"changed":true,"name":"app","state":"absent"}`},
		"is not there":  {value.M("name", "new", "state", "absent"), nil, `{"changed":false,"name":"new","state":"absent"}`},
		"a number only": {value.M("name", "1000", "state", "absent"), nil, `{"changed":false,"name":"1000","state":"absent"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			h.after = func(h *host) {
				h.groups["app"] = state.GroupInfo{Exists: true, Name: "app", GID: 7}
				h.groups["new"] = state.GroupInfo{Exists: true, Name: "new", GID: 7}
			}
			first, last, err := h.run(t, Group(), c.args)
			if err != nil {
				t.Fatal(err)
			}
			if jsonOf(first.Result) != c.want || jsonOf(last.Result) != c.want || !slices.Equal(h.ran, c.ran) {
				t.Errorf("predicted %s, got %s, want %s\nran %q, want %q", jsonOf(first.Result), jsonOf(last.Result), c.want, h.ran, c.ran)
			}
		})
	}
}

func TestGroupFails(t *testing.T) {
	t.Parallel()
	h := newHost()
	h.said = state.OpResult{RC: 4, Stderr: []byte("groupadd: GID '4' already exists\n")}
	_, _, err := h.run(t, Group(), value.M("name", "new", "gid", 4))
	checkFails(t, err, "groupadd: GID '4' already exists\n")
	h.ran = nil
	for want, args := range map[string]*value.Map{ // told before anything is run
		"groupadd: GID '1000' already exists\n":             value.M("name", "new", "gid", 1000),
		"groupadd: 'bad name!' is not a valid group name\n": value.M("name", "bad name!"),
	} {
		_, _, err = h.run(t, Group(), args)
		checkFails(t, err, want)
	}
	if len(h.ran) > 0 {
		t.Errorf("ran %q", h.ran)
	}
	_, _, err = h.run(t, Group(), value.M("name", "new", "non_unique", true))
	checkFails(t, err, "non_unique is True but all of the following are missing: gid")
}
