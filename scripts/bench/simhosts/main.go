// Command simhosts simulates many SSH hosts for benchmarks of the controller:
// one process that answers Fairlead's frames without starting a process for
// each. It is a simulator, no stand-in for real hosts: the first connection is
// the teacher, whose frames a real /bin/sh of this machine carries out; every
// other connection that sends the same frame (but for its nonce and the names
// of temporary files) is given the same answer. A frame that the teacher never
// sent is an error, counted and reported. On SIGTERM or SIGINT it prints what it
// did and the CPU time it took.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// addresses is how many loopback addresses the hosts share, so that a client
// does not run out of ports.
const addresses = 16

func main() {
	dir := flag.String("dir", "", "folder for the key, known_hosts and inventory it writes")
	port := flag.Int("port", 2200, "the port, on 127.4.0.1 to 127.4.0.16")
	hosts := flag.Int("hosts", 1000, "how many hosts the inventory names")
	delay := flag.Duration("delay", 0, "one-way delay of every byte, in both directions")
	forward := flag.String("forward", "", "addresses of real hosts (with port), separated by blanks: 127.5.0.1 and so on lead to them")
	flag.Parse()
	debug.SetGCPercent(400) // it shares the machine with the controller that is measured
	if *forward != "" {
		if err := forwardAll(strings.Fields(*forward), *port, *delay); err != nil {
			fatal(err)
		}
		return
	}
	if *dir == "" {
		fatal(errors.New("give -dir"))
	}
	s := &server{answers: map[string]*answer{}}
	if err := s.prepare(*dir, *port, *hosts); err != nil {
		fatal(err)
	}
	for i := range addresses {
		l, err := net.Listen("tcp", net.JoinHostPort(address(i), strconv.Itoa(*port)))
		if err != nil {
			fatal(err)
		}
		go s.accept(l, *delay)
	}
	untilEnd()
	s.dismiss()
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	fmt.Printf("connections %d frames %d replayed %d unknown %d cpu %.2f\n", s.conns.Load(), s.frames.Load(), s.replayed.Load(), s.unknown.Load(), cpu.Seconds())
}

// dismiss waits until the teacher's shell has ended, which may hold this machine's
// lock until then; not for long, since its client may still be there.
func (s *server) dismiss() {
	over := make(chan struct{})
	go func() { s.lessons.Wait(); close(over) }()
	select {
	case <-over:
	case <-time.After(5 * time.Second):
	}
}

// untilEnd says that everything listens, and waits for the signal to end.
func untilEnd() {
	fmt.Println("ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "simhosts:", err)
	os.Exit(1)
}

func address(i int) string { return fmt.Sprintf("127.4.0.%d", 1+i%addresses) }

// server is all hosts.
type server struct {
	cfg     ssh.ServerConfig
	mu      sync.Mutex
	answers map[string]*answer
	teacher atomic.Bool // somebody is the teacher
	lessons sync.WaitGroup

	conns, frames, replayed, unknown atomic.Int64
}

// answer is what the teacher's shell said to a frame, NONCE for its nonce.
type answer struct {
	known       chan struct{}
	out, stderr string
}

// prepare writes the client's key, known_hosts and an inventory.
func (s *server) prepare(dir string, port, hosts int) error {
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	_, userKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	host, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		return err
	}
	user, err := ssh.NewSignerFromKey(userKey)
	if err != nil {
		return err
	}
	s.cfg.AddHostKey(host)
	s.cfg.ServerVersion = "SSH-2.0-OpenSSH_9.2 simhosts"     // what a client sends depends on it
	s.cfg.KeyExchanges = []string{ssh.KeyExchangeCurve25519} // what OpenSSH 9.2 of Debian 12 and this library have in common first
	s.cfg.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(user.PublicKey().Marshal()) {
			return nil, errors.New("not this key")
		}
		return nil, nil
	}
	block, err := ssh.MarshalPrivateKey(userKey, "")
	if err != nil {
		return err
	}
	var known, inv, list strings.Builder
	for i := range addresses {
		known.WriteString(knownhosts.Line([]string{"[" + address(i) + "]:" + strconv.Itoa(port)}, host.PublicKey()) + "\n")
	}
	inv.WriteString("[sim]\n")
	for i := range hosts {
		fmt.Fprintf(&inv, "h%05d ansible_host=%s\n", i, address(i))
		fmt.Fprintln(&list, address(i))
	}
	fmt.Fprintf(&inv, "[sim:vars]\nansible_port=%d\nansible_user=root\nansible_ssh_private_key_file=%s\n", port, filepath.Join(dir, "key"))
	for name, text := range map[string]string{"key": string(pem.EncodeToMemory(block)), "known_hosts": known.String(), "hosts.ini": inv.String(), "list": list.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) accept(l net.Listener, delay time.Duration) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if delay > 0 {
			c = delayed(c, delay)
		}
		go s.serve(c)
	}
}

