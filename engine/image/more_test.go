package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/google/go-cmp/cmp"
)

// TestNames: the examples of the original's documentation and code.
func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		SeedName("contrail-container", SeedType("contrail-controller"), "liberty:3.1.1.0-29"): "contrail-container-controller-liberty:3.1.1.0-29",
		Name("192.0.2.1:5100", "img1", "contrail-controller", "4.1.0.0-1"):                    "192.0.2.1:5100/img1-contrail-controller:4.1.0.0-1",
		RoleOf("a/contrail-controller-ubuntu16.04-4.1.0.0-1.tar.gz"):                          "contrail-controller",
		RoleOf("contrail-kube-manager-centos7-4.1.0.0-1.tar.gz"):                              "contrail-kube-manager",
		RoleOf("contrail-analyticsdb-u14.04-4.0.0.0-20.tar.gz"):                               "contrail-analyticsdb",
		RoleOf("ubuntu-binary-nova-compute.tar.gz"):                                           "nova-compute",
		RoleOf("contrail-ansible-4.1.0.0-1.tar.gz"):                                           "",
		VersionOf("contrail-controller-ubuntu16.04-4.1.0.0-1.tar.gz"):                         "4.1.0.0-1",
		VersionOf("contrail-kube-manager-centos7-4.1.0.0-1.tar.gz"):                           "4.1.0.0-1",
		VersionOf("ubuntu-binary-nova-compute.tar.gz"):                                        "",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func caOf(r *registry) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}))
}

// TestTransfer: from one registry to another, each with its own way in.
func TestTransfer(t *testing.T) {
	t.Parallel()
	from, to := newRegistry(t, true, "pw"), newRegistry(t, false, "")
	in := Options{CA: caOf(from), Username: "u", Password: "pw"}
	src := from.name() + "/base/web:1"
	first, err := Push(t.Context(), archive(t, testImage{layers: [][]byte{testLayer(t, "one"), testLayer(t, "two")}}), src, in)
	if err != nil {
		t.Fatal(err)
	}
	out := Options{PlainHTTP: true, From: &in}
	for i, source := range []string{src, "docker://" + src, from.name() + "/base/web@" + first.Digest} {
		to.sent.Store(0)
		res, err := Push(t.Context(), source, to.name()+"/web:2", out)
		if err != nil || res.Digest != first.Digest || res.ID != first.ID || res.Layers != 2 {
			t.Fatalf("%s: %+v %v", source, res, err)
		}
		if i == 0 && res.Sent != 2 || i > 0 && res.Sent != 0 {
			t.Errorf("%s: %d layers sent", source, res.Sent)
		}
	}
	if got, err := Digest(t.Context(), to.name()+"/web:2", Options{PlainHTTP: true}); got != first.Digest {
		t.Errorf("the target has %s %v", got, err)
	}
	for source, class := range map[string]diag.Class{from.name() + "/base/none:1": diag.NotFound, "./none.tar": diag.ClassOf(badSource("x", nil))} {
		if _, err := Push(t.Context(), source, to.name()+"/x:1", out); err == nil || diag.ClassOf(err) != class {
			t.Errorf("%s: %s %v", source, diag.ClassOf(err), err)
		}
	}
	// The target is not trusted because the source is.
	tls := newRegistry(t, true, "")
	if _, err := Push(t.Context(), src, tls.name()+"/web:2", Options{From: &in}); err == nil || !strings.Contains(err.Error(), "--ca") {
		t.Errorf("another authority: %v", err)
	}
}

// TestInterrupted: a push that was cut off sends only the rest when it is given
// again.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t, false, "")
	back, err := url.Parse(reg.URL)
	if err != nil {
		t.Fatal(err)
	}
	var blobs, manifests atomic.Int32
	var cut atomic.Bool
	cut.Store(true)
	proxy := httputil.NewSingleHostReverseProxy(back)
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
			manifests.Add(1)
			if cut.Load() {
				w.WriteHeader(http.StatusForbidden) // what it had sent stays
				return
			}
		}
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/") {
			blobs.Add(1)
		}
		r.Host = back.Host
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { door.Close(); http.DefaultTransport.(*http.Transport).CloseIdleConnections() })
	source := archive(t, testImage{layers: [][]byte{testLayer(t, "one"), testLayer(t, "two"), testLayer(t, "three")}})
	target := door.Listener.Addr().String() + "/web:1"
	if _, err := Push(t.Context(), source, target, Options{PlainHTTP: true}); err == nil {
		t.Fatal("a cut push is done")
	}
	if blobs.Load() != 4 || manifests.Load() == 0 {
		t.Fatalf("%d blobs before the cut", blobs.Load())
	}
	cut.Store(false)
	res, err := Push(t.Context(), source, target, Options{PlainHTTP: true})
	if err != nil || res.Sent != 0 || blobs.Load() != 4 {
		t.Errorf("again: %+v %v, %d blobs", res, err, blobs.Load())
	}
}

