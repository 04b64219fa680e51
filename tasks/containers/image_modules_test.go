package containers

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestIsPlatform(t *testing.T) {
	t.Parallel()
	arm := state.ImageInfo{OS: "linux", Arch: "arm", Inspect: value.FromMap(value.M("Variant", "v7"))}
	for platform, want := range map[string]bool{"linux/arm/v7": true, "linux/arm": true, "arm": true, "armhf": true, "linux": true,
		"linux/arm/v6": false, "linux/amd64": false, "x86_64": false, "windows": false, "windows/arm": false} {
		if isPlatform(arm, platform) != want {
			t.Errorf("%s: %v", platform, !want)
		}
	}
}

func TestTagTargets(t *testing.T) {
	t.Parallel()
	got, err := tagTargets([]string{"a", "registry:5000/b", "c:2"}, "7")
	var texts []string
	for _, n := range got {
		texts = append(texts, n.ref())
	}
	if err != nil || !slices.Equal(texts, []string{"a:7", "registry:5000/b:7", "c:2"}) {
		t.Errorf("%v %v", texts, err)
	}
	for _, bad := range []string{"sha256:" + strings.Repeat("0", 64), "a@sha256:" + strings.Repeat("0", 64), "a:b c"} {
		if _, err := tagTargets([]string{bad}, "7"); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestStaleExport(t *testing.T) {
	t.Parallel()
	want := []exported{{"a:1", "sha256:aa"}, {"b:1", "sha256:bb"}}
	a, b := `{"Config": "aa.json", "RepoTags": ["a:1"]}`, `{"Config": "blobs/sha256/bb", "RepoTags": ["b:1"]}`
	for name, c := range map[string]struct{ manifest, reason string }{
		"both":       {"[" + b + "," + a + "]", ""},
		"one":        {"[" + a + "]", "missing image(s) b:1"},
		"another":    {`[{"Config": "cc.json", "RepoTags": ["a:1"]}]`, "unexpected image cc named a:1"},
		"named else": {`[{"Config": "aa.json", "RepoTags": ["x:1"]}]`, "unexpected image aa named x:1"},
		"broken":     {"nonsense", "unreadable"},
	} {
		got := staleExport(state.OpResult{Stdout: []byte(c.manifest)}, want)
		if (got == "") != (c.reason == "") || !strings.Contains(got, c.reason) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := staleExport(state.OpResult{RC: 1}, want); !strings.Contains(got, "unreadable") {
		t.Errorf("no archive: %q", got)
	}
}

// TestCopyInto: what is as wanted is left alone, and what is not is written whole.
func TestCopyInto(t *testing.T) {
	t.Parallel()
	there := state.ContainerFile{Path: "/f", Stat: state.Stat{Type: state.TypeFile, Mode: 0o644, UID: 1, GID: 2, Size: 1}, Content: []byte("x")}
	with := func(change func(*state.ContainerFile)) state.ContainerFile {
		f := there
		change(&f)
		return f
	}
	for name, c := range map[string]struct {
		have   state.ContainerFile
		force  any
		writes bool
	}{
		"same":            {there, nil, false},
		"absent":          {state.ContainerFile{Path: "/f"}, nil, true},
		"absent, kept":    {state.ContainerFile{Path: "/f"}, false, true},
		"content":         {with(func(f *state.ContainerFile) { f.Content = []byte("y") }), nil, true},
		"content, kept":   {with(func(f *state.ContainerFile) { f.Content = []byte("y") }), false, false},
		"same, forced":    {there, true, true},
		"mode":            {with(func(f *state.ContainerFile) { f.Stat.Mode = 0o600 }), nil, true},
		"owner":           {with(func(f *state.ContainerFile) { f.Stat.UID = 0 }), nil, true},
		"group":           {with(func(f *state.ContainerFile) { f.Stat.GID = 0 }), nil, true},
		"a link":          {with(func(f *state.ContainerFile) { f.Stat.Type, f.Target = state.TypeLink, "x" }), nil, true},
		"too long to see": {with(func(f *state.ContainerFile) { f.Content = nil }), nil, true},
	} {
		m := newCopyInto()
		args := []any{"container", "c", "container_path", "f", "content", "x", "mode", 0o644, "owner_id", 1, "group_id", 2}
		if c.force != nil {
			args = append(args, "force", c.force)
		}
		v := &view{known: map[state.Query]any{state.Container{Name: "c"}: state.ContainerInfo{Exists: true},
			state.ContainerPath{Container: "c", Path: "/f"}: c.have}}
		got, err := m.Plan(decode(t, m, args...), module.Inputs{Diff: true}, v)
		if err != nil || len(got.Need) > 0 {
			t.Fatalf("%s: %v %v", name, err, got.Need)
		}
		if (len(got.Ops) > 0) != c.writes {
			t.Errorf("%s: %v", name, got.Ops)
			continue
		}
		if c.writes {
			put := got.Ops[0].(state.ContainerPut)
			if put.Path != "/f" || string(put.Content) != "x" || put.Mode != 0o644 || put.UID != 1 || put.GID != 2 {
				t.Errorf("%s: %+v", name, put)
			}
		}
		if d, _ := got.Result.Get("diff"); !d.IsSecret() {
			t.Errorf("%s: the content is told", name)
		}
	}
}

// TestImageBuild: what buildx is run with, and what is refused.
func TestImageBuild(t *testing.T) {
	t.Parallel()
	m := newImageBuild()
	folder := state.File{}
	folder.Followed.Type = state.TypeDir
	v := &view{known: map[state.Query]any{state.Image{Ref: "a:1"}: state.ImageInfo{}}, files: map[string]state.File{"/src": folder, "/src/F": file("")}}
	plan := func(args ...any) (module.Change, error) {
		return m.Plan(decode(t, m, append([]any{"name", "a:1", "path", "/src"}, args...)...), module.Inputs{}, v)
	}
	c, err := plan("dockerfile", "F", "pull", true, "args", value.M("x", 1, "y", true), "platform", []string{"linux/amd64", "linux/arm64"}, "shm_size", "1K",
		"labels", value.M("l", "m"), "secrets", []any{value.M("id", "s", "type", "value", "value", "hush"), value.M("id", "f", "type", "file", "src", "/key")},
		"outputs", []any{value.M("type", "image", "name", []string{"b:1", "c:1"}, "push", true), value.M("type", "tar", "dest", "/out.tar")})
	if err != nil || len(c.Ops) != 1 {
		t.Fatal(err, c.Need)
	}
	x := c.Ops[0].(state.Exec)
	want := `docker buildx build --progress plain --tag a:1 --file /src/F --pull --build-arg x=1 --build-arg y=true --platform linux/amd64 ` +
		`--platform linux/arm64 --shm-size 1024 --label l=m --secret id=s,type=env,env=FAIRLEAD_BUILD_SECRET_0 --secret id=f,type=file,src=/key ` +
		`--output type=image,"name=b:1,c:1",push=true --output type=tar,dest=/out.tar -- /src`
	if got := strings.Join(x.Argv, " "); got != want {
		t.Errorf("%s\nnot %s", got, want)
	}
	if !slices.Equal(x.Env, []string{"FAIRLEAD_BUILD_SECRET_0=hush"}) {
		t.Errorf("environment %q", x.Env)
	}
	for _, said := range []string{"docker: 'buildx' is not a docker command.", "unknown flag: --progress\nSee 'docker --help'."} {
		if _, err := c.Then(v, []state.OpResult{{OK: true, RC: 1, Stderr: []byte(said)}}); err == nil || !strings.Contains(err.Error(), "plug-in") {
			t.Errorf("without buildx: %v", err)
		}
	}
	for name, args := range map[string][]any{"no folder": {"path", "/none"}, "no file": {"dockerfile", "none"}, "a digest": {"name", "a@sha256:" + strings.Repeat("0", 64)},
		"no secret": {"secrets", []any{value.M("id", "s", "type", "file")}}, "no dest": {"outputs", []any{value.M("type", "local")}}, "size": {"shm_size", "much"}} {
		if _, err := plan(args...); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	v.known[state.Image{Ref: "a:1"}] = state.ImageInfo{Exists: true}
	if c, err := plan(); err != nil || len(c.Ops) != 0 {
		t.Errorf("an image that is there: %v %v", c.Ops, err)
	}
	if c, err := plan("rebuild", "always"); err != nil || len(c.Ops) != 1 {
		t.Errorf("rebuilt: %v %v", c.Ops, err)
	}
}
