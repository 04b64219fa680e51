package state

// Fetch brings a file of the host into a file of the controller, whose folders
// are made. The place is taken as a whole when all came, and only when what is
// there differs. Its Data is a Fetched.
type Fetch struct {
	Src, Dest string
	SHA1      string // of what is on the host
}

// Fetched says what a Fetch brought, or found, in lower-case hex.
type Fetched struct {
	Changed   bool
	SHA1, MD5 string
}

// Reach is ReachExternal: it changes the controller.
func (Fetch) Reach() Reach { return ReachExternal }

func (o Fetch) String() string { return "fetch " + o.Src }
