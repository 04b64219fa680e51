package build

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestPipx(t *testing.T) {
	t.Parallel()
	const (
		none = `{"venvs": {}}`
		tox  = `{"venvs": {"tox": {"metadata": {"main_package": {"package_version": "4.1"}, "injected_packages": {"x": {"package_version": "1"}}}}, "black": {"metadata": {"main_package": {"package_version": "2"}}}}}`
		ask  = "/p/pipx list --include-injected --json"
	)
	for name, c := range map[string]struct {
		args []any
		said []string
		want string
	}{
		"new":        {[]any{"source", "tox==4", "pip_args", "-v x"}, []string{none, "", tox}, ask + "|/p/pipx install --pip-args -v x tox==4|" + ask},
		"there":      {nil, []string{tox}, ask},
		"latest":     {[]any{"state", "latest"}, []string{none, "", "", tox}, ask + "|/p/pipx install tox|/p/pipx upgrade tox|" + ask},
		"inject":     {[]any{"state", "inject", "inject_packages", []any{"a", "b"}, "install_apps", true}, []string{tox, "", tox}, ask + "|/p/pipx inject --include-apps tox a b|" + ask},
		"gone":       {[]any{"state", "absent"}, []string{none}, ask},
		"goes":       {[]any{"state", "absent"}, []string{tox, "", none}, ask + "|/p/pipx uninstall tox|" + ask},
		"no upgrade": {[]any{"state", "upgrade"}, []string{none}, "! Trying to upgrade a non-existent application: tox"},
		"bad list":   {nil, []string{"{"}, "! what pipx list prints is not understood: unexpected end of JSON input"},
	} {
		h := &moduletest.Host{Said: ended(c.said...)}
		h.Expect(t, name, Pipx(), value.M(append([]any{"name", "tox", "executable", "/p/pipx"}, c.args...)...), c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, none, ""), moduletest.Ended(1, "", "no such package")}}
	h.Expect(t, "fails", Pipx(), value.M("name", "tox", "executable", "/p/pipx"), "! no such package")
}
