package vault

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

type recorded struct{ Password, ID, Clear, Text, Salt string }

func load(t testing.TB) []recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recorded
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestTextsOfAnsible(t *testing.T) {
	t.Parallel()
	for _, c := range load(t) {
		v := New(Secret{"other", []byte("wrong")}, Secret{c.ID, []byte(c.Password)})
		for range 2 { // the second answer comes from memory
			if got, err := v.Decrypt(c.Text); err != nil || got != c.Clear {
				t.Errorf("decrypt = %q, %v, want %q", got, err, c.Clear)
			}
		}
		indented := "  " + strings.ReplaceAll(strings.TrimSpace(c.Text), "\n", "\n  ")
		if got, err := v.Decrypt(indented); err != nil || got != c.Clear {
			t.Errorf("indented: %q, %v", got, err)
		}
		if got, err := encrypt([]byte(c.Clear), Secret{c.ID, []byte(c.Password)}, []byte(c.Salt)); err != nil || got != c.Text {
			t.Errorf("encrypt = %s, %v, want %s", got, err, c.Text)
		}
		if _, err := New(Secret{"", []byte("wrong")}).Decrypt(c.Text); !errors.Is(err, ErrPassword) {
			t.Errorf("wrong password: %v", err)
		}
		if _, err := New().Decrypt(c.Text); !errors.Is(err, ErrNoSecret) {
			t.Errorf("no password: %v", err)
		}
	}
}

func TestRoundTripAndFreshSalt(t *testing.T) {
	t.Parallel()
	s := Secret{"dev", []byte("pw")}
	a, err := Encrypt([]byte("x"), s)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Encrypt([]byte("x"), s)
	if a == b || !IsEncrypted([]byte(a)) || IsEncrypted([]byte("x")) {
		t.Error("two encryptions are equal")
	}
	if got, err := New(s).Decrypt(a); err != nil || got != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	for _, c := range load(f) {
		f.Add(c.Text)
		f.Add(c.Text[:len(c.Text)/2])
	}
	f.Add("$ANSIBLE_VAULT;1.1;AES256\n\n")
	f.Add("$ANSIBLE_VAULT;9.9;ROT13;x\n00\n")
	f.Fuzz(func(t *testing.T, text string) {
		if e, err := parse(text); err != nil && !errors.Is(err, ErrFormat) || err == nil && len(e.contents) == 0 {
			t.Errorf("%v %v", e, err)
		}
	})
}
