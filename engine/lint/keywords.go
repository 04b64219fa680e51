package lint

import (
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// CodeKeyword is the code of keywords that are read, but not carried out.
const CodeKeyword = "keyword-without-effect"

// withoutEffect warns of what a task asks for and the engine does not do yet.
func (c *checker) withoutEffect(t *playbook.Task) {
	for _, k := range []struct {
		n    *yaml.Node
		what string
	}{
		{t.Debugger, "debugger: there is none"},
	} {
		if k.n != nil && !isFalse(k.n) {
			c.report(problem(k.n.Pos, true, CodeKeyword, "this is read, but not carried out; %s", k.what))
		}
	}
}
