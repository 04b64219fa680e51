package services

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// host answers queries for services with one ServiceInfo, and notes commands.
type host struct {
	info state.ServiceInfo
	rc   map[string]int // return codes of commands that fail, by a word in them
	// printed is what the module's own script prints.
	printed string
	ran     []string
}

// run plans and applies a task until nothing is left to do.
func (h *host) run(t *testing.T, m module.Module, args *value.Map, check bool) (*value.Map, []string, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	next := func(v state.View) (module.Change, error) { return m.Plan(a, module.Inputs{Check: check}, v) }
	for range 20 {
		v := state.NewHostView()
		c, err := next(v)
		for err == nil && len(c.Need) > 0 {
			for _, q := range c.Need {
				a := state.Answer{Query: q, Value: h.info}
				if _, ok := q.(state.Output); ok {
					a.Value = state.OutputInfo{Stdout: h.printed}
				}
				v.Learn(a)
			}
			c, err = next(v)
		}
		if err != nil {
			return nil, nil, err
		}
		if len(c.Ops) == 0 || check {
			return c.Result, c.Warnings, nil
		}
		did := h.apply(c.Ops)
		if c.Then == nil {
			return c.Result, c.Warnings, nil
		}
		next = func(v state.View) (module.Change, error) { return c.Then(v, did) }
	}
	t.Fatal("it never ends")
	return nil, nil, nil
}

func (h *host) apply(ops []state.Op) (did []state.OpResult) {
	for _, op := range ops {
		e := op.(state.Exec)
		cmd := e.Shell
		if cmd == "" {
			cmd = strings.Join(e.Argv, " ")
		}
		h.ran = append(h.ran, cmd)
		r := state.OpResult{OK: true}
		for word, rc := range h.rc {
			if strings.Contains(cmd, word) {
				r.RC, r.Stderr = rc, []byte("no "+word)
			}
		}
		did = append(did, r)
	}
	return did
}

var (
	unitOn   = state.ServiceInfo{Manager: state.Systemd, Exists: true, Active: true, ActiveKnown: true, State: "active", Enabled: true, EnabledKnown: true, Tools: []string{"systemctl"}, Properties: [][2]string{{"ActiveState", "active"}}}
	unitOff  = state.ServiceInfo{Manager: state.Systemd, Exists: true, ActiveKnown: true, State: "inactive", EnabledKnown: true, Tools: []string{"systemctl"}, Properties: [][2]string{{"ActiveState", "inactive"}}}
	noUnit   = state.ServiceInfo{Manager: state.Systemd, ActiveKnown: true, State: "inactive", Tools: []string{"systemctl"}, Properties: [][2]string{{"LoadState", "not-found"}}}
	scriptOn = state.ServiceInfo{Manager: state.SysV, Exists: true, Active: true, ActiveKnown: true, Enabled: true, EnabledKnown: true, Script: "/etc/init.d/web", Tools: []string{"service", "update-rc.d"}, Stops: true}
	script0  = state.ServiceInfo{Manager: state.SysV, Exists: true, ActiveKnown: true, EnabledKnown: true, Script: "/etc/init.d/web", Tools: []string{"update-rc.d"}}
	openrc   = state.ServiceInfo{Manager: state.OpenRC, Exists: true, ActiveKnown: true, Crashed: true, EnabledKnown: true, Tools: []string{"rc-service", "rc-update"}, Runlevels: []string{"boot"}}
	upstart  = state.ServiceInfo{Manager: state.Upstart, Exists: true, Active: true, ActiveKnown: true, EnabledKnown: true, Override: "manual"}
)

