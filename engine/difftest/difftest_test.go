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

func TestAgainstAnsible(t *testing.T) {
	if os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") == "" {
		t.Skip("a suite of its own: make test-ansible")
	}
	bed := findBed(t)
	alone(t)
	cases := selected(t, readCases(t))
	bin := buildFairlead(t)
	dirs := map[*testCase]string{}
	base := t.TempDir()
	for _, c := range cases {
		dirs[c] = filepath.Join(base, c.name)
		if err := c.place(dirs[c], bed, bed.ansible, bed.fairlead); err != nil {
			t.Fatal(err)
		}
	}
	var want, plan, run, lockstep map[*testCase]*outcome
	var g errgroup.Group
	g.Go(func() (err error) { want, err = runAnsible(bed, dirs, cases); return err })
	var before tree
	g.Go(func() (err error) {
		if _, err = bed.ssh(bed.fairlead.address, prepareScript(cases)); err != nil {
			return err
		}
		if before, err = bed.tree(bed.fairlead.address); err != nil {
			return err
		}
		if plan, err = runFairlead(bed, bin, "plan", dirs, cases); err != nil {
			return err
		}
		if run, err = runFairlead(bed, bin, "run", dirs, cases); err != nil {
			return err
		}
		lockstep, err = runFairlead(bed, bin, "lockstep", dirs, cases)
		return err
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report(t, c, "run", compare(c, want[c], run[c]))
			report(t, c, "lockstep", compare(c, run[c], lockstep[c]))
			if p := plan[c]; p != nil {
				report(t, c, "plan", comparePlan(c, before.of(c), p, run[c]))
			}
		})
	}
	t.Logf("%d cases", len(cases))
}

func report(t *testing.T, c *testCase, mode string, diffs []string) {
	t.Helper()
	if len(diffs) > 0 {
		t.Errorf("%s (%s), %s:\n  %s", c.name, c.at, mode, strings.Join(diffs, "\n  "))
	}
}
