package state

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
	// Note replaces the texts when they cannot or must not be shown:
	// "binary", "secret", "too large", "unknown until TASK".
	Note string `json:"note,omitempty"`
}
