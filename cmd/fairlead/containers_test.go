package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// engineOf100 is a container engine (a fake one, that counts) with a hundred
// containers of one image. It listens on a socket.
func engineOf100(t *testing.T) (socket string, calls func() map[string]int) {
	t.Helper()
	dir, err := os.MkdirTemp("", "engine") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	const image = "sha256:" + "1111111111111111111111111111111111111111111111111111111111111111"
	var mu sync.Mutex
	counted := map[string]int{}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/v1.41")
		kind := path
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{}
		switch parts := strings.Split(path, "/"); {
		case path == "/_ping":
		case path == "/containers/json":
			var all []any
			for i := range 100 {
				all = append(all, map[string]any{"Id": fmt.Sprintf("%064x", i), "Names": []string{fmt.Sprintf("/c-%d", i)}})
			}
			_ = json.NewEncoder(w).Encode(all)
			answer = nil
		case parts[1] == "containers" && r.Method == http.MethodGet:
			kind = "inspect container"
			answer = map[string]any{"Id": fmt.Sprintf("%064x", 1), "Name": "/" + parts[2], "Image": image,
				"State": map[string]any{"Running": true, "Status": "running"}, "Config": map[string]any{"Image": "web:1", "Env": []string{"A=1"}},
				"HostConfig": map[string]any{"NetworkMode": "host"}}
		case parts[1] == "images" && r.Method == http.MethodGet:
			kind = "inspect image"
			answer = map[string]any{"Id": image, "Config": map[string]any{}}
		default:
			kind = r.Method + " " + path
			w.WriteHeader(http.StatusNotImplemented)
		}
		if answer != nil && path != "/_ping" {
			_ = json.NewEncoder(w).Encode(answer)
		}
		mu.Lock()
		counted[kind]++
		mu.Unlock()
	})}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-ended })
	return socket, func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return counted
	}
}

// TestHundredContainers: a hundred tasks that change nothing cost one list, each
// container once, and their image a few times: not two calls for every task.
func TestHundredContainers(t *testing.T) {
	t.Parallel()
	socket, calls := engineOf100(t)
	c := newCLI(t)
	c.write("hosts.ini", "here ansible_connection=local ansible_docker_host=unix://"+socket+"\n")
	var play strings.Builder
	play.WriteString("- hosts: all\n  gather_facts: false\n  tasks:\n")
	for i := range 100 {
		fmt.Fprintf(&play, "    - docker_container: {name: c-%d, image: 'web:1', network_mode: host, env: {A: '1'}}\n", i)
	}
	c.write("site.yml", play.String())
	c.run("run", "-i", "hosts.ini", "--no-record", "site.yml").exits(0).tells("ok=100  changed=0")
	n := calls()
	lists, images := n["/containers/json"], n["inspect image"]
	if n["inspect container"] != 100 || lists > 2 || images > 2 || len(n) != 4 {
		t.Errorf("calls: %v", n)
	}
	t.Logf("calls: %v", n)
}
