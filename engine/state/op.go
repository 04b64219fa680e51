package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"time"
)

// Reach is how far the effect of an operation goes.
type Reach uint8

// The reaches, growing.
const (
	// ReachNone changes nothing.
	ReachNone Reach = iota
	// ReachPaths changes the paths it names and nothing else.
	ReachPaths
	// ReachHost may change anything on the host: what is known is forgotten.
	ReachHost
	// ReachExternal may change, or depend on, things outside the host.
	ReachExternal
)

// Op is one primitive operation. Operations are plain data; String says it for
// people and never holds a secret.
type Op interface {
	Reach() Reach
	String() string
}

// Content is the bytes of a file to write: in memory, or opened when needed.
type Content struct {
	Data []byte
	// Open is used when Data is nil.
	Open   func() (io.ReadCloser, error)
	Size   int64
	SHA256 string // lower-case hex
	// Print, unless 0, is what Watch's hash makes of it: a sum that means something in
	// this process only, and costs a tenth of SHA-256.
	Print uint64
}

var printSeed = maphash.MakeSeed()

// NewPrint is the hash of Content.Print.
func NewPrint() *maphash.Hash {
	h := &maphash.Hash{}
	h.SetSeed(printSeed)
	return h
}

// Watch is a hash to be given what is read of the content, for Unchanged.
func (c *Content) Watch() hash.Hash {
	if c.Print != 0 {
		return NewPrint()
	}
	return sha256.New()
}

// Unchanged tells whether what a hash, Watch's or one of SHA-256, was given is still
// what the content was when its sums were made.
func (c *Content) Unchanged(sum hash.Hash) bool {
	if h, ok := sum.(*maphash.Hash); ok {
		return h.Sum64() == c.Print
	}
	return hex.EncodeToString(sum.Sum(nil)) == c.SHA256
}

