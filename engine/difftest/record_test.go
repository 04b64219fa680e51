package difftest

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// recordFile holds what ansible-playbook did with the cases when it was asked
// last: one JSON line for each, by name. Those for hosts with a container engine
// have a file of their own.
func recordFile(docker bool) string {
	if docker {
		return "testdata/recorded/docker.jsonl.gz"
	}
	return "testdata/recorded/ansible.jsonl.gz"
}

// answer is a recorded outcome of a case as it was then.
type answer struct {
	Case, Key string
	Outcome   *outcome
}

// ofMachine tells whether facts of the machine were gathered: elsewhere they are
// others, so that such a case is asked anew each time.
func (o *outcome) ofMachine() bool {
	return slices.ContainsFunc(o.Results, func(r result) bool { return r.Module == "setup" || r.Module == "gather_facts" })
}

// compared is an outcome without what is never compared.
func (o *outcome) compared(of *testCase) *outcome {
	c := *o
	c.Said = ""
	c.Results = slices.Clone(o.Results)
	for i, r := range c.Results {
		if r.NoLog {
			c.Results[i].Value = nil
		} else {
			c.Results[i].Value = clean(&testCase{docker: of.docker}, r.Module, r.Value)
		}
	}
	return &c
}

// recordKey names what ansible-playbook's answer to a case depends on.
func recordKey(t *testing.T, c *testCase) string {
	t.Helper()
	h := sha256.New()
	files := []string{"testdata/ansible/zygote.py", "testdata/ansible/callback/difftest.py", "testdata/ansible/tree.py", "testdata/ansible/ansible.cfg"}
	if c.docker {
		files = append(files, "testdata/ansible/engine.py")
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(data)
	}
	if err := json.NewEncoder(h).Encode([]any{c.name, c.hosts, c.args, c.files}); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))[:24]
}

// records are the recorded answers to cases that did not change since.
type records struct {
	t     *testing.T
	byKey map[string]*outcome
}

func readRecords(t *testing.T) records {
	t.Helper()
	r := records{t: t, byKey: map[string]*outcome{}}
	for _, docker := range []bool{false, true} {
		for _, a := range readAnswers(t, recordFile(docker)) {
			r.byKey[a.Key] = a.Outcome
		}
	}
	return r
}

func (r records) of(c *testCase) *outcome { return r.byKey[recordKey(r.t, c)] }

func readAnswers(t *testing.T, file string) []answer {
	t.Helper()
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []answer
	d := json.NewDecoder(bufio.NewReader(z))
	for {
		var a answer
		if err := d.Decode(&a); err == io.EOF {
			return out
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, a)
	}
}

// sample parts cases into those that ansible-playbook is asked now, every
// so-many-eth and what has no answer, and the recorded answers to the rest.
func sample(cases []*testCase, known records, every int) (ask []*testCase, recorded map[*testCase]*outcome) {
	recorded = map[*testCase]*outcome{}
	for i, c := range cases {
		if o := known.of(c); o != nil && (i+1)%every != 0 {
			recorded[c] = o
		} else {
			ask = append(ask, c)
		}
	}
	return ask, recorded
}

// record keeps new answers, beside those to cases that were not selected.
func record(t *testing.T, cases []*testCase, got map[*testCase]*outcome) error {
	t.Helper()
	file := recordFile(cases[0].docker)
	still := map[string]bool{}
	for _, c := range readCases(t) {
		still[c.name] = true
	}
	all := map[string]answer{}
	for _, a := range readAnswers(t, file) {
		if still[a.Case] {
			all[a.Case] = a
		}
	}
	for _, c := range cases {
		switch o := got[c]; {
		case o == nil: // not asked
		case o.ofMachine():
			delete(all, c.name)
		default:
			all[c.name] = answer{c.name, recordKey(t, c), o.compared(c)}
		}
	}
	answers := make([]answer, 0, len(all))
	for _, a := range all {
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b answer) int { return strings.Compare(a.Case, b.Case) })
	return writeAnswers(file, answers)
}

func writeAnswers(file string, answers []answer) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	e := json.NewEncoder(z)
	for _, a := range answers {
		if err = e.Encode(a); err != nil {
			break
		}
	}
	return errors.Join(err, z.Close(), f.Close())
}
