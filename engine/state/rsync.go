package state

// Rsync runs rsync on the controller between a path of it and one of the host,
// over the connection that there is, as the identity of the batch. On the
// controller itself (a local connection) both are paths there. RC, Stdout and
// Stderr of its result are those of rsync here.
type Rsync struct {
	// Program is rsync on the controller, Options are its own.
	Program string
	Options []string
	// Here and There are the paths; with Pull the host's is the source.
	Here, There string
	Pull        bool
	// AsLogin leaves become aside: Options name another program for the host.
	AsLogin bool
	// Alone runs rsync between Here and There as they are, from one to the other
	// and without the host: one is an address, or Options bring a remote shell.
	Alone bool
	// Read promises that nothing is changed (a dry run).
	Read bool
}

// Reach is ReachExternal, or none for a dry run: it changes the controller or
// the host.
func (o Rsync) Reach() Reach {
	if o.Read {
		return ReachNone
	}
	return ReachExternal
}

func (o Rsync) String() string {
	if o.Pull {
		return "rsync " + o.There + " to " + o.Here + " of the controller"
	}
	return "rsync " + o.Here + " of the controller to " + o.There
}
