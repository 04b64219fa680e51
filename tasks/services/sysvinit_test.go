package services

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSysVInit(t *testing.T) {
	t.Parallel()
	up := state.ServiceInfo{Manager: state.SysV, Exists: true, Active: true, ActiveKnown: true, Script: "/etc/init.d/x", Tools: []string{"update-rc.d"}}
	down := up
	down.Active = false
	enabled := up
	enabled.Enabled, enabled.EnabledKnown = true, true
	for name, c := range map[string]struct {
		info state.ServiceInfo
		args *value.Map
		ran  string
	}{
		"started":     {up, value.M("name", "x", "state", "started"), ""},
		"start":       {down, value.M("name", "x", "state", "started", "args", "-v"), "'/etc/init.d/x' start -v"},
		"stop":        {up, value.M("name", "x", "state", "stopped"), "'/etc/init.d/x' stop "},
		"reload":      {down, value.M("name", "x", "state", "reloaded"), "'/etc/init.d/x' reload "},
		"restart":     {up, value.M("name", "x", "state", "restarted", "sleep", 0), "'/etc/init.d/x' stop ; r=$?; [ $r != 0 ] || sleep 0; exit $r|'/etc/init.d/x' start ; r=$?; [ $r != 0 ] || sleep 0; exit $r"},
		"enable":      {up, value.M("name", "x", "enabled", true), "update-rc.d x defaults|update-rc.d x enable"},
		"is enabled":  {enabled, value.M("name", "x", "enabled", true), ""},
		"disable":     {enabled, value.M("name", "x", "enabled", false, "state", "started"), "update-rc.d x disable"},
		"chkconfig":   {state.ServiceInfo{Manager: state.SysV, Exists: true, Script: "/etc/init.d/x", Tools: []string{"chkconfig"}}, value.M("name", "x", "enabled", true, "runlevels", []string{"3", "5"}), "chkconfig --level 35 x on"},
		"some levels": {up, value.M("name", "x", "enabled", true, "runlevels", "3,5"), "update-rc.d x enable 3 5"},
	} {
		h := &host{info: c.info}
		got, _, err := h.run(t, SysVInit(), c.args, false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v, _ := got.Get("changed"); strings.Join(h.ran, "|") != c.ran || v.Truthy() != (c.ran != "") {
			t.Errorf("%s: ran %q", name, h.ran)
		}
	}
}

func TestSysVInitFails(t *testing.T) {
	t.Parallel()
	down := state.ServiceInfo{Manager: state.SysV, Exists: true, ActiveKnown: true, Script: "/etc/init.d/x"}
	for _, c := range []struct {
		h    host
		args *value.Map
		want string
	}{
		{host{}, value.M("name", "x", "state", "started"), "Could not find the requested service x: "},
		{host{info: down, rc: map[string]int{"start": 3}}, value.M("name", "x", "state", "started"), "Failed to start service: x"},
		{host{info: down}, value.M("name", "x", "enabled", true, "runlevels", "2"), "neither update-rc.d nor chkconfig"},
	} {
		_, _, err := c.h.run(t, SysVInit(), c.args, false)
		if f, ok := err.(*module.Failure); !ok || !strings.Contains(f.Msg, c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
