package users

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestSudoersRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		want string
	}{
		{value.M("name", "a", "user", "u", "commands", "/bin/ls"), "u ALL=NOPASSWD: /bin/ls\n"},
		{value.M("name", "a", "group", "g", "commands", []string{"/bin/a", "/bin/b"}, "nopassword", false), "%g ALL= /bin/a, /bin/b\n"},
		{value.M("name", "a", "user", "u", "commands", "ALL", "runas", "app", "setenv", true, "noexec", true, "host", "h"), "u h=(app)NOPASSWD:NOEXEC:SETENV: ALL\n"},
	} {
		a, err := Sudoers().Decode(c.args, diag.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.(sudoersArgs).rule(); got != c.want {
			t.Errorf("%s: %q", c.want, got)
		}
	}
}

func TestSudoersNeedsAnOwner(t *testing.T) {
	t.Parallel()
	h := newHost()
	if _, _, err := h.run(t, Sudoers(), value.M("name", "a", "commands", "ALL")); err == nil || !strings.Contains(err.Error(), "user or group") {
		t.Errorf("%v", err)
	}
}
