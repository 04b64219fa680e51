package image

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
)

// shell runs a command on this machine and gives what it printed.
func shell(t *testing.T, script string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-euc", script, "sh"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", script, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// idOf is the id of an archive's nth image, by tar and sha256sum.
func idOf(t *testing.T, file string, n int) string {
	t.Helper()
	var all []struct{ Config string }
	if err := json.Unmarshal([]byte(shell(t, `tar -xOf "$1" manifest.json`, file)), &all); err != nil {
		t.Fatal(err)
	}
	sum, _, _ := strings.Cut(shell(t, `tar -xOf "$1" "$2" | sha256sum`, file, all[n].Config), " ")
	return "sha256:" + sum
}

// files are those of a folder, for an archive of it.
func files(t *testing.T, dir string) []dockertest.File {
	t.Helper()
	var out []dockertest.File
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out = append(out, dockertest.File{Name: filepath.ToSlash(rel), Data: data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRealSources brings an image from every kind of source into a real registry
// and has a real engine pull it; tar, sha256sum, curl and docker say whether it
// is the same.
func TestRealSources(t *testing.T) {
	t.Parallel()
	reg, nodes, config := os.Getenv("FAIRLEAD_TESTBED_REGISTRY"), strings.Fields(os.Getenv("FAIRLEAD_TESTBED_NODES")), os.Getenv("FAIRLEAD_TESTBED_SSH_CONFIG")
	if reg == "" || len(nodes) == 0 {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("there is no test bed: scripts/testbed up")
		}
		t.Skip("no real registry and engine: run scripts/testbed up, then eval \"$(scripts/testbed env)\"")
	}
	one := func(text string) testImage {
		return testImage{layers: [][]byte{testLayer(t, "base of all"), testLayer(t, text)}}
	}
	saved := archive(t, testImage{[]string{"saved:1"}, one("saved").layers})
	several := archive(t, testImage{[]string{"first:1"}, one("first").layers}, testImage{[]string{"second:1"}, one("second").layers})
	untagged := archive(t, one("untagged"))
	laid := archive(t, one("laid"))
	layout := t.TempDir()
	if _, err := fromArchive(t.Context(), laid, layout, Options{}, func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	elsewhere := archive(t, one("elsewhere"))
	other := newRegistry(t, true, "pw")
	in := Options{CA: caOf(other), Username: "u", Password: "pw"}
	if _, err := Push(t.Context(), elsewhere, other.name()+"/base/x:1", in); err != nil {
		t.Fatal(err)
	}
	packed := archive(t, one("packed"))
	packedFile, err := os.ReadFile(zipped(t, packed))
	if err != nil {
		t.Fatal(err)
	}
	vendor := write(t, "contrail-cloud-docker_4.1.0.0-1.tgz", tgz(t, map[string][]byte{
		"contrail-docker-images_4.1.0.0-1.tgz": tgz(t, map[string][]byte{"contrail-lb-ubuntu16.04-4.1.0.0-1.tar.gz": packedFile})}))
	o := Options{PlainHTTP: true}
	for _, c := range []struct {
		name, source, id string
		o                Options
	}{
		{"saved", saved, idOf(t, saved, 0), o},
		{"zipped", zipped(t, saved), idOf(t, saved, 0), o},
		{"several", several, idOf(t, several, 1), Options{PlainHTTP: true, Image: "second:1"}},
		{"untagged", untagged, idOf(t, untagged, 0), o},
		{"layout", layout, idOf(t, laid, 0), o},
		{"layout-archive", write(t, "oci.tar", dockertest.Tar(t, files(t, layout)...)), idOf(t, laid, 0), o},
		{"registry", other.name() + "/base/x:1", idOf(t, elsewhere, 0), Options{PlainHTTP: true, From: &in}},
		{"contrail-lb", vendor, idOf(t, packed, 0), o},
	} {
		repository := "sourcetest-" + c.name
		ref := reg + "/" + repository + ":4.1.0.0-1"
		var res Result
		var err error
		if c.source == vendor {
			var p *Package
			if p, err = OpenPackage(t.Context(), vendor); err == nil {
				err = p.PushPackage(t.Context(), PackageOptions{Registry: reg, ImageID: "sourcetest"}, Options{}, func(Member, string) (Options, func(Result)) {
					return c.o, func(r Result) { res = r }
				})
			}
		} else {
			res, err = Push(t.Context(), c.source, ref, c.o)
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		manifest := `curl -sSf -H "Accept: ` + manifestType + `" http://` + reg + "/v2/" + repository + "/manifests/4.1.0.0-1"
		if got := shell(t, manifest+" | sha256sum"); "sha256:"+strings.TrimSuffix(got, "  -") != res.Digest {
			t.Errorf("%s: the registry's manifest is %s, the push said %s", c.name, got, res.Digest)
		}
		pull := "docker rmi -f " + ref + " >/dev/null 2>&1; docker pull -q " + ref + " >/dev/null && docker inspect -f '{{.Id}}' " + ref + "; docker rmi -f " + ref + " >/dev/null"
		got := shell(t, `ssh -F "$1" -p "$2" -i "$3" -o UserKnownHostsFile="$4" "root@$5" "$6"`, config, os.Getenv("FAIRLEAD_TESTBED_SSH_PORT"), os.Getenv("FAIRLEAD_TESTBED_KEY"),
			os.Getenv("FAIRLEAD_TESTBED_KNOWN_HOSTS"), nodes[0], pull)
		if got != c.id || res.ID != c.id {
			t.Errorf("%s: the engine has %s, the push said %s, the source is %s", c.name, got, res.ID, c.id)
		}
	}
}
