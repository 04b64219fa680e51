package files

import (
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestDeployHelper(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		args         *value.Map
		ops, results string
		repeats      bool
	}{
		{"folders of a new project", value.M("path", "/d/new/app", "mode", "0750", "shared_path", "shared/x"),
			"mkdir /d/new; mkdir /d/new/app 0750; mkdir /d/new/app/releases 0750; mkdir /d/new/app/shared; mkdir /d/new/app/shared/x 0750", "changed=True state=present", false},
		{"no shared folder", value.M("path", "/d/new", "shared_path", "", "releases_path", "/d/r"), "mkdir /d/new; mkdir /d/r", "changed=True", false},
		{"folders that are there", value.M("path", "/d/app"), "mkdir /d/app/shared", "changed=True", false},
		{"query changes nothing", value.M("path", "/d/none", "state", "query"), "", "changed=False state=query", false},
		{"a current that is no link", value.M("path", "/d", "current_path", "app"), "! /d/app exists but is not a symbolic link", "", false},
		{"finalize the first", value.M("path", "/d/app", "release", "4", "state", "finalize", "current_path", "now", "clean", false),
			"remove /d/app/releases/4/DEPLOY_UNFINISHED; link /d/app/now -> /d/app/releases/4", "changed=True state=finalize", true},
		{"finalize", value.M("path", "/d/app", "release", "4", "state", "finalize", "keep_releases", 2),
			"remove /d/app/releases/4/DEPLOY_UNFINISHED; link /d/app/current -> /d/app/releases/4; remove /d/app/releases/bad; remove /d/app/releases/2", "changed=True", true},
		{"finalize what is current", value.M("path", "/d/app", "release", "3", "state", "finalize", "clean", false), "", "changed=False", false},
		{"finalize what is missing", value.M("path", "/d/app", "release", "9", "state", "finalize"), "! the symlink target /d/app/releases/9 doesn't exists", "", false},
		{"clean all", value.M("path", "/d/app", "state", "clean", "keep_releases", 0),
			"remove /d/app/releases/4; remove /d/app/releases/bad; remove /d/app/releases/1; remove /d/app/releases/3; remove /d/app/releases/2", "changed=True", true},
		{"keep none", value.M("path", "/d/app", "release", "4", "state", "finalize", "keep_releases", 0), "! 'keep_releases' should be at least 1", "", false},
		{"remove", value.M("path", "/d/app", "state", "absent"), "remove /d/app", "changed=True state=absent", false},
		{"remove a file", value.M("path", "/d/app/current/f", "state", "absent"), "! /d/app/current/f exists but is not a directory", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.dir("/d/app", 0o755)
			h.dir("/d/app/releases", 0o755)
			for name, at := range map[string]int64{"1": 30, "2": 10, "3": 20, "4": 40, "bad": 50} {
				n := node{}
				n.Type, n.Mode, n.CTime = state.TypeDir, 0o755, time.Unix(at, 0)
				h.add("/d/app/releases/"+name, n)
			}
			h.file("/d/app/releases/3/f", "", 0o644)
			h.file("/d/app/releases/4/DEPLOY_UNFINISHED", "", 0o644)
			h.file("/d/app/releases/bad/DEPLOY_UNFINISHED", "", 0o644)
			h.link("/d/app/current", "/d/app/releases/3")
			h.says = "1/2/3/4//bad//"
			check(t, h, DeployHelper(), c.args, c.ops, c.results, c.repeats)
		})
	}
}

func TestDeployHelperFacts(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.dir("/d/app", 0o755)
	h.dir("/d/app/old", 0o755)
	h.link("/d/app/current", "/d/app/old")
	c, err := h.plan(DeployHelper(), value.M("path", "/d/app/", "state", "query", "shared_path", ""))
	const want = "{'deploy_helper': {'project_path': '/d/app/', 'current_path': '/d/app/current', 'releases_path': '/d/app/releases', " +
		"'shared_path': None, 'previous_release': 'old', 'previous_release_path': '/d/app/old', 'new_release': '20260102030405', " +
		"'new_release_path': '/d/app/releases/20260102030405', 'unfinished_filename': 'DEPLOY_UNFINISHED'}}"
	if got := get(c, "ansible_facts"); err != nil || got != want {
		t.Errorf("%s %v\nwant %s", got, err, want)
	}
}
