// Command floor is what a benchmark is measured against: a bare client that
// connects to hosts with golang.org/x/crypto/ssh, runs `true` on each, and
// prints the wall time. It does no more than that, and nothing to be faster.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func main() {
	var (
		list     = flag.String("hosts", "", "addresses, separated by blanks or commas")
		file     = flag.String("file", "", "a file with an address a line")
		user     = flag.String("user", "root", "the user to log in as")
		key      = flag.String("key", "", "the private key file")
		known    = flag.String("known-hosts", "", "the known_hosts file; none: keys are not checked")
		port     = flag.String("port", "22", "the SSH port")
		parallel = flag.Int("parallel", 50, "how many at once")
		command  = flag.String("command", "true", "what to run")
	)
	flag.Parse()
	hosts, err := addresses(*list, *file)
	if err != nil || len(hosts) == 0 {
		fatal("no hosts: give -hosts or -file", err)
	}
	cfg, err := config(*user, *key, *known)
	if err != nil {
		fatal("cannot log in", err)
	}
	begin := time.Now()
	var wg sync.WaitGroup
	var bad atomic.Int32
	slots := make(chan struct{}, *parallel)
	for _, h := range hosts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := run(net.JoinHostPort(h, *port), *command, cfg); err != nil {
				bad.Add(1)
				fmt.Fprintf(os.Stderr, "floor: %s: %v\n", h, err)
			}
		})
	}
	wg.Wait()
	fmt.Printf("%.3f\n", time.Since(begin).Seconds())
	if bad.Load() > 0 {
		os.Exit(1)
	}
}

func fatal(what string, err error) {
	fmt.Fprintf(os.Stderr, "floor: %s: %v\n", what, err)
	os.Exit(2)
}

func addresses(list, file string) ([]string, error) {
	out := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })
	if file == "" {
		return out, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if h := strings.TrimSpace(sc.Text()); h != "" && h[0] != '#' {
			out = append(out, h)
		}
	}
	return out, nil
}

func config(user, key, known string) (*ssh.ClientConfig, error) {
	b, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, err
	}
	check := ssh.InsecureIgnoreHostKey()
	var algorithms []string
	if known != "" {
		if check, err = knownhosts.New(known); err != nil {
			return nil, err
		}
		algorithms = []string{ssh.KeyAlgoED25519}
	}
	return &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: check, HostKeyAlgorithms: algorithms, Timeout: 30 * time.Second}, nil
}

// run connects and runs the command; a server that is full is tried again.
func run(addr, command string, cfg *ssh.ClientConfig) error {
	var c *ssh.Client
	var err error
	for try := range 6 {
		if c, err = ssh.Dial("tcp", addr, cfg); err == nil {
			break
		}
		time.Sleep(time.Duration(20<<try) * time.Millisecond)
	}
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	return s.Run(command)
}
