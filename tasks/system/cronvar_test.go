package system

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

func TestCronVar(t *testing.T) {
	t.Parallel()
	const tab = "PATH=/bin\n'Q' = \"a b\"\n0 5 * * * A=1 ls\n"
	for name, c := range map[string]struct {
		args *value.Map
		want string // the crontab that is written; "" for no change
	}{
		"new":         {value.M("name", "A", "value", "b"), "A=b\n" + tab},
		"empty":       {value.M("name", "A", "value", ""), "A=\"\"\n" + tab},
		"behind":      {value.M("name", "A", "value", "b", "insertafter", "PATH"), "PATH=/bin\nA=b\n" + strings.TrimPrefix(tab, "PATH=/bin\n")},
		"in front":    {value.M("name", "A", "value", "b", "insertbefore", "PATH"), "A=b\n" + tab},
		"there":       {value.M("name", "PATH", "value", "/bin"), ""},
		"there apart": {value.M("name", "'Q'", "value", "\"a b\""), ""},
		"other value": {value.M("name", "PATH", "value", "/usr/bin"), "PATH=/usr/bin\n" + strings.TrimPrefix(tab, "PATH=/bin\n")},
		"gone":        {value.M("name", "PATH", "state", "absent"), strings.TrimPrefix(tab, "PATH=/bin\n")},
		"was gone":    {value.M("name", "A", "state", "absent"), ""},
	} {
		checkTab(t, name, CronVar(), tab, c.args, c.want)
	}
}

func TestCronVarFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		want string
	}{
		{value.M("name", "A"), "You must specify 'value'"},
		{value.M("name", "A", "value", "b", "insertafter", "NO"), "Variable named 'NO' not found."},
	} {
		h := &fakeHost{}
		if _, _, err := h.run(t, CronVar(), c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
