// Command demo-role stands in for a Contrail role container: it does just enough that provisioning can be observed from
// outside. It reads the role's configuration from where that is mounted, writes to its log mount, and answers
// GET /health. Without a valid configuration it never becomes healthy.
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
	"syscall"
	"time"
)

func main() {
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
		s.config = "/etc/contrailctl/" + s.role + ".conf"
	}
	run := serve
	if *probe {
		run = ask
	}
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

type settings struct{ role, config, logDir, listen string }

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
	h.Healthy = true
	return h, listen
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
	server := &http.Server{Addr: listen, Handler: handler(h), ReadHeaderTimeout: 5 * time.Second}
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

func handler(h health) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !h.Healthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		_ = enc.Encode(h) // the client went away: nobody is left to tell
	})
	return mux
}

// ask is the image's own health check: there is no shell or curl in the image.
func ask(s settings) error {
	_, listen := look(s)
	if listen == "" {
		return errors.New("no address to ask")
	}
	client := http.Client{Timeout: 3 * time.Second}
	resp, err := client.Get("http://" + listen + "/health")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /health: %s", resp.Status)
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
