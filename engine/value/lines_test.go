package value

import (
	"slices"
	"testing"
)

func TestSplitLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][]string{
		"": {}, "a": {"a"}, "a\n": {"a"}, "a\n\nb": {"a", "", "b"}, "a\r\nb\rc\n": {"a", "b", "c"}, "\n": {""}, "a\u2028b\x0bc": {"a", "b", "c"},
	} {
		if got := SplitLines(in); !slices.Equal(got, want) {
			t.Errorf("%q: %q", in, got)
		}
	}
}
