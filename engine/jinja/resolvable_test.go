package jinja

import "testing"

// Only what /etc/hosts knows, and what is no name at all: no name server is asked.
func TestResolvable(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "no name": false, "": false} {
		if got := resolvable(host); got != want {
			t.Errorf("%q is resolvable: %v, want %v", host, got, want)
		}
	}
}
