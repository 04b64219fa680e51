// Package difftest holds Fairlead against real ansible-playbook: each case is a
// small playbook that Ansible runs on one host of the test bed and Fairlead on
// its twin, from equal trees; afterwards the trees, every task's status, the
// registered results and the recap are compared. A case that Fairlead plans
// must change nothing and predict truly; run in lockstep it must end the same.
package difftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestAgainstAnsible holds every case. FAIRLEAD_AGAINST_ANSIBLE says whom it
// asks: "all" runs ansible-playbook for each, "sample" for every sixteenth and for
// those that changed since their answer was recorded (testdata/recorded).
func TestAgainstAnsible(t *testing.T) {
	s := newSuite(t)
	ansible, recorded := s.cases, map[*testCase]*outcome{}
	if os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") != "all" {
		ansible, recorded = sample(s.cases, readRecords(t))
	}
	want := map[*testCase]*outcome{}
	var plan, run, lockstep map[*testCase]*outcome
	var before tree
	var g errgroup.Group
	g.Go(func() (err error) {
		if want, err = runAnsible(s.bed, s.dirs, ansible); err == nil && os.Getenv("FAIRLEAD_RECORD") != "" {
			err = record(t, s.cases, want)
		}
		return err
	})
	g.Go(func() (err error) {
		if _, err = s.bed.ssh(s.bed.fairlead.address, prepareScript(s.cases)); err != nil {
			return err
		}
		if before, err = s.bed.tree(s.bed.fairlead.address); err != nil {
			return err
		}
		bin := buildFairlead(t)
		if plan, err = runFairlead(s.bed, bin, "plan", s.dirs, s.cases); err != nil {
			return err
		}
		if run, err = runFairlead(s.bed, bin, "run", s.dirs, s.cases); err != nil {
			return err
		}
		lockstep, err = runFairlead(s.bed, bin, "lockstep", s.dirs, s.cases)
		return err
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for c, o := range recorded {
		want[c] = o
	}
	for _, c := range s.cases {
		t.Run(c.name, func(t *testing.T) {
			report(t, c, "run", compare(c, want[c], run[c]))
			report(t, c, "lockstep", compare(c, run[c], lockstep[c]))
			if p := plan[c]; p != nil {
				report(t, c, "plan", comparePlan(c, before.of(c), p, run[c]))
			}
		})
	}
	t.Logf("%d cases, %d of them asked of ansible-playbook now", len(s.cases), len(ansible))
}

// suite is the cases in their folders, with the hosts to themselves.
type suite struct {
	bed   bedInfo
	cases []*testCase
	dirs  map[*testCase]string
}

func newSuite(t *testing.T) *suite {
	t.Helper()
	if os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") == "" {
		t.Skip("needs the test bed and ansible-playbook: make test, make test-ansible")
	}
	s := &suite{bed: findBed(t), cases: selected(t, readCases(t)), dirs: map[*testCase]string{}}
	alone(t)
	base := t.TempDir()
	for _, c := range s.cases {
		s.dirs[c] = filepath.Join(base, c.name)
		if err := c.place(s.dirs[c], s.bed, s.bed.ansible, s.bed.fairlead); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func report(t *testing.T, c *testCase, mode string, diffs []string) {
	t.Helper()
	if len(diffs) > 0 {
		t.Errorf("%s (%s), %s:\n  %s", c.name, c.at, mode, strings.Join(diffs, "\n  "))
	}
}
