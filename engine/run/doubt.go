package run

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/event"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/value"
)

// decision is what somebody said of an effect in doubt.
type decision string

const (
	decidedDone decision = "done"
	decidedRedo decision = "redo"
)

// Doubt is an effect of which nobody knows whether it happened: it was sent, and
// the run was cut off before its end was known.
type Doubt struct {
	Host string `json:"host"`
	Task string `json:"task"`
	Item string `json:"item,omitempty"` // of a loop
	Pos  string `json:"pos,omitempty"`
	// Decided is what was said of it for the next attempt: "done", "redo".
	Decided string `json:"decided,omitempty"`

	key string
}

// String names it as messages do.
func (d Doubt) String() string {
	s := d.Host + ": task '" + d.Task + "'"
	if d.Item != "" {
		s += " (item " + d.Item + ")"
	}
	if d.Pos != "" {
		s += " at " + d.Pos
	}
	return s
}

// Doubts lists what is in doubt of a run, by host.
func Doubts(ctx context.Context, l event.Ledger) ([]Doubt, error) {
	notes, err := l.Notes(ctx)
	if err != nil {
		return nil, err
	}
	decided, done := map[noteID]string{}, map[noteID]bool{}
	var out []Doubt
	for _, n := range notes {
		switch id := (noteID{n.Host, n.Key}); n.Kind {
		case noteDecided:
			decided[id] = string(n.Body)
		case noteDone:
			done[id] = true
		}
	}
	for _, n := range notes {
		id := noteID{n.Host, n.Key}
		if n.Kind != noteDoubt || done[id] {
			continue
		}
		d := Doubt{Host: n.Host, key: n.Key, Decided: decided[id]}
		if err := json.Unmarshal(n.Body, &d); err != nil {
			return nil, fmt.Errorf("what was noted of the run: %w", err)
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Doubt) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Task, b.Task)) })
	return out, nil
}

// Decisions say of effects in doubt that they were done, or that they are to be
// done again: by HOST, by HOST:TASK, or all that there are by "all".
type Decisions struct {
	Done []string `json:"done,omitempty"`
	Redo []string `json:"redo,omitempty"`
}

// Decide notes decisions for the next attempt of a run. When something is in
// doubt and nothing is said of any of it, that is refused: the attempt would
// come to the same end.
func Decide(ctx context.Context, l event.Ledger, ds Decisions) error {
	doubts, err := Doubts(ctx, l)
	if err != nil {
		return err
	}
	var notes []event.Note
	said := map[noteID]string{}
	for _, x := range []struct {
		names []string
		what  decision
	}{{ds.Done, decidedDone}, {ds.Redo, decidedRedo}} {
		for _, name := range x.names {
			hit := false
			for _, d := range doubts {
				if !d.is(name) {
					continue
				}
				hit = true
				id := noteID{d.Host, d.key}
				if before := said[id]; before != "" && before != string(x.what) {
					return diag.Errorf(diag.Pos{}, "decision", "%s: it is said to be done, and to be done again", d)
				}
				said[id] = string(x.what)
				notes = append(notes, event.Note{Kind: noteDecided, Host: d.Host, Key: d.key, Body: []byte(x.what)})
			}
			if !hit {
				return diag.Errorf(diag.Pos{}, "decision", "nothing of %q is in doubt", name).WithHint("%s", listed(doubts))
			}
		}
	}
	undecided := slices.DeleteFunc(slices.Clone(doubts), func(d Doubt) bool { return d.Decided != "" })
	if len(notes) == 0 && len(undecided) > 0 && len(undecided) == len(doubts) {
		return diag.New(diag.Conflict, diag.Pos{}, "in-doubt", "the run cannot go on before somebody says what became of this: %s", shown(doubts)).
			WithHint("look at the host; then resume with --done HOST when it was done, or with --redo HOST to have it done again")
	}
	if len(notes) == 0 {
		return nil
	}
	return l.Note(ctx, true, notes...)
}

