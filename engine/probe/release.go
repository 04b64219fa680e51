package probe

import (
	"regexp"
	"strings"
)

// firstWord reads a release file of the Red Hat kind: its own distribution
// when the mark stands in it, else the distribution that its first word names.
func firstWord(mark string) func(*raw, *distro, releaseFile, string) bool {
	return func(_ *raw, d *distro, f releaseFile, text string) bool {
		if strings.Contains(text, mark) {
			d.search = mark
			return true
		}
		d.name = strings.Fields(text)[0]
		return true
	}
}

// find gives what the first group of a pattern matches.
func find(pattern, text string) (string, bool) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], true
}

func (d *distro) setVersion(v string) {
	d.version = v
	d.major, _, _ = strings.Cut(v, ".")
}

func slackware(_ *raw, d *distro, _ releaseFile, text string) bool {
	if v, ok := find(`(\w+[.]\w+\+?)`, text); ok {
		d.version = v
	}
	return strings.Contains(text, "Slackware")
}

func centOS(_ *raw, d *distro, _ releaseFile, text string) bool {
	switch {
	case strings.Contains(text, "CentOS Stream"):
		d.release = "Stream"
	case strings.Contains(text, "TencentOS Server"):
		d.name = "TencentOS"
	default:
		return false
	}
	return true
}

func openWrt(_ *raw, d *distro, _ releaseFile, text string) bool {
	if v, ok := find(`DISTRIB_RELEASE=["'](.*)["']`, text); ok {
		d.version = v
	}
	if v, ok := find(`DISTRIB_CODENAME=["'](.*)["']`, text); ok {
		d.release = v
	}
	return strings.Contains(text, "OpenWrt")
}

func amazon(_ *raw, d *distro, f releaseFile, text string) bool {
	if !strings.Contains(text, "Amazon") {
		return false
	}
	if f.path != "/etc/os-release" {
		d.version = "NA"
		for w := range strings.FieldsSeq(text) {
			if strings.Trim(w, "0123456789") == "" {
				d.version = w
				break
			}
		}
		return true
	}
	if v, ok := find(`VERSION_ID="(.*)"`, text); ok {
		var minor bool
		d.version, d.hasMinor = v, true
		if d.major, d.minor, minor = strings.Cut(v, "."); !minor {
			d.minor = "NA"
		}
	}
	return true
}

func alpine(_ *raw, d *distro, _ releaseFile, text string) bool {
	d.version = text
	return true
}

func arch(_ *raw, _ *distro, _ releaseFile, text string) bool {
	return strings.Contains(text, "Arch Linux")
}

func gentoo(_ *raw, _ *distro, _ releaseFile, _ string) bool { return true }

func suse(r *raw, d *distro, f releaseFile, text string) bool {
	low := strings.ToLower(text)
	if !strings.Contains(low, "suse") {
		return false
	}
	if f.path == "/etc/os-release" {
		os := osRelease(strings.Split(text, "\n"))
		if n := os["NAME"]; n != "" {
			d.name = n
		}
		if v, ok := find(`^([0-9]+\.?[0-9]*)`, os["VERSION_ID"]); ok {
			d.setVersion(v)
			_, minor, _ := strings.Cut(v, ".")
			switch {
			case strings.Contains(low, "open"):
				d.release = minor
			case strings.Contains(low, "enterprise"):
				if d.release = minor; minor == "" {
					d.release = "0"
				}
			}
		}
	} else {
		oldSUSE(d, low, text)
	}
	return true
}

// oldSUSE reads /etc/SuSE-release, which ended with version 12.
func oldSUSE(d *distro, low, text string) {
	switch {
	case strings.Contains(low, "open"):
		d.name = strings.Fields(text)[0]
		if v, ok := find(`CODENAME *= *([^\n]+)`, text); ok {
			d.release = strings.TrimSpace(v)
		}
	case strings.Contains(low, "enterprise"):
		switch {
		case strings.Contains(text, "Server"):
			d.name = "SLES"
		case strings.Contains(text, "Desktop"):
			d.name = "SLED"
		}
		if v, ok := find(`PATCHLEVEL = ([0-9]+)`, text); ok {
			d.release = v
			d.version += "." + v
		}
	}
}

// debianLike tells Debian and what was made from it apart.
func debianLike(r *raw, d *distro, f releaseFile, text string) bool {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Debian", "Raspbian"):
		d.name = "Debian"
		if v, ok := find(`PRETTY_NAME=[^(]+ \(?([^)]+?)\)`, text); ok {
			d.release = v
		}
		if v, ok := find(`\d+\.(\d+)`, r.first("/etc/debian_version")); ok {
			d.minor, d.hasMinor = v, true
		}
	case has("Ubuntu"):
		d.name = "Ubuntu"
	case has("SteamOS"):
		d.name = "SteamOS"
	case has("Kali", "Parrot"):
		d.name = "Parrot"
		if has("Kali") {
			d.name = "Kali"
		}
		if v, ok := find(`DISTRIB_RELEASE=(.*)`, text); ok {
			d.release = v
		}
	default:
		return lesserDebian(d, has, text)
	}
	return true
}

func lesserDebian(d *distro, has func(...string) bool, text string) bool {
	version, known := find(`VERSION_ID="?([^"\n]*)"?`, text)
	codename, named := find(`VERSION_CODENAME="?([^"\n]+)"?`, text)
	switch {
	case has("Devuan"):
		d.name = "Devuan"
		if v, ok := find(`PRETTY_NAME="?[^("]+ \(?([^) "]+)\)?`, text); ok {
			d.release = v
		}
		if known {
			d.version, d.major = version, version
		}
		return true
	case has("Cumulus"):
		d.name = "Cumulus Linux"
		if v, ok := find(`VERSION="(.*)"`, text); ok {
			d.release = v
		}
		named = false
	case has("Mint"):
		d.name, named = "Linux Mint", false
	case has("UOS", "Uos", "uos"):
		d.name = "Uos"
	case has("Deepin", "deepin"):
		d.name = "Deepin"
	default:
		return false
	}
	if known {
		d.setVersion(version)
	}
	if named {
		d.release = codename
	}
	return true
}

func clearLinux(_ *raw, d *distro, _ releaseFile, text string) bool {
	os := osRelease(strings.Split(text, "\n"))
	if !strings.Contains(os["NAME"], "Clear Linux") {
		return false
	}
	d.name = os["NAME"]
	d.version, d.major = os["VERSION_ID"], os["VERSION_ID"]
	d.release = os["ID"]
	return true
}

func flatcar(_ *raw, d *distro, _ releaseFile, text string) bool {
	os := osRelease(strings.Split(text, "\n"))
	if os["ID"] != "flatcar" {
		return false
	}
	d.setVersion(os["VERSION"])
	return true
}

func anyOther(_ *raw, d *distro, _ releaseFile, text string) bool {
	os := osRelease(strings.Split(text, "\n"))
	if n := os["NAME"]; n != "" {
		d.name = n
	}
	if v := os["VERSION"]; v != "" && d.version == "NA" {
		d.version = v
	}
	return true
}
