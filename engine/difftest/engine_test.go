package difftest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
)

// The images that cases use: base:1, and base:2 that differs from it in a label
// and a variable. The registry has base:1 too.
const baseImage = "difftest/base"

// cleanEngine takes all but these images out of an engine.
const cleanEngine = `
docker container ls -aq | xargs -r docker container rm -fv >/dev/null
docker network ls -q --filter type=custom | xargs -r docker network rm >/dev/null
docker volume ls -q | xargs -r docker volume rm -f >/dev/null
docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -v '^` + baseImage + `:' | grep -v '<none>' | xargs -r docker image rm -f >/dev/null
docker image ls -q --filter dangling=true | xargs -r docker image rm -f >/dev/null
rm -rf /root/.docker
`

// loadImages gives both engines and the registry the images of the cases.
func (b bedInfo) loadImages(t *testing.T) {
	t.Helper()
	busybox, err := b.ssh(b.fairlead.address, "cat /bin/busybox")
	if err != nil {
		t.Fatal(err)
	}
	files := []dockertest.File{{Name: "bin/busybox", Data: busybox}}
	for _, name := range []string{"sh", "cat", "echo", "sleep", "env", "id", "ls", "pwd", "true", "false"} {
		files = append(files, dockertest.File{Name: "bin/" + name, Link: "busybox"})
	}
	for _, n := range []string{"1", "2"} {
		archive := dockertest.Image(t, map[string]any{
			"Cmd": []string{"sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 1000 & wait; done"},
			"Env": []string{"PATH=/bin", "FROM_IMAGE=" + n}, "Labels": map[string]string{"from.image": n},
			"Volumes": map[string]any{"/data": map[string]any{}}, "ExposedPorts": map[string]any{"8080/tcp": map[string]any{}},
			"WorkingDir": "/",
		}, files, baseImage+":"+n)
		for _, s := range []side{b.ansible, b.fairlead} {
			cmd := b.command(s.address, "docker load -q")
			cmd.Stdin = bytes.NewReader(archive)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("docker load: %v: %s", err, out)
			}
		}
	}
	push := fmt.Sprintf("docker tag %s:1 %s/%s:1 && docker push -q %[2]s/%[3]s:1\n", baseImage, b.registry, baseImage)
	if _, err := b.ssh(b.fairlead.address, push); err != nil {
		t.Fatal(err)
	}
}

// command is an OpenSSH client that runs words on a host.
func (b bedInfo) command(address string, words ...string) *exec.Cmd {
	return exec.Command("ssh", append([]string{"-i", b.key, "-p", strconv.Itoa(b.port), "-o", "UserKnownHostsFile=" + b.knownHosts,
		"-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "root@" + address}, words...)...)
}

// engineTree adds what the engine holds to t, below the folder of the case that
// it is of, one entry for each value.
func (b bedInfo) engineTree(address string, t tree) error {
	var state map[string]map[string]any
	if err := b.python(address, "engine.py", "", &state); err != nil {
		return err
	}
	for what, doc := range state {
		kind, name, _ := strings.Cut(what, " ")
		of, rest, ok := strings.Cut(name, ".")
		if !ok {
			continue // no case calls things so
		}
		text, err := json.Marshal(doc)
		if err != nil {
			return err
		}
		var neutral any
		if err := json.Unmarshal(b.neutralIDs(text), &neutral); err != nil {
			return err
		}
		t.leaves(of+"/"+kind+" "+rest, withoutEmpty(neutral, true))
	}
	return nil
}

// givenOut are the keys of what an engine says whose values it gives out itself.
var givenOut = set("Id", "Created", "CreatedAt", "Pid", "SandboxID", "SandboxKey", "EndpointID", "NetworkID", "MacAddress", "GraphDriver",
	"LastTagTime", "Metadata", "Mountpoint", "StartedAt", "FinishedAt", "Name",
	"Runtime") // the engine names its own only where a client says something of the host

func (t tree) leaves(at string, v any) {
	switch v := v.(type) {
	case map[string]any:
		t[at] = "there"
		for k, e := range v {
			if !givenOut[k] {
				t.leaves(at+" "+k, e)
			}
		}
	default:
		text, _ := json.Marshal(v)
		t[at] = string(text)
	}
}

var (
	idForm      = regexp.MustCompile(`[0-9a-f]{64}`)
	shortIDForm = regexp.MustCompile(`"[0-9a-f]{12}"`)
	poolForm    = regexp.MustCompile(`"(172\.\d+|192\.168)\.\d+\.\d+(/\d+)?"`) // networks whose addresses nobody chose
	timeForm    = regexp.MustCompile(`"2\d{3}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)"`)
)

// neutralIDs replaces ids and times that an engine gave out.
func (b bedInfo) neutralIDs(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(b.registry), []byte("192.0.2.2:5000"))
	text = idForm.ReplaceAll(text, []byte("(id)"))
	text = shortIDForm.ReplaceAll(text, []byte(`"(short id)"`))
	text = poolForm.ReplaceAll(text, []byte(`"(address)"`))
	return timeForm.ReplaceAll(text, []byte(`"(time)"`))
}

// chance matches what of an engine's state is not compared: its order or its
// value is chance, other cases have a part in it, or the client of the API says it
// in one way (capabilities).
var chance = regexp.MustCompile(` (RepoTags|RepoDigests|Mounts|CapAdd|CapDrop|ExecIDs)( |$)| Containers .*IPv4Address$`)

// told is a tree without what is not compared.
func (t tree) told(c *testCase) tree {
	if !c.docker {
		return t
	}
	out := tree{}
	for k, v := range t {
		if !chance.MatchString(k) {
			out[k] = v
		}
	}
	return out
}

// byDestination orders the mounts of a container.
func byDestination(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	list = slices.Clone(list)
	at := func(e any) string {
		m, _ := e.(map[string]any)
		s, _ := m["Destination"].(string)
		return s
	}
	slices.SortStableFunc(list, func(a, b any) int { return strings.Compare(at(a), at(b)) })
	return list
}

// withoutEmpty leaves what is empty out of what an engine says, which are the
// tables whose keys begin with a capital: null, false and an empty list say the
// same there, and depend on how its client writes a request.
func (o *outcome) withoutEmpty() {
	for i, r := range o.Results {
		if v, ok := withoutEmpty(r.Value, false).(map[string]any); ok {
			o.Results[i].Value = v
		}
	}
}

func withoutEmpty(v any, all bool) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			e = withoutEmpty(e, false)
			if (all || k[:1] >= "A" && k[:1] <= "Z") && isEmpty(e) {
				continue
			}
			out[k] = e
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = withoutEmpty(e, false)
		}
		return out
	}
	return v
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}
