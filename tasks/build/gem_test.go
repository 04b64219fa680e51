package build

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func ended(texts ...string) []state.OpResult {
	out := make([]state.OpResult, len(texts))
	for i, t := range texts {
		out[i] = moduletest.Ended(0, t, "")
	}
	return out
}

func TestGem(t *testing.T) {
	t.Parallel()
	const ask = `gem query --norc -n ^rake$`
	for name, c := range map[string]struct {
		args []any
		said []string
		want string
	}{
		"new":        {nil, []string{"3.3.15\n", "\n"}, "gem --version|" + ask + "|gem install --norc --user-install --no-document rake"},
		"there":      {nil, []string{"3.3.15\n", "rake (default: 13.0.6, 12.1)\n"}, "gem --version|" + ask},
		"version":    {[]any{"version", "12.1"}, []string{"3.3.15\n", "rake (default: 13.0.6, 12.1 ruby)\n"}, "gem --version|" + ask},
		"no version": {[]any{"version", "12.0", "user_install", false}, []string{"3.3.15\n", "rake (12.1)\n"}, "gem --version|" + ask + "|gem install --norc --version 12.0 --no-user-install --no-document rake"},
		"latest": {[]any{"state", "latest", "repository", "http://r"}, []string{"3.3.15\n", "rake (14.0)\n", "rake (13.0)\n"},
			"gem --version|gem query --norc --remote --source http://r -n ^rake$|" + ask + "|gem install --norc --version 14.0 --source http://r --user-install --no-document rake"},
		"gone": {[]any{"state", "absent"}, []string{"3.3.15\n", "rake (12.1)\n"}, "gem --version|" + ask + "|gem uninstall --norc --all --executable rake"},
		"old": {[]any{"install_dir", "/g", "user_install", false, "build_flags", "-x", "force", true, "pre_release", true, "env_shebang", true}, []string{"1.8.23\n", ""},
			"gem --version|gem query -n ^rake$|gem install --include-dependencies --no-user-install --install-dir /g --pre --no-rdoc --no-ri --env-shebang rake -- -x --force"},
		"both": {[]any{"state", "latest", "version", "1"}, nil, "! Cannot specify version when state=latest"},
		"dir":  {[]any{"install_dir", "/g"}, nil, "! install_dir requires user_install=false"},
	} {
		h := &moduletest.Host{Said: append(ended(c.said...), moduletest.Ended(0, "", ""))}
		h.Expect(t, name, Gem(), value.M(append([]any{"name", "rake"}, c.args...)...), c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(0, "3.3.15\n", ""), moduletest.Ended(0, "", ""), moduletest.Ended(2, "", "ERROR:  Could not find")}}
	h.Expect(t, "fails", Gem(), value.M("name", "rake"), "! ERROR:  Could not find")
}

func TestComposer(t *testing.T) {
	t.Parallel()
	const help = `{"definition": {"options": {"no-interaction": {}, "no-dev": {}, "dry-run": {}, "optimize-autoloader": {}}}}`
	const plain = `{"definition": {"options": {"no-interaction": {}}}}`
	for name, c := range map[string]struct {
		args    []any
		check   bool
		said    []string
		want    string // the words of the last command
		changed string
	}{
		"install": {[]any{"working_dir", "/srv/app"}, false, []string{help, "Installing a\n"}, "install --no-interaction --working-dir /srv/app --no-dev --optimize-autoloader", "True"},
		"nothing": {[]any{"working_dir", "/srv/app"}, false, []string{help, "Nothing to install,  update\nor remove\n"}, "install --no-interaction --working-dir /srv/app --no-dev --optimize-autoloader", "False"},
		"plan":    {[]any{"working_dir", "/srv/app", "no_dev", false}, true, []string{help, "Nothing to install or update"}, "install --no-interaction --working-dir /srv/app --optimize-autoloader --dry-run", "False"},
		"words":   {[]any{"global_command", true, "command", "require", "arguments", "'a b' c"}, false, []string{plain, "x"}, "global require --no-interaction a b c", "True"},
		"no plan": {[]any{"global_command", true, "command", "require"}, true, []string{plain, "x"}, "help require --no-interaction --format=json", "unknown"},
	} {
		h := &moduletest.Host{Said: ended(c.said...), Check: c.check}
		got, err := h.Run(t, Composer(), value.M(c.args...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if last := h.Ran[len(h.Ran)-1]; !strings.HasSuffix(last, "sh   "+c.want) {
			t.Errorf("%s: ran %s", name, last[strings.LastIndex(last, "\n")+1:])
		}
		v, _ := got.Get("changed")
		if s := v.Repr(); s != c.changed && !(c.changed == "unknown" && v.IsUnknown()) {
			t.Errorf("%s: changed is %s", name, s)
		}
	}
	for want, args := range map[string][]any{
		"working_dir":               nil,
		"Use the 'arguments' param": {"command", "require a", "working_dir", "/x"},
		"a quote is not closed":     {"arguments", "'a", "working_dir", "/x"},
	} {
		h := &moduletest.Host{}
		if _, err := h.Run(t, Composer(), value.M(args...)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
