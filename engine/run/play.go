package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/inventory"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// play is one play over one batch of hosts.
type play struct {
	*runner
	p        *playbook.Play
	vars     *vars.PlayVars
	no       int
	named    []*host // all that the pattern of the play names, also who is out since an earlier play
	all      []*host // who of them took part when the play began
	batch    []*host
	handlers []*playbook.Task
	names    handlerNames
	includes map[string]int32 // order of included lists
	repeats  map[string]bool  // whether roles that include_role brought may run again, by their key
	// told is the task whose heading was told last.
	told          int64
	toldFor       string // the host whose meta task that is, where each has its own
	taskNos       map[string]int64
	ends          ending
	endPlay       bool
	anyFatal      bool
	maxFail       float64 // percent; negative: none
	forceHandlers bool
	starting      bool // --start-at-task not reached yet
	stepAll       bool // --step: all that follows was agreed to
	isFree        bool // no host waits for another
	shared        sharedTasks
	brings        bringing
	free          free
	debugAll      bool // every failure wants the debugger
	debugging     debugging
	title         string // the name, or the pattern of its hosts, evaluated
}

// play runs one play on its hosts, batch by batch; stop ends the run.
func (r *runner) play(ctx context.Context, p *playbook.Play) (stop bool, err error) {
	r.Vars.EnterPlay(p)
	pv, err := r.playVars(p)
	if err != nil {
		return false, err
	}
	named, err := r.playHosts(p, pv)
	if err == nil {
		err = r.keptErr
	}
	if err != nil {
		return false, err
	}
	all := stillIn(named)
	order, err := keyword(r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()}), p.Order)
	if err != nil {
		return false, err
	}
	hosts, err := sortOrder(named, order)
	if err != nil {
		return false, err
	}
	r.playNo++
	title := r.Vars.PlayTitle(pv)
	begins := func(hosts []*host) { // told of every batch, as Ansible does
		r.emit(&event.Event{Kind: event.PlayStarted, Play: title, PlayNo: p.Index + 1, Pos: p.Pos, Hosts: names(hosts), Check: r.inCheckMode(&p.Scope)})
	}
	if len(hosts) == 0 {
		r.warnReserved(pv)
		begins(hosts)
		r.emit(&event.Event{Kind: event.NoHosts, Play: title, Msg: "no hosts matched"})
		return false, nil
	}
	batches, err := r.serial(p, pv, hosts)
	if err != nil {
		return false, err
	}
	broken := false
	for _, batch := range batches {
		r.warnReserved(pv)
		begins(batch)
		whole := len(batch) // who failed in an earlier play counts, as in Ansible
		batch = stillIn(batch)
		if len(batch) == 0 {
			continue
		}
		pl := &play{runner: r, p: p, vars: pv, no: p.Index + 1, named: named, all: all, batch: batch,
			includes: map[string]int32{}, taskNos: map[string]int64{}, maxFail: -1, title: title, ends: ending{of: whole}, starting: r.StartAt != "" && !r.startFound}
		if err := pl.run(ctx); err != nil {
			return true, err
		}
		r.keepFacts()
		r.startFound = !pl.starting
		r.broken = pl.ends.broken
		broken = broken || r.broken
		left := slices.DeleteFunc(stillIn(batch), func(h *host) bool { return h.counted })
		if lost := len(batch) - len(left); lost == whole {
			return true, nil // a batch without a host left ends the run
		}
		if pl.endPlay {
			break
		}
	}
	return broken, nil
}

// stillIn are the hosts that have not failed.
func stillIn(hosts []*host) []*host {
	return slices.DeleteFunc(slices.Clone(hosts), func(h *host) bool { return h.failed || h.unreachable })
}

func names(hosts []*host) []string {
	out := make([]string, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name
	}
	return out
}

