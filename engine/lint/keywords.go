package lint

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/playbook"
)

// CodeKeyword is the code of keywords with a value that they cannot have.
const CodeKeyword = "keyword-value"

var debuggers = []string{"always", "on_failed", "on_skipped", "on_unreachable", "never"}

// debugger reports a debugger that is none.
func (c *checker) debugger(t *playbook.Task) {
	n := t.Debugger
	if n == nil || n.HasTemplate() || slices.Contains(debuggers, n.Str()) {
		return
	}
	c.report(problem(n.Pos, false, CodeKeyword, "'%s' is not a valid value for debugger. Must be one of always, on_failed, on_skipped, on_unreachable, never", n.Value().Text()))
}
