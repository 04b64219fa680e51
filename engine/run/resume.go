package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// The kinds of notes.
const (
	// noteRun holds what must be the same in every attempt.
	noteRun = "run"
	// noteSource is a file of the playbook (Key) and the sum of its contents.
	noteSource = "source"
	// noteIntent: operations of a task's item are about to be sent.
	noteIntent = "intent"
	// noteDone: an item ended, and how.
	noteDone = "done"
	// noteJob: the result of a task with async, before its job's file is removed.
	noteJob = "job"
	// noteDoubt: an item is in doubt, noteDecided what somebody said of it.
	noteDoubt   = "doubt"
	noteDecided = "decided"
)

// memory is what a run knows of the attempts before it.
type memory struct {
	resumed bool
	intents map[noteID]string // the Mark of the change that was to be made
	done    map[noteID]*doneItem
	jobs    map[noteID]*doneItem
	decided map[noteID]decision
	sources map[string]string
	err     error // the ledger failed: the run must not go on
}

type noteID struct{ host, key string }

// runNote is the body of noteRun.
type runNote struct {
	Seed []byte `json:"seed"`
}

// doneItem is the body of noteDone. Fixed results are taken as they are; the
// others are those of state tasks, which are planned again.
type doneItem struct {
	Fixed   bool         `json:"fixed"`
	Status  event.Status `json:"status"`
	Msg     string       `json:"msg,omitempty"`
	Hint    string       `json:"hint,omitempty"`
	Reason  string       `json:"reason,omitempty"`
	NoLog   bool         `json:"no_log,omitempty"`
	Result  value.Value  `json:"result"`
	Secrets []string     `json:"secrets,omitempty"` // paths of the secret values in Result
}

// remember reads what earlier attempts noted and refuses a playbook that is
// not the one they ran.
func (r *runner) remember(ctx context.Context) error {
	if r.Ledger == nil || r.Check {
		r.Ledger = nil
		return nil
	}
	notes, err := r.Ledger.Notes(ctx)
	if err != nil {
		return fmt.Errorf("read what was noted of the run: %w", err)
	}
	r.memory = memory{intents: map[noteID]string{}, done: map[noteID]*doneItem{}, jobs: map[noteID]*doneItem{}, decided: map[noteID]decision{}, sources: map[string]string{}}
	for _, n := range notes {
		if err := r.recall(n); err != nil {
			return fmt.Errorf("what was noted of the run: %w", err)
		}
	}
	if r.memory.resumed {
		return r.sameSources()
	}
	body, err := json.Marshal(runNote{Seed: r.seed[:]})
	if err != nil {
		return err
	}
	first := append(r.freshSources(), event.Note{Kind: noteRun, Body: body})
	if err := r.Ledger.Note(ctx, true, first...); err != nil {
		return fmt.Errorf("note the run: %w", err)
	}
	return nil
}

func (r *runner) recall(n event.Note) error {
	id := noteID{n.Host, n.Key}
	switch n.Kind {
	case noteRun:
		var b runNote
		if err := json.Unmarshal(n.Body, &b); err != nil {
			return err
		}
		r.memory.resumed = true
		copy(r.seed[:], b.Seed)
	case noteSource:
		r.memory.sources[n.Key] = string(n.Body)
	case noteIntent:
		r.memory.intents[id] = string(n.Body)
	case noteDecided:
		r.memory.decided[id] = decision(n.Body)
	case noteDone, noteJob:
		d := &doneItem{}
		if err := json.Unmarshal(n.Body, d); err != nil {
			return err
		}
		d.Result = markPaths(d.Result, "", d.Secrets)
		if n.Kind == noteJob {
			r.memory.jobs[id] = d
			return nil
		}
		r.memory.done[id] = d
	}
	return nil
}

// noteKey names the item a host is at, the same in every attempt: the path of
// lists and includes to its task, and the index of the loop.
func (pl *play) noteKey(h *host) string {
	d := sha256.New()
	fmt.Fprintf(d, "%d", pl.playNo)
	for _, f := range h.at {
		idx := f.idx
		if f.handlers { // includes add to the handlers, in an order that may differ
			idx = 0
		}
		fmt.Fprintf(d, "\x00%s\x00%d\x00%d", f.id, f.sect, idx)
		if f.idx < len(f.items) {
			fmt.Fprintf(d, "\x00%s", itemID(f.items[f.idx]))
		}
	}
	if h.inst != nil {
		fmt.Fprintf(d, "\x00%d", h.inst.idx)
	}
	return hex.EncodeToString(d.Sum(nil)[:16])
}