// playVars reads what a play has of variables for all its hosts; its vars_files may
// name extra and play variables, or be each host's own.
func (r *runner) playVars(p *playbook.Play) (*vars.PlayVars, error) {
	pv := &vars.PlayVars{Play: p}
	if err := r.prompted(p, pv); err != nil {
		return nil, err
	}
	own := &hostFiles{r: r, pv: pv}
	for _, n := range p.VarsFiles {
		s := r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()})
		found, err := r.varsFile(s, n, p)
		if vars.IsUndefined(err) {
			pv.HostFile, err = own.get, nil
		}
		if err != nil {
			return nil, err
		}
		pv.Files = append(pv.Files, found)
	}
	return pv, nil
}

func (r *runner) playHosts(p *playbook.Play, pv *vars.PlayVars) ([]*host, error) {
	s := r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()})
	v, err := s.Eval(p.Hosts)
	if err != nil {
		return nil, err
	}
	pattern := v.Text()
	if v.Kind() == value.KindList {
		var parts []string
		for _, it := range v.Items() {
			parts = append(parts, it.Text())
		}
		pattern = strings.Join(parts, ",")
	}
	var pos diag.Pos
	if p.Hosts != nil {
		pos = p.Hosts.Pos
	}
	matched, err := r.Inventory.Match(pattern, pos)
	if err != nil && !inventory.NamesNothing(err) {
		return nil, err
	}
	if r.Limit != "" {
		if matched, err = r.Inventory.Limit(matched, r.Limit); err != nil {
			return nil, err
		}
	}
	hosts := make([]*host, len(matched))
	for i, m := range matched {
		hosts[i] = r.host(m)
	}
	return hosts, nil
}

// serial cuts the hosts into batches.
func (r *runner) serial(p *playbook.Play, pv *vars.PlayVars, hosts []*host) ([][]*host, error) {
	if len(p.Serial) == 0 {
		return [][]*host{hosts}, nil
	}
	s := r.Vars.Scope(r.world(nil), nil, pv, nil, vars.Moment{Now: r.Now()})
	var sizes []int
	for _, n := range p.Serial {
		v, err := s.Eval(n)
		if err != nil {
			return nil, err
		}
		items := []value.Value{v}
		switch {
		case v.Kind() == value.KindList:
			items = v.Items()
		case vars.IsOmit(v):
			items = nil
		}
		for _, it := range items {
			size, err := batchSize(it.Text(), len(hosts))
			if err != nil {
				return nil, diag.Errorf(n.Pos, "serial", "%s", err)
			}
			sizes = append(sizes, size)
		}
	}
	if len(sizes) == 0 {
		return [][]*host{hosts}, nil
	}
	var out [][]*host
	for i := 0; len(hosts) > 0; i++ {
		n := sizes[min(i, len(sizes)-1)]
		if n <= 0 || n > len(hosts) {
			n = len(hosts)
		}
		out = append(out, hosts[:n])
		hosts = hosts[n:]
	}
	return out, nil
}

func batchSize(s string, hosts int) (int, error) {
	if pct, ok := strings.CutSuffix(s, "%"); ok {
		f, err := strconv.ParseFloat(pct, 64)
		if err != nil {
			return 0, fmt.Errorf("serial is %q, not a number or a percentage", s)
		}
		return max(1, int(math.Floor(f/100*float64(hosts)))), nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("serial is %q, not a number or a percentage", s)
	}
	return n, nil
}

// run takes a batch of hosts through the play.
func (pl *play) run(ctx context.Context) error {
	if err := pl.begin(); err != nil {
		return err
	}
	if pl.isFree {
		if err := pl.runFree(ctx); err != nil {
			return err
		}
		pl.release()
		pl.tellUnrun()
		return nil
	}
	for {
		if err := ctx.Err(); err != nil {
			pl.abandon()
			return err
		}
		hosts := pl.lowest()
		if len(hosts) == 0 {
			if !pl.waiting() {
				break
			}
			if err := pl.flush(ctx, pl.batch); err != nil {
				return err
			}
			continue
		}
		if goOn, err := pl.stepped(ctx, hosts); err != nil {
			return err
		} else if !goOn {
			continue
		}
		if err := pl.round(ctx, hosts); err != nil {
			return err
		}
		pl.checkEnd()
		pl.release()
		pl.tellEnd()
		if err := errors.Join(pl.emitErr, pl.memory.err); err != nil {
			return err
		}
	}
	pl.release()
	pl.tellUnrun()
	return nil
}

