package containers

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// TestStates: which operations each state needs.
func TestStates(t *testing.T) {
	t.Parallel()
	stopped := running(nil)
	stopped.State = state.ContainerState{Status: "exited"}
	paused := running(nil)
	paused.State.Paused = true
	starting := running(nil)
	starting.State.Health = "starting"
	good := running(nil)
	good.State.Health = "healthy"
	gone := state.ContainerInfo{}
	removing := stopped
	removing.State.Status = "removing"
	for name, tt := range map[string]struct {
		have state.ContainerInfo
		args []any
		ops  string
	}{
		"started, absent":       {gone, nil, "create start"},
		"present, absent":       {gone, []any{"state", "present"}, "create"},
		"stopped, absent":       {gone, []any{"state", "stopped"}, "create"},
		"started, removing":     {removing, nil, "remove create start"},
		"started, stopped":      {stopped, nil, "start"},
		"present, stopped":      {stopped, []any{"state", "present"}, ""},
		"stopped, running":      {running(nil), []any{"state", "stopped"}, "stop"},
		"stopped, killed":       {running(nil), []any{"state", "stopped", "force_kill", true}, "kill"},
		"absent, running":       {running(nil), []any{"state", "absent"}, "stop remove"},
		"absent, stopped":       {stopped, []any{"state", "absent"}, "remove"},
		"absent, absent":        {gone, []any{"state", "absent"}, ""},
		"restart":               {running(nil), []any{"restart", true}, "restart"},
		"restart, stopped":      {stopped, []any{"restart", true}, "start"},
		"recreate":              {running(nil), []any{"recreate", true}, "replace"},
		"changed, restart":      {running(nil), []any{"restart", true, "tty", true}, "replace"},
		"pause":                 {running(nil), []any{"paused", true}, "pause"},
		"unpause":               {paused, []any{"paused", false}, "unpause"},
		"healthy":               {good, []any{"state", "healthy"}, ""},
		"healthy, starting":     {starting, []any{"state", "healthy"}, "wait"},
		"healthy, absent":       {gone, []any{"state", "healthy"}, "create start wait"},
		"attached, cleaned up":  {gone, []any{"detach", false, "cleanup", true}, "create start wait remove"},
		"network":               {running(nil), []any{"networks", []any{value.M("name", "n1")}, "network_mode", "default"}, "connect"},
		"network, first":        {running(nil), []any{"networks", []any{value.M("name", "n1")}}, "replace"},
		"networks, purged":      {running(nil), []any{"networks", []any{}, "purge_networks", true}, "disconnect"},
		"networks, not purged":  {running(nil), []any{"networks", []any{}}, ""},
		"memory and tty":        {running(nil), []any{"memory", "1G", "tty", true}, "replace"},
		"memory taken away":     {running(func(s *state.ContainerSpec) { s.Host.Memory = 1 << 30 }), []any{"memory", "0"}, "replace"},
		"pulled when it is not": {gone, []any{"image", "web:1", "pull", "missing"}, "create start"},
		"pulled always":         {running(nil), []any{"pull", true}, "pull"},
	} {
		c, err := planWith(t, tt.have, testImage, append([]any{"image", "web:1"}, tt.args...)...)
		if err != nil || opNames(c.Ops) != tt.ops {
			t.Errorf("%s: %q, want %q; %v", name, opNames(c.Ops), tt.ops, err)
			continue
		}
		changed, _ := c.Result.Get("changed")
		switch {
		case tt.ops == "pull":
			if !changed.IsUnknown() {
				t.Errorf("%s: changed is %s before the pull", name, changed.Text())
			}
		case changed.AsBool() != (tt.ops != "" && tt.ops != "wait"):
			t.Errorf("%s: changed is %s", name, changed.Text())
		}
		if len(c.Diff) == 0 && changed.AsBool() {
			t.Errorf("%s: no diff", name)
		}
	}
}

