package commands

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// view knows one folder with one file, and who is logged in.
type view struct{}

func (view) File(q state.Path) (state.File, bool, error) {
	s := state.Stat{}
	switch q.Path {
	case "/d/f":
		s.Type = state.TypeFile
	case "/d", "/":
		s.Type = state.TypeDir
	}
	return state.File{Canonical: q.Path, Resolved: q.Path, Stat: s, Followed: s}, true, nil
}

func (view) Ask(q state.Query) (any, bool, error) {
	switch q.(type) {
	case state.Login:
		return state.LoginInfo{User: "app", Home: "/home/app"}, true, nil
	case state.Facts:
		return value.M("env", value.M("PATH", "/bin:/sbin")), true, nil
	case state.Tree:
		return []state.TreeEntry{{Rel: "f", Stat: state.Stat{Type: state.TypeFile}}}, true, nil
	}
	return nil, false, nil
}

func plan(t *testing.T, m module.Module, in module.Inputs, args *value.Map) (module.Change, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Plan(a, in, view{})
}

func TestWhatRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m    module.Module
		args *value.Map
		want string
	}{
		{Command(), value.M("_raw_params", `echo "a b" 'c d' e\ f ~ "$HOME/x"`), `run ["echo" "a b" "c d" "e f" "/home/app" "/home/app/x"]`},
		{Command(), value.M("cmd", "ls"), `run ["ls"]`},
		{Command(), value.M("argv", []string{"a", "b c"}), `run ["a" "b c"]`},
		{Shell(), value.M("_raw_params", "echo $HOME | cat"), "shell echo $HOME | cat"},
		{Shell(), value.M("argv", []string{"ls", "-l"}), "shell ls -l"},
		{Shell(), value.M("cmd", value.String("echo pw").WithMarks(value.Secret)), "a command with a secret"},
		{Raw(), value.M("_raw_params", "uptime"), "shell uptime"},
		{Command(), value.M("cmd", "ls", "creates", "/d/g*", "removes", "/d/f*", "chdir", "/d"), `run ["ls"]`},
	} {
		ch, err := plan(t, c.m, module.Inputs{}, c.args)
		if err != nil || len(ch.Ops) != 1 || ch.Ops[0].String() != c.want {
			t.Errorf("%s: %v %v, want %s", value.FromMap(c.args).Repr(), ch.Ops, err, c.want)
		}
		if rc, ok := ch.Result.Get("rc"); !ok || !rc.IsUnknown() {
			t.Errorf("rc before it ran = %v", rc)
		}
	}
}

func TestWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args  *value.Map
		check bool
		msg   string
		fails bool
	}{
		{value.M("cmd", "ls", "creates", "/d/f"), false, "Did not run command since '/d/f' exists", false},
		{value.M("cmd", "ls", "creates", "f*", "chdir", "/d"), false, "Did not run command since 'f*' exists", false},
		{value.M("cmd", "ls", "removes", "/d/none"), true, "Would not run command since '/d/none' does not exist", false},
		{value.M(), false, "no command given", true},
		{value.M("cmd", "ls", "argv", []string{"ls"}), false, "only command or argv can be given, not both", true},
		{value.M("cmd", "ls", "chdir", "/none"), false, "Unable to change directory before execution: [Errno 2] No such file or directory: b'/none'", true},
		{value.M("cmd", "echo 'x"), false, "No closing quotation", true},
	} {
		ch, err := plan(t, Command(), module.Inputs{Check: c.check}, c.args)
		got := ""
		if f, ok := errors.AsType[*module.Failure](err); ok {
			got = f.Msg
		} else if v, ok := ch.Result.Get("msg"); ok {
			got = v.Text()
		}
		if got != c.msg || (err != nil) != c.fails || len(ch.Ops) > 0 {
			t.Errorf("%s: %q %v, want %q", value.FromMap(c.args).Repr(), got, err, c.msg)
		}
	}
}

