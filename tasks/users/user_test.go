package users

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const hash = "$6$salt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func TestUser(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		ran  []string
	}{
		"is there":            {value.M("name", "app"), nil},
		"all as it is":        {value.M("name", "app", "uid", 1000, "group", "app", "groups", "adm", "shell", "/bin/sh", "comment", "an app", "home", "/home/app/", "password", hash, "expires", -1, "password_lock", false), nil},
		"much else":           {value.M("name", "app", "uid", 7, "group", "www", "shell", "/bin/bash", "comment", "x", "home", "/srv/app", "move_home", true, "expires", 1893456000), []string{"usermod -u 7 -g 33 -c x -d /srv/app -m -s /bin/bash -e 2030-01-01 app"}},
		"more groups":         {value.M("name", "app", "groups", "www", "append", true), []string{"usermod -a -G www app"}},
		"appended already":    {value.M("name", "app", "groups", "adm", "append", true), nil},
		"other groups":        {value.M("name", "app", "groups", "www,app"), []string{"usermod -G www app"}},
		"no groups":           {value.M("name", "app", "groups", ""), []string{"usermod -G  app"}},
		"password":            {value.M("name", "app", "password", "*"), []string{"chpasswd -e <app:*"}},
		"password on create":  {value.M("name", "app", "password", "*", "update_password", "on_create"), nil},
		"lock":                {value.M("name", "app", "password_lock", true), []string{"usermod -L app"}},
		"age":                 {value.M("name", "app", "password_expire_max", 90, "password_expire_min", 0), []string{"chage -M 90 app"}},
		"remove":              {value.M("name", "app", "state", "absent", "remove", true, "force", true), []string{"if command -v userdel >/dev/null 2>&1; then 'userdel' '-f' '-r' 'app'; else 'deluser' '--remove-home' 'app'; fi"}},
		"is not there":        {value.M("name", "new", "state", "absent"), nil},
		"new":                 {value.M("name", "new", "uid", 7, "groups", "adm,www", "shell", "/bin/sh", "home", "/srv/x", "comment", "x y", "system", true), []string{"if command -v useradd >/dev/null 2>&1; then 'useradd' '-u' '7' '-G' 'adm,www' '-c' 'x y' '-d' '/srv/x' '-s' '/bin/sh' '-m' '-r' 'new'; else 'adduser' '-D' '-u' '7' '-g' 'x y' '-h' '/srv/x' '-s' '/bin/sh' '-S' 'new'; fi"}},
		"new without a home":  {value.M("name", "new", "group", "app", "create_home", false, "password", hash, "password_lock", true), []string{"if command -v useradd >/dev/null 2>&1; then 'useradd' '-g' 'app' '-M' 'new'; else 'adduser' '-D' '-G' 'app' '-H' 'new'; fi", "chpasswd -e <new:!" + hash}},
		"its group was there": {value.M("name", "www"), []string{"if command -v useradd >/dev/null 2>&1; then 'useradd' '-N' '-m' 'www'; else 'adduser' '-D' 'www'; fi"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			h.after = func(h *host) {
				h.users["new"] = state.UserInfo{Exists: true, Name: "new", UID: 7, GID: 7, Home: "/srv/x", Shell: "/bin/sh"}
			}
			first, last, err := h.run(t, User(), c.args)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(h.ran, c.ran) {
				t.Errorf("ran %q\nwant %q", h.ran, c.ran)
			}
			for _, r := range []*value.Map{first.Result, last.Result} {
				if changed, _ := r.Get("changed"); changed.AsBool() != (len(c.ran) > 0) {
					t.Errorf("changed: %s", changed.Text())
				}
			}
			if strings.Contains(jsonOf(last.Result), "salt") {
				t.Errorf("the result tells the password: %s", jsonOf(last.Result))
			}
		})
	}
}

func TestUserResults(t *testing.T) {
	t.Parallel()
	h := newHost()
	_, last, err := h.run(t, User(), value.M("name", "app", "groups", "adm", "password", hash))
	want := `{"changed":false,"name":"app","state":"present","uid":1000,"group":1000,"comment":"an app","home":"/home/app","shell":"/bin/sh","append":false,"move_home":false,"groups":"adm","password":"NOT_LOGGING_PASSWORD"}`
	if err != nil || jsonOf(last.Result) != want {
		t.Errorf("%v %s, want %s", err, jsonOf(last.Result), want)
	}
	delete(h.files, "/home/app")
	if _, _, err = h.run(t, User(), value.M("name", "app")); err != nil || len(h.ran) != 1 || !strings.Contains(h.ran[0], "mkdir -p '/home/app'") {
		t.Errorf("a home that is missing: %v %q", err, h.ran)
	}
	h.ran = nil
	if _, _, err = h.run(t, User(), value.M("name", "app", "move_home", true)); err != nil || len(h.ran) != 1 || !strings.Contains(h.ran[0], "mkdir -p '/home/app'") {
		t.Errorf("a missing home that is not to be moved elsewhere: %v %q", err, h.ran)
	}
	_, _, err = h.run(t, User(), value.M("name", "app", "groups", "none"))
	checkFails(t, err, "Group none does not exist")
	h.said = state.OpResult{RC: 9, Stderr: []byte("useradd: no\n")}
	_, _, err = h.run(t, User(), value.M("name", "new"))
	checkFails(t, err, "useradd: no\n")
	if first, _, _ := h.run(t, User(), value.M("name", "app", "password", "plain")); len(first.Warnings) != 1 {
		t.Errorf("warnings %q", first.Warnings)
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbtVGC2hLQVHBmzNdPZAT35URBkR5KnEAuMYFnCkuds me@here"
	if got, want := fingerprint(key), "256 SHA256:94V5o5sQwyhtdMDdIEUR+ShSc4egQytKvW9jMTxRl8U me@here (ED25519)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	h := newHost()
	h.files["/home/app/.ssh/id_rsa"], h.files["/home/app/.ssh/id_rsa.pub"] = "k", key+"\n"
	_, last, err := h.run(t, User(), value.M("name", "app", "generate_ssh_key", true))
	if file, _ := last.Result.Get("ssh_key_file"); err != nil || len(h.ran) > 0 || file.Text() != "/home/app/.ssh/id_rsa" {
		t.Errorf("%v %q %s", err, h.ran, jsonOf(last.Result))
	}
	_, _, err = h.run(t, User(), value.M("name", "app", "generate_ssh_key", true, "ssh_key_type", "ed25519", "ssh_key_comment", "c"))
	if err != nil || len(h.ran) != 1 || !strings.Contains(h.ran[0], "'ssh-keygen' '-q' '-t' 'ed25519' '-f' '/home/app/.ssh/id_ed25519' -C 'c' -N ''") {
		t.Errorf("%v %q", err, h.ran)
	}
}
