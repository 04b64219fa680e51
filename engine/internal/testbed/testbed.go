// Package testbed tells tests where the real machines of scripts/testbed are.
// A test that needs one calls Need (or an accessor that does) first: it skips
// where no test bed is up, and fails instead when FAIRLEAD_NO_SKIP=1.
package testbed

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// Bed is what the environment says of the test bed.
type Bed struct{ t testing.TB }

// Need gives the test bed, or skips the test.
func Need(t testing.TB) Bed {
	t.Helper()
	if os.Getenv("FAIRLEAD_TESTBED_NODES") == "" {
		missing(t, `no test bed: run scripts/testbed up, then eval "$(scripts/testbed env)"`)
	}
	return Bed{t}
}

// Missing skips the test for want of something real, or fails it when
// FAIRLEAD_NO_SKIP=1 forbids skipping.
func Missing(t testing.TB, why string) {
	t.Helper()
	missing(t, why)
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (b Bed) env(name string) string {
	b.t.Helper()
	v := os.Getenv("FAIRLEAD_TESTBED" + name)
	if v == "" {
		b.t.Fatalf("FAIRLEAD_TESTBED%s is not set: is the test bed older than this test?", name)
	}
	return v
}

// Nodes are the addresses of the nodes with Docker.
func (b Bed) Nodes() []string { return strings.Fields(b.env("_NODES")) }

// Bench are the addresses of the bench hosts; there may be none.
func (b Bed) Bench() []string { return strings.Fields(os.Getenv("FAIRLEAD_TESTBED_BENCH")) }

// Node is the first node.
func (b Bed) Node() string { return b.Nodes()[0] }

// Busybox is the host that has busybox and nothing else.
func (b Bed) Busybox() string { return b.env("_BUSYBOX") }

// Dash is the host without bash and Python.
func (b Bed) Dash() string { return b.env("_DASH") }

// Sudo is the host on which root cannot log in.
func (b Bed) Sudo() string { return b.env("_SUDO") }

// TwinA and TwinB are two equal hosts with Python.
func (b Bed) TwinA() string { return b.env("_TWIN_A") }

// TwinB is the other twin.
func (b Bed) TwinB() string { return b.env("_TWIN_B") }

// DockerA and DockerB are two equal hosts with Python and a container engine,
// which are not among the nodes.
func (b Bed) DockerA() string { return b.env("_DOCKER_A") }

// DockerB is the other one.
func (b Bed) DockerB() string { return b.env("_DOCKER_B") }

// Refused is an address where nothing listens.
func (b Bed) Refused() string { return b.env("_REFUSED") }

// Port is the SSH port of every host.
func (b Bed) Port() int {
	b.t.Helper()
	n, err := strconv.Atoi(b.env("_SSH_PORT"))
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// Registry is address:port of the image registry.
func (b Bed) Registry() string { return b.env("_REGISTRY") }

// Key is a private key file that every user accepts.
func (b Bed) Key() string { return b.env("_KEY") }

// LockedKey is an accepted key file that is encrypted, and its passphrase.
func (b Bed) LockedKey() (file, passphrase string) {
	return b.env("_KEY_LOCKED"), b.env("_KEY_PASSPHRASE")
}

// StrangerKey is a private key file that nobody accepts.
func (b Bed) StrangerKey() string { return b.env("_KEY_STRANGER") }

// KnownHosts is the file with the hosts' real keys.
func (b Bed) KnownHosts() string { return b.env("_KNOWN_HOSTS") }

// SSHConfig is a client configuration that knows the hosts by name.
func (b Bed) SSHConfig() string { return b.env("_SSH_CONFIG") }

// Inventory is the file of the ready inventory.
func (b Bed) Inventory() string { return b.env("_INVENTORY") }

// Password is the password of root, deploy, ops, guest or strict.
func (b Bed) Password(user string) string {
	return b.env("_" + strings.ToUpper(user) + "_PASSWORD")
}

// Command is the testbed script, for its verbs exec and reset.
func (b Bed) Command() string { return b.env("_CMD") }
