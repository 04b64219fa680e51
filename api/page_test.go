package api_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestPage: the page and all that it names are there, and closed to others; a
// browser shows the list of runs, and one of them.
func TestPage(t *testing.T) {
	t.Parallel()
	ts := serve(t, t.TempDir(), &fakeRunner{fail: "lb"}, nil)
	ts.do("POST", "/run_playbook", request("node-a", "127.0.2.1", "", "control", "lb"))
	eventually(t, "an end", func() bool {
		_, _, runs := ts.do("GET", "/api/v1/runs", "")
		return strings.Contains(runs, `"status":"failed"`)
	})
	status, kind, text := ts.do("GET", "/", "")
	if status != 200 || !strings.HasPrefix(kind, "text/html") {
		t.Fatal(status, kind)
	}
	named := regexp.MustCompile(`(?:src|href)="(/[^"#]+)"`).FindAllStringSubmatch(text, -1)
	if len(named) != 3 {
		t.Errorf("the page names %q", named)
	}
	for _, n := range named {
		if status, _, _ := ts.do("GET", n[1], ""); status != 200 {
			t.Errorf("%s: %d", n[1], status)
		}
	}
	if head := ts.raw("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"); !strings.Contains(head, "frame-ancestors 'none'") || !strings.Contains(head, "script-src 'self'") {
		t.Error(head)
	}
	if got := ts.raw("GET / HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 421") {
		t.Error(got)
	}
	noSecrets(t, ts)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: what the page shows is not looked at")
	}
	_, _, runs := ts.do("GET", "/api/v1/runs", "")
	id := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(runs)[1]
	for at, want := range map[string][]string{
		"/#/":           {"contrail/site.yml", id, "pill s-failed"},
		"/#/runs/" + id: {"no room for ********", "lb : configuration", "127.0.2.1", "controller : configuration", "s-changed"},
	} {
		out, err := exec.Command(browser, "--headless=new", "--no-sandbox", "--disable-gpu",
			"--no-first-run", "--disable-background-networking", "--disable-sync", "--disable-quic", // it asks nobody but us
			"--user-data-dir="+t.TempDir(), "--virtual-time-budget=6000", "--dump-dom", ts.url+at).Output()
		if err != nil {
			t.Errorf("%s: %v", at, err)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s: no %q in %s", at, w, out)
			}
		}
	}
	noSecrets(t, ts)
}