// tgz packs files, by name and content, as a package is packed.
func tgz(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func savedImage(t *testing.T, layers ...string) []byte {
	t.Helper()
	im := testImage{}
	for _, l := range layers {
		im.layers = append(im.layers, testLayer(t, l))
	}
	data, err := os.ReadFile(zipped(t, archive(t, im)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestPackage: a vendor's package, two levels deep, with what is no image in it.
func TestPackage(t *testing.T) {
	t.Parallel()
	inner := tgz(t, map[string][]byte{
		"contrail-controller-ubuntu16.04-4.1.0.0-1.tar.gz": savedImage(t, "base", "controller"),
		"contrail-lb-ubuntu16.04-4.1.0.0-1.tar.gz":         savedImage(t, "base", "lb"),
		"contrail-kolla-ubuntu16.04-4.1.0.0-1.tar.gz":      savedImage(t, "kolla"),
		"README": []byte("x"),
	})
	file := write(t, "contrail-cloud-docker_4.1.0.0-1.tgz", tgz(t, map[string][]byte{
		"contrail-docker-images_4.1.0.0-1.tgz":  inner,
		"openstack-docker-images_4.1.0.0-1.tgz": tgz(t, map[string][]byte{"ubuntu-binary-glance-api.tar.gz": savedImage(t, "glance")}),
		"contrail-ansible-4.1.0.0-2.tar.gz":     tgz(t, nil),
	}))
	p, err := OpenPackage(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	in := "contrail-docker-images_4.1.0.0-1.tgz/"
	want := &Package{Path: file, Version: "4.1.0.0-2", Skipped: []string{in + "contrail-kolla-ubuntu16.04-4.1.0.0-1.tar.gz"}, Members: []Member{
		{"contrail-controller", in + "contrail-controller-ubuntu16.04-4.1.0.0-1.tar.gz", "4.1.0.0-1"},
		{"contrail-lb", in + "contrail-lb-ubuntu16.04-4.1.0.0-1.tar.gz", "4.1.0.0-1"},
		{"glance-api", "openstack-docker-images_4.1.0.0-1.tgz/ubuntu-binary-glance-api.tar.gz", ""},
	}}
	if d := cmp.Diff(want, p); d != "" {
		t.Fatal(d)
	}
	reg := newRegistry(t, false, "")
	sent := map[string]int{}
	push := func(po PackageOptions) {
		t.Helper()
		clear(sent)
		err := p.PushPackage(t.Context(), po, Options{}, func(_ Member, target string) (Options, func(Result)) {
			return Options{PlainHTTP: true}, func(res Result) { sent[target] = res.Sent }
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	at := reg.name() + "/img1-"
	push(PackageOptions{Registry: reg.name(), ImageID: "img1"})
	// The layer that two images share travels once.
	if d := cmp.Diff(map[string]int{at + "contrail-controller:4.1.0.0-1": 2, at + "contrail-lb:4.1.0.0-1": 1, at + "glance-api:4.1.0.0-2": 1}, sent); d != "" {
		t.Error(d)
	}
	push(PackageOptions{Registry: reg.name(), ImageID: "contrail-container", Seed: true, SKU: "liberty", Version: "3.1.1.0-29", Only: []string{"controller"}})
	if d := cmp.Diff(map[string]int{reg.name() + "/contrail-container-controller-liberty:3.1.1.0-29": 2}, sent); d != "" {
		t.Error(d)
	}
	all, err := List(t.Context(), reg.name()+"/img1-contrail-lb", Options{PlainHTTP: true})
	if err != nil || len(all) != 1 || all[0].Name() != at+"contrail-lb:4.1.0.0-1" || !strings.HasPrefix(all[0].ID, "sha256:") {
		t.Errorf("%+v %v", all, err)
	}
}

func TestNoPackage(t *testing.T) {
	t.Parallel()
	deep := tgz(t, map[string][]byte{"a": nil})
	for range 6 {
		deep = tgz(t, map[string][]byte{"x.tgz": deep})
	}
	for want, data := range map[string][]byte{
		"install package":     tgz(t, map[string][]byte{"contrail-puppet-4.1.tar.gz": nil}),
		"tells a role":        tgz(t, map[string][]byte{"a-ubuntu16.04-1.tar.gz": nil}),
		"no image archive":    tgz(t, map[string][]byte{"README": nil}),
		"nested too deep":     deep,
		"it is no tar file":   []byte(strings.Repeat("x", 1024)),
		"is no image archive": nil,
	} {
		if _, err := OpenPackage(t.Context(), write(t, "p.tgz", data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	p := &Package{Path: "p.tgz"}
	if _, err := p.Target(Member{Role: "nova", File: "ubuntu-binary-nova.tar.gz"}, PackageOptions{Registry: "r:1", ImageID: "i"}); err == nil || !strings.Contains(err.Error(), "--version") {
		t.Errorf("no version: %v", err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	reg := newRegistry(t, false, "")
	o := Options{PlainHTTP: true}
	name := reg.name() + "/web:1"
	old, err := Push(t.Context(), archive(t, testImage{layers: [][]byte{testLayer(t, "old")}}), name, o)
	if err != nil {
		t.Fatal(err)
	}
	was := func(host, ref string) Used { return Used{Host: host, Ref: ref, ID: old.ID} }
	verdicts := func(used ...Used) string {
		var out []string
		for _, v := range Verify(t.Context(), used, func(string) Options { return o }) {
			out = append(out, v.Host+" "+v.Verdict)
		}
		return strings.Join(out, ", ")
	}
	all := []Used{was("a", name), {Host: "b", Ref: name, ID: "sha256:0", Digests: []string{reg.name() + "/web@" + old.Digest}},
		was("c", reg.name()+"/none:1"), was("d", "busybox:1"), was("e", "sha256:12"), was("f", "127.0.0.1:1/x:1")}
	if got := verdicts(all...); got != "a same, b same, c missing, d no registry, e no registry, f unknown" {
		t.Error(got)
	}
	if _, err := Push(t.Context(), archive(t, testImage{layers: [][]byte{testLayer(t, "new")}}), name, o); err != nil {
		t.Fatal(err)
	}
	if got := verdicts(all[:2]...); got != "a differs, b differs" {
		t.Error(got)
	}
}
