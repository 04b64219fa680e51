package inventory

import (
	"strings"
	"testing"
)

// What simpleName takes for a name, the expression for names does too.
func TestSimpleNames(t *testing.T) {
	t.Parallel()
	const letters = "aZ7.-_:["
	var try func(s string, n int)
	plain := 0
	try = func(s string, n int) {
		if simpleName(s) {
			plain++
			re := reAddress()
			if !re[len(re)-1].MatchString(s) || strings.HasSuffix(s, "_") {
				t.Errorf("%q is no name", s)
			}
		}
		if n > 0 {
			for _, c := range letters {
				try(s+string(c), n-1)
			}
		}
	}
	try("", 5)
	if plain == 0 || !simpleName("web-1.example.com") || !simpleName("127.0.0.1") {
		t.Error("simple names are not taken for such")
	}
}
