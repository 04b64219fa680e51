package files

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// stages carries a module through its stages: each run of operations ends as
// says, and the questions in between are answered. It gives what was done.
func (h *host) stages(m module.Module, args *value.Map, says ...state.OpResult) (module.Change, string, error) {
	h.t.Helper()
	c, err := h.plan(m, args)
	var did []string
	for i := 0; err == nil && c.Then != nil && len(c.Ops) > 0; i++ {
		did = append(did, opsText(c.Ops))
		results := make([]state.OpResult, len(c.Ops))
		for j := range results {
			results[j].OK = true
		}
		if i < len(says) {
			says[i].OK = true
			results[len(results)-1] = says[i]
		}
		then := c.Then
		c, err = then(h.view, results)
		for range 5 {
			if err != nil || len(c.Need) == 0 {
				break
			}
			for _, q := range c.Need {
				h.view.Learn(h.answer(q))
			}
			c, err = then(h.view, results)
		}
	}
	if len(c.Ops) > 0 {
		did = append(did, opsText(c.Ops))
	}
	return c, strings.Join(did, " | "), err
}

func out(stdout, stderr string) state.OpResult {
	return state.OpResult{Stdout: []byte(stdout), Stderr: []byte(stderr)}
}

func TestUnarchive(t *testing.T) {
	t.Parallel()
	const zipinfo = "Archive:  /d/a.zip\n" +
		"-rw-r-----  2.0 unx        4 tx defN 20260102.030405 f\n" +
		"drwxr-xr-x  2.0 unx        0 bx stor 20260102.030405 sub/\n"
	there := value.M("src", "/d/a", "dest", "/d", "remote_src", true)
	with := func(kv ...any) *value.Map {
		m := there.Clone()
		for k, v := range value.M(kv...).All() {
			m.SetKey(k, v)
		}
		return m
	}
	for _, c := range []struct {
		name    string
		args    *value.Map
		says    []state.OpResult
		did     string
		results string // or the failure
	}{
		{"as it is", there, []state.OpResult{out("TgzArchive\n+0000\nf\n", "")}, "look into /d/a", "changed=False handler=TgzArchive dest=/d"},
		{"differs", there, []state.OpResult{out("TgzArchive\n+0000\nf\n", "f: Mod time differs\n")},
			`look into /d/a | run ["tar" "--extract" "-C" "/d" "-z" "-f" "/d/a"]`, "changed=True"},
		{"only in what is set", with("owner", "app", "group", "app", "mode", "0640"), []state.OpResult{out("TarArchive\n+0000\nf\n", "f: Uid differs\nf: Gid differs\nf: Mode differs\n")},
			"look into /d/a | set /d/f owner=app group=app", "changed=True"},
		{"from here", value.M("src", "a.tar", "dest", "/d"), []state.OpResult{out("TarArchive\n+0000\nf\n", "f: Warning: Cannot stat: No such file or directory\n")},
			`write /tmp/.fairlead-0000000000000000-source "tar" 0600; look into /tmp/.fairlead-0000000000000000-source | ` +
				`run ["tar" "--extract" "-C" "/d" "-f" "/tmp/.fairlead-0000000000000000-source"] | remove /tmp/.fairlead-0000000000000000-source`, "changed=True"},
		{"from here, not an archive", value.M("src", "a.tar", "dest", "/d"), []state.OpResult{{RC: 1, Stderr: []byte("why")}},
			`write /tmp/.fairlead-0000000000000000-source "tar" 0600; look into /tmp/.fairlead-0000000000000000-source | remove /tmp/.fairlead-0000000000000000-source`,
			`! Failed to find handler for "/tmp/.fairlead-0000000000000000-source"`},
		{"options", with("extra_opts", []string{"-k"}, "exclude", []string{"x/"}, "keep_newer", true, "list_files", true), []state.OpResult{out("TarArchive\n+0000\nf\nx\n\\303\\251\n", ": Invalid owner\n")},
			`look into /d/a | run ["tar" "--extract" "-C" "/d" "--show-transformed-names" "-k" "--keep-newer-files" "--exclude=x" "-f" "/d/a"]`, "files=['f', 'é']"},
		{"fails", there, []state.OpResult{out("TarArchive\n+0000\nf\n", ": Invalid owner\n"), {RC: 2}}, `look into /d/a | run ["tar" "--extract" "-C" "/d" "-f" "/d/a"]`, "! failed to unpack /d/a to /d"},
		{"zip as it is", there, []state.OpResult{out("ZipArchive\n+0000\nf\nsub/\n", zipinfo)}, "look into /d/a | compare with /d/a", "changed=False handler=ZipArchive"},
		{"zip with another content", there, []state.OpResult{out("ZipArchive\n+0000\nf\nsub/\n", zipinfo), {RC: 1}},
			`look into /d/a | compare with /d/a | run ["unzip" "-o" "/d/a" "-d" "/d"]`, "changed=True"},
		{"zip with another mode", with("exclude", []string{"sub/"}), []state.OpResult{out("ZipArchive\n+0000\nf\nsub/\n", strings.Replace(zipinfo, "rw-r-----", "rwxr-----", 1))},
			`look into /d/a | run ["unzip" "-o" "/d/a" "-x" "sub/" "-d" "/d"]`, "changed=True"},
		{"no folder", value.M("src", "/d/a", "dest", "/d/f", "remote_src", true), nil, "", "! dest '/d/f' must be an existing dir"},
		{"nothing", value.M("src", "/d/none", "dest", "/d", "remote_src", true), nil, "", "! Source '/d/none' does not exist"},
		{"empty", value.M("src", "/d/empty", "dest", "/d", "remote_src", true), nil, "", "! Invalid archive '/d/empty', the file is 0 bytes"},
		{"made already", with("creates", "/d/f"), nil, "", "msg=skipped, since /d/f exists"},
		{"copy and remote_src", with("copy", true), nil, "", "! parameters are mutually exclusive: ('copy', 'remote_src')"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.file("/d/a", "archive", 0o644)
			h.file("/d/empty", "", 0o644)
			h.add("/d/f", node{Stat: state.Stat{Type: state.TypeFile, Mode: 0o640, Size: 4, MTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, content: "text"})
			h.dir("/d/sub", 0o755)
			h.in.Sources = sources{"/c/files/a.tar": "tar"}
			ch, did, err := h.stages(Unarchive(), c.args, c.says...)
			if did != c.did {
				t.Errorf("did  %s\nwant %s", did, c.did)
			}
			if want, fails := strings.CutPrefix(c.results, "! "); fails {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range strings.Split(c.results, "  ") {
				for _, kv := range strings.Fields(strings.ReplaceAll(pair, ", ", ",\u00a0")) {
					key, want, ok := strings.Cut(kv, "=")
					if got := strings.ReplaceAll(get(ch, key), " ", "\u00a0"); ok && got != want && !strings.HasPrefix(got, want) {
						t.Errorf("%s = %s, want %s", key, got, want)
					}
				}
			}
		})
	}
}

func TestArchive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, did, results string
		args               *value.Map
		says               state.OpResult
	}{
		{"a folder", "archive /d/x.tgz", "changed=True dest_state=archive arcroot=/d/", value.M("path", "/d/s", "dest", "/d/x.tgz"), state.OpResult{}},
		{"as it is", "archive /d/x.tgz", "changed=False", value.M("path", "/d/s", "dest", "/d/x.tgz"), state.OpResult{RC: rcSame}},
		{"a file", "compress /d/s/f", "changed=True dest_state=compress dest=/d/s/f.gz", value.M("path", "/d/s/f"), state.OpResult{}},
		{"removed", "archive /d/x.tar | remove /d/s", "changed=True", value.M("path", "/d/s/", "dest", "/d/x.tar", "format", "tar", "remove", true), state.OpResult{}},
		{"some are missing", "archive /d/x.tar", "dest_state=incomplete missing=['/d/none']", value.M("path", []string{"/d/none", "/d/s"}, "dest", "/d/x.tar"), state.OpResult{}},
		{"patterns", "archive /d/x.tar", "expanded_paths=['/d/s/f']", value.M("path", "/d/s/f*", "dest", "/d/x.tar"), state.OpResult{}},
		{"nothing", "", "! Error, no source paths were found", value.M("path", "/d/none*", "dest", "/d/x.tar"), state.OpResult{}},
		{"no dest", "", "! Error, must specify \"dest\"", value.M("path", "/d/s"), state.OpResult{}},
		{"into itself", "", "! Error, created archive can not be contained", value.M("path", "/d/s", "dest", "/d/s/x.tar", "remove", true), state.OpResult{}},
		{"fails", "archive /d/x.tgz", "! Error when writing tar.gz archive at /d/x.tgz: no space", value.M("path", "/d/s", "dest", "/d/x.tgz"), state.OpResult{RC: 1, Stderr: []byte("no space\n")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.dir("/d/s", 0o755)
			h.file("/d/s/f", "text", 0o644)
			ch, did, err := h.stages(Archive(), c.args, c.says)
			if did != c.did {
				t.Errorf("did  %s\nwant %s", did, c.did)
			}
			if want, fails := strings.CutPrefix(c.results, "! "); fails || err != nil {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%v, want %s", err, want)
				}
				return
			}
			for _, kv := range strings.Fields(c.results) {
				if key, want, _ := strings.Cut(kv, "="); get(ch, key) != want {
					t.Errorf("%s = %s, want %s", key, get(ch, key), want)
				}
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`plain`: "plain", `\303\251`: "é", `a\nb`: "a\nb", `a\\b`: `a\b`, `end\`: `end\`} {
		if got := unescape(in); got != want {
			t.Errorf("%q = %q, want %q", in, got, want)
		}
	}
}
