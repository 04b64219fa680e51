package state

import "testing"

func TestRegisteredDifferences(t *testing.T) {
	t.Parallel()
	one := DiffEntry{BeforeHeader: "/f", Before: "a\n", After: "b\n"}
	for _, c := range []struct {
		diff Diff
		list bool
		want string
	}{
		{Diff{one}, false, `{'before': 'a\n', 'after': 'b\n', 'before_header': '/f'}`},
		{Diff{one}, true, `[{'before': 'a\n', 'after': 'b\n', 'before_header': '/f'}]`},
		{Diff{one, {Note: "binary", AfterHeader: "/g"}}, false, `[{'before': 'a\n', 'after': 'b\n', 'before_header': '/f'}, {'src_binary': 1, 'after_header': '/g'}]`},
		{Diff{{After: "diff --git", Prepared: true}}, false, `{'prepared': 'diff --git'}`},
	} {
		if got := c.diff.Registered(c.list).Repr(); got != c.want {
			t.Errorf("%+v: %s, not %s", c.diff, got, c.want)
		}
	}
}
