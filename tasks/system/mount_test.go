package system

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

// planOn plans a module on files; a text that ends in a slash is a folder.
func planOn(t *testing.T, m module.Module, files map[string]string, args *value.Map) (module.Change, error) {
	t.Helper()
	a, err := m.Decode(args, diag.Pos{})
	if err != nil {
		return module.Change{}, err
	}
	v := state.NewHostView()
	for range 6 {
		c, err := m.Plan(a, module.Inputs{}, v)
		if err != nil || len(c.Need) == 0 {
			return c, err
		}
		for _, q := range c.Need {
			p, _ := q.(state.Path)
			f := state.File{Canonical: p.Path, Resolved: p.Path, Parent: state.Stat{Type: state.TypeDir}}
			if text, ok := files[p.Path]; ok {
				f.Stat, f.Content = state.Stat{Type: state.TypeFile, Mode: 0o644, Nlink: 1}, []byte(text)
				if text == "/" {
					f.Stat.Type = state.TypeDir
				}
			}
			f.Followed = f.Stat
			v.Learn(state.Answer{Query: q, Value: f})
		}
	}
	t.Fatal("it never has what it needs")
	return module.Change{}, nil
}

func TestMount(t *testing.T) {
	t.Parallel()
	const line, on = "tmpfs /mnt/x tmpfs size=1m 0 0\n", "tmpfs /mnt/x tmpfs rw 0 0\n"
	full := func(kv ...any) *value.Map {
		return value.M(append([]any{"src", "tmpfs", "fstype", "tmpfs", "opts", "size=1m"}, kv...)...)
	}
	for name, c := range map[string]struct {
		tab, mounts string
		noDir       bool
		args        *value.Map
		want        string // operations
	}{
		"present":           {"# c\n", "", true, full("state", "present"), `write "# c\n` + `tmpfs /mnt/x tmpfs size=1m 0 0\n"`},
		"present already":   {line, "", true, full("state", "present"), ""},
		"mounted":           {"", "", true, full("state", "mounted"), `write "tmpfs /mnt/x tmpfs size=1m 0 0\n"; mkdir -p '/mnt/x' && mount '/mnt/x'`},
		"only mount":        {line, "", false, full("state", "mounted"), `mount '/mnt/x'`},
		"mounted already":   {line, on, false, full("state", "mounted"), ""},
		"other options":     {strings.Replace(line, "1m", "2m", 1), on, false, full("state", "mounted"), `write "tmpfs /mnt/x tmpfs size=1m 0 0\n"; mount -o remount '/mnt/x' || { umount '/mnt/x' && mount '/mnt/x'; }`},
		"not at boot":       {"", "", false, full("state", "present", "boot", false), `write "tmpfs /mnt/x tmpfs size=1m,noauto 0 0\n"`},
		"remounted":         {line, on, false, value.M("state", "remounted"), `mount -o remount '/mnt/x' || { umount '/mnt/x' && mount '/mnt/x'; }`},
		"remount of none":   {line, "", false, value.M("state", "remounted"), "! Error remounting /mnt/x: not mounted"},
		"unmounted":         {line, on, false, value.M("state", "unmounted"), `umount '/mnt/x'`},
		"unmounted already": {line, "", false, value.M("state", "unmounted"), ""},
		"absent":            {"# c\n" + line, on, false, value.M("state", "absent"), `write "# c\n"; umount '/mnt/x' && rmdir '/mnt/x'`},
		"absent already":    {"# c\n", "", true, value.M("state", "absent"), ""},
		"absent elsewhere":  {"# c\n", on, false, value.M("state", "absent"), ""},
		"forgotten":         {"# c\n" + line, on, false, value.M("state", "absent_from_fstab"), `write "# c\n"`},
		"ephemeral":         {"", "", true, full("state", "ephemeral"), `mkdir -p '/mnt/x' && mount -t 'tmpfs' -o 'size=1m' 'tmpfs' '/mnt/x'`},
		"ephemeral again":   {"", on, false, full("state", "ephemeral"), `mount -t 'tmpfs' -o 'remount,size=1m' 'tmpfs' '/mnt/x'`},
		"ephemeral over":    {"", "other /mnt/x tmpfs rw 0 0\n", false, full("state", "ephemeral"), "! Ephemeral mount point is already mounted with a different source than the specified one. Unmount it first, or use another path."},
		"defaults, no boot": {"", "", false, value.M("src", "a", "fstype", "b", "state", "present", "boot", false), `write "a /mnt/x b defaults 0 0\n"`},
		"other table":       {"", "", false, full("state", "mounted", "fstab", "/t"), `write "tmpfs /mnt/x tmpfs size=1m 0 0\n"; mount -T '/t' '/mnt/x'`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"/etc/fstab": c.tab, "/proc/mounts": c.mounts}
			if !c.noDir {
				files["/mnt/x"] = "/"
			}
			c.args.Set("path", value.String("/mnt/x/"))
			got, err := planOn(t, Mount(), files, c.args)
			if want, fails := strings.CutPrefix(c.want, "! "); fails {
				if f, ok := errors.AsType[*module.Failure](err); !ok || f.Msg != want {
					t.Errorf("got %v, want a failure %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for _, op := range got.Ops {
				switch o := op.(type) {
				case state.WriteFile:
					ops = append(ops, "write "+strings.ReplaceAll(value.String(string(o.Content.Data)).Repr(), "'", `"`))
				case state.Exec:
					ops = append(ops, strings.TrimSpace(strings.Join(o.Argv, " ")+o.Shell))
				}
			}
			if text := strings.Join(ops, "; "); text != c.want {
				t.Errorf("operations %s\nwant %s", text, c.want)
			}
			if changed, _ := got.Result.Get("changed"); changed.AsBool() != (c.want != "") {
				t.Errorf("changed %s", changed.Text())
			}
			if got.Then != nil {
				next, err := got.Then(nil, []state.OpResult{{OK: true, RC: 32, Stderr: []byte("no")}})
				if len(next.Ops) > 0 { // the old table comes back first
					if w, ok := next.Ops[0].(state.WriteFile); !ok || string(w.Content.Data) != c.tab {
						t.Errorf("undone by %v", next.Ops)
					}
					_, err = next.Then(nil, nil)
				}
				if f, ok := errors.AsType[*module.Failure](err); !ok || !strings.HasSuffix(f.Msg, "no") {
					t.Errorf("a command that fails: %v", err)
				}
			}
		})
	}
}

// TestMountSwap: the path of a swap area is a word, not a path.
func TestMountSwap(t *testing.T) {
	t.Parallel()
	h := &fakeHost{files: map[string]string{"/etc/fstab": "# c\n/other none swap sw 0 0\n", "/proc/mounts": ""}}
	args := value.M("path", "none", "src", "/swap", "fstype", "swap", "opts", "sw", "state", "present", "backup", true)
	_, r, err := h.run(t, Mount(), args)
	if err != nil {
		t.Fatal(err)
	}
	if name, _ := r.Get("name"); name.Text() != "none" || h.files["/etc/fstab"] != "# c\n/other none swap sw 0 0\n/swap none swap sw 0 0\n" {
		t.Errorf("%s: %q", name.Text(), h.files["/etc/fstab"])
	}
	if _, r, err := h.run(t, Mount(), args); err != nil || changed(r) {
		t.Errorf("again: %v", err)
	}
}
