// Command imagetar packs one static program into an image archive as `docker save` writes it, FROM scratch and without
// a Docker engine. The same program gives the same bytes each time.
package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"strings"
	"time"
)

// Everything in the image is from the same moment, so that its digest depends on its content alone.
var moment = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func main() {
	role := flag.String("role", "", "role of the image, as label contrail.role and variable CONTRAIL_ROLE")
	interval := flag.Duration("interval", 5*time.Second, "time between two health checks")
	var env []string
	flag.Func("env", "NAME=value for the program's environment (may be given more than once)", func(s string) error {
		if !strings.Contains(s, "=") {
			return errors.New("it is written NAME=value")
		}
		env = append(env, s)
		return nil
	})
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: imagetar -role ROLE PROGRAM NAME:TAG ARCHIVE")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 3 || *role == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := pack(image{role: *role, interval: *interval, env: env}, flag.Arg(0), flag.Arg(1), flag.Arg(2)); err != nil {
		log.Fatal(err)
	}
}

type entry struct {
	name string // ends in / for a folder
	mode int64
	data []byte
	link string // of a symbolic link
}

// image is what its configuration says.
type image struct {
	role     string
	interval time.Duration
	env      []string
}

func pack(i image, program, name, archive string) error {
	slash, colon := strings.LastIndex(name, "/"), strings.LastIndex(name, ":")
	if colon <= slash+1 || colon == len(name)-1 {
		return errors.New("the image's name is written NAME:TAG, not " + name)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layer, err := tarOf([]entry{
		{name: "etc/", mode: 0o755}, {name: "etc/contrailctl/", mode: 0o755},
		{name: "role", mode: 0o755, data: binary}, {name: "contrailctl", mode: 0o777, link: "role"},
		{name: "tmp/", mode: 0o1777},
		{name: "var/", mode: 0o755}, {name: "var/log/", mode: 0o755}, {name: "var/log/contrail/", mode: 0o755},
	})
	if err != nil {
		return err
	}
	config, err := json.Marshal(imageConfig(i, digest(layer)))
	if err != nil {
		return err
	}
	configName, layerName := digest(config)+".json", digest(layer)+"/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName}}})
	if err != nil {
		return err
	}
	repositories, err := json.Marshal(map[string]map[string]string{name[:colon]: {name[colon+1:]: digest(layer)}})
	if err != nil {
		return err
	}
	out, err := tarOf([]entry{
		{name: configName, mode: 0o644, data: config},
		{name: digest(layer) + "/", mode: 0o755}, {name: digest(layer) + "/VERSION", mode: 0o644, data: []byte("1.0")},
		{name: layerName, mode: 0o644, data: layer},
		{name: "manifest.json", mode: 0o644, data: manifest},
		{name: "repositories", mode: 0o644, data: repositories},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(archive, out, 0o644)
}

func imageConfig(i image, layer string) map[string]any {
	return map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"created":      moment.Format(time.RFC3339),
		"config": map[string]any{
			"Entrypoint": []string{"/role"},
			"Env":        append([]string{"PATH=/", "CONTRAIL_ROLE=" + i.role}, i.env...),
			"Labels":     map[string]string{"contrail.role": i.role},
			"WorkingDir": "/",
			"Healthcheck": map[string]any{
				"Test": []string{"CMD", "/role", "-probe"}, "Interval": i.interval, "Timeout": 5 * time.Second,
				"StartPeriod": 2 * time.Second, "Retries": 3,
			},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layer}},
		"history": []map[string]any{{"created": moment.Format(time.RFC3339), "created_by": "imagetar " + i.role}},
	}
}

func tarOf(entries []entry) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), ModTime: moment, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, bytes.NewReader(e.data)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