func itemID(it playbook.Item) string {
	switch x := it.(type) {
	case *playbook.Task:
		return x.ID
	case *playbook.Block:
		return x.ID
	}
	return ""
}

// intend notes, before anything is sent, what is about to be sent to hosts, and
// the files that it was made from.
func (r *runner) intend(ctx context.Context, notes []event.Note) error {
	if len(notes) == 0 {
		return nil
	}
	for _, n := range notes {
		if r.memory.decided[noteID{n.Host, n.Key}] == decidedRedo { // from now on it is in doubt again
			delete(r.memory.decided, noteID{n.Host, n.Key})
			notes = append(notes, event.Note{Kind: noteDecided, Host: n.Host, Key: n.Key})
		}
	}
	if err := r.Ledger.Note(ctx, true, append(r.freshSources(), notes...)...); err != nil {
		return fmt.Errorf("note what is about to be done: %w", err)
	}
	return nil
}

// intents are those of the effects among requests.
func (pl *play) intentsOf(reqs []*request) []event.Note {
	if pl.Ledger == nil {
		return nil
	}
	var notes []event.Note
	for _, q := range reqs {
		if q.kind == reqEffect && widest(q.ops) > state.ReachNone {
			n := event.Note{Kind: noteIntent, Host: q.host.Name, Key: pl.noteKey(q.host)}
			if c := q.host.inst.change; c != nil {
				n.Body = []byte(c.Mark)
			}
			notes = append(notes, n)
		}
	}
	return notes
}

// intentsOfSteps are those of what waits on a host.
func (pl *play) intentsOfSteps(h *host) []event.Note {
	if pl.Ledger == nil {
		return nil
	}
	var notes []event.Note
	for _, s := range h.steps {
		notes = append(notes, event.Note{Kind: noteIntent, Host: h.Name, Key: s.key, Body: []byte(s.promised.mark)})
	}
	return notes
}

// noteItem notes how the present item ended: always when it had an effect, and
// when the rest of the play may ask for its result.
func (pl *play) noteItem(h *host, t *playbook.Task, o *outcome) {
	ev := h.inst.evaled
	if pl.Ledger == nil || ev == nil || o.restored || o.status == event.Skipped || o.status == event.Unknown {
		return
	}
	spec := ev.mod.Spec()
	own := len(h.steps) > 0 && h.steps[len(h.steps)-1].key == pl.noteKey(h)
	switch {
	case h.inst.effects:
	case t.Register.Str() == "" || spec.Traits.Control || len(o.do) > 0:
		return
	}
	p := pendingNote{id: noteID{h.Name, pl.noteKey(h)}, fixed: h.inst.effects || spec.Traits.Reads && !own, o: o,
		silent: t.Register.Str() == "" && o.status != event.Failed}
	if n := len(h.steps); n > 0 {
		h.steps[n-1].notes = append(h.steps[n-1].notes, p) // it may still turn out otherwise
		return
	}
	pl.noteDone(p)
}

// pendingNote is a result to be noted once it is certain.
type pendingNote struct {
	id    noteID
	fixed bool
	o     *outcome
	// silent: nobody can ask for the output again.
	silent bool
}

func (r *runner) noteDone(ps ...pendingNote) {
	for _, p := range ps {
		r.noteResult(noteDone, p)
	}
}

func (r *runner) noteResult(kind string, p pendingNote) {
	o := p.o
	d := doneItem{Fixed: p.fixed, Status: o.status, Msg: o.msg, Hint: o.hint, Reason: o.reason, NoLog: o.noLog, Result: value.FromMap(withoutLines(known(o.result)))}
	if p.silent {
		d.Result.Map().Delete("stdout")
		d.Result.Map().Delete("stderr")
	}
	d.Secrets = secretPaths(nil, d.Result, "")
	body, err := json.Marshal(d)
	if err == nil {
		err = r.Ledger.Note(context.WithoutCancel(r.ctx), false, event.Note{Kind: kind, Host: p.id.host, Key: p.id.key, Body: body})
	}
	if err != nil && r.memory.err == nil {
		r.memory.err = fmt.Errorf("note what was done: %w", err)
	}
}

