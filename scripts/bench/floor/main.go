// Command floor does the least that provisioning over SSH can: it connects to every host, runs `true` and leaves. What
// it takes is the floor that `make bench` measures Fairlead against; it uses the same library and none of our code.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func main() {
	key := flag.String("key", "", "private key")
	known := flag.String("known-hosts", "", "known_hosts file")
	user := flag.String("user", "root", "user")
	port := flag.String("port", "22", "port")
	parallel := flag.Int("parallel", 50, "hosts at once")
	flag.Parse() // the arguments are the hosts
	if err := run(*key, *known, *user, *port, flag.Args(), *parallel); err != nil {
		log.Fatal(err)
	}
}

func run(key, known, user, port string, hosts []string, parallel int) error {
	pem, err := os.ReadFile(key)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		return err
	}
	verify, err := knownhosts.New(known)
	if err != nil {
		return err
	}
	config := &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: verify, Timeout: 30 * time.Second,
		// The bench hosts have ed25519 keys only, and the client must ask for what known_hosts holds.
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	}
	errs := make([]error, len(hosts))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, host := range hosts {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if err := connect(host+":"+port, config); err != nil {
				errs[i] = fmt.Errorf("%s: %w", host, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func connect(address string, config *ssh.ClientConfig) error {
	var client *ssh.Client
	var err error
	for attempt := range 4 { // a server drops connections that come too fast (MaxStartups)
		time.Sleep(time.Duration(attempt*100) * time.Millisecond)
		if client, err = ssh.Dial("tcp", address, config); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	return session.Run("true")
}