// TestCutOff: what an attempt that was cut off did is told by the container, and
// not done again.
func TestCutOff(t *testing.T) {
	t.Parallel()
	attached := func(s *state.ContainerSpec) { s.Config.AttachStdout, s.Config.AttachStderr = true, true }
	at := func(id, started string, up bool, change ...func(*state.ContainerSpec)) state.ContainerInfo {
		c := running(append(change, nil)[0])
		c.ID, c.Inspect = id, value.FromMap(value.M("State", value.M("StartedAt", started)))
		if !up {
			c.State = state.ContainerState{Status: "exited"}
		}
		return c
	}
	before := at("one", "2026-01-01T00:00:00Z", true)
	again, other := at("one", "2026-01-02T00:00:00Z", true), at("two", "2026-01-02T00:00:00Z", true)
	for name, tt := range map[string]struct {
		have state.ContainerInfo
		args []any
		ops  string
	}{
		"restart, not done":    {before, []any{"restart", true}, "restart"},
		"restart, done":        {again, []any{"restart", true}, ""},
		"recreate, not done":   {before, []any{"recreate", true}, "replace"},
		"recreate, done":       {other, []any{"recreate", true}, ""},
		"recreate, half":       {state.ContainerInfo{}, []any{"recreate", true}, "create start"},
		"recreate, not begun":  {at("two", "0001-01-01T00:00:00Z", false), []any{"recreate", true}, "start"},
		"attached, still runs": {at("two", "2026-01-02T00:00:00Z", true, attached), []any{"detach", false}, "wait"},
		"attached, has run":    {at("two", "2026-01-02T00:00:00Z", false, attached), []any{"detach", false}, "wait"},
		"attached, not begun":  {at("two", "0001-01-01T00:00:00Z", false, attached), []any{"detach", false}, "start wait"},
	} {
		m := newContainer()
		a := decode(t, m, append([]any{"name", "web", "image", "web:1"}, tt.args...)...)
		v := &view{known: map[state.Query]any{state.Container{Name: "web"}: tt.have, state.Image{Ref: "web:1"}: testImage, state.Image{Ref: testImage.ID}: testImage, state.Login{}: state.LoginInfo{}}}
		c, err := m.Plan(a, module.Inputs{Before: containerMark(before)}, v)
		if err != nil || len(c.Need) > 0 || opNames(c.Ops) != tt.ops || len(c.Ops) > 0 && c.Mark != containerMark(tt.have) {
			t.Errorf("%s: %q, want %q; needs %v, mark %q, %v", name, opNames(c.Ops), tt.ops, c.Need, c.Mark, err)
		}
	}
}

// TestPullStages: a missing image is pulled, and the rest planned from what
// came.
func TestPullStages(t *testing.T) {
	t.Parallel()
	m := newContainer()
	a := decode(t, m, "name", "web", "image", "r.example.com:5000/web:1")
	ref := state.Image{Ref: "r.example.com:5000/web:1"}
	v := &view{known: map[state.Query]any{state.Container{Name: "web"}: state.ContainerInfo{}, ref: state.ImageInfo{}},
		files: map[string]state.File{"/root/.docker/config.json": file(`{"auths":{"https://r.example.com:5000/v2/":{"auth":"dTpwbGFudGVkLXNlY3JldA=="}}}`)}}
	c, err := m.Plan(a, module.Inputs{Check: true}, v)
	if err != nil || len(c.Need) != 1 || c.Need[0] != (state.Login{}) {
		t.Fatalf("needs %v %v", c.Need, err)
	}
	v.known[state.Login{}] = state.LoginInfo{Home: "/root"}
	if c, err = m.Plan(a, module.Inputs{Check: true}, v); err != nil || opNames(c.Ops) != "pull" {
		t.Fatalf("%s %v", opNames(c.Ops), err)
	}
	op := c.Ops[0].(state.ImagePull)
	if op.Auth == nil || op.Auth.Username != "u" || op.Auth.Password != "planted-secret" {
		t.Errorf("credentials %v", op.Auth)
	}
	for _, it := range []any{c.Ops, c.Result, c.Diff, op} {
		raw, err := json.Marshal(it)
		if err != nil || strings.Contains(string(raw)+fmt.Sprintf("%+v", it), "planted-secret") {
			t.Errorf("the password is in %T %v", it, err)
		}
	}
	if ch, _ := c.Result.Get("changed"); !ch.AsBool() {
		t.Error("a missing image is no change")
	}
	v.known[ref] = testImage
	did := []state.OpResult{{OK: true, Data: state.ImagePulled{ID: testImage.ID, Newer: true}}}
	next, err := c.Then(v, did)
	if err != nil || opNames(next.Ops) != "create start" {
		t.Fatalf("then %s %v", opNames(next.Ops), err)
	}
	v.known[state.Container{Name: "web"}] = running(nil)
	end, err := next.Then(v, []state.OpResult{{OK: true, Data: state.ContainerMade{ID: "c", Warnings: []string{"w"}}}, {OK: true}})
	if err != nil || len(end.Ops) > 0 || !slices.Equal(end.Warnings, []string{"Docker warning: w"}) {
		t.Fatalf("%+v %v", end, err)
	}
	if id, _ := end.Result.Get("container"); id.Map().Len() == 0 {
		t.Error("no container in the result")
	}
	// The image was there all the time: no change.
	next, err = c.Then(&view{known: v.known}, []state.OpResult{{OK: true, Data: state.ImagePulled{ID: ""}}})
	if ch, _ := next.Result.Get("changed"); err != nil || len(next.Ops) > 0 || ch.AsBool() {
		t.Errorf("nothing new: %v %v", next.Result, err)
	}
}

