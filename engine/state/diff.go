package state

import "github.com/fairlead-project/fairlead/engine/value"

// Diff is what an operation changes, for people: one entry per thing changed.
type Diff []DiffEntry

// DiffEntry shows one thing before and after. Texts are whole; renderers make
// the line differences.
type DiffEntry struct {
	// BeforeHeader and AfterHeader name the two sides, such as
	// "/etc/motd (content)" or "container web".
	BeforeHeader string `json:"before_header,omitempty"`
	AfterHeader  string `json:"after_header,omitempty"`
	Before       string `json:"before"`
	After        string `json:"after"`
	// Prepared tells that After is the whole difference, as some program told it.
	Prepared bool `json:"prepared,omitempty"`
	// Note replaces the texts when they cannot or must not be shown:
	// "binary", "secret", "too large", "unknown until TASK".
	Note string `json:"note,omitempty"`
}

// Registered is the difference as a task registers it: one entry as a map, or
// with list, and where there are several, a list of them.
func (d Diff) Registered(list bool) value.Value {
	if len(d) == 1 && !list {
		return d[0].registered()
	}
	all := make([]value.Value, len(d))
	for i, e := range d {
		all[i] = e.registered()
	}
	return value.List(all...)
}

// registered has the keys that Ansible's modules register.
func (e DiffEntry) registered() value.Value {
	m := value.NewMap()
	switch {
	case e.Prepared:
		return value.FromMap(value.M("prepared", e.After))
	case e.Note == "binary":
		m.Set("src_binary", value.Int(1))
	case e.Note != "":
		m.Set("note", value.String(e.Note))
	default:
		m.Set("before", value.String(e.Before))
		m.Set("after", value.String(e.After))
	}
	if e.BeforeHeader != "" {
		m.Set("before_header", value.String(e.BeforeHeader))
	}
	if e.AfterHeader != "" {
		m.Set("after_header", value.String(e.AfterHeader))
	}
	return value.FromMap(m)
}
