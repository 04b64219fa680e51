package vars

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSequence(t *testing.T) {
	for term, want := range map[string]string{
		"5":                                 "['1', '2', '3', '4', '5']",
		"5-8":                               "['5', '6', '7', '8']",
		"2-10/2":                            "['2', '4', '6', '8', '10']",
		"4:host%02d":                        "['host01', 'host02', 'host03', 'host04']",
		"start=5 end=11 stride=2 format=%x": "['5', '7', '9', 'b']",
		"count=3 start=0":                   "['0', '1', '2']",
		"start=3 end=1 stride=-1":           "['3', '2', '1']",
		"count=0":                           "[]",
		"start=3 end=1":                     "to count backwards make stride negative",
		"start=1":                           "must specify count or end in with_sequence",
	} {
		items, err := lookupSequence(nil, []value.Value{value.String(term)}, jinja.Args{})
		got := value.List(items...).Repr()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s, not %s", term, got, want)
		}
	}
}
