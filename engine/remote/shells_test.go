package remote_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/internal/testbed"
	"github.com/fairlead-project/fairlead/engine/remote"
	"github.com/fairlead-project/fairlead/engine/state"
)

// Login shells that are no sh, and doas: users and rules of their own on the
// first node.
func TestBedShellsAndDoas(t *testing.T) {
	b := testbed.Need(t)
	const pass = "Fender-64-shell"
	root := bedHost(t, bedConfig(b, b.Node(), "root"), remote.Options{})
	sh := func(text string) state.OpResult {
		out := do(t, root, state.Batch{Ops: []state.Op{state.Exec{Shell: text}}})
		allOK(t, out, 1)
		return out.Results[0]
	}
	users := map[string]string{"flcsh": "/bin/tcsh", "flfish": "/usr/bin/fish", "flbash": "/bin/bash"}
	make1 := "set -e; umask 022; cp -p /etc/doas.conf /etc/doas.conf.before 2>/dev/null || :\n"
	for u, shell := range users {
		make1 += fmt.Sprintf("useradd -m -s %s %s; echo %s:%s | chpasswd; usermod -aG sudo %s\n", shell, u, u, pass, u)
	}
	make1 += "printf '%s\\n' 'permit flcsh' 'permit flfish' 'permit flbash' 'permit nopass flbash as flfish' >/etc/doas.conf; chmod 600 /etc/doas.conf"
	t.Cleanup(func() {
		clean, err := remote.Connect(context.Background(), bedConfig(b, b.Node(), "root"), remote.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = clean.Close() }()
		text := "userdel -rf flcsh; userdel -rf flfish; userdel -rf flbash; rm -f /etc/doas.conf; mv /etc/doas.conf.before /etc/doas.conf 2>/dev/null; :"
		if _, err := clean.Do(context.Background(), state.Batch{Ops: []state.Op{state.Exec{Shell: text}}}); err != nil {
			t.Error(err)
		}
	})
	if r := sh(make1); r.RC != 0 {
		t.Fatalf("users: %d %s%s", r.RC, r.Stdout, r.Stderr)
	}
	for _, c := range []struct {
		name, login string
		id          state.Identity
		want        string
		class       diag.Class
	}{
		{"csh", "flcsh", state.Identity{}, "flcsh", 0},
		{"fish", "flfish", state.Identity{}, "flfish", 0},
		{"csh sudo", "flcsh", state.Identity{Method: "sudo", Password: pass}, "root", 0},
		{"fish sudo", "flfish", state.Identity{Method: "sudo", Password: pass}, "root", 0},
		{"fish su", "flfish", state.Identity{Method: "ansible.builtin.su", Password: b.Password("root")}, "root", 0},
		{"csh su to fish", "flcsh", state.Identity{Method: "su", User: "flfish", Password: pass}, "flfish", 0},
		{"doas with a password", "flbash", state.Identity{Method: "community.general.doas", Password: pass}, "root", 0},
		{"doas without", "flbash", state.Identity{Method: "doas", User: "flfish"}, "flfish", 0},
		{"fish doas", "flfish", state.Identity{Method: "doas", Password: pass}, "root", 0},
		{"doas, wrong password", "flbash", state.Identity{Method: "doas", Password: "wrong-64-shell"}, "", diag.Become},
		{"doas, no password", "flbash", state.Identity{Method: "doas"}, "", diag.Become},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := bedConfig(b, b.Node(), c.login)
			cfg.KeyFiles, cfg.Password = nil, pass
			h := bedHost(t, cfg, remote.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			defer cancel()
			for range 2 {
				out, err := h.Do(ctx, state.Batch{As: c.id, Ops: []state.Op{state.Exec{Shell: `id -un; printf '%s' "it's \$1 !x"`}}})
				if c.class != 0 {
					if diag.ClassOf(err) != c.class || strings.Contains(err.Error(), "64-shell") {
						t.Fatalf("class %s: %v", diag.ClassOf(err), err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := string(out.Results[0].Stdout); got != c.want+"\nit's $1 !x" {
					t.Fatalf("%q", got)
				}
			}
		})
	}
}
