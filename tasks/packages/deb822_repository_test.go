package packages

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

const armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n-----END PGP PUBLIC KEY BLOCK-----\n"

func answered(status int, body string) state.OpResult {
	return state.OpResult{OK: true, Data: state.HTTPResponse{Status: status, Failed: status >= 300, Msg: "HTTP Error 404: Not Found", Body: state.Bytes([]byte(body))}}
}

func TestDeb822Repository(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args *value.Map
		said []state.OpResult
		file string // of sources.list.d
		want string
		key  string // of the result
	}{
		"fields": {value.M("name", "My Repo_1!", "uris", value.Strings("http://a", "http://b"), "suites", "stable", "components", "main,contrib", "enabled", true,
			"date_max_future", 5, "by_hash", false, "inrelease_path", "x", "types", value.Strings("deb", "deb-src")), nil, "my-repo-1.sources",
			"By-Hash: no\nComponents: main contrib\nDate-Max-Future: 5\nEnabled: yes\nInrelease-Path: x\nX-Repolib-Name: My Repo_1!\nSuites: stable\nTypes: deb deb-src\nURIs: http://a http://b\n", "None"},
		"armored": {value.M("name", "a", "uris", "http://a", "suites", "x/", "signed_by", armored), nil, "a.sources",
			"X-Repolib-Name: a\nSigned-By:\n    -----BEGIN PGP PUBLIC KEY BLOCK-----\n    .\n    mDME\n    -----END PGP PUBLIC KEY BLOCK-----\nSuites: x/\nTypes: deb\nURIs: http://a\n", "None"},
		"fingerprint": {value.M("name", "a", "signed_by", "ABCD 1234"), nil, "a.sources", "X-Repolib-Name: a\nSigned-By: ABCD 1234\nTypes: deb\n", "None"},
		"file":        {value.M("name", "a", "signed_by", "/etc/k.gpg"), nil, "a.sources", "X-Repolib-Name: a\nSigned-By: /etc/k.gpg\nTypes: deb\n", "'/etc/k.gpg'"},
		"address": {value.M("name", "a", "signed_by", "https://x/k"), []state.OpResult{answered(200, armored)}, "a.sources",
			"X-Repolib-Name: a\nSigned-By: /etc/apt/keyrings/a.asc\nTypes: deb\n", "'/etc/apt/keyrings/a.asc'"},
		"binary": {value.M("name", "a", "signed_by", "https://x/k"), []state.OpResult{answered(200, "\x99")}, "a.sources",
			"X-Repolib-Name: a\nSigned-By: /etc/apt/keyrings/a.gpg\nTypes: deb\n", "'/etc/apt/keyrings/a.gpg'"},
	} {
		h := &moduletest.Host{Files: map[string]string{"/etc/apt/sources.list.d/x": "", "/etc/k.gpg": "k"}, Said: c.said}
		got, err := h.Run(t, Deb822Repository(), c.args)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if text := h.Files["/etc/apt/sources.list.d/"+c.file]; text != c.want {
			t.Errorf("%s: wrote %q\nwant %q", name, text, c.want)
		}
		if k, _ := got.Get("key_filename"); k.Repr() != c.key {
			t.Errorf("%s: the key is in %s", name, k.Repr())
		}
		got, err = h.Run(t, Deb822Repository(), c.args)
		if v, _ := got.Get("changed"); err != nil || v.Truthy() {
			t.Errorf("%s: the second time: %v, %v; ran %q", name, v.Repr(), err, h.Ran)
		}
	}
}

func TestDeb822RepositoryGoesAway(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/etc/apt/sources.list.d/a.sources": "", "/etc/apt/keyrings/a.asc": ""}}
	h.Expect(t, "both files", Deb822Repository(), value.M("name", "a", "state", "absent"), "remove /etc/apt/sources.list.d/a.sources|remove /etc/apt/keyrings/a.asc")
	h = &moduletest.Host{Files: map[string]string{"/etc/apt/sources.list.d/b.sources": ""}}
	h.Expect(t, "none", Deb822Repository(), value.M("name", "a", "state", "absent"), "")
}

func TestDeb822RepositoryWithoutItsKey(t *testing.T) {
	t.Parallel()
	h := &moduletest.Host{Files: map[string]string{"/etc/apt/sources.list.d/x": ""}, Said: []state.OpResult{answered(404, "")}}
	_, err := h.Run(t, Deb822Repository(), value.M("name", "a", "signed_by", "https://x/k"))
	if err == nil || !strings.Contains(err.Error(), "Could not fetch signed_by key: HTTP Error 404") || h.Files["/etc/apt/sources.list.d/a.sources"] != "" {
		t.Errorf("%v", err)
	}
}
