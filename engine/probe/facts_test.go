package probe

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func goFacts(t testing.TB, m *value.Map) map[string]any {
	t.Helper()
	data, err := m.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// moving facts differ from one moment, or one process, to the next.
var moving = []string{"date_time", "loadavg", "memfree_mb", "memory_mb", "swapfree_mb", "uptime_seconds", "mounts", "env"}

// undisturbed asks again when network interfaces came or went meanwhile: other tests
// make networks of containers on this machine.
func undisturbed(t *testing.T, gather func()) {
	t.Helper()
	links := func() string {
		var b strings.Builder
		list, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			at, _ := l.Addrs() // of one that went none
			fmt.Fprintln(&b, l, at)
		}
		return b.String()
	}
	for range 60 {
		before := links()
		gather()
		if links() == before {
			return
		}
		time.Sleep(3 * time.Second)
	}
	t.Fatal("network interfaces come and go all the time")
}

func TestShellsAgree(t *testing.T) {
	t.Parallel()
	var first map[string]any
	all := map[string]map[string]any{}
	undisturbed(t, func() {
		for _, sh := range shells {
			if _, err := exec.LookPath(sh[0]); err == nil {
				all[strings.Join(sh, " ")] = goFacts(t, ask(t, sh, state.Facts{Families: All}).(*value.Map))
			}
		}
	})
	for _, sh := range shells {
		got := all[strings.Join(sh, " ")]
		if got == nil {
			continue
		}
		for _, k := range moving {
			if got[k] == nil {
				t.Errorf("%v: no %s", sh, k)
			}
			delete(got, k)
		}
		if first == nil {
			first = got
			continue
		}
		for k := range first {
			if !reflect.DeepEqual(first[k], got[k]) {
				t.Errorf("%v: %s: %v, in %v: %v", sh, k, got[k], shells[0], first[k])
			}
		}
		if len(first) != len(got) {
			t.Errorf("%v: %d facts, in %v %d", sh, len(got), shells[0], len(first))
		}
	}
}

// TestAnsibleAgrees compares with the real setup module on this machine.
func TestAnsibleAgrees(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ansible"); err != nil {
		if os.Getenv("FAIRLEAD_NO_SKIP") == "1" {
			t.Fatal("ansible is needed: ", err)
		}
		t.Skip("no ansible here")
	}
	var out []byte
	var got map[string]any
	undisturbed(t, func() {
		cmd := exec.Command("ansible", "localhost", "-c", "local", "-m", "setup", "-o")
		cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=False", "LC_ALL=C.UTF-8")
		var err error
		if out, err = cmd.Output(); err != nil {
			t.Fatalf("ansible: %v: %s", err, out)
		}
		got = goFacts(t, ask(t, shells[0], state.Facts{Families: All}).(*value.Map))
	})
	_, text, _ := strings.Cut(string(out), "=> ")
	var real struct {
		Facts map[string]any `json:"ansible_facts"`
	}
	if err := json.Unmarshal([]byte(text), &real); err != nil {
		t.Fatal(err)
	}
	// What cannot be the same: the process differs, the moment differs, or
	// Ansible's Python is asked about itself.
	skip := append([]string{"env", "system_capabilities", "selinux_python_present"}, moving...)
	for k, want := range real.Facts {
		name, ok := strings.CutPrefix(k, "ansible_")
		if !ok || slices.Contains(skip, name) {
			continue
		}
		have, ok := got[name]
		if !ok {
			t.Errorf("%s is missing; Ansible has %v", name, want)
			continue
		}
		if !reflect.DeepEqual(sortLists(name, have), sortLists(name, want)) {
			t.Errorf("%s: %v, Ansible has %v", name, have, want)
		}
	}
	for name := range got {
		if _, ok := real.Facts["ansible_"+name]; !ok {
			t.Errorf("%s: %v, which Ansible does not have", name, got[name])
		}
	}
	compareMoving(t, got, real.Facts)
}

// sortLists orders lists that are sets.
func sortLists(name string, v any) any {
	list, ok := v.([]any)
	if !ok || !slices.Contains([]string{"interfaces", "virtualization_tech_guest", "virtualization_tech_host",
		"all_ipv4_addresses", "all_ipv6_addresses"}, name) {
		return v
	}
	list = slices.Clone(list)
	sort.Slice(list, func(i, j int) bool { return list[i].(string) < list[j].(string) })
	return list
}

// compareMoving compares what does not move in the facts that do.
func compareMoving(t *testing.T, got, real map[string]any) {
	t.Helper()
	dig := func(m map[string]any, path ...string) any {
		var v any = m
		for _, p := range path {
			switch x := v.(type) {
			case map[string]any:
				v = x[p]
			case []any:
				v = nil
				if len(x) > 0 {
					v = x[0].(map[string]any)[p]
				}
			}
		}
		return v
	}
	for _, p := range []string{"date_time tz", "date_time tz_offset", "date_time tz_dst", "date_time year", "date_time weeknumber",
		"date_time weekday_number", "memory_mb real total", "memory_mb swap total", "mounts mount", "mounts device", "mounts fstype",
		"mounts options", "mounts size_total", "mounts block_size", "mounts block_total", "mounts inode_total", "mounts uuid"} {
		keys := strings.Fields(p)
		want := dig(real, append([]string{"ansible_" + keys[0]}, keys[1:]...)...)
		if have := dig(got, keys...); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %v, Ansible has %v", p, have, want)
		}
	}
}
