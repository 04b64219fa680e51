package net

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pyre"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type waitArgs struct {
	Host    string             `arg:"host"`
	Port    module.Opt[int]    `arg:"port"`
	Path    string             `arg:"path"`
	State   string             `arg:"state"`
	Search  module.Opt[string] `arg:"search_regex"`
	Delay   int                `arg:"delay"`
	Timeout int                `arg:"timeout"`
	Connect int                `arg:"connect_timeout"`
	Sleep   int                `arg:"sleep"`
	Exclude []string           `arg:"exclude_hosts"`
	Active  []string           `arg:"active_connection_states"`
	Msg     string             `arg:"msg"`
}

var waitSpec = module.Spec{
	Name:    "wait_for",
	Summary: "Wait for a port, a file, a text, or some time",
	Doc: "Waits until a port answers or no longer does, a file is there or gone, or a text appears. The host itself looks; " +
		"for ports it needs one of bash, nc, python3, python or perl (drained: Linux).",
	Args: []module.Arg{
		{Name: "host", Default: "127.0.0.1", Doc: "Name or address of who listens."},
		{Name: "port", Type: module.Int, Doc: "The port to look at."},
		{Name: "path", Type: module.Path, Doc: "The file to look at; not with port."},
		{Name: "state", Choices: []string{"absent", "drained", "present", "started", "stopped"}, Default: "started", Doc: "started, present: it is open, or there; stopped, absent: it is closed, or gone; drained: nobody is connected any more."},
		{Name: "search_regex", Doc: "What the file, or what the port says first, must match: a regular expression of Python."},
		{Name: "delay", Type: module.Int, Default: 0, Doc: "Seconds before the first look."},
		{Name: "timeout", Type: module.Int, Default: 300, Doc: "Seconds after which waiting is a failure; without port and path, how long to wait."},
		{Name: "connect_timeout", Type: module.Int, Default: 5, Doc: "Seconds that one connection may take."},
		{Name: "sleep", Type: module.Int, Default: 1, Doc: "Seconds between looks."},
		{Name: "exclude_hosts", Type: module.List, Elem: module.Str, Doc: "Names and addresses of hosts whose connections do not count, with state drained."},
		{Name: "active_connection_states", Type: module.List, Elem: module.Str,
			Default: []any{"ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "SYN_RECV", "SYN_SENT", "TIME_WAIT"}, Doc: "The states of connections that count, with state drained."},
		{Name: "msg", Doc: "What to say when it took too long."},
	},
	Order: [][]string{{"state", "port", "search_regex", "match_groups", "match_groupdict", "path", "elapsed", "uid", "gid", "owner", "group", "mode", "size"}},
	Returns: []module.Return{
		{Name: "elapsed", Type: "int", When: "always", Doc: "Seconds that were waited."},
		{Name: "match_groups", Type: "list", When: "always", Doc: "The groups that search_regex found."},
		{Name: "match_groupdict", Type: "dict", When: "always", Doc: "The named groups that search_regex found."},
	},
	Examples: "- wait_for: {port: 8080, delay: 2, timeout: 60}\n",
	Traits:   module.Traits{RunOnly: true, Reads: true},
}

// WaitFor is the module wait_for.
func WaitFor() module.Module { return module.New(waitSpec, planWait) }

// waiting is one run of wait_for.
type waiting struct {
	waitArgs
	path  string
	re    *pyre.Regexp
	start time.Time
	match *pyre.Match
}

func planWait(a waitArgs, in module.Inputs, v state.View) (module.Change, error) {
	_, hasPort := a.Port.Get()
	switch {
	case hasPort && a.Path != "":
		return module.Change{}, module.Fail("port and path parameter can not both be passed to wait_for", "elapsed", 0)
	case !hasPort && a.State == "drained":
		return module.Change{}, module.Fail("state=drained should only be used for checking a port in the wait_for module", "elapsed", 0)
	case a.Path != "" && a.State == "stopped":
		return module.Change{}, module.Fail("state=stopped should only be used for checking a port in the wait_for module", "elapsed", 0)
	case len(a.Exclude) > 0 && a.State != "drained":
		return module.Change{}, module.Fail("exclude_hosts should only be with state=drained", "elapsed", 0)
	}
	for _, s := range a.Active {
		if tcpStates[s] == "" {
			return module.Change{}, module.Fail("unknown active_connection_state ("+s+") defined", "elapsed", 0)
		}
	}
	w := &waiting{waitArgs: a}
	g := module.Gathering(v)
	if a.Path != "" {
		w.path = g.Path(a.Path)
	}
	if c, missing, err := g.Missing(); missing {
		return c, err
	}
	if pattern, ok := a.Search.Get(); ok {
		re, err := pyre.Compile("(?m)" + pattern)
		if err != nil {
			return module.Change{}, module.Fail("search_regex " + strconv.Quote(pattern) + ": " + err.Error())
		}
		w.re = re
	}
	if w.gone() || !hasPort && w.path == "" {
		w.re = nil
	}
	c := w.look(a.Delay, a.Timeout)
	if in.Check { // a plan does not wait
		for _, k := range c.Result.Keys() {
			c.Result.SetKey(k, value.Unknown(&value.Origin{What: "something that would be waited for"}))
		}
	}
	return c, nil
}

// gone tells whether something is to go away.
func (w *waiting) gone() bool {
	return w.State == "absent" || w.State == "stopped" || w.State == "drained"
}

// look is the change that waits on the host: with a text to find it looks once
// and the text is matched here, else it looks until it is so.
func (w *waiting) look(delay, limit int) module.Change {
	return module.Change{
		Ops:    []state.Op{state.Exec{Shell: w.script(delay, limit), Env: []string{"LC_ALL=C"}, Read: true}},
		Result: w.result(module.Later(), state.Stat{}),
		Then:   w.then,
	}
}

func (w *waiting) then(v state.View, did []state.OpResult) (module.Change, error) {
	r := did[len(did)-1]
	if w.start.IsZero() {
		w.start = r.Start
	}
	elapsed := int(r.End.Sub(w.start) / time.Second)
	switch {
	case r.RC == rcNoMeans:
		return module.Change{}, module.Fail("the host has nothing to look at a port with: bash, nc, python3, python or perl", "elapsed", elapsed)
	case r.RC != 0 && r.RC != rcNotYet:
		return module.Change{}, module.Fail(strings.TrimSpace("waiting went wrong: "+string(r.Stderr)), "elapsed", elapsed, "rc", r.RC)
	case w.re != nil && r.RC == 0:
		m, err := w.re.Search(r.Stdout)
		if err != nil {
			return module.Change{}, module.Fail(err.Error(), "elapsed", elapsed)
		}
		w.match = m
	}
	if r.RC == 0 && (w.re == nil || w.match != nil) {
		return w.found(v, elapsed)
	}
	if w.re == nil || elapsed >= w.Timeout {
		return module.Change{}, w.tooLong(elapsed)
	}
	return w.look(w.Sleep, w.Timeout-elapsed), nil
}

// found ends well.
func (w *waiting) found(v state.View, elapsed int) (module.Change, error) {
	var s state.Stat
	if w.path != "" && !w.gone() {
		g := module.Gathering(v)
		f := g.File(strings.TrimRight(w.path, "/"), 0)
		if c, missing, err := g.Missing(); missing {
			return c, err
		}
		s = f.Followed
	}
	return module.Change{Result: w.result(value.Int(int64(elapsed)), s)}, nil
}

func (w *waiting) result(elapsed value.Value, s state.Stat) *value.Map {
	groups, named := []string{}, value.NewMap()
	if w.match != nil {
		groups = w.match.Groups()
		for name, text := range w.match.Named() {
			named.Set(name, value.String(text).WithMarks(value.Unsafe))
		}
	}
	m := value.M("changed", false, "elapsed", elapsed, "match_groups", value.Strings(groups...).MarkDeep(value.Unsafe),
		"match_groupdict", named, "path", nil, "port", nil, "search_regex", nil, "state", w.State)
	if port, ok := w.Port.Get(); ok {
		m.Set("port", value.Int(int64(port)))
	}
	if w.path != "" {
		m.Set("path", value.String(w.path))
	}
	if text, ok := w.Search.Get(); ok {
		m.Set("search_regex", value.String(text))
	}
	if s.Type != state.TypeNone {
		module.PathInfo(m, s)
	}
	return m
}

// tooLong is the failure of waiting in vain.
func (w *waiting) tooLong(elapsed int) *module.Failure {
	what := w.path
	if port, ok := w.Port.Get(); ok {
		what = fmt.Sprintf("%s:%d", w.Host, port)
	}
	text, search := w.Search.Get()
	msg := "Timeout when waiting for "
	switch {
	case w.Msg != "":
		msg = w.Msg
	case w.State == "drained":
		msg += what + " to drain"
	case w.gone() && w.path != "":
		msg += what + " to be absent."
	case w.gone():
		msg += what + " to stop."
	case search:
		msg += "search string " + text + " in " + what
	case w.path != "":
		msg += "file " + what
	default:
		msg += what
	}
	return module.Fail(msg, "elapsed", elapsed)
}
