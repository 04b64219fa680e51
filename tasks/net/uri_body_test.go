package net

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// TestBodiesThatAreNone has what Python's client says of data without a body_format.
func TestBodiesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		body value.Value
		want string
	}{
		{value.String("a=1"), ""},
		{value.FromGo(map[string]any{"a": 1}), "can't concat str to bytes"},
		{value.Strings("a"), "can't concat str to bytes"},
		{value.FromGo([]any{1, 2}), "object of type 'int' has no len()"},
		{value.Int(5), "message_body should be a bytes-like object or an iterable, got <class 'int'>"},
		{value.Bool(true), "message_body should be a bytes-like object or an iterable, got <class 'bool'>"},
	} {
		if got := notABody(x.body); got != x.want {
			t.Errorf("%s: %q, not %q", x.body.Repr(), got, x.want)
		}
	}
}