func (d Doubt) is(name string) bool {
	host, task, named := strings.Cut(name, ":")
	if strings.HasPrefix(name, d.Host) && (len(name) == len(d.Host) || name[len(d.Host)] == ':') { // an address may hold colons
		host, task, named = d.Host, strings.TrimPrefix(name[len(d.Host):], ":"), len(name) > len(d.Host)
	}
	return (host == "all" || host == d.Host) && (!named || strings.TrimSpace(task) == d.Task)
}

func listed(ds []Doubt) string {
	if len(ds) == 0 {
		return "nothing of this run is in doubt"
	}
	return "in doubt: " + shown(ds)
}

func shown(ds []Doubt) string {
	const most = 10
	var words []string
	for i, d := range ds {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(ds)-most))
			break
		}
		words = append(words, d.String())
	}
	return strings.Join(words, "; ")
}

// doubtful tells whether an effect may have happened in an earlier attempt, and
// nothing can tell whether it did.
func (pl *play) doubtful(h *host, t *playbook.Task, ev *evaluated, once bool) bool {
	if !pl.memory.resumed || !unaskable(t, ev, once) {
		return false
	}
	id := noteID{h.Name, pl.noteKey(h)}
	if _, begun := pl.memory.intents[id]; !begun || pl.memory.decided[id] == decidedRedo {
		return false
	}
	return true
}

// unaskable tells whether nobody could tell of an effect, once it was cut off,
// whether it was made. A task with until says itself that it may be repeated.
func unaskable(t *playbook.Task, ev *evaluated, once bool) bool {
	if !once && !ev.mod.Spec().Traits.Opaque || len(t.Until) > 0 {
		return false
	}
	for _, guard := range []string{"creates", "removes"} {
		if v, ok := ev.raw.Get(guard); ok && v.Text() != "" {
			return false // the module asks, and it has not happened
		}
	}
	return true
}

// endInDoubt takes the host out of the run: what comes behind an effect that
// may or may not have happened must not be built on it.
func (pl *play) endInDoubt(h *host, t *playbook.Task) (*request, error) {
	pl.place(h)
	msg := "the run was interrupted while this was being done: whether it was done is not known"
	o := &outcome{status: event.InDoubt, reason: diag.InDoubt.String(), msg: msg, noLog: h.inst.noLog,
		hint:   "look at the host; then resume the run and say that it was done (--done " + h.Name + ") or is to be done again (--redo " + h.Name + ")",
		result: value.M("changed", false, "failed", true, "in_doubt", true, "msg", msg)}
	e := pl.newEvent(h, t, event.Result, o)
	e.Loop = false
	h.failed, h.counted = true, true
	pl.inDoubt(h, t)
	pl.addEntry(h, e, pl.counter(e, o, value.Bool(false)))
	return done, nil
}

// inDoubt notes that the present item is in doubt, so that somebody can say
// what became of it.
func (pl *play) inDoubt(h *host, t *playbook.Task) {
	pl.doubt = true
	if pl.Ledger == nil {
		return
	}
	d := Doubt{Host: h.Name, Task: h.title(t), Pos: t.Pos.String()}
	if h.inst.looped && h.inst.idx < len(h.inst.items) {
		d.Item = pl.itemLabel(h, t, h.inst.items[h.inst.idx])
	}
	body, err := json.Marshal(d)
	if err == nil {
		err = pl.Ledger.Note(context.WithoutCancel(pl.ctx), false, event.Note{Kind: noteDoubt, Host: h.Name, Key: pl.noteKey(h), Body: body})
	}
	if err != nil && pl.memory.err == nil {
		pl.memory.err = fmt.Errorf("note what is in doubt: %w", err)
	}
}

// saidDone is the result of an item of which somebody said that it was done:
// nobody has its output.
func (pl *play) saidDone(h *host) *outcome {
	return &outcome{restored: true, status: event.Changed, msg: "it was said to be done",
		result: value.M("changed", true, "rc", 0, "stdout", "", "stderr", "", "msg", "it was said to be done; its output is not known")}
}
