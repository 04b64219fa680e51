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
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: imagetar -role ROLE PROGRAM NAME:TAG ARCHIVE")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 3 || *role == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := pack(*role, flag.Arg(0), flag.Arg(1), flag.Arg(2)); err != nil {
		log.Fatal(err)
	}
}

type entry struct {
	name string // ends in / for a folder
	mode int64
	data []byte
}

func pack(role, program, name, archive string) error {
	slash, colon := strings.LastIndex(name, "/"), strings.LastIndex(name, ":")
	if colon <= slash+1 || colon == len(name)-1 {
		return errors.New("the image's name is written NAME:TAG, not " + name)
	}
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	layer, err := tarOf([]entry{
		{"etc/", 0o755, nil}, {"etc/contrailctl/", 0o755, nil},
		{"role", 0o755, binary},
		{"tmp/", 0o1777, nil},
		{"var/", 0o755, nil}, {"var/log/", 0o755, nil}, {"var/log/contrail/", 0o755, nil},
	})
	if err != nil {
		return err
	}
	config, err := json.Marshal(imageConfig(role, digest(layer)))
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
		{configName, 0o644, config},
		{digest(layer) + "/", 0o755, nil}, {digest(layer) + "/VERSION", 0o644, []byte("1.0")}, {layerName, 0o644, layer},
		{"manifest.json", 0o644, manifest},
		{"repositories", 0o644, repositories},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(archive, out, 0o644)
}

func imageConfig(role, layer string) map[string]any {
	return map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"created":      moment.Format(time.RFC3339),
		"config": map[string]any{
			"Entrypoint": []string{"/role"},
			"Env":        []string{"PATH=/", "CONTRAIL_ROLE=" + role},
			"Labels":     map[string]string{"contrail.role": role},
			"WorkingDir": "/",
			"Healthcheck": map[string]any{
				"Test": []string{"CMD", "/role", "-probe"}, "Interval": 5 * time.Second, "Timeout": 5 * time.Second,
				"StartPeriod": 2 * time.Second, "Retries": 3,
			},
		},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layer}},
		"history": []map[string]any{{"created": moment.Format(time.RFC3339), "created_by": "imagetar " + role}},
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
