package state

// ContainerPath asks for one path inside a container, which need not run. Its
// answer is a ContainerFile.
type ContainerPath struct {
	Container string
	Path      string // absolute
	Follow    bool   // of links in the last component
}

// Query describes the question.
func (q ContainerPath) Query() string { return "path " + q.Path + " in container " + q.Container }

// SurvivesWrite is true except for the engine's own files.
func (ContainerPath) SurvivesWrite(p string) bool { return !isEngineFile(p) }

// ContainerFile is what is at a path inside a container.
type ContainerFile struct {
	Path   string // where it is, links followed when that was asked
	Stat   Stat   // Type none when there is nothing; no names, times and inodes
	Target string // of a link
	// Content of a regular file up to MaxContent; nil for a larger one.
	Content []byte
}

// ContainerPut writes a file, or a link when Target is set, into a container in
// place of what is there.
type ContainerPut struct {
	Container, Path string
	Mode            uint32
	UID, GID        int
	Content         []byte
	Target          string
}

// Reach is ReachHost.
func (ContainerPut) Reach() Reach { return ReachHost }

// String describes the operation.
func (o ContainerPut) String() string { return "write " + o.Path + " in container " + o.Container }
