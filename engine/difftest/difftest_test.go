// Package difftest holds Fairlead against real ansible-playbook: each case is a
// small playbook that Ansible runs on one host of the test bed and Fairlead on
// its twin, from equal trees; afterwards the trees, every task's status, the
// registered results and the recap are compared. A case that Fairlead plans
// must change nothing and predict truly; run in lockstep it must end the same.
package difftest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestAgainstAnsible holds every case. FAIRLEAD_AGAINST_ANSIBLE says whom it
// asks: "all" runs ansible-playbook for each, "sample" for every sixtieth and for
// those that changed since their answer was recorded (testdata/recorded),
// "changed" for the latter only.
func TestAgainstAnsible(t *testing.T) {
	t.Parallel()
	newSuite(t, false).hold(t)
}

// TestDockerAgainstAnsible does so with the cases for hosts that have a container
// engine: what the engine holds afterwards is compared too.
func TestDockerAgainstAnsible(t *testing.T) {
	t.Parallel()
	newSuite(t, true).hold(t)
}

func (s *suite) hold(t *testing.T) {
	ansible := slices.DeleteFunc(slices.Clone(s.cases), func(c *testCase) bool { return c.asserts })
	recorded := map[*testCase]*outcome{}
	switch os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") {
	case "all":
	case "changed":
		ansible, recorded = sample(ansible, readRecords(t), len(ansible)+1)
	default:
		ansible, recorded = sample(ansible, readRecords(t), 60)
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
		if err = s.bed.prepare(s.bed.fairlead.address, s.cases); err != nil {
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
		lockstep, err = runFairlead(s.bed, bin, "lockstep", s.dirs, s.inLockstep())
		return err
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for c, o := range recorded {
		want[c] = o
	}
	for _, c := range s.cases {
		if c.asserts {
			want[c] = run[c]
		}
	}
	for _, c := range s.cases {
		t.Run(c.name, func(t *testing.T) {
			if (len(want[c].Results) == 0) != c.noRun { // a slip in the case, which then holds nothing
				t.Errorf("%s (%s): %d results of ansible-playbook; see the header runs\n%s", c.name, c.at, len(want[c].Results), tail(want[c].Said))
			}
			t.Logf("run: %.2f s", run[c].took.Seconds())
			report(t, c, "run", compare(c, want[c], run[c]))
			if c.asserts && run[c].Exit != 0 {
				report(t, c, "run", run[c].failures())
			}
			if l := lockstep[c]; l != nil {
				report(t, c, "lockstep", compare(c, run[c], l))
			}
			if p := plan[c]; p != nil {
				t.Logf("plan: %.2f s", p.took.Seconds())
				report(t, c, "plan", comparePlan(c, before.of(c), p, run[c]))
			}
		})
	}
	t.Logf("%d cases, %d of them asked of ansible-playbook now", len(s.cases), len(ansible))
}

// inLockstep are the cases that run in lockstep too: every twelfth, unless all is asked
// for.
func (s *suite) inLockstep() []*testCase {
	if os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") == "all" {
		return s.cases
	}
	var out []*testCase
	for i, c := range s.cases {
		if i%12 == 0 {
			out = append(out, c)
		}
	}
	return out
}

// suite is the cases in their folders, with the hosts to themselves.
type suite struct {
	bed   bedInfo
	cases []*testCase
	dirs  map[*testCase]string
}

// newSuite takes the cases that want a container engine, or those that do not.
func newSuite(t *testing.T, docker bool) *suite {
	t.Helper()
	if os.Getenv("FAIRLEAD_AGAINST_ANSIBLE") == "" {
		t.Skip("needs the test bed and ansible-playbook: make test, make test-ansible")
	}
	s := &suite{bed: findBed(t, docker), dirs: map[*testCase]string{}}
	for _, c := range selected(t, readCases(t)) {
		if c.docker == docker {
			s.cases = append(s.cases, c)
		}
	}
	if len(s.cases) == 0 {
		t.Skip("no case is selected")
	}
	alone(t, docker)
	if docker {
		s.bed.loadImages(t)
	}
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