// Bytes makes a content from memory.
func Bytes(data []byte) *Content {
	sum := sha256.Sum256(data)
	if data == nil {
		data = []byte{}
	}
	return &Content{Data: data, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
}

// Reader opens the content.
func (c *Content) Reader() (io.ReadCloser, error) {
	if c.Data != nil {
		return io.NopCloser(bytes.NewReader(c.Data)), nil
	}
	return c.Open()
}

// Attrs are what may be set on a path. Nil and "" leave a thing as it is.
type Attrs struct {
	Mode  *uint32 // full mode, 07777; written with leading 00 so that setgid can be cleared
	Owner string  // name or number
	Group string  // name or number
	// UID and GID are what Owner and Group mean on the host, for the prediction.
	UID, GID     int
	ATime, MTime *time.Time
}

// IsZero tells whether there is nothing to set.
func (a Attrs) IsZero() bool {
	return a.Mode == nil && a.Owner == "" && a.Group == "" && a.ATime == nil && a.MTime == nil
}

// WriteFile writes a regular file atomically: a temporary file in the same
// folder, mode and owner first, then rename. The path is not followed: a module
// that means the target of a link names the target.
type WriteFile struct {
	Path    string
	Content *Content
	// Attrs are set before the rename. Without a mode, an existing file's mode
	// is kept and a new one gets 0666 less the umask; an existing file's owner
	// and group are kept where that is allowed.
	Attrs Attrs
	// Backup, when set, is a path that gets a copy of the old file first.
	Backup string
	// Validate, when set, is a command with %s for the temporary file, split
	// as a shell splits words; the file is put in place only when it returns 0.
	Validate string
	// InPlace writes into the existing inode (Ansible's unsafe_writes): for
	// what cannot be renamed over, such as a file mounted into a container.
	InPlace bool
}

// Mkdir makes one folder whose parent exists. It is no failure when the folder
// exists already.
type Mkdir struct {
	Path  string
	Attrs Attrs
}

// SetAttrs sets attributes of what exists.
type SetAttrs struct {
	Path string
	// Follow acts on what a link leads to; without it on the link (owner, group).
	Follow bool
	Attrs  Attrs
}

// Remove removes an entry; with Recursive a folder with everything in it.
type Remove struct {
	Path      string
	Recursive bool
}

// Symlink makes a symbolic link; with Replace it takes the place of an existing
// link or file (or empty folder) atomically where the system allows.
type Symlink struct {
	Path, Target string
	Replace      bool
}

// HardLink makes Path another name of Target.
type HardLink struct {
	Path, Target string
	Replace      bool
}

// Touch creates an empty file or sets times of an existing path; nil times mean
// the host's clock.
type Touch struct {
	Path         string
	ATime, MTime *time.Time
	KeepA, KeepM bool
	Attrs        Attrs
}

// CopyFile copies a regular file on the host itself, atomically as WriteFile.
type CopyFile struct {
	Src, Path string
	Attrs     Attrs
	Backup    string
	Validate  string
	// Preserve keeps the mode of Src when Attrs names none.
	Preserve bool
}

// Exec runs a command. It has no predicted end: every end is its result, and
// the operations behind it are another batch.
type Exec struct {
	// Argv is run without a shell; or Shell is a text for Executable -c.
	Argv       []string
	Shell      string
	Executable string // default /bin/sh
	Chdir      string
	Env        []string // name=value, names validated
	Stdin      []byte
	HasStdin   bool
	// Deadline ends the command (TERM, then KILL) after that long; 0: never.
	Deadline time.Duration
	// Detach starts it in a session of its own and does not wait.
	Detach bool
	// Shown is what String says in place of the command, when it is secret.
	Shown string
	// Read promises that the command changes nothing (ReachNone).
	Read bool
	// Leaves names a user under whom nothing of ours may run meanwhile: it is
	// changed or removed, which the shadow suite refuses while it has processes.
	Leaves string
}

// Reach is ReachPaths.
func (WriteFile) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (Mkdir) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (SetAttrs) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (Remove) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (Symlink) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (HardLink) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (Touch) Reach() Reach { return ReachPaths }

// Reach is ReachPaths.
func (CopyFile) Reach() Reach { return ReachPaths }

// Reach is ReachHost, unless the command promises to change nothing.
func (o Exec) Reach() Reach {
	if o.Read {
		return ReachNone
	}
	return ReachHost
}

func (o WriteFile) String() string { return fmt.Sprintf("write %s (%d bytes)", o.Path, o.Content.Size) }
func (o Mkdir) String() string     { return "mkdir " + o.Path }
func (o SetAttrs) String() string  { return "set attributes of " + o.Path }
func (o Remove) String() string    { return "remove " + o.Path }
func (o Symlink) String() string   { return "link " + o.Path + " -> " + o.Target }
func (o HardLink) String() string  { return "hard link " + o.Path + " = " + o.Target }
func (o Touch) String() string     { return "touch " + o.Path }
func (o CopyFile) String() string  { return "copy " + o.Src + " to " + o.Path }
func (o Exec) String() string {
	switch {
	case o.Shown != "":
		return o.Shown
	case o.Shell != "":
		return "shell " + o.Shell
	}
	return "run " + fmt.Sprintf("%q", o.Argv)
}

// OpResult is how one operation ended.
type OpResult struct {
	// OK: it was done as predicted. An Exec that ran is OK whatever its RC.
	OK bool
	// Msg says what went wrong, for people; Class of the error is in Err.
	Msg string
	Err error
	// RC, Stdout and Stderr are those of an Exec (or of a failed helper
	// program). Truncated outputs kept their head and tail.
	RC              int
	Stdout, Stderr  []byte
	StdoutTruncated bool
	StderrTruncated bool
	Start, End      time.Time
	// Data is what other kinds of operations return, as they document.
	Data any
}

// Relied is what a batch's plan was made from: an entry as it was gathered.
// An apply frame compares it with the host before it does anything.
type Relied struct {
	Path string // canonical
	Stat Stat   // type, mode, uid, gid, size, dev, ino, mtime are compared
}

// Batch is what goes to one host in one round trip: first the check that what
// the plan relies on still holds, then the operations in order until one does
// not end as predicted, then the queries.
type Batch struct {
	As   Identity
	Rely []Relied
	Ops  []Op
	Ask  []Query
	// Reads: whoever wrote the operations says that they change nothing, so that they need
	// not wait for another run that does. What is known of the host is still asked anew.
	Reads bool
	// Live, when set, is called with output of Exec operations as it comes,
	// from one goroutine at a time.
	Live func(op int, stderr bool, chunk []byte)
	// Sent, when set, is told how much of a large content has gone out, at
	// most some ten times a second and at its end, from one goroutine at a
	// time. done can go back when a broken transfer begins anew.
	Sent func(op int, done, total int64)
	// Lang and such: environment of the login is kept; see Exec.Env.
}

// Outcome is what came of a batch.
type Outcome struct {
	// Changed lists canonical paths that were not as relied on; nothing was
	// done then, and Results is empty.
	Changed []string
	// Results has an entry for each operation that was started; the last one
	// may have failed, those behind it were not started.
	Results []OpResult
	// Answers has an entry for each query of Ask, in order.
	Answers []Answer
}