func TestVariablesInArguments(t *testing.T) {
	t.Parallel()
	in := module.Inputs{Env: []string{"opt=abc", "uni=é", "opt=last"}}
	for text, want := range map[string]string{
		"$opt ${opt}x $optx '$opt' $uni": "last lastx $optx last é", "$HOMER $HOME ~ ~/x a~ $USER $PATH $nope ${nope} $ $1": "$HOMER /home/app /home/app /home/app/x a~ app /bin:/sbin $nope ${nope} $ $1",
	} {
		ch, err := plan(t, Command(), in, value.M("_raw_params", "echo "+text))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(ch.Ops[0].(state.Exec).Argv[1:], " "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		ch, err = plan(t, Command(), in, value.M("_raw_params", "echo "+text, "expand_argument_vars", false))
		if got := strings.Join(ch.Ops[0].(state.Exec).Argv[1:], " "); err != nil || got != strings.ReplaceAll(text, "'", "") {
			t.Errorf("not expanded: %s %v", got, err)
		}
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ch, err := plan(t, Command(), module.Inputs{}, value.M("cmd", "x"))
	if err != nil {
		t.Fatal(err)
	}
	did := []state.OpResult{{OK: true, Stdout: []byte("a\r\nb\n\n"), Stderr: []byte("{{ e }}"), Start: start, End: start.Add(90 * time.Second)}}
	end, err := ch.Then(view{}, did)
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{"rc": "0", "stdout": "a\r\nb", "stdout_lines": "['a', 'b']", "delta": "0:01:30.000000",
		"start": "2026-01-02 03:04:05.000000", "cmd": "['x']", "msg": "", "changed": "True"} {
		if v, _ := end.Result.Get(k); v.Text() != want {
			t.Errorf("%s = %q, want %q", k, v.Text(), want)
		}
	}
	if v, _ := end.Result.Get("stderr"); !v.IsUnsafe() {
		t.Error("stderr is not marked unsafe")
	}
	did[0].RC = 3
	_, err = ch.Then(view{}, did)
	f, ok := errors.AsType[*module.Failure](err)
	if rc, _ := f.Result.Get("rc"); !ok || f.Msg != "non-zero return code" || rc.Text() != "3" {
		t.Errorf("failure = %v", err)
	}
	did[0] = state.OpResult{OK: true, Stdout: []byte("x"), StdoutTruncated: true}
	end, err = ch.Then(view{}, did)
	if v, _ := end.Result.Get("stdout"); err != nil || !v.IsUndefined() {
		t.Error("a truncated output can be used")
	}
	if f := ch.Failed(0, state.OpResult{Msg: "gone"}); f == nil || f.Msg != "gone" {
		t.Errorf("what cannot start: %v", f)
	}
}

// TestExpectPlans: what is asked of the host, and what is refused.
func TestExpectPlans(t *testing.T) {
	t.Parallel()
	responses := value.M("(?i)name", "bob", "word", []any{"a\n", 5})
	c, err := plan(t, Expect(), module.Inputs{}, value.M("command", "ask 'a b'", "responses", responses, "chdir", "/d", "timeout", 3, "creates", "g"))
	if err != nil || len(c.Ops) != 1 {
		t.Fatal(err, c)
	}
	want := state.Expect{Argv: []string{"ask", "a b"}, Chdir: "/d", Timeout: 3 * time.Second, Replies: []state.Reply{
		{Pattern: "(?i)name", Answers: []string{"bob"}}, {Pattern: "word", Answers: []string{"a", "5"}, Once: true},
	}}
	if d := cmp.Diff(want, c.Ops[0]); d != "" {
		t.Error(d)
	}
	if c, err = plan(t, Expect(), module.Inputs{}, value.M("command", "ask", "responses", responses, "chdir", "/d", "creates", "f")); err != nil || len(c.Ops) > 0 {
		t.Errorf("it runs although f exists: %v %v", c.Ops, err)
	}
	if c, err = plan(t, Expect(), module.Inputs{}, value.M("command", "ask", "responses", responses, "removes", "/g")); err != nil || len(c.Ops) > 0 {
		t.Errorf("it runs although /g is missing: %v %v", c.Ops, err)
	}
	for want, args := range map[string]*value.Map{
		"no command given":  value.M("command", "  ", "responses", responses),
		"change directory":  value.M("command", "a", "responses", responses, "chdir", "/none"),
		`the pattern "("`:   value.M("command", "a", "responses", value.M("(", "x")),
		"No closing quotat": value.M("command", "a 'b", "responses", responses),
	} {
		if _, err := plan(t, Expect(), module.Inputs{}, args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
