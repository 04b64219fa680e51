package net

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// run runs a module; each look ends as says, one second after it started.
func run(t *testing.T, m module.Module, args *value.Map, says ...state.OpResult) (module.Change, []string, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, nil, err
	}
	var ran []string
	now := time.Unix(1000, 0)
	next := func(v state.View) (module.Change, error) { return m.Plan(a, module.Inputs{}, v) }
	for range 20 {
		v := state.NewHostView()
		c, err := next(v)
		for range 5 {
			for _, q := range c.Need {
				v.Learn(answer(q))
			}
			if len(c.Need) > 0 && err == nil {
				c, err = next(v)
			}
		}
		if err != nil || len(c.Ops) == 0 {
			return c, ran, err
		}
		ran = append(ran, c.Ops[0].(state.Exec).Shell)
		r := says[0]
		if len(says) > 1 {
			says = says[1:]
		}
		r.OK, r.Start, r.End = true, now, now.Add(time.Second)
		now = r.End
		next = func(v state.View) (module.Change, error) { return c.Then(v, []state.OpResult{r}) }
	}
	t.Fatal("it never ends")
	return module.Change{}, nil, nil
}

func answer(q state.Query) state.Answer {
	if p, ok := q.(state.Path); ok {
		s := state.Stat{Type: state.TypeFile, Mode: 0o644, Size: 7, Nlink: 1, User: "root", Group: "root"}
		return state.Answer{Query: q, Value: state.File{Canonical: p.Path, Resolved: p.Path, Stat: s, Followed: s}}
	}
	return state.Answer{Query: q, Value: state.LoginInfo{User: "root", Home: "/root"}}
}

func TestWaitFor(t *testing.T) {
	t.Parallel()
	no := state.OpResult{RC: rcNotYet}
	for name, c := range map[string]struct {
		args *value.Map
		says []state.OpResult
		in   string // in the last script
		want string // result, or "! failure"
	}{
		"a file":          {value.M("path", "/f"), []state.OpResult{{}}, "[ -e '/f' ]", `{"changed":false,"elapsed":1,"match_groups":[],"match_groupdict":{},"path":"/f","port":null,"search_regex":null,"state":"file","uid":0,"gid":0,"owner":"root","group":"root","mode":"0644","size":7}`},
		"a file goes":     {value.M("path", "/f", "state", "absent"), []state.OpResult{{}}, "[ ! -e '/f' ]", `{"changed":false,"elapsed":1,"match_groups":[],"match_groupdict":{},"path":"/f","port":null,"search_regex":null,"state":"absent"}`},
		"no file":         {value.M("path", "/f", "timeout", 1), []state.OpResult{no}, "[ -e '/f' ]", "! Timeout when waiting for file /f"},
		"the file stays":  {value.M("path", "/f", "state", "absent"), []state.OpResult{no}, "", "! Timeout when waiting for /f to be absent."},
		"a port":          {value.M("port", 80, "host", "a'b"), []state.OpResult{{}}, `connect 'a'\''b' 80 5;`, `{"changed":false,"elapsed":1,"match_groups":[],"match_groupdict":{},"path":null,"port":80,"search_regex":null,"state":"started"}`},
		"no port":         {value.M("port", 80), []state.OpResult{no}, "", "! Timeout when waiting for 127.0.0.1:80"},
		"a port stays":    {value.M("port", 80, "state", "stopped"), []state.OpResult{no}, "! connect", "! Timeout when waiting for 127.0.0.1:80 to stop."},
		"drains":          {value.M("port", 80, "state", "drained"), []state.OpResult{no}, "drained 80", "! Timeout when waiting for 127.0.0.1:80 to drain"},
		"own words":       {value.M("port", 80, "msg", "own"), []state.OpResult{no}, "", "! own"},
		"a text, later":   {value.M("path", "/f", "search_regex", "^d(o)ne", "sleep", 3), []state.OpResult{no, {Stdout: []byte("no")}, {Stdout: []byte("x\ndone\n")}}, "sleep 3\nif cat '/f'", `{"changed":false,"elapsed":3,"match_groups":["o"],"match_groupdict":{},"path":"/f","port":null,"search_regex":"^d(o)ne","state":"file","uid":0,"gid":0,"owner":"root","group":"root","mode":"0644","size":7}`},
		"a text, never":   {value.M("port", 22, "search_regex", "(?P<v>SSH)", "timeout", 3), []state.OpResult{{Stdout: []byte("no")}}, "connect '127.0.0.1' 22 1 x", "! Timeout when waiting for search string (?P<v>SSH) in 127.0.0.1:22"},
		"a text at once":  {value.M("port", 22, "search_regex", "S(S)H"), []state.OpResult{{Stdout: []byte("SSH-2.0")}}, "connect '127.0.0.1' 22 1 x", `{"changed":false,"elapsed":1,"match_groups":["S"],"match_groupdict":{},"path":null,"port":22,"search_regex":"S(S)H","state":"started"}`},
		"time":            {value.M("timeout", 4, "search_regex", "x"), []state.OpResult{{}}, "sleep 4", `{"changed":false,"elapsed":1,"match_groups":[],"match_groupdict":{},"path":null,"port":null,"search_regex":"x","state":"started"}`},
		"nothing to look": {value.M("port", 1), []state.OpResult{{RC: rcNoMeans}}, "", "! the host has nothing to look at a port with"},
		"bad pattern":     {value.M("port", 1, "search_regex", "("), nil, "", "! search_regex \"(\""},
		"drained file":    {value.M("path", "/f", "state", "drained"), nil, "", "! state=drained should only be used for checking a port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ran, err := run(t, WaitFor(), c.args, c.says...)
			if len(ran) > 0 && !strings.Contains(ran[len(ran)-1], c.in) {
				t.Errorf("ran %s, want %s in it", ran[len(ran)-1], c.in)
			}
			if want, fails := strings.CutPrefix(c.want, "! "); fails {
				if f, ok := errors.AsType[*module.Failure](err); !ok || !strings.HasPrefix(f.Msg, want) {
					t.Errorf("got %v, want a failure %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if data, _ := got.Result.MarshalJSON(); string(data) != c.want {
				t.Errorf("result %s\nwant   %s", data, c.want)
			}
		})
	}
}

// TestWaitScripts runs the scripts with the sh of this machine, when there is one.
func TestWaitScripts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	for script, want := range map[string]int{
		(&waiting{waitArgs: waitArgs{State: "started", Sleep: 1}, path: "/"}).script(0, 0):                                           0,
		(&waiting{waitArgs: waitArgs{State: "absent", Sleep: 1}, path: "/"}).script(0, 1):                                            rcNotYet,
		(&waiting{waitArgs: waitArgs{State: "started", Sleep: 1, Host: "127.0.0.1", Port: module.Some(1), Connect: 1}}).script(0, 0): rcNotYet,
		(&waiting{waitArgs: waitArgs{State: "stopped", Sleep: 1, Host: "127.0.0.1", Port: module.Some(1), Connect: 1}}).script(0, 0): 0,
		(&waiting{waitArgs: waitArgs{State: "drained", Sleep: 1, Host: "127.0.0.1", Port: module.Some(1)}}).script(0, 0):             0,
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		began := time.Now()
		out, _ := cmd.CombinedOutput()
		if waited := time.Since(began); strings.Contains(script, "now + 1000") && waited < time.Second {
			t.Errorf("it gave up after %s, not a second:\n%s", waited, script)
		}
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("exit %d, want %d: %s\n%s", got, want, out, script)
		}
	}
}
