package build

import (
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestCpanm(t *testing.T) {
	t.Parallel()
	ask := func(use string) string { return "sh -c " + scriptCpanm + " sh cpanm " + use }
	for name, c := range map[string]struct {
		args []any
		said []string
		want string
	}{
		"new":      {[]any{"name", "Dancer", "version", "1.0", "notest", true, "mirror", "http://m", "mirror_only", true}, []string{"/b/cpanm\n", "ok"}, ask("use Dancer 1.0;") + "|/b/cpanm --notest --mirror http://m --mirror-only Dancer"},
		"there":    {[]any{"name", "Dancer"}, []string{"/b/cpanm\nhas\n"}, ask("use Dancer;")},
		"a file":   {[]any{"pkg", "A/B-1.tar.gz", "installdeps", true}, []string{"/b/cpanm\n", "B is up to date."}, ask("") + "|/b/cpanm --installdeps A/B-1.tar.gz"},
		"new mode": {[]any{"name", "Dancer", "version", "1.0", "mode", "new", "name_check", "D"}, []string{"/b/cpanm\n", "ok"}, ask("use D 1.0;") + "|/b/cpanm Dancer~1.0"},
		"git":      {[]any{"name", "https://x/y.git", "version", "2", "mode", "new"}, []string{"/b/cpanm\n", "ok"}, ask("") + "|/b/cpanm https://x/y.git@2"},
		"git ~":    {[]any{"name", "https://x/y.git", "version", "~2", "mode", "new"}, []string{"/b/cpanm\n"}, "! operator '~' not allowed in version parameter when installing from git repository"},
		"check":    {[]any{"name", "a", "name_check", "b"}, nil, "! Parameter name_check can only be used with mode=new"},
		"two":      {[]any{"name", "a", "from_path", "/b", "mode", "new"}, nil, "! Parameters 'name' and 'from_path' are mutually exclusive when 'mode=new'"},
	} {
		h := &moduletest.Host{Said: ended(c.said...)}
		h.Expect(t, name, Cpanm(), value.M(c.args...), c.want)
	}
	h := &moduletest.Host{Said: []state.OpResult{moduletest.Ended(127, "", "")}}
	h.Expect(t, "no cpanm", Cpanm(), value.M("name", "a"), `! Failed to find required executable "cpanm" in paths of the host`)
}
