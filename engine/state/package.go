package state

// Apt asks APT for packages by name. Its answer is an AptInfo.
type Apt struct {
	// Names are joined by blanks, sorted.
	Names string
	// Release is the default release that candidates are chosen for; "" is
	// that of the host.
	Release string
}

// Query describes the question.
func (q Apt) Query() string { return "apt packages " + q.Names }

// SurvivesWrite is true except for what APT and dpkg read.
func (Apt) SurvivesWrite(p string) bool {
	return outside(p, []string{"/etc/apt", "/etc/dpkg", "/var/lib/apt", "/var/lib/dpkg", "/var/cache/apt"})
}

// AptInfo is what APT knows of packages.
type AptInfo struct {
	// Present tells that the host has apt-get.
	Present  bool
	Packages map[string]AptPackage
	// Updated is when the lists of packages were fetched, in seconds since
	// 1970; 0 when they never were.
	Updated int64
}

// AptPackage is one package. The zero AptPackage is one that APT does not know.
type AptPackage struct {
	// Installed is the version that is installed, "" for none.
	Installed string
	// Candidate is the version that would be, "" for none.
	Candidate string
	// Versions are all that there are, the highest first.
	Versions []string
	// Configured tells that files of a removed package remain.
	Configured bool
	// Auto tells that it was installed only because others need it.
	Auto bool
	// Providers are the packages that provide it, when nothing is called so.
	// They are among the packages of the answer.
	Providers []string
}

// Known tells whether APT knows the package at all.
func (p AptPackage) Known() bool {
	return p.Installed != "" || p.Candidate != "" || len(p.Versions) > 0 || p.Configured || len(p.Providers) > 0
}
