package build

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestYarn(t *testing.T) {
	t.Parallel()
	const (
		list     = `{"type":"info","data":"x"}` + "\n" + `{"type":"tree","data":{"type":"list","trees":[{"name":"@a/b@1.0"},{"name":"iconv@2"}]}}` + "\n"
		outdated = `{"type":"info","data":"Color legend"}` + "\n" + `{"type":"table","data":{"head":["Package"],"body":[["iconv","2","3"]]}}` + "\n"
	)
	ask := func(words string) string { return "sh -c " + scriptYarn + " sh /g/dir yarn " + words }
	for name, c := range map[string]struct {
		args []any
		said []state.OpResult
		want string
	}{
		"new":    {[]any{"name", "pm2", "version", "1", "registry", "http://r", "production", true, "ignore_scripts", true}, []state.OpResult{moduletest.Ended(yarnNoLock, "", "")}, ask("list --depth=0 --json --production --ignore-scripts --registry http://r") + "|yarn global add pm2@1 --production --ignore-scripts --registry http://r"},
		"there":  {[]any{"name", "@a/b"}, []state.OpResult{moduletest.Ended(0, list, `{"type":"warning"}`)}, ask("list --depth=0 --json")},
		"latest": {[]any{"name", "x", "state", "latest"}, []state.OpResult{moduletest.Ended(0, list, ""), moduletest.Ended(1, outdated, "")}, ask("list --depth=0 --json") + "|" + ask("outdated --json") + "|yarn global add x@latest|yarn global upgrade --latest"},
		"newest": {[]any{"name", "iconv", "state", "latest"}, []state.OpResult{moduletest.Ended(0, list, ""), moduletest.Ended(0, "", "")}, ask("list --depth=0 --json") + "|" + ask("outdated --json")},
		"gone":   {[]any{"name", "iconv", "state", "absent"}, []state.OpResult{moduletest.Ended(0, list, "")}, ask("list --depth=0 --json") + "|yarn global remove iconv"},
		"all":    {nil, nil, "yarn global install --non-interactive"},
		"error":  {[]any{"name", "x"}, []state.OpResult{moduletest.Ended(1, "", `{"type":"error","data":"bad"}`)}, `! {"type":"error","data":"bad"}`},
		"noise":  {[]any{"name", "x"}, []state.OpResult{moduletest.Ended(1, "", "oops")}, "! Unexpected stderr output from Yarn: oops"},
	} {
		said := append([]state.OpResult{moduletest.Ended(0, "/g/dir\n", "")}, c.said...)
		h := &moduletest.Host{Said: append(said, moduletest.Ended(0, "", ""), moduletest.Ended(0, "", ""))}
		want := "yarn global dir|" + c.want
		if c.want[0] == '!' {
			want = c.want
		}
		h.Expect(t, name, Yarn(), value.M(append([]any{"global", true}, c.args...)...), want)
	}
	for want, args := range map[string]*value.Map{
		"! Path must be specified when not using global arg":    value.M("name", "x"),
		"! Cannot specify path if doing global installation":    value.M("name", "x", "global", true, "path", "/x"),
		"! Package must be explicitly named when uninstalling.": value.M("state", "absent", "path", "/x"),
	} {
		h := &moduletest.Host{}
		h.Expect(t, "refused", Yarn(), args, want)
	}
}
