package security

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/value"
)

const pamFile = "#%PAM-1.0\nauth\trequired  pam_env.so\n# why\nauth [success=1 default=ignore] pam_unix.so nullok try_first_pass\n@include common\nauth required pam_deny.so\nsession optional pam_motd.so motd=/run/x noupdate\n"

// afterwards is the file as it is written, with changes: what was there, and what
// became of it.
func afterwards(changes ...string) string {
	old := []string{"#%PAM-1.0", "# Updated by Ansible - 2026-01-02T03:04:05.000000", "auth       required pam_env.so", "# why",
		"auth       [success=1 default=ignore] pam_unix.so nullok try_first_pass", "@include common", "auth       required pam_deny.so",
		"session    optional pam_motd.so motd=/run/x noupdate", ""}
	return strings.NewReplacer(changes...).Replace(strings.Join(old, "\n"))
}

func TestPamd(t *testing.T) {
	t.Parallel()
	args := func(kind, control, mod string, kv ...any) *value.Map {
		return value.M(append([]any{"name", "login", "type", kind, "control", control, "module_path", mod}, kv...)...)
	}
	const unix, env, deny, motd = "[success=1 default=ignore]", "auth       required pam_env.so\n", "auth       required pam_deny.so\n", "session    optional pam_motd.so motd=/run/x noupdate\n"
	for name, c := range map[string]struct {
		args *value.Map
		want string
	}{
		"as it is":         {args("auth", "required", "pam_env.so", "new_control", "required"), pamFile},
		"no such rule":     {args("auth", "optional", "pam_env.so", "state", "absent"), pamFile},
		"control":          {args("auth", "required", "pam_env.so", "new_control", "requisite"), afterwards(env, "auth       requisite pam_env.so\n")},
		"in brackets":      {args("auth", unix, "pam_unix.so", "new_control", "[success = 2 default=die]"), afterwards("success=1 default=ignore", "success=2 default=die")},
		"type and module":  {args("auth", "required", "pam_deny.so", "new_type", "-auth", "new_module_path", "x.so"), afterwards(deny, "-auth      required x.so\n")},
		"arguments":        {args("auth", unix, "pam_unix.so", "module_arguments", []string{"a", "b c"}), afterwards("nullok try_first_pass", "a b c")},
		"no arguments":     {args("auth", unix, "pam_unix.so", "module_arguments", ""), afterwards(" nullok try_first_pass", "")},
		"more arguments":   {args("session", "optional", "pam_motd.so", "state", "args_present", "module_arguments", []string{"noupdate", "motd=/y", "quiet"}), afterwards("motd=/run/x noupdate", "motd=/y noupdate quiet")},
		"they are there":   {args("session", "optional", "pam_motd.so", "state", "args_present", "module_arguments", "noupdate"), pamFile},
		"fewer arguments":  {args("session", "optional", "pam_motd.so", "state", "args_absent", "module_arguments", "noupdate"), afterwards(" noupdate", "")},
		"away":             {args("session", "optional", "pam_motd.so", "state", "absent"), afterwards(motd, "")},
		"before":           {args("auth", "required", "pam_deny.so", "state", "before", "new_type", "auth", "new_control", "sufficient", "new_module_path", "n.so", "module_arguments", "a=1"), afterwards(deny, "auth       sufficient n.so a=1\n"+deny)},
		"after the last":   {args("session", "optional", "pam_motd.so", "state", "after", "new_type", "session", "new_control", "required", "new_module_path", "n.so"), afterwards(motd, motd+"session    required n.so\n")},
		"is before":        {args("auth", unix, "pam_unix.so", "state", "before", "new_type", "auth", "new_control", "required", "new_module_path", "pam_env.so"), pamFile},
		"is after":         {args("auth", "required", "pam_env.so", "state", "after", "new_type", "auth", "new_control", unix, "new_module_path", "pam_unix.so"), pamFile},
		"wrong control":    {args("auth", "required", "pam_env.so", "new_control", "always"), "! Rule control, always, is not valid in rule auth       always pam_env.so"},
		"wrong value":      {args("auth", "required", "pam_env.so", "new_control", "[good=ok]"), "! Rule control value, good, is not valid"},
		"wrong action":     {args("auth", "required", "pam_env.so", "new_control", "[success=fine]"), "! Rule control action, fine, is not valid"},
		"brackets to add":  {args("auth", "required", "pam_env.so", "state", "args_present", "module_arguments", "[a b]"), "! Unable to process bracketed '['"},
		"no such service":  {value.M("name", "none", "type", "auth", "control", "required", "module_path", "x"), "! Unable to open/read PAM module file /etc/pam.d/none with error"},
		"nothing is asked": {args("auth", "required", "pam_env.so", "state", "args_absent"), "! state is args_absent but all of the following are missing"},
	} {
		h := &moduletest.Host{Files: map[string]string{"/etc/pam.d/login": pamFile}}
		if strings.HasPrefix(c.want, "! ") {
			h.Expect(t, name, Pamd(), c.args, c.want)
			continue
		}
		r, err := h.Run(t, Pamd(), c.args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		changed, _ := r.Get("changed")
		if got := h.Files["/etc/pam.d/login"]; got != c.want || changed.Truthy() != (c.want != pamFile) {
			t.Errorf("%s: changed %s\n%s\nwant\n%s", name, changed.Text(), got, c.want)
		}
	}
}
