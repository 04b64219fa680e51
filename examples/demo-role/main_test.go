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
			handler(h).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/health", nil))
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
