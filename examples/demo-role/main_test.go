package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	const good = "# a comment\n[GLOBAL]\nlisten = 127.0.0.1:18080\ncloud_orchestrator=openstack\n\n[API]\nlisten_port = 8082\nadmin_password = hidden\n"
	for _, c := range []struct {
		name, text string
		status     int
		why        string
	}{
		{"valid", good, http.StatusOK, ""},
		{"absent", "", http.StatusServiceUnavailable, "no such file"},
		{"not INI", "[GLOBAL]\nlisten\n", http.StatusServiceUnavailable, "controller.conf:2: wanted name = value"},
		{"unclosed section", "[GLOBAL\n", http.StatusServiceUnavailable, "controller.conf:1: a section"},
		{"option outside a section", "a = b\n", http.StatusServiceUnavailable, "controller.conf:1:"},
		{"no GLOBAL", "[API]\na = b\n", http.StatusServiceUnavailable, "no [GLOBAL] section"},
		{"no port", good + "introspect_port = many\n", http.StatusServiceUnavailable, "no port"},
		{"a node without name", "[GLOBAL]\nlisten = 127.0.0.1:1\ncontroller_nodes = 192.0.2.1,,192.0.2.3\n", http.StatusServiceUnavailable, "no name"},
		{"no such orchestrator", "[GLOBAL]\nlisten = 127.0.0.1:1\ncloud_orchestrator = none\n", http.StatusServiceUnavailable, "cloud_orchestrator"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "controller.conf")
			if c.text != "" {
				if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h, listen := look(settings{role: "controller", config: path, listen: "127.0.0.1:9"})
			answer := httptest.NewRecorder()
			handler(h, nil).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil))
			if answer.Code != c.status {
				t.Errorf("status %d, want %d: %s", answer.Code, c.status, answer.Body)
			}
			var got health
			if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Error, c.why) || (got.Error != "") != (c.why != "") {
				t.Errorf("error %q, want %q", got.Error, c.why)
			}
			if c.why != "" {
				return
			}
			sum := sha256.Sum256([]byte(good))
			if got.SHA256 != hex.EncodeToString(sum[:]) {
				t.Errorf("sha256 %s is not the file's", got.SHA256)
			}
			if strings.Contains(answer.Body.String(), "hidden") {
				t.Errorf("a password is shown: %s", answer.Body)
			}
			if listen != "127.0.0.1:18080" || got.Options["API.listen_port"] != "8082" || got.Options["GLOBAL.cloud_orchestrator"] != "openstack" {
				t.Errorf("listen %q, options %v", listen, got.Options)
			}
		})
	}
}

// TestReload: what contrailctl asks for makes a wrong configuration show, and a right one heal.
func TestReload(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lb.conf")
	s := settings{role: "lb", config: path, require: []string{"GLOBAL.new"}}
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("[GLOBAL]\n")
	h, _ := look(s)
	server := httptest.NewServer(handler(h, func() health { h, _ := look(s); return h }))
	defer server.Close()
	status := func(method, path string) int {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		return resp.StatusCode
	}
	if got := status("GET", "/health"); got != http.StatusServiceUnavailable {
		t.Errorf("without the option: %d", got)
	}
	write("[GLOBAL]\nnew = yes\n")
	if got := status("GET", "/health"); got != http.StatusServiceUnavailable {
		t.Errorf("before it was told: %d", got)
	}
	if got := status("POST", "/reload"); got != http.StatusOK {
		t.Errorf("reload: %d", got)
	}
	if got := status("GET", "/health"); got != http.StatusOK {
		t.Errorf("after it was told: %d", got)
	}
}
