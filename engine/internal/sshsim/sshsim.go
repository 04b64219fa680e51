// Package sshsim simulates SSH servers inside a test, where what matters is how
// a client bears a server that real ones do not ship: hostile, slow, or broken.
// It is no stand-in for a real sshd; tests that need one use the test bed.
package sshsim

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Server is a simulated SSH server.
type Server struct {
	Addr string // 127.0.0.1
	Port int
	// KnownHosts is a file with the server's key, KeyFile a key it accepts.
	KnownHosts, KeyFile string
	Key                 gossh.Signer // of the server

	l  net.Listener
	wg sync.WaitGroup
	mu sync.Mutex
	cs []net.Conn
}

// Options say how the server behaves. The zero value runs commands by /bin/sh.
type Options struct {
	// Password, when set, is accepted; KeyboardInteractive asks for it that way only.
	Password            string
	KeyboardInteractive bool
	NoKeys              bool
	// Drop closes that many first connections before a word, saying DropLine.
	Drop     int
	DropLine string
	// Mute never says a word.
	Mute bool
	// DeafSessions never answers the opening of a session.
	DeafSessions bool
	// DeafRequests never answers a request about the connection, a keepalive's too.
	DeafRequests bool
	// Connected is called with each connection that was let in.
	Connected func(gossh.Conn)
	// Exec replaces running the command. It returns the exit status.
	Exec func(command string, stdin io.Reader, stdout, stderr io.Writer) int
}

func newKey(t testing.TB) (gossh.Signer, ed25519.PrivateKey) {
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := gossh.NewSignerFromKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return s, priv
}

// Start starts a server that ends with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, l: l}
	dir := t.TempDir()
	var priv ed25519.PrivateKey
	var user gossh.Signer
	s.Key, _ = newKey(t)
	user, priv = newKey(t)
	block, err := gossh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	s.KeyFile, s.KnownHosts = filepath.Join(dir, "key"), filepath.Join(dir, "known_hosts")
	writeFile(t, s.KeyFile, pemBytes(block))
	name := "[" + s.Addr + "]:" + strconv.Itoa(s.Port)
	writeFile(t, s.KnownHosts, []byte(knownhosts.Line([]string{name}, s.Key.PublicKey())+"\n"))
	cfg := &gossh.ServerConfig{}
	cfg.AddHostKey(s.Key)
	if !o.NoKeys {
		cfg.PublicKeyCallback = func(_ gossh.ConnMetadata, key gossh.PublicKey) (*gossh.Permissions, error) {
			if string(key.Marshal()) != string(user.PublicKey().Marshal()) {
				return nil, errors.New("not this key")
			}
			return nil, nil
		}
	}
	s.passwords(cfg, o)
	s.wg.Go(func() { s.accept(cfg, o) })
	t.Cleanup(s.Close)
	return s
}

func (s *Server) passwords(cfg *gossh.ServerConfig, o Options) {
	check := func(p string) (*gossh.Permissions, error) {
		if p != o.Password || p == "" {
			return nil, errors.New("not this password")
		}
		return nil, nil
	}
	if o.Password != "" && !o.KeyboardInteractive {
		cfg.PasswordCallback = func(_ gossh.ConnMetadata, p []byte) (*gossh.Permissions, error) { return check(string(p)) }
	}
	if o.KeyboardInteractive {
		cfg.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
			a, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(a) != 1 {
				return nil, errors.New("no answer")
			}
			return check(a[0])
		}
	}
}

// Close ends the server and every connection.
func (s *Server) Close() {
	_ = s.l.Close()
	s.Cut()
	s.wg.Wait()
}

// Cut ends every connection, as a crash would.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.cs {
		_ = c.Close()
	}
	s.cs = nil
}

func (s *Server) accept(cfg *gossh.ServerConfig, o Options) {
	for n := 0; ; n++ {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		if n < o.Drop {
			_, _ = io.WriteString(c, o.DropLine)
			_ = c.Close()
			continue
		}
		s.mu.Lock()
		s.cs = append(s.cs, c)
		s.mu.Unlock()
		if o.Mute {
			continue
		}
		s.wg.Go(func() { s.serve(c, cfg, o) })
	}
}

func (s *Server) serve(c net.Conn, cfg *gossh.ServerConfig, o Options) {
	defer func() { _ = c.Close() }()
	conn, chans, reqs, err := gossh.NewServerConn(c, cfg)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	s.wg.Go(func() {
		if o.DeafRequests {
			for range reqs {
			}
		}
		answerAll(reqs)
	})
	if o.Connected != nil {
		s.wg.Go(func() { o.Connected(conn) })
	}
	for nc := range chans {
		if o.DeafSessions {
			continue
		}
		if nc.ChannelType() != "session" {
			_ = nc.Reject(gossh.UnknownChannelType, "no")
			continue
		}
		ch, reqs, err := nc.Accept()
		if err != nil {
			return
		}
		s.wg.Go(func() { s.session(ch, reqs, o) })
	}
}

func answerAll(reqs <-chan *gossh.Request) {
	for r := range reqs {
		if r.WantReply {
			_ = r.Reply(true, nil)
		}
	}
}

func (s *Server) session(ch gossh.Channel, reqs <-chan *gossh.Request, o Options) {
	defer func() { _ = ch.Close() }()
	for r := range reqs {
		if r.Type != "exec" {
			if r.WantReply {
				_ = r.Reply(false, nil)
			}
			continue
		}
		var m struct{ Command string }
		_ = gossh.Unmarshal(r.Payload, &m)
		if r.WantReply {
			_ = r.Reply(true, nil)
		}
		s.wg.Go(func() { answerAll(reqs) })
		run := o.Exec
		if run == nil {
			run = Shell
		}
		status := run(m.Command, ch, ch, ch.Stderr())
		_, _ = ch.SendRequest("exit-status", false, gossh.Marshal(struct{ S uint32 }{uint32(status)}))
		return
	}
}

// Shell runs a command by /bin/sh, as a login would.
func Shell(command string, stdin io.Reader, stdout, stderr io.Writer) int {
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	in, err := cmd.StdinPipe()
	if err != nil || cmd.Start() != nil {
		return 126
	}
	go func() {
		_, _ = io.Copy(in, stdin)
		_ = in.Close()
	}()
	_ = cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

func writeFile(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
