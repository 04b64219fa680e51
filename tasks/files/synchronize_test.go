package files

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// inventoryVars are variables of a task that need no evaluation.
type inventoryVars map[string]string

func (inventoryVars) Eval(string) (value.Value, error)          { return value.Null, nil }
func (inventoryVars) Render(v value.Value) (value.Value, error) { return v, nil }
func (m inventoryVars) Lookup(n string) (value.Value, bool, error) {
	v, ok := m[n]
	return value.String(v), ok, nil
}

func planned(t *testing.T, in module.Inputs, args *value.Map) (module.Change, error) {
	t.Helper()
	m := Synchronize()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	in.Host = "h1"
	in.Sources = sources{"/c/files/src/a": "x"}
	in.Vars = inventoryVars{"ansible_host": "192.0.2.7", "ansible_user": "me", "ansible_port": "2222", "playbook_dir": "/pb"}
	return m.Plan(a, in, state.NewHostView())
}

func TestSynchronizeRuns(t *testing.T) {
	t.Parallel()
	const plain = "--delay-updates -F --compress --archive --out-format=<<CHANGED>>%i %n%L"
	for _, c := range []struct {
		delegate string
		args     *value.Map
		want     string
	}{
		{"", value.M("src", "src/", "dest", "/d"), "here /c/files/src/ there /d: " + plain},
		{"localhost", value.M("src", "/a:b", "dest", "/d", "mode", "pull"), "here /d pull /a:b: " + plain},
		{"", value.M("src", "none", "dest", "/d", "rsync_path", "sudo rsync"), "here /pb/none login /d: " + strings.Replace(plain, " --out", " --rsync-path=sudo rsync --out", 1)},
		{"", value.M("src", "/s", "dest", "/d", "archive", false, "compress", false, "delay_updates", false, "recursive", true, "perms", true, "owner", false, "dirs", true, "delete", true,
			"existing_only", true, "checksum", true, "copy_links", true, "rsync_timeout", 9, "partial", true, "rsync_opts", "-x,-y"),
			"here /s there /d: --timeout=9 --delete-after --existing --checksum --copy-links --recursive --perms --dirs -x -y --partial --out-format=<<CHANGED>>%i %n%L"},
		{"", value.M("src", "/s", "dest", "/d", "times", false, "group", false, "links", true, "link_dest", "/old"),
			"here /s there /d: --delay-updates -F --compress --archive --no-times --no-group -H -vv --link-dest=/old --out-format=<<CHANGED>>%i %n%L"},
		{"h1", value.M("src", "/s", "dest", "/d"), "rsync " + plain + " /s /d"},
		{"192.0.2.7", value.M("src", "/s", "dest", "/d", "mode", "pull"), "rsync " + plain + " /s /d"},
		{"h2", value.M("src", "/s", "dest", "/d"), "rsync " + plain + " --rsh=ssh -S none -o Port=2222 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null /s me@192.0.2.7:/d"},
		{"h2", value.M("src", "/s", "dest", "/d", "mode", "pull", "set_remote_user", false, "verify_host", true, "dest_port", 9, "private_key", "/k"),
			"rsync " + plain + " --rsh=ssh -S none -i /k -o Port=9 192.0.2.7:/s /d"},
		{"", value.M("src", "rsync://a/b", "dest", "/d"), "alone rsync://a/b /d: " + plain},
		{"", value.M("src", "src", "dest", "/d", "rsync_opts", "--rsh=rsh"), "alone /c/files/src me@192.0.2.7:/d: " + strings.Replace(plain, " --out", " --rsh=rsh --out", 1)},
	} {
		got, err := planned(t, module.Inputs{Delegate: c.delegate}, c.args)
		if err != nil {
			t.Errorf("%s: %v", value.FromMap(c.args).Repr(), err)
			continue
		}
		if text := syncText(got.Ops[0]); text != c.want || got.Ops[0].Reach() == state.ReachNone {
			t.Errorf("%s:\n got %s\nwant %s", value.FromMap(c.args).Repr(), text, c.want)
		}
	}
}

func syncText(op state.Op) string {
	switch o := op.(type) {
	case state.Rsync:
		how := " there "
		switch {
		case o.Alone:
			return "alone " + o.Here + " " + o.There + ": " + strings.Join(o.Options, " ")
		case o.Pull:
			how = " pull "
		case o.AsLogin:
			how = " login "
		}
		return "here " + o.Here + how + o.There + ": " + strings.Join(o.Options, " ")
	case state.Exec:
		return strings.Join(o.Argv, " ")
	}
	return op.String()
}

func TestSynchronizeEnds(t *testing.T) {
	t.Parallel()
	args := value.M("src", "/s", "dest", "/d")
	run := func(check bool, args *value.Map, r state.OpResult) (module.Change, error) {
		c, err := planned(t, module.Inputs{Check: check}, args)
		if err != nil {
			t.Fatal(err)
		}
		if reach := c.Ops[0].Reach(); (reach == state.ReachNone) != check || c.Looks != check {
			t.Errorf("check %v: reach %v, looks %v", check, reach, c.Looks)
		}
		return c.Then(state.NewHostView(), []state.OpResult{r})
	}
	some := state.OpResult{OK: true, Stdout: []byte("created\n<<CHANGED>>cd+++ ./\n<<CHANGED>><f+++ a\n")}
	c, err := run(false, args, some)
	if err != nil || get(c, "changed") != "True" || get(c, "stdout_lines") != "['created', 'cd+++ ./', '<f+++ a']" || len(c.Ops) != 0 ||
		c.Diff[0].After != "created\ncd+++ ./\n<f+++ a\n" {
		t.Errorf("changed: %v %s", err, value.FromMap(c.Result).Repr())
	}
	if c, err = run(true, args, some); err != nil || len(c.Ops) != 1 || c.Ops[0].Reach() != state.ReachExternal {
		t.Errorf("a plan: %v %v", err, c.Ops)
	}
	if c, err = run(true, args, state.OpResult{OK: true}); err != nil || len(c.Ops) != 0 || get(c, "changed") != "False" {
		t.Errorf("nothing to do: %v %v", err, c.Ops)
	}
	linked := value.M("src", "/s", "dest", "/d", "link_dest", "/old")
	if c, err = run(false, linked, state.OpResult{OK: true, Stdout: []byte("<<CHANGED>>.f... a\n")}); err != nil || get(c, "changed") != "False" {
		t.Errorf("linked, as it is: %v", err)
	}
	if c, err = run(false, linked, state.OpResult{OK: true, Stdout: []byte("<<CHANGED>>.f... a\n<<CHANGED>>hf+++ b\n")}); err != nil || get(c, "changed") != "True" {
		t.Errorf("linked: %v", err)
	}
	if _, err = run(false, args, state.OpResult{OK: true, RC: 12, Stderr: []byte("sh: rsync: not found\n")}); err == nil || err.Error() != "sh: rsync: not found" {
		t.Errorf("it fails: %v", err)
	}
	for want, args := range map[string]*value.Map{
		"either src or dest must be a localhost":     value.M("src", "rsync://a/b", "dest", "rsync://c/d"),
		"Hardlinking into a subdirectory of the sou": value.M("src", "/s", "dest", "/old/x/y", "link_dest", "/old"),
	} {
		if _, err := planned(t, module.Inputs{}, args); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