// tellUnrun names the handlers that were notified and not run because their
// host failed.
func (pl *play) tellUnrun() {
	for _, h := range pl.batch {
		if !h.failed && !h.unreachable {
			continue
		}
		var left []string
		for _, t := range pl.handlers {
			if h.notified[t.ID] {
				left = append(left, taskTitle(t))
			}
		}
		if len(left) > 0 {
			pl.notice("warn", fmt.Sprintf("handlers that were notified on %s and not run, because it failed: %s", h.Name, strings.Join(left, ", ")))
		}
	}
}

// begin evaluates the play's own keywords and puts every host at its start.
func (pl *play) begin() error {
	s := pl.playScope()
	var err error
	if pl.anyFatal, err = flag(s, pl.p.AnyErrorsFatal, pl.Settings.AnyErrorsFatal); err != nil {
		return err
	}
	if pl.forceHandlers, err = flag(s, pl.p.ForceHandlers, pl.ForceHandlers); err != nil {
		return err
	}
	if mf, err := keyword(s, pl.p.MaxFailPercentage); err != nil {
		return err
	} else if mf != "" {
		if pl.maxFail, err = strconv.ParseFloat(strings.TrimSuffix(mf, "%"), 64); err != nil {
			return diag.Errorf(pl.p.MaxFailPercentage.Pos, "max-fail-percentage", "max_fail_percentage is %q, not a number", mf)
		}
	}
	if strategy, err := keyword(s, pl.p.Strategy); err != nil {
		return err
	} else if strategy = orElse(strategy, pl.Settings.Strategy); !isStrategy(strategy) {
		return unknownStrategy(strategy, pl.p.Strategy)
	} else {
		// What asks, or begins somewhere, does so for all hosts; a plan has nobody to wait for.
		pl.isFree = isFree(strategy) && !pl.Check && pl.Step == nil && !pl.starting
		pl.debugAll = pl.Settings.Debugger || strings.TrimPrefix(strategy, "ansible.builtin.") == "debug"
	}
	if err := pl.collectHandlers(s); err != nil {
		return err
	}
	gather, err := flag(s, pl.p.GatherFacts, pl.GatherFacts && pl.Settings.gathers())
	if err != nil {
		return err
	}
	items := pl.program(gather)
	for _, h := range pl.batch {
		h.at = cursor{{items: items}}
		if gather && pl.Settings.Gathering == "smart" && h.hasFacts() {
			h.at[0].idx = 1
		}
		h.inst, h.ended, h.counted, h.lost, h.notified = nil, false, false, false, notifications{}
		h.force, h.forced = pl.forceHandlers, false
		h.roles = roleProgress{}
		h.failedTask, h.failedResult = value.Null, value.Null
		h.settle()
		pl.statsOf(h.Name)
	}
	return nil
}

// isFree tells whether a strategy lets hosts go on without waiting for others.
func isFree(strategy string) bool {
	switch strategy[strings.LastIndexByte(strategy, '.')+1:] {
	case "free", "host_pinned", "mitogen_free", "mitogen_host_pinned":
		return true
	}
	return false
}

func isStrategy(s string) bool {
	switch s[strings.LastIndexByte(s, '.')+1:] {
	case "", "linear", "debug", "free", "host_pinned", "mitogen_linear", "mitogen_free", "mitogen_host_pinned":
		return true
	}
	return false
}

