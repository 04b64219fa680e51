// Command demo-role stands in for a Contrail role container: it does just enough that provisioning can be observed from
// outside. It reads the role's configuration from where that is mounted, writes to its log mount, and answers
// GET /health. Without a valid configuration it never becomes healthy. CONTRAIL_REQUIRE names options (SECTION.option,
// with commas between) that it insists on, CONTRAIL_ONCE a file that it makes when the configuration is valid, to end
// then. Called as contrailctl, it tells the running role to read its configuration again.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	if filepath.Base(os.Args[0]) == "contrailctl" {
		if err := contrailctl(os.Args[1:]); err != nil {
			log.Fatal("contrailctl: ", err)
		}
		return
	}
	var s settings
	flag.StringVar(&s.role, "role", os.Getenv("CONTRAIL_ROLE"), "name of the role")
	flag.StringVar(&s.config, "config", os.Getenv("CONTRAIL_CONFIG"), "configuration file (default /etc/contrailctl/ROLE.conf)")
	flag.StringVar(&s.logDir, "log-dir", "/var/log/contrail", "folder of the role's log")
	flag.StringVar(&s.listen, "listen", os.Getenv("CONTRAIL_LISTEN"), "address when the configuration names none ([GLOBAL] listen)")
	probe := flag.Bool("probe", false, "ask a running role for its health, and exit 0 when it is healthy")
	flag.Parse()
	if s.role == "" {
		log.Fatal("no role: give -role or CONTRAIL_ROLE")
	}
	if s.config == "" {
		s.config = "/etc/contrailctl/" + strings.ReplaceAll(s.role, "-", "") + ".conf"
	}
	s.require = strings.FieldsFunc(os.Getenv("CONTRAIL_REQUIRE"), func(r rune) bool { return r == ',' })
	s.once = os.Getenv("CONTRAIL_ONCE")
	run := serve
	if s.once != "" {
		run = once
	}
	if *probe {
		run = ask
	}
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

type settings struct {
	role, config, logDir, listen string
	require                      []string
	once                         string
}

// health is the answer to GET /health.
type health struct {
	Role    string            `json:"role"`
	Healthy bool              `json:"healthy"`
	Error   string            `json:"error,omitempty"`
	Config  string            `json:"config"`
	SHA256  string            `json:"config_sha256,omitempty"`
	Options map[string]string `json:"options,omitempty"`
	PID     int               `json:"pid"`
	Started time.Time         `json:"started"`
}

// look reads the configuration and says what the role's health is with it, and on which address it listens.
func look(s settings) (h health, listen string) {
	h = health{Role: s.role, Config: s.config, PID: os.Getpid(), Started: time.Now().UTC()}
	conf, err := readConfig(s.config)
	if err != nil {
		h.Error = err.Error()
		return h, s.listen
	}
	h.SHA256, h.Options = conf.sum, conf.shown()
	listen = conf.options["GLOBAL.listen"]
	if listen == "" {
		listen = s.listen
	}
	if err := conf.wrong(s.require); err != nil {
		h.Error = err.Error()
		return h, listen
	}
	h.Healthy = true
	return h, listen
}

// once is a role that does its work and ends.
func once(s settings) error {
	h, _ := look(s)
	if !h.Healthy {
		return errors.New(h.Error)
	}
	return os.WriteFile(s.once, []byte(h.SHA256+"\n"), 0o755)
}

// listening is where the running role says on which address it listens.
const listening = "/tmp/listening"

// contrailctl is "config sync" of the program that real images have.
func contrailctl(args []string) error {
	if len(args) < 2 || args[0] != "config" || args[1] != "sync" {
		return fmt.Errorf("there is only: config sync, not %v", args)
	}
	addr, err := os.ReadFile(listening)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Post("http://"+string(addr)+"/reload", "text/plain", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the configuration is refused: " + resp.Status)
	}
	return nil
}

func serve(s settings) error {
	h, listen := look(s)
	logger, closeLog, err := openLog(s)
	if err != nil {
		return err
	}
	defer closeLog()
	if h.Healthy {
		logger.Printf("%s: read %s, sha256 %s", s.role, s.config, h.SHA256)
	} else {
		logger.Printf("%s: not healthy: %s", s.role, h.Error)
	}
	if listen == "" {
		logger.Printf("%s: no address to listen on", s.role)
		return errors.New("no address to listen on: set [GLOBAL] listen in " + s.config)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := os.WriteFile(listening, []byte(listen), 0o644); err != nil {
		logger.Printf("%s: contrailctl will not find it: %v", s.role, err)
	}
	server := &http.Server{Addr: listen, Handler: handler(h, func() health { h, _ := look(s); return h }), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	logger.Printf("%s: listening on %s", s.role, listen)
	select {
	case err := <-failed:
		logger.Printf("%s: %v", s.role, err)
		return err
	case <-ctx.Done():
	}
	logger.Printf("%s: told to stop", s.role)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}

// handler answers with the health; again looks at the configuration anew.
func handler(first health, again func() health) http.Handler {
	var now atomic.Pointer[health]
	now.Store(&first)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { answer(w, now.Load()) })
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) {
		h := again()
		h.Started = first.Started
		now.Store(&h)
		answer(w, &h)
	})
	return mux
}

func answer(w http.ResponseWriter, h *health) {
	w.Header().Set("Content-Type", "application/json")
	if !h.Healthy {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(h) // the client went away: nobody is left to tell
}

// ask is the image's own health check: there is no shell or curl in the image.
func ask(s settings) error {
	listen, err := os.ReadFile(listening)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://" + string(listen) + "/health")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var h health
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil || !h.Healthy {
		return fmt.Errorf("GET /health: %s: %s", resp.Status, h.Error)
	}
	return nil
}

func openLog(s settings) (*log.Logger, func(), error) {
	if err := os.MkdirAll(s.logDir, 0o755); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(filepath.Join(s.logDir, s.role+".log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, err
	}
	return log.New(file, "", log.LstdFlags|log.LUTC), func() { _ = file.Close() }, nil
}
