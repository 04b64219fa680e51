package jinja

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/value"
)

// The outcomes were recorded from Ansible with its collection community.crypto, for
// keys and certificates that OpenSSL made.
func TestFiltersForKeysAndCertificates(t *testing.T) {
	t.Parallel()
	r, vars := loadRecording(t, "pki.json")
	env := NewAnsible()
	for _, c := range r.Cases {
		got, err := evalCase(env, vars, c.Expr)
		switch {
		case (c.Outcome == "err") != (err != nil):
			t.Errorf("%s: %s, %v; Ansible: %s", c.Expr, plain(got), err, plain(c.Value))
		case err == nil:
			differences(t, c.Expr, got, c.Value)
		}
	}
	if len(r.Cases) < 20 {
		t.Errorf("%d cases", len(r.Cases))
	}
}

// differences tells which fields differ.
func differences(t *testing.T, at string, got, want value.Value) {
	t.Helper()
	if want.Map() == nil || got.Map() == nil {
		if plain(got) != plain(want) {
			t.Errorf("%s: %s, want %s", at, plain(got), plain(want))
		}
		return
	}
	for k, w := range want.Map().All() {
		g, ok := got.Map().GetKey(k)
		if !ok {
			t.Errorf("%s has no %s", at, k.Text())
			continue
		}
		differences(t, at+" "+k.Text(), g, w)
	}
	if got.Len() != want.Len() {
		t.Errorf("%s: %d fields, want %d", at, got.Len(), want.Len())
	}
}
