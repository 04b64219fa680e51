// Package ssh makes connections to hosts: authentication, host keys,
// ssh_config, deadlines and keep-alives over golang.org/x/crypto/ssh, with
// errors that say which step it was and what to do about it.
package ssh

import (
	"log/slog"
	"time"
)

// HostKeyChecking says what happens when a host's key is not known.
type HostKeyChecking uint8

// The ways to check host keys. A key that differs from a known one is refused
// by all but HostKeyOff.
const (
	HostKeyStrict    HostKeyChecking = iota // refuse unknown hosts
	HostKeyAcceptNew                        // note the key of an unknown host
	HostKeyOff                              // check nothing
)

// Config says how to reach a host and who to be there. Empty fields are filled
// from ssh_config, then from the usual defaults.
type Config struct {
	// Host is the name shown in errors; Address what is connected to (Host
	// when empty). ssh_config is looked up by the address.
	Host, Address string
	Port          int
	User          string
	Password      string
	// KeyFiles are private keys. When set, ssh_config's and the default
	// files are not tried.
	KeyFiles []string
	// KeyPassphrase gives the passphrase of an encrypted key file.
	KeyPassphrase func(file string) (string, error)
	// NoAgent leaves the agent at SSH_AUTH_SOCK alone; AgentSocket names another.
	NoAgent     bool
	AgentSocket string
	// KnownHosts are the known_hosts files; a new key is noted in the first.
	// Default ~/.ssh/known_hosts, and /etc/ssh/ssh_known_hosts for reading.
	KnownHosts      []string
	HostKeyChecking HostKeyChecking
	// HostKeyFromConfig lets StrictHostKeyChecking of Options and ssh_config
	// loosen HostKeyChecking.
	HostKeyFromConfig bool
	// Options are lines of ssh_config that win over those of files; see
	// AddArguments.
	Options []Option
	// Warn is told what the user should know, once a connection; may be nil.
	Warn func(string)
	// ConnectTimeout bounds connecting with all retries and the handshake
	// (default 10 s), OpTimeout a wait for an answer to a request of ours
	// (default 30 s). KeepAlive is how often the host is asked whether it
	// is there (default 15 s, negative never).
	ConnectTimeout, OpTimeout, KeepAlive time.Duration
	// SSHConfig are ssh_config files, earlier ones first. nil means
	// ~/.ssh/config and /etc/ssh/ssh_config; empty but not nil means none.
	SSHConfig []string
	// Shared keeps what many connections parse once: keys, known hosts,
	// ssh_config. nil means nothing is shared.
	Shared *Shared
	Logger *slog.Logger

	defaultKeys    []string // tried when KeyFiles is empty; they may be missing
	namedKeys      bool     // ssh_config names them
	certificates   []string
	identitiesOnly bool
	keyAlias       string // the name under which the host's key is known
	network, bind  string
	env            []string // NAME=value, for the host's programs
	// ways of logging in that ssh_config turns off
	noKeys, noPassword, noInteractive bool
	// The way there: through hops, or a command. direct: hops are decided.
	hops            []hop
	command         string
	direct          bool
	depth           int
	givenKnownHosts []string
}