// withoutLines drops stdout_lines and stderr_lines of a result that is the
// caller's own, where addLines will make them anew: outputs may be large.
func withoutLines(m *value.Map) *value.Map {
	for _, k := range []string{"stdout", "stderr"} {
		text, _ := m.Get(k)
		lines, has := m.Get(k + "_lines")
		if !has || !text.IsString() || lines.Kind() != value.KindList {
			continue
		}
		same := slices.EqualFunc(value.SplitLines(text.Str()), lines.Items(), func(s string, v value.Value) bool { return v.IsString() && v.Str() == s })
		if same {
			m.Delete(k + "_lines")
		}
	}
	return m
}

// restored is the result of the present item when an earlier attempt finished
// it for good; nil when it is to be planned.
func (pl *play) restored(h *host) *outcome {
	if !pl.memory.resumed {
		return nil
	}
	id := noteID{h.Name, pl.noteKey(h)}
	if d := pl.memory.done[id]; d != nil {
		if !d.Fixed {
			return nil
		}
		return pl.outcomeFrom(h, d)
	}
	if pl.memory.decided[id] == decidedDone {
		return pl.saidDone(h)
	}
	return nil
}

// before is the Mark of the present item's change in an attempt that was cut
// off, and those of all changes on the host.
func (pl *play) before(h *host) (mark string, all []string) {
	if !pl.memory.resumed || h.inst == nil {
		return "", nil
	}
	if mark = pl.memory.intents[noteID{h.Name, pl.noteKey(h)}]; mark == "" {
		return "", nil
	}
	for id, m := range pl.memory.intents {
		if id.host == h.Name && m != "" {
			all = append(all, m)
		}
	}
	return mark, all
}

func (pl *play) outcomeFrom(h *host, d *doneItem) *outcome {
	pl.addSecrets(d.Result, false)
	h.inst.noLog = d.NoLog
	o := &outcome{restored: true, status: d.Status, msg: d.Msg, hint: d.Hint, reason: d.Reason, noLog: d.NoLog, result: d.Result.Map().Clone()}
	if facts, _ := d.Result.Get("ansible_facts"); facts.Map() != nil {
		pl.setFacts(h, module.SetFacts{Facts: facts.Map()})
	}
	return o
}

// recalled puts right what a plan says that finds nothing to do: when an
// earlier attempt set out to do it, that is why there is nothing to do, and the
// task has changed something.
func (pl *play) recalled(h *host, o *outcome) *outcome {
	if !pl.memory.resumed || o.status == event.Failed {
		return o
	}
	id := noteID{h.Name, pl.noteKey(h)}
	if d := pl.memory.done[id]; d != nil {
		return pl.outcomeFrom(h, d)
	}
	if _, begun := pl.memory.intents[id]; !begun {
		return o
	}
	o.result = o.result.Clone()
	o.result.Set("changed", value.Bool(true))
	o.status = event.Changed
	return o
}

// secretPaths lists where in v the secret values are.
func secretPaths(out []string, v value.Value, at string) []string {
	if v.IsSecret() {
		return append(out, at)
	}
	switch v.Kind() {
	case value.KindMap:
		for k, e := range v.Map().All() {
			out = secretPaths(out, e, at+"/"+escapePath(k.Text()))
		}
	case value.KindList:
		for i, e := range v.Items() {
			out = secretPaths(out, e, fmt.Sprintf("%s/%d", at, i))
		}
	}
	return out
}

func escapePath(s string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(s) }

// markPaths marks the values at paths secret.
func markPaths(v value.Value, at string, paths []string) value.Value {
	if len(paths) == 0 {
		return v
	}
	if slices.Contains(paths, at) {
		return v.MarkDeep(value.Secret)
	}
	switch v.Kind() {
	case value.KindMap:
		m := value.NewMap()
		for k, e := range v.Map().All() {
			m.SetKey(k, markPaths(e, at+"/"+escapePath(k.Text()), paths))
		}
		return value.FromMap(m)
	case value.KindList:
		items := make([]value.Value, 0, v.Len())
		for i, e := range v.Items() {
			items = append(items, markPaths(e, fmt.Sprintf("%s/%d", at, i), paths))
		}
		return value.List(items...)
	}
	return v
}
