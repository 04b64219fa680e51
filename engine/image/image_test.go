package image

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/docker/dockertest"
	"github.com/google/go-cmp/cmp"
	"github.com/olareg/olareg"
	"github.com/olareg/olareg/config"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry is a registry in this process that counts the bytes it is sent.
type registry struct {
	*httptest.Server
	sent atomic.Int64
}

func (r *registry) name() string { return r.Listener.Addr().String() }

func newRegistry(t *testing.T, tls bool, password string) *registry {
	t.Helper()
	yes := true
	srv := olareg.New(config.Config{
		Storage: config.ConfigStorage{StoreType: config.StoreMem},
		API:     config.ConfigAPI{DeleteEnabled: &yes},
	})
	r := &registry{}
	h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if _, p, _ := q.BasicAuth(); password != "" && p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if q.Method == http.MethodPut || q.Method == http.MethodPatch {
			r.sent.Add(q.ContentLength)
		}
		srv.ServeHTTP(w, q)
	})
	if tls {
		r.Server = httptest.NewTLSServer(h)
	} else {
		r.Server = httptest.NewServer(h)
	}
	t.Cleanup(func() { r.Close(); _ = srv.Close() })
	return r
}

// testLayer is a layer with one file.
func testLayer(t *testing.T, content string) []byte {
	return dockertest.Tar(t, dockertest.File{Name: "etc/motd", Data: []byte(content)})
}

type testImage struct {
	tags   []string
	layers [][]byte
}

// archive writes images as docker save does. Equal layers are one file.
func archive(t *testing.T, images ...testImage) string {
	t.Helper()
	var files []dockertest.File
	var manifest []entry
	for _, im := range images {
		var diffs, names []string
		for _, l := range im.layers {
			sum := sha256.Sum256(l)
			hexSum := hex.EncodeToString(sum[:])
			diffs, names = append(diffs, "sha256:"+hexSum), append(names, hexSum+"/layer.tar")
			files = append(files, dockertest.File{Name: hexSum + "/layer.tar", Data: l})
		}
		conf, err := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "config": map[string]any{},
			"rootfs": map[string]any{"type": "layers", "diff_ids": diffs}})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(conf)
		name := hex.EncodeToString(sum[:]) + ".json"
		files = append(files, dockertest.File{Name: name, Data: conf})
		manifest = append(manifest, entry{Config: name, RepoTags: im.tags, Layers: names})
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "image.tar", dockertest.Tar(t, append(files, dockertest.File{Name: "manifest.json", Data: raw})...))
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(data)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return write(t, "image.tar.gz", b.Bytes())
}

// TestPush: an archive arrives; the same again sends nothing but is the same;
// another image sends only what is new.
func TestPush(t *testing.T) {
	r := newRegistry(t, false, "")
	base := testLayer(t, strings.Repeat("base ", 5000))
	tar := archive(t, testImage{[]string{"contrail-lb:1"}, [][]byte{base, testLayer(t, "one"), base}})
	var steps []string
	o := Options{PlainHTTP: true, Progress: func(p Progress) {
		if p.Step == "layer" && p.State != "active" && p.State != "started" {
			steps = append(steps, p.State)
		}
	}}
	first, err := Push(t.Context(), zipped(t, tar), r.name()+"/img1-contrail-lb:1", o)
	if err != nil {
		t.Fatal(err)
	}
	if first.Layers != 3 || first.Sent != 2 || !strings.HasPrefix(first.Digest, "sha256:") {
		t.Errorf("%+v", first)
	}
	sent := r.sent.Swap(0)
	steps = nil
	again, err := Push(t.Context(), tar, r.name()+"/img1-contrail-lb:1", o)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest != first.Digest || again.Sent != 0 || r.sent.Load() != 0 {
		t.Errorf("again: %+v, %d bytes of %d", again, r.sent.Load(), sent)
	}
	next := archive(t, testImage{nil, [][]byte{base, testLayer(t, "two")}})
	res, err := Push(t.Context(), next, r.name()+"/img1-contrail-lb:2", o)
	if err != nil {
		t.Fatal(err)
	}
	if res.Sent != 1 {
		t.Errorf("another image: %+v", res)
	}
	if !slicesHas(steps, "skipped") || !slicesHas(steps, "finished") {
		t.Errorf("progress %v", steps)
	}
	tags, err := Tags(t.Context(), r.name()+"/img1-contrail-lb", o)
	if err != nil || !cmp.Equal(tags, []string{"1", "2"}) {
		t.Errorf("tags %v %v", tags, err)
	}
	if d, err := Digest(t.Context(), r.name()+"/img1-contrail-lb:1", o); err != nil || d != first.Digest {
		t.Errorf("digest %s %v", d, err)
	}
	if err := Remove(t.Context(), r.name()+"/img1-contrail-lb:1", o); err != nil {
		t.Error(err)
	}
	if _, err := Digest(t.Context(), r.name()+"/img1-contrail-lb:1", o); diag.ClassOf(err) != diag.NotFound {
		t.Errorf("after removal: %v", err)
	}
}

