package remote

import (
	"strconv"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
)

// Small files are brought only where that saves a program on the host.
func TestBringsSmall(t *testing.T) {
	const small, sum, content = state.WantSHA256 | state.WantSmall, state.WantSHA256, state.WantContent
	many := make([]state.Want, mostSmall+1)
	for i := range many {
		many[i] = small
	}
	for _, c := range []struct {
		name   string
		wants  []state.Want
		single bool
		brings bool
	}{
		{"a content too", []state.Want{small, content}, false, true},
		{"of one file", []state.Want{small | content}, false, true},
		{"as many as may be", append(many[1:len(many):len(many)], content), false, true},
		{"too many", append(many[:len(many):len(many)], content), false, false},
		{"no content", []state.Want{small}, false, false},
		{"another sum", []state.Want{small, sum, content}, false, false},
		{"another kind of sum", []state.Want{small, content, state.WantSHA1}, false, false},
		{"none is small", []state.Want{content, 0}, false, false},
		{"each on its own", []state.Want{small, content}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAsking([]state.Query{state.Login{}})
			for i, w := range c.wants {
				a.queries = append(a.queries, state.Path{Path: "/" + strconv.Itoa(i), Want: w})
			}
			a.single = c.single
			if got := a.bringsSmall(); got != c.brings {
				t.Errorf("got %v", got)
			}
		})
	}
}
