package services

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSupervisorctl(t *testing.T) {
	t.Parallel()
	const status = "one                              RUNNING   pid 7680, uptime 13:22:18\ntwo STOPPED Not started\n\ng:a  RUNNING pid 1\ng:b FATAL Exited\n"
	says := func(rc int, out, err string) state.OpResult { return moduletest.Ended(rc, out, err) }
	for name, c := range map[string]struct {
		args *value.Map
		said []state.OpResult
		want string
	}{
		"started":          {value.M("name", "two", "state", "started"), []state.OpResult{says(0, "two: started\n", "")}, "status|supervisorctl start two"},
		"started before":   {value.M("name", "one", "state", "started"), nil, "status"},
		"a group stops":    {value.M("name", "g:", "state", "stopped"), []state.OpResult{says(0, "g:a: stopped\n", "")}, "status|supervisorctl stop g:a"},
		"all":              {value.M("name", "all", "state", "started"), []state.OpResult{says(0, "two: started\n", ""), says(0, "g:b: started\n", "")}, "status|supervisorctl start two|supervisorctl start g:b"},
		"signalled":        {value.M("name", "one", "state", "signalled", "signal", "HUP"), []state.OpResult{says(0, "one: signalled\n", "")}, "status|supervisorctl signal HUP one"},
		"added":            {value.M("name", "new", "state", "present"), []state.OpResult{says(0, "", ""), says(0, "new: added process group\n", "")}, "status|supervisorctl reread|supervisorctl add new"},
		"added before":     {value.M("name", "one", "state", "present"), nil, "status"},
		"removed":          {value.M("name", "one", "state", "absent"), []state.OpResult{says(0, "", ""), says(0, "one: removed process group\n", "")}, "status|supervisorctl reread|supervisorctl remove one"},
		"removed before":   {value.M("name", "new", "state", "absent"), nil, "status"},
		"no such program":  {value.M("name", "new", "state", "stopped"), nil, "! ERROR (no such process)"},
		"it does not":      {value.M("name", "two", "state", "started"), []state.OpResult{says(0, "two: ERROR (spawn error)\n", "")}, "! two: ERROR (spawn error)"},
		"it fails":         {value.M("name", "two", "state", "started"), []state.OpResult{says(2, "", "bad\n")}, "! bad"},
		"reread fails":     {value.M("name", "new", "state", "present"), []state.OpResult{says(2, "", "bad\n")}, "! bad"},
		"is not added":     {value.M("name", "new", "state", "present"), []state.OpResult{says(0, "", ""), says(0, "ERROR: no such process\n", "")}, "! ERROR: no such process"},
		"no supervisorctl": {value.M("name", "one", "state", "started", "supervisorctl_path", "/none"), nil, "! Provided path to supervisorctl does not exist"},
	} {
		h := &moduletest.Host{Said: append([]state.OpResult{says(3, status, "")}, c.said...)}
		if c.want[0] != '!' {
			c.want = "supervisorctl " + c.want
		}
		h.Expect(t, name, Supervisorctl(), c.args, c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{says(0, "", ""), says(0, status, ""), says(0, "one: stopped\none: started\n", "")}}
	h.Expect(t, "restarted", Supervisorctl(), value.M("name", "one", "state", "restarted", "config", "/c", "server_url", "http://s", "username", "u", "password", "p"),
		"supervisorctl -c /c -s http://s -u u -p p update|supervisorctl -c /c -s http://s -u u -p p status|supervisorctl -c /c -s http://s -u u -p p restart one")
	h = &moduletest.Host{Check: true, Said: []state.OpResult{says(0, status, "")}}
	got := h.Expect(t, "planned", Supervisorctl(), value.M("name", "one", "state", "restarted"), "supervisorctl status")
	if v, _ := got.Get("affected"); v.Repr() != "['one']" {
		t.Errorf("planned: %s", v.Repr())
	}
	h = &moduletest.Host{Said: []state.OpResult{{Msg: "[Errno 2]"}}}
	h.Expect(t, "missing", Supervisorctl(), value.M("name", "one", "state", "started"), `! Failed to find required executable "supervisorctl"`)
}
