package difftest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// volatile are keys of results that differ from run to run, or that only one
// of the two can have: times, process ids, inodes, what Python was asked.
var volatile = set("start", "end", "delta", "atime", "mtime", "ctime", "inode", "dev", "invocation", "diff", "warnings", "deprecations",
	"backup_file", "exception", "module_stdout", "module_stderr", "ansible_facts_gathered", "_ansible_item_label", "_ansible_no_log",
	"ansible_loop_var", "skipped_reason", "discovered_interpreter_python")

// ofModule are further such keys of one module.
var ofModule = map[string]map[string]bool{
	"copy":         set("src", "secontext"),
	"template":     set("src", "secontext"),
	"file":         set("secontext"),
	"gather_facts": set("ansible_facts"),
	"apt":          set("cache_update_time", "cache_updated"),
	"package":      set("cache_update_time", "cache_updated"),
	"setup":        set("ansible_facts", "gather_subset", "module_setup"),
	// Without the program "file", Ansible does not know the kind of any file.
	"stat": set("attr_flags", "attributes", "version", "device_type", "mimetype", "charset"),
	// Times, addresses and ids that an engine gives out.
	"docker_container": set("actions", "Pid", "SandboxID", "SandboxKey", "EndpointID", "NetworkID", "MacAddress", "LowerDir", "Runtime",
		"CapAdd", "CapDrop"), // which the client of the API writes in one way
	"docker_container_info": set("Pid", "SandboxID", "SandboxKey", "EndpointID", "NetworkID", "MacAddress", "LowerDir", "Runtime"),
	"docker_network":        set("actions", "EndpointID", "MacAddress"),
	"docker_network_info":   set("EndpointID", "MacAddress"),
	"docker_volume":         set("actions"),
	"docker_image":          set("actions", "diff", "LastTagTime", "RepoTags", "RepoDigests"), // other cases name the image too
	"docker_image_info":     set("LastTagTime", "RepoTags", "RepoDigests"),
	"docker_image_load":     set("LastTagTime", "RepoTags", "RepoDigests"),
	"docker_host_info":      set("can_talk_to_docker", "Created", "CreatedAt", "disk_usage", "RepoTags", "RepoDigests"),
	// Ansible runs these on a terminal, which mixes the streams and says goodbye.
	"raw":    set("stdout", "stderr", "stderr_lines"),
	"script": set("stdout", "stderr", "stderr_lines"),
}

func set(keys ...string) map[string]bool {
	m := map[string]bool{}
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// saysWhy are modules whose message of a failure is the author's own.
var saysWhy = set("fail", "assert")

// runs are modules that run what the author wrote.
var runs = set("command", "shell", "raw", "script")

// told is what of a result is compared.
func told(c *testCase, r result) map[string]any {
	if r.NoLog {
		return nil
	}
	m := clean(c, r.Module, r.Value)
	if r.Module == "docker_container" {
		delete(m, "differences") // Fairlead tells more
	}
	if r.Status == "failed" || r.Status == "ignored" || r.Status == "unreachable" {
		failure(r.Module, m)
	}
	return m
}

// failure drops the words of a failure, and what a module tells beside them.
func failure(module string, m map[string]any) {
	keep := set("failed", "changed", "stdout", "stderr", "stdout_lines", "stderr_lines", "cmd", "failed_when_result", "results", "attempts")
	if saysWhy[module] {
		keep["msg"] = true
		keep["assertion"] = true
		keep["evaluated_to"] = true
	}
	if runs[module] {
		keep["rc"] = true
	}
	for k := range m {
		if !keep[k] {
			delete(m, k)
		}
	}
}

func clean(c *testCase, module string, v map[string]any) map[string]any {
	out := map[string]any{}
	for k, e := range v {
		if volatile[k] && !(c.docker && k == "diff") || ofModule[module][k] || slices.Contains(c.ignore, k) || strings.HasPrefix(k, "_ansible_") {
			continue
		}
		if k == "Mounts" {
			e = byDestination(e)
		}
		switch x := e.(type) {
		case map[string]any:
			e = clean(c, module, x)
		case []any:
			e = cleanList(c, module, k, x)
		}
		out[k] = e
	}
	return out
}

func cleanList(c *testCase, module, key string, list []any) []any {
	out := make([]any, len(list))
	for i, e := range list {
		if m, ok := e.(map[string]any); ok {
			failed, _ := m["failed"].(bool)
			m = clean(c, module, m)
			if key == "results" && failed {
				failure(module, m)
			}
			e = m
		}
		out[i] = e
	}
	return out
}

// compare tells how what Fairlead did differs from what Ansible did.
func compare(c *testCase, want, got *outcome) []string {
	var diffs []string
	add := func(format string, args ...any) { diffs = append(diffs, fmt.Sprintf(format, args...)) }
	if want.Exit != got.Exit && !(want.Exit == 1 || want.Exit == 4 && len(want.Results) == 0) {
		add("exit %d, not %d: %s", got.Exit, want.Exit, tail(got.Said))
	}
	if (len(want.Results) == 0) != (len(got.Results) == 0) {
		add("%d results, not %d\nansible: %s\nfairlead: %s", len(got.Results), len(want.Results), tail(want.Said), tail(got.Said))
	}
	for _, h := range hostsOf(want, got) {
		diffs = append(diffs, compareHost(c, h, want.ofHost(h), got.ofHost(h))...)
		if w, g := want.Stats[h], got.Stats[h]; len(c.differs) == 0 && !reflect.DeepEqual(w, g) && !(w == nil && isZero(g)) {
			add("%s: counts %v, not %v", h, g, w)
		}
	}
	if len(diffs) == 0 && !c.noOrder && !slices.Equal(want.Tasks, got.Tasks) {
		add("order of tasks %q, not %q", got.Tasks, want.Tasks)
	}
	return append(diffs, compareTrees(want.Tree.told(c), got.Tree.told(c))...)
}

// isZero tells whether a host did nothing; Ansible then leaves it out.
func isZero(counts map[string]int) bool {
	for _, n := range counts {
		if n != 0 {
			return false
		}
	}
	return true
}

func tail(s string) string {
	if len(s) > 1500 {
		s = "..." + s[len(s)-1500:]
	}
	return s
}

func hostsOf(outcomes ...*outcome) []string {
	seen := map[string]bool{}
	var names []string
	for _, o := range outcomes {
		for _, r := range o.Results {
			if !seen[r.Host] {
				seen[r.Host] = true
				names = append(names, r.Host)
			}
		}
		for h := range o.Stats {
			if !seen[h] {
				seen[h] = true
				names = append(names, h)
			}
		}
	}
	sort.Strings(names)
	return names
}

func compareHost(c *testCase, host string, want, got []result) []string {
	var diffs []string
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(want):
			return append(diffs, fmt.Sprintf("%s: also %s", host, line(got[i])))
		case i >= len(got):
			return append(diffs, fmt.Sprintf("%s: missing %s", host, line(want[i])))
		}
		w, g := want[i], got[i]
		host := fmt.Sprintf("%s, result %d", host, i+1)
		if c.differs[i+1] {
			continue
		}
		if w.Task != g.Task && !w.Item || w.Item != g.Item || w.Status != g.Status {
			return append(diffs, fmt.Sprintf("%s: %s\n     not %s\n     fairlead: %s\n     ansible:  %s", host, line(g), line(w), text(brief(g)), text(brief(w))))
		}
		if !w.Item {
			diffs = append(diffs, compareValues(host+": "+line(w), told(c, w), told(c, g))...)
		}
	}
	return diffs
}

