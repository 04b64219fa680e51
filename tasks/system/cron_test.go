package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestCron(t *testing.T) {
	t.Parallel()
	const tab = "PATH=\"/bin\"\n#Ansible: one\n0 5 * * * ls\n1 1 1 1 1 bare\n"
	for name, c := range map[string]struct {
		args *value.Map
		want string // the crontab that is written; "" for no change
	}{
		"new":            {value.M("name", "two", "job", "x", "hour", "3"), tab + "#Ansible: two\n* 3 * * * x\n"},
		"same":           {value.M("name", "one", "job", "ls", "minute", 0, "hour", 5), ""},
		"other":          {value.M("name", "one", "job", "ls", "special_time", "daily"), "PATH=\"/bin\"\n#Ansible: one\n@daily ls\n1 1 1 1 1 bare\n"},
		"disabled":       {value.M("name", "one", "job", "ls", "disabled", true), "PATH=\"/bin\"\n#Ansible: one\n#* * * * * ls\n1 1 1 1 1 bare\n"},
		"gets its name":  {value.M("name", "b", "job", "bare", "minute", 1, "hour", 1, "day", 1, "month", 1, "weekday", 1), "PATH=\"/bin\"\n#Ansible: one\n0 5 * * * ls\n#Ansible: b\n1 1 1 1 1 bare\n"},
		"gone":           {value.M("name", "one", "state", "absent"), "PATH=\"/bin\"\n1 1 1 1 1 bare\n"},
		"was gone":       {value.M("name", "no", "state", "absent"), ""},
		"variable":       {value.M("name", "A", "env", true, "job", "b"), "A=\"b\"\n" + tab},
		"behind another": {value.M("name", "A", "env", true, "job", "b", "insertafter", "PATH"), "PATH=\"/bin\"\nA=\"b\"\n" + strings.TrimPrefix(tab, "PATH=\"/bin\"\n")},
		"variable there": {value.M("name", "PATH", "env", true, "job", "/bin"), ""},
		"variable gone":  {value.M("name", "PATH", "env", true, "state", "absent"), strings.TrimPrefix(tab, "PATH=\"/bin\"\n")},
	} {
		checkTab(t, name, Cron(), tab, c.args, c.want)
	}
}

// checkTab runs a module on a user's crontab; want is the one it sends, "" for none.
func checkTab(t *testing.T, name string, m module.Module, tab string, args *value.Map, want string) {
	t.Helper()
	h := &fakeHost{out: state.OutputInfo{Stdout: tab}}
	_, got, err := h.run(t, m, args)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	var ran []string
	if want != "" {
		ran = append(ran, "crontab - <"+want)
	}
	if !slices.Equal(h.ran, ran) || changed(got) != (want != "") {
		t.Errorf("%s: changed %v, ran %q", name, changed(got), h.ran)
	}
}

func TestCronFile(t *testing.T) {
	t.Parallel()
	h := &fakeHost{files: map[string]string{}}
	first, got, err := h.run(t, Cron(), value.M("name", "j", "job", "x", "user", "app", "cron_file", "odd.name", "backup", true))
	if err != nil || h.files["/etc/cron.d/odd.name"] != "#Ansible: j\n* * * * * app x\n" || len(first.Warnings) != 1 {
		t.Fatalf("%v %q %q", err, h.files, first.Warnings)
	}
	if jobs, _ := got.Get("jobs"); jobs.Repr() != "['j']" {
		t.Errorf("jobs %s", jobs.Repr())
	}
	h.ran = nil
	_, got, err = h.run(t, Cron(), value.M("name", "j", "state", "absent", "cron_file", "odd.name"))
	if err != nil || len(h.ran) != 1 || h.ran[0] != "remove /etc/cron.d/odd.name" || !changed(got) {
		t.Errorf("%v %q", err, h.ran)
	}
}

func TestCronFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		rc   int
		want string
	}{
		{value.M("name", "a"), 0, "You must specify 'job'"},
		{value.M("name", "a", "job", "x", "cron_file", "f"), 0, "To use cron_file"},
		{value.M("name", "a", "job", "x", "cron_file", "/etc/crontab", "user", "u"), 0, "Will not manage /etc/crontab"},
		{value.M("name", "a", "job", "x", "special_time", "daily", "hour", "1"), 0, "You must specify time and date fields"},
		{value.M("name", "a b", "job", "x", "env", true), 0, "Invalid name for environment variable"},
		{value.M("name", "a", "job", "x", "env", true, "insertafter", "NO"), 0, "Variable named 'NO' not found."},
		{value.M("name", "a", "job", "x", "insertafter", "NO"), 0, "Insertafter and insertbefore"},
		{value.M("name", "a", "job", "x", "user", "u"), 2, "Unable to read crontab"},
		{value.M("name", "a", "job", "x"), 127, "Failed to find required executable"},
	} {
		h := &fakeHost{files: map[string]string{}, out: state.OutputInfo{RC: c.rc}}
		_, _, err := h.run(t, Cron(), c.args)
		failsWith(t, err, c.want)
	}
	h := &fakeHost{out: state.OutputInfo{RC: 1}, said: state.OpResult{RC: 1, Stderr: []byte("bad minute")}}
	_, _, err := h.run(t, Cron(), value.M("name", "a", "job", "x", "minute", "99"))
	failsWith(t, err, "bad minute")
}