// TestSecrets: a secret variable is in no text.
func TestSecrets(t *testing.T) {
	t.Parallel()
	const word = "planted-secret"
	secret := value.String(word).WithMarks(value.Secret)
	have := running(func(s *state.ContainerSpec) { s.Config.Env = []string{"PASSWORD=older-secret", "B=1"} })
	have.Inspect = value.FromMap(value.M("Config", value.M("Env", []string{"PASSWORD=" + word, "B=1"})))
	for _, h := range []state.ContainerInfo{have, {}} {
		c, err := plan(t, h, "image", "web:1", "env", value.M("PASSWORD", secret, "B", "2"))
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%+v", c.Diff)
		for _, op := range c.Ops {
			text += op.String()
		}
		if strings.Contains(text, word) || strings.Contains(text, "older-secret") || h.Exists && !strings.Contains(text, "B=2") {
			t.Errorf("%s", text)
		}
		c.Result.Delete("container")
		for _, v := range []value.Value{value.FromMap(c.Result)} {
			v.Walk(func(x value.Value) value.Value {
				if strings.Contains(x.Str(), "secret") && !x.IsSecret() {
					t.Errorf("not marked: %s", x.Str())
				}
				return x
			})
		}
	}
	s := &steps{k: &known{w: &want{secret: map[string]bool{"PASSWORD": true}}}}
	config, _ := s.hide(have.Inspect).Get("Config")
	if env, _ := config.Get("Env"); !env.Items()[0].IsSecret() || env.Items()[1].IsSecret() {
		t.Error("what the engine says of a secret is not marked")
	}
}

