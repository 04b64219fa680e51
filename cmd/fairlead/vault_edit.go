package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/vault"
)

// edit lets the user edit the clear text of files. A text keeps the format and
// the id it has, unless --encrypt-vault-id names another.
func (v *vaultCommand) edit(args []string) error {
	if err := v.readers(); err != nil {
		return err
	}
	for _, file := range args {
		text, by, err := v.clearFile(file)
		if err != nil {
			return err
		}
		if v.encryptID != "" {
			if err := v.writer(v.flags.sources(v.cfg)); err != nil {
				return err
			}
			by = v.with
		}
		after, err := v.inEditor(file, []byte(text))
		if err != nil {
			return err
		}
		if bytes.Equal(after, []byte(text)) && v.encryptID == "" {
			continue
		}
		if err := v.seal(file, after, by); err != nil {
			return err
		}
	}
	return nil
}

func (v *vaultCommand) createFile(args []string) error {
	file := expand(args[0])
	if _, err := os.Lstat(file); err == nil {
		return diag.Errorf(diag.Pos{File: file}, "vault-exists", "the file exists already").WithHint("edit it with: fairlead vault edit %s", args[0])
	}
	if err := v.writer(v.flags.sources(v.cfg)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // the umask decides, as for ansible-vault
		return diag.Errorf(diag.Pos{File: file}, "vault-folder", "its folder cannot be made: %w", err)
	}
	text, err := v.inEditor(file, nil)
	if err != nil {
		return err
	}
	return v.seal(file, text, v.with)
}

func (v *vaultCommand) seal(file string, text []byte, by vault.Secret) error {
	sealed, err := vault.Encrypt(text, by)
	if err != nil {
		return err
	}
	return replaceFile(expand(file), []byte(sealed))
}

// inEditor lets $EDITOR change a text. The editor needs a file: it gets one in a
// folder of its own that nobody else can enter, in memory where there is such a
// place; the folder goes with all that the editor left in it, also after a
// signal.
func (v *vaultCommand) inEditor(name string, text []byte) (after []byte, err error) {
	dir, err := privateFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, shredFolder(dir)) }()
	signals := make(chan os.Signal, 8)
	// The editor's terminal sends these to us too: we outlive it and clean up.
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	file := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("clear text for the editor: %w", err)
	}
	editor := strings.Fields(orElse(os.Getenv("EDITOR"), "vi"))
	if len(editor) == 0 {
		editor = []string{"vi"}
	}
	cmd := exec.Command(editor[0], append(editor[1:], file)...) //nolint:gosec // the user's own editor
	cmd.Stdin, cmd.Stdout, cmd.Stderr = v.std.in, v.std.out, v.std.err
	if err := cmd.Run(); err != nil {
		return nil, diag.Errorf(diag.Pos{}, "editor", "the editor %s: %w; nothing was changed", editor[0], err).WithHint("name another in EDITOR")
	}
	if after, err = os.ReadFile(file); err != nil {
		return nil, fmt.Errorf("what the editor wrote: %w", err)
	}
	return after, nil
}

func privateFolder() (string, error) {
	for _, base := range []string{"/dev/shm", os.TempDir()} {
		if dir, err := os.MkdirTemp(base, "fairlead-vault-"); err == nil {
			return dir, nil
		}
	}
	return "", diag.Errorf(diag.Pos{}, "editor", "there is no place for the editor's file").WithHint("set TMPDIR to a folder you may write to")
}

// shredFolder overwrites the files of a folder and removes it.
func shredFolder(dir string) error {
	walk := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(p, make([]byte, info.Size()), 0o600)
	})
	return errors.Join(walk, os.RemoveAll(dir))
}

// replaceFile writes a file anew, at once or not at all: mode and owner stay, a
// new one can be read by its owner only. A link is followed.
func replaceFile(file string, data []byte) (err error) {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	fail := func(err error) error {
		return diag.Errorf(diag.Pos{File: file}, "vault-write", "cannot be written: %w", err)
	}
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		if err := os.WriteFile(file, data, 0); err != nil { // a pipe or a device
			return fail(err)
		}
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".fairlead-vault-")
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if info, err := os.Stat(file); err == nil {
		if err := tmp.Chmod(info.Mode().Perm()); err != nil {
			return fail(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && (int(st.Uid) != os.Geteuid() || int(st.Gid) != os.Getegid()) {
			if err := tmp.Chown(int(st.Uid), int(st.Gid)); err != nil {
				return fail(err)
			}
		}
	}
	if _, err := tmp.Write(data); err != nil {
		return fail(err)
	}
	if err := tmp.Sync(); err != nil {
		return fail(err)
	}
	if err := tmp.Close(); err != nil {
		return fail(err)
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return fail(err)
	}
	return nil
}
