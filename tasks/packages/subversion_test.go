package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSubversion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []any
		said string
		want string
	}{
		"new":     {nil, "@new 1\n@after_rev Revision: 3\n@after_url URL: file:///r\n@end changed\n", `{"changed":true,"before":null,"after":["Revision: 3","URL: file:///r"]}`},
		"same":    {nil, "@before_rev Revision: 3\n@before_url URL: file:///r\n@after_rev Revision: 3\n@after_url URL: file:///r\n@end same\n", `{"changed":false,"before":["Revision: 3","URL: file:///r"],"after":["Revision: 3","URL: file:///r"]}`},
		"export":  {[]any{"export", true}, "@end changed\n", `{"changed":true}`},
		"no dest": {[]any{"dest", ""}, "", "! the destination directory must be specified"},
		"remote":  {[]any{"dest", "", "checkout", false, "update", false}, "@unknown Unable to get remote revision\n@after_rev \n@end same\n", `{"changed":false,"after":"Unable to get remote revision"}`},
		"failed":  {nil, "@rc 1\n@run svn info /d\n@out 0\n\n@err 5\nE123\n\n", "! E123"},
		"refused": {nil, "@rc 1\n@plain ERROR: modified files exist in the repository.\n@out 0\n\n@err 0\n\n", "! ERROR: modified files"},
		"cut off": {nil, "@new 1\n", "! svn ended with 0"},
	} {
		h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, c.said, "")}}
		got, err := h.Run(t, Subversion(), value.M(append([]any{"repo", "file:///r", "dest", "/d", "password", "s3cret"}, c.args...)...))
		is := ""
		if err != nil {
			is = "! " + err.Error()
		} else {
			text, err := got.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			is = string(text)
		}
		if !strings.HasPrefix(is, c.want) {
			t.Errorf("%s: %s, want %s", name, is, c.want)
		}
		for _, op := range h.Ran {
			if strings.Contains(strings.SplitN(op, " <", 2)[0], "s3cret") {
				t.Errorf("%s: the password is in %s", name, op)
			}
		}
	}
}