func TestService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		info state.ServiceInfo
		args []any
		ran  []string
		want string
	}{
		"runs":              {unitOn, []any{"state", "started", "enabled", true}, nil, `{"name":"web","changed":false,"status":{"ActiveState":"active"},"enabled":true,"state":"started"}`},
		"start and enable":  {unitOff, []any{"state", "started", "enabled", true}, []string{"systemctl enable web", "systemctl start web"}, `{"name":"web","changed":true,"status":{"ActiveState":"inactive"},"enabled":true,"state":"started"}`},
		"stop":              {unitOn, []any{"state", "stopped"}, []string{"systemctl stop web"}, `{"name":"web","changed":true,"status":{"ActiveState":"active"},"state":"stopped"}`},
		"reload":            {unitOn, []any{"state", "reloaded"}, []string{"systemctl reload web"}, `{"name":"web","changed":true,"status":{"ActiveState":"active"},"state":"started"}`},
		"reload of stopped": {unitOff, []any{"state", "reloaded"}, []string{"systemctl start web"}, `{"name":"web","changed":true,"status":{"ActiveState":"inactive"},"state":"started"}`},
		"restart":           {unitOn, []any{"state", "restarted"}, []string{"systemctl restart web"}, `{"name":"web","changed":true,"status":{"ActiveState":"active"},"state":"started"}`},
		"read again":        {unitOff, []any{"state", "started", "daemon_reload", true}, []string{"systemctl daemon-reload", "systemctl start web"}, `{"name":"web","changed":true,"status":{"ActiveState":"inactive"},"state":"started"}`},
		"mask":              {unitOn, []any{"masked", true, "no_block", true}, []string{"systemctl --no-block mask web"}, `{"name":"web","changed":true,"status":{"ActiveState":"active"}}`},
		"script runs":       {scriptOn, []any{"state", "started", "enabled", true}, nil, `{"name":"web","changed":false,"enabled":true,"state":"started"}`},
		"script restart":    {scriptOn, []any{"state", "restarted", "arguments", "a b"}, []string{"service 'web' stop 'a' 'b'; a=$?; service 'web' start 'a' 'b'; b=$?; [ $b = 0 ] && a=0; exit $((a + b))"}, `{"name":"web","changed":true,"state":"started"}`},
		"script disable":    {scriptOn, []any{"enabled", false}, []string{"update-rc.d web disable"}, `{"name":"web","changed":true,"enabled":false}`},
		"script enable":     {script0, []any{"enabled", true, "state", "started"}, []string{"update-rc.d web defaults", "update-rc.d web enable", "'/etc/init.d/web' start"}, `{"name":"web","changed":true,"enabled":true,"state":"started"}`},
		"pattern":           {script0, []any{"state", "stopped", "pattern", "webd"}, nil, `{"name":"web","changed":false,"state":"stopped"}`},
		"openrc":            {openrc, []any{"state", "started", "enabled", true}, []string{"rc-update add web default", "rc-service 'web' zap; rc-service 'web' start"}, `{"name":"web","changed":true,"enabled":true,"state":"started"}`},
		"openrc level":      {openrc, []any{"enabled", false, "runlevel", "boot"}, []string{"rc-update delete web boot"}, `{"name":"web","changed":true,"enabled":false}`},
		"upstart":           {upstart, []any{"enabled", true}, []string{"sed -i '/^[Mm][Aa][Nn][Uu][Aa][Ll][[:space:]]*$/d' '/etc/init/web.override'"}, `{"name":"web","changed":true,"enabled":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, check := range []bool{false, true} {
				h := &host{info: c.info}
				got, _, err := h.run(t, Service(), value.M(append([]any{"name", "web"}, c.args...)...), check)
				if err != nil {
					t.Fatal(err)
				}
				if data, _ := got.MarshalJSON(); string(data) != c.want {
					t.Errorf("check %v: result %s, want %s", check, data, c.want)
				}
				if check && len(h.ran) > 0 || !check && !slices.Equal(h.ran, c.ran) {
					t.Errorf("check %v: ran %q, want %q", check, h.ran, c.ran)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		m    module.Module
		info state.ServiceInfo
		rc   map[string]int
		args []any
		want string
	}{
		"none":            {Service(), noUnit, nil, []any{"state", "started"}, "Could not find the requested service web: host"},
		"none on scripts": {Service(), state.ServiceInfo{Manager: state.SysV, Tools: []string{"service"}}, nil, []any{"state", "started"}, "Could not find the requested service web: "},
		"no manager":      {Service(), state.ServiceInfo{}, nil, []any{"state", "started"}, "cannot find 'service' binary or init script for service,  possible typo in service name?, aborting"},
		"cannot start":    {Service(), unitOff, map[string]int{"start": 1}, []any{"state", "started"}, "Unable to start service web: no start"},
		"cannot enable":   {Service(), unitOff, map[string]int{"enable": 1}, []any{"state", "started", "enabled", true}, "Unable to enable service web: no enable"},
		"script fails":    {Service(), script0, map[string]int{"init.d": 2}, []any{"state", "started"}, "no init.d"},
		"not known":       {Service(), state.ServiceInfo{Manager: state.SysV, Exists: true, Script: "/x"}, nil, []any{"state", "started"}, "failed determining service state, possible typo of service name?"},
		"use":             {Service(), unitOn, nil, []any{"state", "started", "use", "launchd"}, `there is no service manager "launchd": use auto, systemd, openrc, sysvinit or upstart`},
		"glob":            {Systemd(), unitOn, nil, []any{"state", "started", "name", "a*"}, "This module does not currently support using glob patterns, found '*' in service name: a*"},
		"no systemctl":    {Systemd(), state.ServiceInfo{}, nil, []any{"state", "started"}, `Failed to find required executable "systemctl" in paths of the host`},
		"reload fails":    {Systemd(), unitOn, map[string]int{"daemon-reload": 1}, []any{"daemon_reload", true}, "failure 1 during daemon-reload: no daemon-reload"},
		"not booted":      {Systemd(), state.ServiceInfo{Manager: state.Systemd, Exists: true, Tools: []string{"systemctl"}, Err: "System has not been booted"}, nil, []any{"state", "started"}, "Service is in unknown state: System has not been booted"},
		"bad unit":        {Systemd(), state.ServiceInfo{Exists: true, Tools: []string{"systemctl"}, Properties: [][2]string{}, Err: "Invalid argument"}, nil, []any{"state", "started"}, "Error loading unit file 'web': Invalid argument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{info: c.info, rc: c.rc}
			_, _, err := h.run(t, c.m, value.M(append([]any{"name", "web"}, c.args...)...), false)
			var f *module.Failure
			if !errors.As(err, &f) || f.Msg != c.want {
				t.Errorf("error %v, want %s", err, c.want)
			}
			if name == "cannot enable" && len(h.ran) != 1 {
				t.Errorf("it went on: %q", h.ran)
			}
		})
	}
}

func TestSystemd(t *testing.T) {
	t.Parallel()
	masked := unitOff
	masked.Masked, masked.Enabled = true, false
	for name, c := range map[string]struct {
		info    state.ServiceInfo
		args    *value.Map
		ran     []string
		changed bool
	}{
		"reload only":       {unitOn, value.M("daemon_reload", true), []string{"systemctl daemon-reload"}, false},
		"reload and start":  {unitOff, value.M("daemon-reload", true, "name", "web", "state", "started"), []string{"systemctl daemon-reload", "systemctl start web"}, true},
		"unmask and start":  {masked, value.M("name", "web", "masked", false, "state", "started"), []string{"systemctl unmask web", "systemctl start web"}, true},
		"is masked":         {masked, value.M("name", "web", "masked", true), nil, false},
		"mask what is not":  {noUnit, value.M("unit", "web", "masked", true), []string{"systemctl mask web"}, true},
		"no block and such": {unitOff, value.M("name", "web", "state", "started", "no_block", true, "force", true), []string{"systemctl --no-block --force start web"}, true},
		"user": {unitOff, value.M("name", "we'b", "state", "started", "scope", "user"),
			[]string{`XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}; export XDG_RUNTIME_DIR; exec 'systemctl' '--user' 'start' 'we'\''b'`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &host{info: c.info}
			got, _, err := h.run(t, Systemd(), c.args, false)
			if err != nil {
				t.Fatal(err)
			}
			if changed, _ := got.Get("changed"); changed.AsBool() != c.changed || !slices.Equal(h.ran, c.ran) {
				t.Errorf("changed %v, ran %q", changed, h.ran)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	info := unitOn
	info.Script = "/etc/init.d/web"
	_, warnings, err := (&host{info: info}).run(t, Service(), value.M("name", "web", "state", "started", "sleep", 3, "pattern", "x"), false)
	if err != nil || len(warnings) != 3 {
		t.Errorf("%q, %v", warnings, err)
	}
	offline := state.ServiceInfo{Manager: state.Systemd, Exists: true, Offline: true, Tools: []string{"systemctl"}, EnabledKnown: true}
	got, warnings, err := (&host{info: offline}).run(t, Systemd(), value.M("name", "web", "state", "started"), false)
	if st, _ := got.Get("state"); err != nil || len(warnings) != 1 || st.Str() != "started" {
		t.Errorf("%v, %q, %v", st, warnings, err)
	}
}

// Masking a unit that is there may fail, as when its file lies in /etc.
func TestMaskingFails(t *testing.T) {
	t.Parallel()
	h := &host{info: unitOff, rc: map[string]int{"mask": 1}}
	got, warnings, err := h.run(t, Systemd(), value.M("name", "web", "masked", true, "state", "started"), false)
	if err != nil || len(warnings) != 1 || !slices.Equal(h.ran, []string{"systemctl mask web", "systemctl start web"}) {
		t.Errorf("%v, %q, ran %q, %v", got, warnings, h.ran, err)
	}
	h = &host{info: noUnit, rc: map[string]int{"mask": 1}}
	if _, _, err := h.run(t, Systemd(), value.M("name", "web", "masked", true), false); err == nil {
		t.Error("a unit that is missing was masked")
	}
}

// What only systemd knows goes on to it, and is refused where it is not.
func TestServiceOfSystemd(t *testing.T) {
	t.Parallel()
	h := &host{info: unitOn}
	got, _, err := h.run(t, Service(), value.M("daemon_reload", true), false)
	if err != nil || !slices.Equal(h.ran, []string{"systemctl daemon-reload"}) {
		t.Errorf("without a name: ran %q, result %v, error %v", h.ran, got, err)
	}
	h = &host{info: scriptOn}
	want := "Unsupported parameters for (service) module: daemon_reload. Supported parameters include: arguments, enabled, name, pattern, runlevel, sleep, state (args)."
	if _, _, err := h.run(t, Service(), value.M("name", "web", "state", "started", "daemon_reload", true), false); err == nil || err.Error() != want {
		t.Errorf("with init scripts: %v, want %s", err, want)
	}
	if _, _, err := h.run(t, Service(), value.M("name", "web"), false); err == nil || err.Error() != "one of the following is required: state, enabled" {
		t.Errorf("nothing asked: %v", err)
	}
}

func TestServiceFacts(t *testing.T) {
	t.Parallel()
	m := Facts()
	a, err := m.Decode(value.NewMap(), diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	v := state.NewHostView()
	c, err := m.Plan(a, module.Inputs{}, v)
	if err != nil || len(c.Need) != 1 {
		t.Fatal(c.Need, err)
	}
	v.Learn(state.Answer{Query: c.Need[0], Value: []state.ServiceEntry{{Name: "ssh.service", State: "running", Status: "enabled", Source: "systemd"}}})
	if c, err = m.Plan(a, module.Inputs{}, v); err != nil {
		t.Fatal(err)
	}
	want := `{"changed":false,"ansible_facts":{"services":{"ssh.service":{"name":"ssh.service","state":"running","source":"systemd","status":"enabled"}}}}`
	if data, _ := c.Result.MarshalJSON(); string(data) != want {
		t.Errorf("result %s", data)
	}
}
