package config

import "runtime"

// How many hosts are talked to at once when nobody says: as many as keep the
// processors busy while the others wait for their answers, and no more than the
// files that this process may open allow. What an SSH server bears at its door
// (MaxStartups) is no reason for fewer hosts: the connector sends one address a few
// logins at a time, and tries those that are dropped again.
const (
	fewestForks = 50
	// forksPerCPU: a login costs about 2 ms of processor time and, over a long line,
	// half a second of waiting.
	forksPerCPU = 128
	// filesPerFork: a connection, with room for its forwarded ones and a file that is
	// being sent.
	filesPerFork = 4
)

// DefaultForks is how many hosts are talked to at once on this machine.
func DefaultForks() int { return forksFor(runtime.GOMAXPROCS(0), maxFiles()) }

// forksFor is DefaultForks for a number of processors and of open files; 0 files: no
// limit is known.
func forksFor(cpus, files int) int {
	n := max(fewestForks, forksPerCPU*cpus)
	if files > 0 {
		n = min(n, files/filesPerFork)
	}
	return max(n, 1)
}
