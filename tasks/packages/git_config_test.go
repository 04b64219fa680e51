package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestGitConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		out  state.OutputInfo
		ran  string
		key  string
		want string // of the key of the result
	}{
		"read":      {value.M("name", "a.b"), state.OutputInfo{Stdout: "x\n"}, "", "config_value", "'x'"},
		"none":      {value.M("name", "a.b"), state.OutputInfo{RC: 1}, "", "config_value", "''"},
		"all":       {value.M("list_all", true, "scope", "global"), state.OutputInfo{Stdout: "a.b=x\nc.d=1=2\n"}, "", "config_values", "{'a.b': 'x', 'c.d': '1=2'}"},
		"no file":   {value.M("list_all", true, "scope", "system"), state.OutputInfo{RC: 128, Stderr: "fatal: unable to read config file"}, "", "config_values", "{}"},
		"same":      {value.M("name", "a.b", "value", "x"), state.OutputInfo{Stdout: "x\n"}, "", "changed", "False"},
		"set":       {value.M("name", "a.b", "value", "x y", "scope", "global"), state.OutputInfo{RC: 1}, `run ["git" "config" "--includes" "--global" "a.b" "x y"]`, "msg", "'setting changed'"},
		"unset":     {value.M("name", "a.b", "state", "absent", "scope", "file", "file", "/f"), state.OutputInfo{Stdout: "x\n"}, `run ["git" "config" "--includes" "-f" "/f" "--unset" "a.b"]`, "changed", "True"},
		"was unset": {value.M("name", "a.b", "state", "absent"), state.OutputInfo{RC: 1}, "", "msg", "'no setting to unset'"},
	} {
		h := &fakeHost{outs: []state.OutputInfo{c.out}}
		got, err := h.run(t, GitConfig(), c.args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v, _ := got.Get(c.key); v.Repr() != c.want || strings.Join(h.ran, "|") != c.ran {
			t.Errorf("%s: %s, ran %q", name, v.Repr(), h.ran)
		}
	}
}

func TestGitConfigFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args *value.Map
		out  state.OutputInfo
		want string
	}{
		{value.M("name", "a"), state.OutputInfo{RC: 127}, "required executable"},
		{value.M("name", "a"), state.OutputInfo{RC: 2, Stderr: "error: key does not contain a section: a"}, "does not contain a section"},
		{value.M("state", "present"), state.OutputInfo{}, "list_all, name"},
		{value.M("name", "a.b", "scope", "local"), state.OutputInfo{}, "repo"},
	} {
		h := &fakeHost{outs: []state.OutputInfo{c.out}}
		if _, err := h.run(t, GitConfig(), c.args); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.want, err)
		}
	}
}
