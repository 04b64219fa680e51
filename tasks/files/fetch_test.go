package files

import (
	"errors"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// vars are the variables of a test's task.
type vars map[string]string

func (vars) Eval(string) (value.Value, error) {
	return value.Null, errors.New("nothing is evaluated here")
}

func (vars) Render(x value.Value) (value.Value, error) { return x, nil }

func (v vars) Lookup(name string) (value.Value, bool, error) {
	s, ok := v[name]
	return value.String(s), ok, nil
}

func fetchHost(t *testing.T) *host {
	h := newHost(t)
	h.file("/d/f", "text", 0o644)
	h.link("/d/l", "f")
	h.in.Host, h.in.Vars = "web1", vars{"playbook_dir": "/play"}
	return h
}

func TestFetchPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		want string
	}{
		{value.M("src", "/d/f", "dest", "got"), "/play/got/web1/d/f"},
		{value.M("src", "/d/f", "dest", "/abs/"), "/abs/web1/d/f"},
		{value.M("src", "/d/l", "dest", "got"), "/play/got/web1/d/l"},
		{value.M("src", "/d/f", "dest", "got/x", "flat", true), "/play/got/x"},
		{value.M("src", "/d/f", "dest", "got/", "flat", true), "/play/got/f"},
	} {
		h := fetchHost(t)
		h.in.Sources = sources{"/play/got/x": ""}
		ch, err := h.plan(Fetch(), c.args)
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
			continue
		}
		op, ok := ch.Ops[0].(state.Fetch)
		if !ok || op.Dest != c.want || op.Src != "/d/f" {
			t.Errorf("%s: %+v, want %s", value.FromMap(c.args).Repr(), ch.Ops[0], c.want)
		}
	}
}

func TestFetchResults(t *testing.T) {
	t.Parallel()
	h := fetchHost(t)
	sum, _ := sums("text")
	args := value.M("src", "/d/f", "dest", "got")
	ch, err := h.plan(Fetch(), args)
	if err != nil {
		t.Fatal(err)
	}
	end := func(f state.Fetched) (module.Change, error) {
		return ch.Then(h.view, []state.OpResult{{OK: true, Data: f}})
	}
	if c, err := end(state.Fetched{Changed: true, SHA1: sum, MD5: "m"}); err != nil || get(c, "changed") != "True" || get(c, "remote_checksum") != sum || get(c, "file") != "-" {
		t.Errorf("brought: %v %v", c.Result, err)
	}
	if c, err := end(state.Fetched{SHA1: sum, MD5: "m"}); err != nil || get(c, "changed") != "False" || get(c, "file") != "/d/f" {
		t.Errorf("there: %v %v", c.Result, err)
	}
	if _, err := end(state.Fetched{Changed: true, SHA1: "other"}); err == nil || err.Error() != "checksum mismatch" {
		t.Errorf("changed on the way: %v", err)
	}
	if f := ch.Failed(0, state.OpResult{Msg: "disk full"}); f.Msg != "Failed to fetch the file: disk full" {
		t.Error(f.Msg)
	}
}

func TestFetchOfNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, msg, ignored string }{
		{"/d/none", "the remote file does not exist, not transferring, ignored", "the remote file does not exist, not transferring, ignored"},
		{"/d", "remote file is a directory, fetch cannot work on directories", "remote file is a directory, fetch cannot work on directories, not transferring, ignored"},
	} {
		h := fetchHost(t)
		if _, err := h.plan(Fetch(), value.M("src", c.src, "dest", "got")); err == nil || err.Error() != c.msg {
			t.Errorf("%s: %v", c.src, err)
		}
		ch, err := h.plan(Fetch(), value.M("src", c.src, "dest", "got", "fail_on_missing", false))
		if err != nil || get(ch, "msg") != c.ignored || len(ch.Ops) > 0 {
			t.Errorf("%s, ignored: %v %v", c.src, ch.Result, err)
		}
	}
}

func TestFetchPredicts(t *testing.T) {
	t.Parallel()
	h := fetchHost(t)
	h.in.Check = true
	h.in.Sources = sources{"/play/got/web1/d/f": "text"}
	args := value.M("src", "/d/f", "dest", "got")
	if c, err := h.plan(Fetch(), args); err != nil || get(c, "changed") != "False" || len(c.Ops) > 0 {
		t.Errorf("it is here: %v %v", c.Result, err)
	}
	h.in.Sources = sources{"/play/got/web1/d/f": "other"}
	if c, err := h.plan(Fetch(), args); err != nil || get(c, "changed") != "True" || len(c.Ops) > 0 {
		t.Errorf("it differs: %v %v", c.Result, err)
	}
}