// unknownStrategy says so; n is nil where the settings name it.
func unknownStrategy(s string, n *yaml.Node) error {
	pos := diag.Pos{File: "strategy"}
	if n != nil {
		pos = n.Pos
	}
	return diag.Errorf(pos, "strategy", "there is no strategy %q", s).WithHint("use linear, free, host_pinned or debug")
}

// program is the play as one list: facts, the three parts, and between them the
// flushing of handlers.
func (pl *play) program(gather bool) []playbook.Item {
	var items []playbook.Item
	if gather {
		items = append(items, pl.implicit("Gathering Facts", "setup", "gather_facts"))
	}
	pre, roles, tasks, post := pl.p.Items()
	for _, part := range [][]playbook.Item{pre, append(roles[:len(roles):len(roles)], tasks...), post} {
		items = append(items, part...)
		items = append(items, pl.implicit("", "meta", "flush_handlers"))
	}
	return items
}

// implicit makes a task that no file holds.
func (pl *play) implicit(name, mod, what string) *playbook.Task {
	t := &playbook.Task{ID: fmt.Sprintf("%s/%s", pl.p.ID, what), Action: mod, Module: mod, Implicit: true, ActionPos: pl.p.Pos}
	t.Kind, t.Pos, t.Up, t.In, t.File = playbook.TaskScope, pl.p.Pos, &pl.p.Scope, pl.p, pl.p.File
	if name != "" {
		t.Keywords.Name = yaml.FromValue(pl.p.Pos, value.String(name))
	}
	args := value.NewMap()
	if mod == "meta" {
		t.Raw = yaml.FromValue(pl.p.Pos, value.String(what))
	}
	t.Args = yaml.FromValue(pl.p.Pos, value.FromMap(args))
	if mod == "setup" {
		subset := pl.p.GatherSubset
		if subset.IsNull() {
			subset = yaml.FromValue(pl.p.Pos, value.Strings(pl.factSubset()...))
			if own := pl.Settings.GatherSubset; len(own) > 0 {
				subset = yaml.FromValue(pl.p.Pos, value.Strings(own...))
			}
		}
		pairs := []yaml.Pair{{Key: yaml.FromValue(pl.p.Pos, value.String("gather_subset")), Value: subset}}
		path := pl.p.FactPath
		if own := pl.Settings.FactPath; path.IsNull() && own != "" {
			path = yaml.FromValue(pl.p.Pos, value.String(own))
		}
		if !path.IsNull() {
			pairs = append(pairs, yaml.Pair{Key: yaml.FromValue(pl.p.Pos, value.String("fact_path")), Value: path})
		}
		t.Args = yaml.NewMapping(pl.p.Pos, pairs)
	}
	return t
}

// lowest are the hosts that are at the earliest task any host is at.
func (pl *play) lowest() []*host {
	var low position
	var out []*host
	for _, h := range pl.batch {
		if h.done() {
			continue
		}
		p := h.at.position()
		switch c := p.compare(low); {
		case low == nil || c < 0:
			low, out = p, []*host{h}
		case c == 0:
			out = append(out, h)
		}
	}
	return out
}

// waiting tells whether any host has operations to be applied: of those that do
// not wait for each other, the one at hand.
func (pl *play) waiting() bool {
	if pl.isFree {
		return pl.free.now != nil && len(pl.free.now.steps) > 0
	}
	return pl.waitingHosts > 0
}

// abandon forgets what was planned and not applied, when the run is cancelled.
func (pl *play) abandon() {
	for _, h := range pl.batch {
		if steps := h.takeSteps(); len(steps) > 0 {
			h.restore(steps[0].snap)
		}
		if l := pl.lanes[h.Name]; l != nil {
			l.ops = nil
			l.forget()
		}
	}
}

func (pl *play) playScope() *vars.Scope {
	return pl.Vars.Scope(pl.world(pl), nil, pl.vars, &pl.p.Scope, vars.Moment{Now: pl.Now()})
}