func (s *server) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	_, chans, reqs, err := ssh.NewServerConn(c, &s.cfg)
	if err != nil {
		return
	}
	s.conns.Add(1)
	go ssh.DiscardRequests(reqs)
	for n := range chans {
		if n.ChannelType() != "session" {
			_ = n.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		go s.session(ch, reqs)
	}
}

func (s *server) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	defer func() { _ = ch.Close() }()
	for r := range reqs {
		if r.Type != "exec" {
			_ = r.Reply(r.Type == "env", nil)
			continue
		}
		_ = r.Reply(true, nil)
		var p struct{ Command string }
		_ = ssh.Unmarshal(r.Payload, &p)
		if p.Command != "true" {
			s.loop(ch, p.Command)
		}
		_, _ = ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{}))
		return
	}
}

// loop answers frames until the client is done.
func (s *server) loop(ch ssh.Channel, command string) {
	var sh *teacher
	if s.teacher.CompareAndSwap(false, true) {
		var err error
		if sh, err = newTeacher(command); err != nil {
			fatal(err)
		}
		s.lessons.Add(1)
		defer s.lessons.Done()
		defer sh.close()
	}
	in := bufio.NewReader(ch)
	nonce := ""
	frame, carried := carriedFrame(command)
	for ; ; carried = false {
		if !carried {
			var err error
			if frame, err = readFrame(in); err != nil {
				return
			}
		}
		s.frames.Add(1)
		if nonce == "" {
			nonce = strings.Replace(between(frame, "N=", "\n"), `""`, "", 1)
		}
		a := s.answer(neutral(frame, nonce))
		if sh != nil {
			select {
			case <-a.known:
			default:
				if !carried {
					sh.send(frame)
				}
				var err error
				if a.out, a.stderr, err = sh.answer(frame, nonce); err != nil {
					fatal(err)
				}
				close(a.known)
			}
		}
		select {
		case <-a.known:
		case <-time.After(20 * time.Second):
			s.unknown.Add(1)
			return
		}
		s.replayed.Add(1)
		_, _ = io.WriteString(ch.Stderr(), strings.ReplaceAll(a.stderr, "NONCE", nonce))
		_, _ = io.WriteString(ch, strings.ReplaceAll(a.out, "NONCE", nonce))
	}
}

func (s *server) answer(key string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[key]
	if a == nil {
		a = &answer{known: make(chan struct{})}
		s.answers[key] = a
	}
	return a
}

// carriedFrame is the first frame where the command that starts the shell holds it.
func carriedFrame(command string) (string, bool) {
	text, ok := strings.CutPrefix(command, "_FD='")
	if !ok {
		return "", false
	}
	text, _, _ = strings.Cut(text, "' exec ")
	return strings.NewReplacer("\x02", "\n", `'\''`, "'").Replace(text), true
}

// readFrame reads a frame with its head, in each of the forms that the shell's loop
// takes: the script that the first one is, a length and bytes, or a number of lines.
// Raw contents behind a frame are not simulated: the benchmark's files travel inside it.
func readFrame(in *bufio.Reader) (string, error) {
	head, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	if head == "{\n" {
		return readLines(in, head, func(_ int, last, line string) bool {
			return line == "}\n" && strings.HasPrefix(last, "while read")
		})
	}
	lined := strings.HasPrefix(head, "l")
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(head, "l")))
	if err != nil {
		return "", err
	}
	if lined {
		return readLines(in, head, func(i int, _, _ string) bool { return i == n })
	}
	b := make([]byte, n)
	_, err = io.ReadFull(in, b)
	return head + string(b), err
}

// readLines reads up to the line that is the last, after those read before.
func readLines(in *bufio.Reader, read string, end func(i int, before, line string) bool) (string, error) {
	b, before := strings.Builder{}, ""
	b.WriteString(read)
	for i := 1; ; i++ {
		line, err := in.ReadString('\n')
		b.WriteString(line)
		if err != nil || end(i, before, line) {
			return b.String(), err
		}
		before = line
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// neutral is a frame without what differs between two connections.
func neutral(frame, nonce string) string {
	frame = strings.ReplaceAll(frame, nonce, "NONCE")
	frame = strings.Replace(frame, nonce[:len(nonce)/2]+`""`+nonce[len(nonce)/2:], "NONCE", 1)
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(frame, "/.fairlead-")
		b.WriteString(head)
		if !found {
			return b.String()
		}
		b.WriteString("/.fairlead-")
		if len(rest) > 8 {
			rest = rest[8:]
		}
		frame = rest
	}
}