// TestMistakes: each has one clear message.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]any{
		"Cannot create container when image is not specified":          {},
		"Non-string value found for env option":                        {"image", "web:1", "env", value.M("A", 1)},
		"is not name:soft[:hard]":                                      {"image", "web:1", "ulimits", []string{"nofile"}},
		"Failed to convert memory to bytes":                            {"image", "web:1", "memory", "lots"},
		"Invalid port":                                                 {"image", "web:1", "ports", []string{"http"}},
		"the ranges differ in length":                                  {"image", "web:1", "ports", []string{"1-3:4-5"}},
		"not hostnames":                                                {"image", "web:1", "ports", []string{"localhost:80:80"}},
		"square brackets":                                              {"image", "web:1", "ports", []string{"1:2:3:4"}},
		"Found invalid volumes mode: rx":                               {"image", "web:1", "volumes", []string{"/a:/b:rx"}},
		"appears twice":                                                {"image", "web:1", "volumes", []string{"/a:/b", "/c:/b"}},
		"source must be specified":                                     {"image", "web:1", "mounts", []any{value.M("target", "/a", "type", "bind")}},
		"needs type":                                                   {"image", "web:1", "mounts", []any{value.M("target", "/a", "tmpfs_size", "1M")}},
		"network named none could not be found":                        {"image", "web:1", "networks", []any{value.M("name", "none")}},
		"must begin with CMD":                                          {"image", "web:1", "healthcheck", value.M("test", []string{"ls"})},
		"is no time such as 1m30s":                                     {"image", "web:1", "healthcheck", value.M("test", "x", "interval", "soon")},
		"a ' is not closed":                                            {"image", "web:1", "command", "echo 'x"},
		"env_file /none is no file":                                    {"image", "web:1", "env_file", "/none"},
		"value of state must be one of":                                {"image", "web:1", "state", "sleeping"},
		"Non-string value found for labels option":                     {"image", "web:1", "labels", value.M("a", "b", "n", 1)},
		"Unsupported parameters":                                       {"image", "web:1", "imagee", "x"},
		"state is present but all of the following are missing: image": {"state", "present"},
		"missing parameter(s) required by 'log_options'":               {"image", "web:1", "log_options", value.M("a", "b")},
	} {
		_, err := planWith(t, state.ContainerInfo{}, testImage, args...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestImage: the operations of docker_image.
func TestImage(t *testing.T) {
	t.Parallel()
	there, none := testImage, state.ImageInfo{}
	for name, tt := range map[string]struct {
		have state.ImageInfo
		args []any
		ops  string
		fail string
	}{
		"there":           {there, nil, "", ""},
		"missing":         {none, nil, "pull", ""},
		"forced":          {there, []any{"force_source", true}, "pull", ""},
		"local":           {none, []any{"source", "local"}, "", "Cannot find the image web:1 locally"},
		"load":            {none, []any{"source", "load", "load_path", "/a.tar"}, "run", ""},
		"load, old way":   {none, []any{"load_path", "/a.tar", "timeout", 300}, "run", ""},
		"load, no file":   {none, []any{"load_path", "/none.tar"}, "", "does not exist"},
		"build, no path":  {none, []any{"source", "build"}, "", "build.path"},
		"build, no dir":   {none, []any{"source", "build", "build", value.M("path", "/none")}, "", "could not be found"},
		"build":           {none, []any{"source", "build", "build", value.M("path", "/src")}, "run", ""},
		"build, old way":  {none, []any{"path", "/src"}, "run", ""},
		"built":           {there, []any{"source", "build", "build", value.M("path", "/src")}, "", ""},
		"bad tag":         {none, []any{"tag", "a b"}, "", "is not a valid docker tag!"},
		"absent":          {there, []any{"state", "absent"}, "remove", ""},
		"absent already":  {none, []any{"state", "absent"}, "", ""},
		"tag":             {there, []any{"repository", "r/other"}, "tag", ""},
		"tag and push":    {there, []any{"repository", "r/other", "push", true}, "tag push", ""},
		"push":            {there, []any{"push", true}, "push", ""},
		"archive":         {there, []any{"archive_path", "/new.tar"}, "run", ""},
		"tag in the name": {there, []any{"name", "web:1", "tag", "2"}, "", ""},
	} {
		m := newImage()
		args := value.M("name", "web", "tag", "1")
		for i := 0; i < len(tt.args); i += 2 {
			args.Set(tt.args[i].(string), value.FromGo(tt.args[i+1]))
		}
		a, err := m.Decode(args, diag.Pos{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.Plan(a, module.Inputs{}, &view{known: map[state.Query]any{state.Image{Ref: "web:1"}: tt.have,
			state.Image{Ref: "r/other:1"}: none, state.Login{}: state.LoginInfo{Home: "/root"}},
			files: map[string]state.File{"/a.tar": file("x"), "/src": {Stat: state.Stat{Type: state.TypeDir}, Followed: state.Stat{Type: state.TypeDir}}}})
		switch {
		case tt.fail != "":
			if err == nil || !strings.Contains(err.Error(), tt.fail) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || len(c.Need) > 0 || opNames(c.Ops) != tt.ops:
			t.Errorf("%s: %q, needs %v, %v", name, opNames(c.Ops), c.Need, err)
		}
	}
}

// TestHomeVolumes: sources below the home are written out, and the arguments
// stay as they are.
func TestHomeVolumes(t *testing.T) {
	t.Parallel()
	given := []string{"~/a:/a", "./b:/b:ro", "/c:/c", "name:/d", "/e"}
	paths := module.Gathering(&view{known: map[state.Query]any{state.Login{}: state.LoginInfo{Home: "/home/x"}}})
	got := homeVolumes(paths, given)
	if want := "/home/x/a:/a /home/x/b:/b:ro /c:/c name:/d /e"; strings.Join(got, " ") != want || given[0] != "~/a:/a" {
		t.Errorf("%v, given %v", got, given)
	}
}

// TestBuildCommand: what the docker command is asked.
func TestBuildCommand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args *value.Map
		want string
	}{
		{value.M("path", "/src"), "--force-rm -- /src"},
		{value.M("path", "/src", "dockerfile", "sub/D", "rm", false, "nocache", true, "pull", true), "--file=/src/sub/D --no-cache --pull --rm=false -- /src"},
		{value.M("path", "https://x/y.git", "dockerfile", "D", "target", "t", "network", "host"), "--file=D --network=host --target=t --force-rm -- https://x/y.git"},
		{value.M("path", "/src", "args", value.M("B", 2, "A", "1 x"), "etc_hosts", value.M("h", "192.0.2.1"), "cache_from", []string{"c:1"}, "platform", "linux/amd64",
			"container_limits", value.M("memory", 1024, "cpushares", 5)),
			"--build-arg=A=1 x --build-arg=B=2 --cache-from=c:1 --add-host=h:192.0.2.1 --memory=1024 --cpu-shares=5 --platform=linux/amd64 --force-rm -- /src"},
	} {
		a := decode(t, newImage(), "name", "web", "tag", "1", "source", "build", "build", value.FromMap(tt.args)).(imageArgs)
		if got := strings.Join(a.Build.command("web:1"), " "); got != "build -t web:1 "+tt.want {
			t.Errorf("%s", got)
		}
	}
}

func TestArchiveIsStale(t *testing.T) {
	t.Parallel()
	id := "sha256:" + strings.Repeat("1", 64)
	good := `[{"Config":"` + strings.Repeat("1", 64) + `.json","RepoTags":["web:1"]}]`
	for text, fresh := range map[string]bool{good: true, strings.Replace(good, "web:1", "web:2", 1): false, "[]": false, "x": false,
		strings.Replace(good, "1.json", "2.json", 1): false, strings.Replace(good, `Config":"`, `Config":"blobs/sha256/`, 1): true} {
		if got := stale(state.OpResult{Stdout: []byte(text)}, "web:1", id); (got == "") != fresh {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`a  b`: `["a","b"]`, `'a b' "c \" d"e`: `["a b","c \" de"]`, `a\ b ""`: `["a b",""]`, "": `[]`, `"$x\n"`: `["$x\\n"]`,
	} {
		got, err := split(in)
		raw, _ := json.Marshal(got)
		if err != nil || string(raw) != want {
			t.Errorf("%s: %s %v", in, raw, err)
		}
	}
}

func TestRegistryCredentials(t *testing.T) {
	t.Parallel()
	config := `{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"},"r:5000":{"username":"c","password":"d"},
		"t.example.com":{"identitytoken":"e"},"bad.example.com":{"auth":"%%"}},"credHelpers":{"h.example.com":"ecr"}}`
	for ref, want := range map[string]string{"web": "a:b:", "library/web:1": "a:b:", "r:5000/x/web": "c:d:", "t.example.com/web": "::e",
		"other.example.com/web": "", "h.example.com/web": "!", "bad.example.com/web": "!"} {
		a, warning := authFrom([]byte(config), registryOf(ref))
		got := ""
		if a != nil {
			got = a.Username + ":" + a.Password + ":" + a.IdentityToken
		}
		if warning != "" {
			got = "!"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", ref, got, want)
		}
	}
}

// TestImageInfoOfAll: without a name every image of the host is looked at.
func TestImageInfoOfAll(t *testing.T) {
	t.Parallel()
	m := newImageInfo()
	inspect := func(id string) state.ImageInfo {
		return state.ImageInfo{Exists: true, Inspect: value.FromMap(value.M("Id", id))}
	}
	v := &view{known: map[state.Query]any{
		state.DockerList{Kind: "images"}: value.List(value.FromMap(value.M("Id", "sha256:1")), value.FromMap(value.M("Id", "sha256:2"))),
		state.Image{Ref: "sha256:1"}:     inspect("sha256:1"),
		state.Image{Ref: "sha256:2"}:     inspect("sha256:2"),
	}}
	c, err := m.Plan(decode(t, m), module.Inputs{}, v)
	if err != nil || len(c.Need) > 0 {
		t.Fatalf("%v, needs %v", err, c.Need)
	}
	if got, _ := c.Result.Get("images"); got.Repr() != "[{'Id': 'sha256:1'}, {'Id': 'sha256:2'}]" {
		t.Errorf("images %s", got.Repr())
	}
}
