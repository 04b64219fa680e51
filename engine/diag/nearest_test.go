package diag

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"when", "with_items", "register", "become", "become_user", "tags", "tasks"}
	for in, want := range map[string]string{
		"wehn": "when", "whne": "when", "Register": "register", "registre": "register", "become_usr": "become_user", "tag": "tags", "taks": "tasks", "zzz": "", "x": "", "": "",
	} {
		if got := Nearest(in, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", in, got, want)
		}
	}
}
