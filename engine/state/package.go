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
	// Configured tells that files of a removed package remain.
	Configured bool
	// Virtual packages are only provided by others; Provided tells that an
	// installed one does.
	Virtual, Provided bool
}

// Known tells whether APT knows the package at all.
func (p AptPackage) Known() bool { return p.Installed != "" || p.Candidate != "" || p.Virtual }