func slicesHas(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestPushPicks(t *testing.T) {
	r := newRegistry(t, false, "")
	tar := archive(t, testImage{[]string{"a:1"}, [][]byte{testLayer(t, "a")}}, testImage{nil, [][]byte{testLayer(t, "b")}})
	_, err := Push(t.Context(), tar, r.name()+"/x:1", Options{PlainHTTP: true})
	if err == nil || !strings.Contains(err.Error(), "2 images") || !strings.Contains(err.Error(), "a:1") {
		t.Errorf("two images: %v", err)
	}
	ids := map[string]bool{}
	for _, pick := range []string{"a:1", "1"} {
		res, err := Push(t.Context(), tar, r.name()+"/x:1", Options{PlainHTTP: true, Image: pick})
		if err != nil {
			t.Fatal(err)
		}
		ids[res.ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("both are %v", ids)
	}
	if _, err := Push(t.Context(), tar, r.name()+"/x:1", Options{PlainHTTP: true, Image: "c:1"}); err == nil {
		t.Error("an image that is not there")
	}
}

// TestPushLayouts: a folder with a layout, and an archive of one.
func TestPushLayouts(t *testing.T) {
	r := newRegistry(t, false, "")
	src := archive(t, testImage{nil, [][]byte{testLayer(t, "x")}})
	dir := t.TempDir()
	l, err := fromArchive(t.Context(), src, dir, Options{}, func(Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]string{"folder": dir, "archive": write(t, "oci.tar", dockertest.Tar(t, files(t, dir)...))} {
		res, err := Push(t.Context(), source, r.name()+"/oci:"+name, Options{PlainHTTP: true})
		if err != nil || res.Digest != l.digest || res.ID != l.id {
			t.Errorf("%s: %+v %v", name, res, err)
		}
	}
}

func TestPushTLSAndAuth(t *testing.T) {
	r := newRegistry(t, true, "s3cret-word")
	tar := archive(t, testImage{nil, [][]byte{testLayer(t, "x")}})
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
	conf := write(t, "config.json", []byte(`{"auths":{"`+r.name()+`":{"auth":"dTpzM2NyZXQtd29yZA=="}}}`))
	for name, tt := range map[string]struct {
		o    Options
		code string
	}{
		"good":                {Options{CA: ca, Username: "u", Password: "s3cret-word"}, ""},
		"docker's file":       {Options{CA: ca, DockerConfig: conf}, ""},
		"not verified":        {Options{Insecure: true, DockerConfig: conf}, ""},
		"no credentials":      {Options{CA: ca}, "registry-auth"},
		"wrong credentials":   {Options{CA: ca, Username: "u", Password: "other-word"}, "registry-auth"},
		"unknown authority":   {Options{}, "registry-ca"},
		"an authority not so": {Options{CA: "x"}, "registry-ca"},
		"plain HTTP":          {Options{PlainHTTP: true}, "registry-tls"},
	} {
		_, err := Push(t.Context(), tar, r.name()+"/x:1", tt.o)
		if got := code(err); got != tt.code {
			t.Errorf("%s: %s: %v", name, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret-word") || strings.Contains(err.Error(), "other-word")) {
			t.Errorf("%s: the password is in %v", name, err)
		}
	}
}

func code(err error) string {
	var d *diag.Diagnostic
	switch {
	case err == nil:
		return ""
	case errors.As(err, &d):
		return d.Code
	}
	return "?"
}

func TestPushErrors(t *testing.T) {
	r := newRegistry(t, false, "")
	good := archive(t, testImage{nil, [][]byte{testLayer(t, "x")}})
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(zipped(t, good))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ source, target, want string }{
		"no file":     {"/does/not/exist", r.name() + "/x:1", "no such file"},
		"no tar":      {write(t, "x", []byte(strings.Repeat("no tar ", 1000))), r.name() + "/x:1", "is no image archive"},
		"empty":       {write(t, "x", nil), r.name() + "/x:1", "it is empty"},
		"other tar":   {write(t, "x", testLayer(t, "x")), r.name() + "/x:1", "neither manifest.json nor index.json"},
		"cut":         {write(t, "x", data[:len(data)/2]), r.name() + "/x:1", "cut short"},
		"cut, zipped": {write(t, "x", whole[:len(whole)/2]), r.name() + "/x:1", "cut short"},
		"damaged":     {write(t, "x", bytes.Replace(data, []byte("x\x00"), []byte("y\x00"), 1)), r.name() + "/x:1", "damaged"},
		"xz":          {write(t, "x", []byte("\xfd7zXZ\x00")), r.name() + "/x:1", "compressed in a way"},
		"bad name":    {good, r.name() + "/X Y:1", "registry/name:tag"},
		"nobody":      {good, closed + "/x:1", "nobody listens"},
	} {
		start := time.Now()
		_, err := Push(t.Context(), tt.source, tt.target, Options{PlainHTTP: true})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if time.Since(start) > 2*time.Second {
			t.Errorf("%s took %s", name, time.Since(start))
		}
	}
	_, err = Push(t.Context(), good, r.name()+"/x:1", Options{})
	if code(err) != "registry-http" || !strings.Contains(err.Error(), "--plain-http") {
		t.Errorf("TLS to plain HTTP: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Push(ctx, good, r.name()+"/x:1", Options{PlainHTTP: true}); diag.ClassOf(err) != diag.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}
