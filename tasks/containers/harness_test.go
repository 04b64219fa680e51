package containers

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/docker"
	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// view is a host as far as these modules see it: answers by query, and files.
type view struct {
	known map[state.Query]any
	files map[string]state.File
	real  bool // files are those of this machine
}

func (v *view) File(q state.Path) (state.File, bool, error) {
	if f, ok := v.files[q.Path]; ok {
		return f, true, nil
	}
	f := state.File{}
	if v.real {
		if st, err := os.Stat(q.Path); err == nil {
			f.Stat.Type, f.Followed.Type = state.TypeFile, state.TypeFile
			if st.IsDir() {
				f.Stat.Type, f.Followed.Type = state.TypeDir, state.TypeDir
			} else if q.Want&state.WantContent != 0 {
				f.Content, _ = os.ReadFile(q.Path)
			}
		}
	}
	return f, true, nil
}

func (v *view) Ask(q state.Query) (any, bool, error) {
	if _, ok := q.(state.Login); ok && v.real {
		return state.LoginInfo{User: "root", Home: os.Getenv("FAIRLEAD_TEST_HOME")}, true, nil
	}
	a, ok := v.known[q]
	if err, bad := a.(error); bad {
		return nil, true, err
	}
	return a, ok, nil
}

func file(content string) state.File {
	f := state.File{Content: []byte(content)}
	f.Stat.Type, f.Followed.Type = state.TypeFile, state.TypeFile
	return f
}

func decode(t testing.TB, m module.Module, args ...any) any {
	t.Helper()
	a, err := m.Decode(value.M(args...), diag.Pos{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// host runs modules against a real engine the way the engine of Fairlead does:
// ask, plan, apply, forget, next stage.
type host struct {
	t      testing.TB
	c      *docker.Client
	socket string
	ops    []string // done by the last task
	asked  int
}

func realHost(t testing.TB) *host {
	t.Helper()
	socket := dockertest.Socket(t)
	c, err := docker.New(dockertest.Dial(socket), docker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &host{t: t, c: c, socket: socket}
}

// run runs one task and gives its result; a failure is in failed and msg.
func (h *host) run(m module.Module, check bool, args ...any) *value.Map {
	h.t.Helper()
	h.ops, h.asked = nil, 0
	a := decode(h.t, m, args...)
	v := &view{known: map[state.Query]any{}, real: true}
	in := module.Inputs{Check: check, Diff: true}
	c, err := h.planned(v, func() (module.Change, error) { return m.Plan(a, in, v) })
	for err == nil {
		if check || len(c.Ops) == 0 && c.Then == nil {
			return c.Result
		}
		did, failed := h.apply(c.Ops)
		if failed != nil {
			return value.M("failed", true, "msg", failed.Error())
		}
		if c.Then == nil {
			return c.Result
		}
		v.known = map[state.Query]any{}
		then := c.Then
		c, err = h.planned(v, func() (module.Change, error) { return then(v, did) })
	}
	var f *module.Failure
	res := value.M("failed", true, "msg", err.Error())
	if errors.As(err, &f) && f.Result != nil {
		for k, x := range f.Result.All() {
			res.SetKey(k, x)
		}
	}
	return res
}

func (h *host) planned(v *view, plan func() (module.Change, error)) (module.Change, error) {
	h.t.Helper()
	for range 10 {
		c, err := plan()
		if err != nil || len(c.Need) == 0 {
			return c, err
		}
		for _, a := range h.c.Answer(h.t.Context(), c.Need) {
			h.asked++
			if v.known[a.Query] = a.Value; a.Err != nil {
				v.known[a.Query] = a.Err
			}
		}
	}
	h.t.Fatal("the module asks for ever")
	return module.Change{}, nil
}

func (h *host) apply(ops []state.Op) ([]state.OpResult, error) {
	var did []state.OpResult
	for _, op := range ops {
		h.ops = append(h.ops, fmt.Sprintf("%T", op)[len("state."):])
		var r state.OpResult
		if x, ok := op.(state.Exec); ok && h.noCommand(x) {
			r = h.c.Apply(h.t.Context(), state.ImageLoad{Name: x.Argv[3], Content: content(h.t, x.Argv[3])}, nil)
		} else if ok {
			var stdout, stderr bytes.Buffer
			cmd := exec.Command(x.Argv[0], x.Argv[1:]...)
			cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+h.socket)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run() // the code says it
			r = state.OpResult{OK: true, RC: cmd.ProcessState.ExitCode(), Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
		} else {
			r = h.c.Apply(h.t.Context(), op, nil)
		}
		did = append(did, r)
		if !r.OK {
			return did, r.Err
		}
	}
	return did, nil
}

// noCommand tells that there is no docker command here to load an archive with;
// the node's own is not what these tests are about.
func (h *host) noCommand(x state.Exec) bool {
	_, err := exec.LookPath("docker")
	return err != nil && len(x.Argv) == 4 && x.Argv[1] == "load"
}

func content(t testing.TB, path string) *state.Content {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return state.Bytes(data)
}
