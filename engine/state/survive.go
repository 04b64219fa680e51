package state

import (
	"path"
	"slices"
	"strings"
)

// PathIndependent is implemented by queries whose answers do not depend on the
// files of the host.
type PathIndependent interface {
	// SurvivesWrite tells whether the answer stands after a write to path.
	SurvivesWrite(path string) bool
}

// SurvivesWrite is true: who we are does not change.
func (Login) SurvivesWrite(string) bool { return true }

// SurvivesWrite is true except for the user database.
func (User) SurvivesWrite(p string) bool { return !isAccounts(p) }

// SurvivesWrite is true except for the user database.
func (Group) SurvivesWrite(p string) bool { return !isAccounts(p) }

// SurvivesWrite tells whether the path lies outside the tree.
func (q Tree) SurvivesWrite(p string) bool {
	root := path.Clean(q.Path)
	return root != "/" && p != root && !strings.HasPrefix(p, root+"/") && !strings.HasPrefix(root, p+"/")
}

// outside tells whether a write to a path concerns none of these folders, and no program:
// what answers a question may be one that the playbook brings.
func outside(p string, folders []string) bool {
	for part := range strings.SplitSeq(p, "/") {
		if part == "bin" || part == "sbin" {
			return false
		}
	}
	return !slices.ContainsFunc(folders, func(dir string) bool { return !Tree{Path: dir}.SurvivesWrite(p) })
}

func isAccounts(p string) bool {
	return p == "/etc/passwd" || p == "/etc/group" || p == "/etc/nsswitch.conf" || p == "/etc"
}

func (v *HostView) survives(q Query) bool {
	for _, t := range v.touched {
		if !v.stands(q, t) {
			return false
		}
	}
	return true
}

// stands tells whether the answer to a question about something else than paths stands
// after a write to a path.
func (v *HostView) stands(q Query, p string) bool {
	if v.Planned {
		switch q := q.(type) {
		case Output:
			return q.Under != "" && outside(p, strings.Split(q.Under, ":"))
		case Facts:
			paths := factPaths
			for family := range strings.SplitSeq(q.Families, ",") {
				if own, is := strings.CutPrefix(family, "local="); is {
					paths = append(slices.Clone(paths), own)
				}
			}
			return outside(p, releases) && outside(p, paths)
		}
	}
	return survivesWrite(q, p)
}

// factPaths are further files that facts tell of.
var factPaths = []string{"/etc/ansible", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/fstab", "/etc/mtab", "/etc/ssh", "/etc/machine-id", "/etc/selinux", "/etc/iscsi",
	"/etc/nsswitch.conf", "/etc/network", "/etc/localtime", "/etc/timezone", "/etc/environment", "/etc/profile", "/etc/init.d", "/run/systemd", "/lib/systemd", "/proc", "/sys", "/dev"}

// releases are files that say which system a host has.
var releases = []string{"/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release", "/etc/debian_version", "/etc/redhat-release", "/etc/centos-release",
	"/etc/system-release", "/etc/oracle-release", "/etc/vmware-release", "/etc/alpine-release", "/etc/SuSE-release", "/etc/SuSE-brand", "/etc/gentoo-release",
	"/etc/arch-release", "/etc/altlinux-release", "/etc/slackware-version", "/etc/openwrt_release", "/etc/coreos", "/etc/flatcar", "/etc/product"}

// dropAnswers drops what is known that does not stand after a write to a canonical path.
func (v *HostView) dropAnswers(c string) {
	for q := range v.other {
		if !v.outlasts(q, c) {
			delete(v.other, q)
		}
	}
}

// outlasts tells whether an answer that is known stands after a write to a
// canonical path.
func (v *HostView) outlasts(q Query, c string) bool {
	o, ok := q.(Output)
	if !ok || o.Path == "" {
		return v.stands(q, c)
	}
	at, known := v.canonical(o.Path)
	e := v.entries[at]
	if !known || e == nil || at == c || strings.HasPrefix(at, c+"/") {
		return false
	}
	return e.stat.Type != TypeLink || e.resolved != "" && e.resolved != c && !strings.HasPrefix(e.resolved, c+"/")
}

func survivesWrite(q Query, p string) bool {
	s, ok := q.(PathIndependent)
	return ok && s.SurvivesWrite(p)
}