func line(r result) string {
	kind := "task"
	if r.Item {
		kind = "item of"
	}
	s := fmt.Sprintf("%s '%s' %s", kind, r.Task, r.Status)
	if r.Msg != "" && r.Status != "ok" && r.Status != "changed" {
		s += " (" + r.Msg + ")"
	}
	return s
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return tail(string(b))
}

// brief is the part of a result that tells what happened.
func brief(r result) map[string]any {
	m := map[string]any{}
	for k, v := range r.Value {
		if k != "invocation" && k != "exception" && k != "container" {
			m[k] = v
		}
	}
	return m
}

// unknown stands in a plan's result for what it cannot know.
const unknown = "(unknown)"

func compareValues(at string, want, got any) []string {
	w, wm := want.(map[string]any)
	g, gm := got.(map[string]any)
	if wm && gm {
		return compareMaps(at, w, g)
	}
	wl, wok := want.([]any)
	gl, gok := got.([]any)
	if wok && gok && len(wl) == len(gl) {
		var diffs []string
		for i := range wl {
			diffs = append(diffs, compareValues(fmt.Sprintf("%s[%d]", at, i), wl[i], gl[i])...)
		}
		return diffs
	}
	if reflect.DeepEqual(want, got) || got == unknown {
		return nil
	}
	return []string{fmt.Sprintf("%s = %s, not %s", at, text(got), text(want))}
}

func compareMaps(at string, want, got map[string]any) []string {
	var diffs []string
	keys := map[string]bool{}
	for k := range want {
		keys[k] = true
	}
	for k := range got {
		keys[k] = true
	}
	for _, k := range sortedKeys(keys) {
		w, wok := want[k]
		g, gok := got[k]
		switch {
		case k == "changed" && !wok && g == false: // a failure that came before the module says so too
		case (k == "failed" || k == "skipped") && wok != gok: // the status says it
		case !wok && g == unknown:
		case !wok:
			diffs = append(diffs, fmt.Sprintf("%s.%s = %s, and Ansible has no such key", at, k, text(g)))
		case !gok:
			diffs = append(diffs, fmt.Sprintf("%s.%s is missing: %s", at, k, text(w)))
		default:
			diffs = append(diffs, compareValues(at+"."+k, w, g)...)
		}
	}
	return diffs
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func compareTrees(want, got tree) []string {
	var diffs []string
	paths := map[string]bool{}
	for p := range want {
		paths[p] = true
	}
	for p := range got {
		paths[p] = true
	}
	for _, p := range sortedKeys(paths) {
		if want[p] != got[p] {
			diffs = append(diffs, fmt.Sprintf("path %s: %s\n     not %s", p, orNone(got[p]), orNone(want[p])))
		}
	}
	return diffs
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
