package smclient

import (
	"strings"
	"testing"
)

func TestReadSaysWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"generation: C\nhoosts: []\n":             `d.yml:2:1: there is no key "hoosts"`,
		"hosts:\n  - {address: a, rolls: [lb]}\n": `d.yml:2:18: there is no key "rolls"`,
		"generation: C\ncluster_id: {a: b}\n":     "d.yml:2:1: cluster_id is of type object here, and must be a string",
		"[1]\n":                                   "d.yml",
		"generation: [\n":                         "d.yml:",
	} {
		_, err := Read("d.yml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
