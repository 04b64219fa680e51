package value

import "testing"

func TestIdentity(t *testing.T) {
	t.Parallel()
	l := List(Int(1))
	if l.Identity() != l.WithMarks(Secret).Identity() {
		t.Error("marks change the identity of a list")
	}
	if l.Identity() == List(Int(1)).Identity() {
		t.Error("equal lists are the same list")
	}
	if String("a").Identity() != nil {
		t.Error("a string has an identity")
	}
}
