package config

import (
	"io/fs"
	"os"
	"path/filepath"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// find looks for the file: $ANSIBLE_CONFIG (a folder means ansible.cfg in it),
// then ./ansible.cfg unless everybody may write to the folder, ~/.ansible.cfg,
// the system's.
func find(s Surroundings) (string, *diag.Diagnostic) {
	if p, ok := s.lookup("ANSIBLE_CONFIG"); ok && p != "" {
		p = resolve(p, s.Dir, s)
		if info, err := os.Stat(p); err == nil {
			if info.IsDir() {
				p = filepath.Join(p, "ansible.cfg")
			}
			if isFile(p) {
				return p, nil
			}
		}
	}
	var warning *diag.Diagnostic
	if p := filepath.Join(s.Dir, "ansible.cfg"); s.Dir != "" && isFile(p) {
		if info, err := os.Stat(s.Dir); err == nil && info.Mode()&0o002 == 0 {
			return p, nil
		}
		warning = diag.Errorf(diag.Pos{File: p}, "ansible-cfg-writable", "not read: everybody may write to the folder %s", s.Dir).
			WithHint("take the write permission of others away, or name the file in ANSIBLE_CONFIG")
		warning.Warning = true
	}
	system := s.System
	if system == "" {
		system = "/etc/ansible/ansible.cfg"
	}
	for _, p := range []string{filepath.Join(s.Home, ".ansible.cfg"), system} {
		if isFile(p) {
			return p, warning
		}
	}
	return "", warning
}

func isFile(p string) bool {
	info, err := os.Stat(p)
	return err == nil && info.Mode()&fs.ModeDir == 0
}
