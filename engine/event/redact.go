package event

import (
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// Hidden stands where a secret was.
const Hidden = "********"

// MinSecret is the length in characters from which a secret is looked for
// inside other texts. Shorter ones are hidden only where the value carries the
// mark: they occur in innocent texts too often.
const MinSecret = 6

// Redactor takes secrets out of what is shown and recorded. A value marked
// secret is replaced as a whole; a registered secret is replaced wherever it
// occurs, also in the forms a program commonly writes it in: base64, inside
// JSON, quoted for a shell or for Python, escaped in a URL.
//
// It is safe for use by many goroutines. A nil Redactor knows no secret and
// still hides marked values.
type Redactor struct {
	mu    sync.RWMutex
	index *index // nil while no secret is known
}

// NewRedactor makes a redactor that knows the secrets given.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	r.Add(secrets...)
	return r
}

// Add registers secrets. Those shorter than MinSecret are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		if utf8.RuneCountInString(strings.TrimSpace(s)) < MinSecret {
			continue
		}
		if r.index == nil {
			r.index = newIndex()
		}
		r.index.addSecret(s)
	}
}

// AddValue registers every scalar inside v that is marked secret.
func (r *Redactor) AddValue(v value.Value) { r.addValue(v, v.Marks()) }

func (r *Redactor) addValue(v value.Value, marks value.Marks) {
	marks |= v.Marks()
	switch v.Kind() {
	case value.KindList:
		for _, it := range v.Items() {
			r.addValue(it, marks)
		}
	case value.KindMap:
		for _, e := range v.Map().All() {
			r.addValue(e, marks)
		}
	case value.KindString, value.KindInt, value.KindFloat:
		if marks&value.Secret != 0 {
			r.Add(v.Text())
		}
	}
}

// current gives the index of all secrets known by now, nil when there is none,
// and keeps it from being changed until done is called.
func (r *Redactor) current() (x *index, done func()) {
	if r == nil {
		return nil, func() {}
	}
	r.mu.RLock()
	return r.index, r.mu.RUnlock
}

// String gives s without the secrets in it.
func (r *Redactor) String(s string) string {
	x, done := r.current()
	defer done()
	return x.replace(s)
}

// Value gives v without secrets and without marks of secrecy: what is marked
// secret is replaced as a whole, every other text is searched.
func (r *Redactor) Value(v value.Value) value.Value {
	x, done := r.current()
	defer done()
	return redactValue(x, v)
}

// Map is Value for a map; nil stays nil.
func (r *Redactor) Map(m *value.Map) *value.Map {
	x, done := r.current()
	defer done()
	return redactMap(x, m)
}

func redactValue(x *index, v value.Value) value.Value {
	if v.IsSecret() && v.Kind() != value.KindUndefined {
		return value.String(Hidden).WithMarks(v.Marks() &^ value.Secret)
	}
	switch v.Kind() {
	case value.KindString:
		if s := x.replace(v.Str()); s != v.Str() {
			return value.String(s).WithMarks(v.Marks())
		}
	case value.KindInt, value.KindFloat:
		if x.has(v.Text()) {
			return value.String(Hidden)
		}
	case value.KindList:
		items := make([]value.Value, 0, v.Len())
		for _, it := range v.Items() {
			items = append(items, redactValue(x, it))
		}
		if v.IsTuple() {
			return value.Tuple(items...).WithMarks(v.Marks())
		}
		return value.List(items...).WithMarks(v.Marks())
	case value.KindMap:
		return value.FromMap(redactMap(x, v.Map())).WithMarks(v.Marks())
	case value.KindObject:
		return value.String(x.replace(v.Text()))
	}
	return v
}

// harmless tells whether nothing in a value has to be hidden or put into words:
// most results, which then need no copy.
func harmless(x *index, v value.Value) bool {
	if v.IsSecret() {
		return false
	}
	switch v.Kind() {
	case value.KindString:
		return x.replace(v.Str()) == v.Str()
	case value.KindInt, value.KindFloat:
		return x == nil || len(x.exact) == 0 || !x.has(v.Text())
	case value.KindList:
		for _, it := range v.Items() {
			if !harmless(x, it) {
				return false
			}
		}
	case value.KindMap:
		for k, e := range v.Map().All() {
			if !harmless(x, k) || !harmless(x, e) {
				return false
			}
		}
	case value.KindObject:
		return false
	}
	return true
}

func redactMap(x *index, m *value.Map) *value.Map {
	if m == nil {
		return nil
	}
	if harmless(x, value.FromMap(m)) {
		return m
	}
	out := value.NewMap()
	for k, e := range m.All() {
		k = redactValue(x, k)
		for out.Has(k.Text()) && k.IsString() {
			k = value.String(k.Str() + "'") // two keys that were secret stay two
		}
		out.SetKey(k, redactValue(x, e))
	}
	return out
}

func redactDiff(x *index, d state.Diff) state.Diff {
	if len(d) == 0 {
		return d
	}
	out := make(state.Diff, len(d))
	for i, e := range d {
		out[i] = state.DiffEntry{
			BeforeHeader: x.replace(e.BeforeHeader), AfterHeader: x.replace(e.AfterHeader),
			Before: x.replace(e.Before), After: x.replace(e.After), Note: x.replace(e.Note), Prepared: e.Prepared,
		}
	}
	return out
}

func redactAll(x *index, ss []string) []string {
	if len(ss) == 0 {
		return ss
	}
	out := make([]string, len(ss))
	for i, s := range ss {
		out[i] = x.replace(s)
	}
	return out
}

// Event gives a copy of e that may be shown and recorded: secrets replaced,
// and when e.NoLog is set the result censored as Ansible does. Names of hosts,
// runs and modules and the position are identities and stay as they are.
// Redacting twice changes nothing more.
func (r *Redactor) Event(e *Event) *Event {
	x, done := r.current()
	defer done()
	c := *e
	if c.NoLog {
		censor(&c)
	}
	c.Playbooks = redactAll(x, e.Playbooks)
	for _, s := range []*string{&c.Play, &c.Task, &c.Reason, &c.Msg, &c.Hint, &c.Label, &c.Assuming, &c.Chunk} {
		*s = x.replace(*s)
	}
	if e.Item.IsSecret() {
		c.Label = Hidden
	}
	c.Item = redactValue(x, c.Item)
	c.Res = redactMap(x, c.Res)
	c.Diff = redactDiff(x, c.Diff)
	c.Warnings = redactAll(x, c.Warnings)
	c.Handlers = redactAll(x, c.Handlers)
	c.Failures = redactAll(x, c.Failures)
	return &c
}

// What Ansible puts in place of the result of a no_log task, and of its item.
const (
	Censored     = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
	CensoredItem = "(censored due to no_log)"
	// CensoredLabel is how Ansible shows the item.
	CensoredLabel = "None"
)

// censor removes from the event of a no_log task what the task dealt with. As
// in Ansible, of the result only the counters stay.
func censor(e *Event) {
	if e.Res != nil {
		keep := value.NewMap()
		keep.Set("censored", value.String(Censored))
		for _, k := range []string{"attempts", "changed", "retries"} {
			if v, ok := e.Res.Get(k); ok && v.IsNumber() {
				keep.Set(k, v)
			}
		}
		e.Res = keep
	}
	if e.HasItem || e.Label != "" {
		e.Item, e.Label = value.String(CensoredItem), CensoredLabel
	}
	if e.Msg != "" {
		e.Msg = Censored
	}
	e.Hint, e.Diff, e.Warnings, e.Chunk = "", nil, nil, ""
}
