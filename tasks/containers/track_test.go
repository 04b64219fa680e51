package containers

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestADifferenceIsShownAsAnsibleDoes(t *testing.T) {
	t.Parallel()
	secret := value.String("PASSWORD=word").WithMarks(value.Secret)
	before, after := value.M("running", true, "env", []value.Value{}), value.M("running", true, "env", []value.Value{secret})
	d := shown(before, after)
	if len(d) != 1 || d[0].BeforeHeader != "" || d[0].AfterHeader != "" {
		t.Fatalf("got %+v", d)
	}
	want := "{\n    \"env\": [\n        \"PASSWORD=(secret)\"\n    ],\n    \"running\": true\n}\n"
	if d[0].After != want {
		t.Errorf("after: %s, want %s", d[0].After, want)
	}
	if d := shown(before, before); d != nil {
		t.Errorf("nothing differs: %+v", d)
	}
}
