// Package state holds what can be asked of a host (queries), what is known of
// it (the view, into which planned operations are written through), and what
// can be done to it (operations and their reach).
package state

import (
	"fmt"
	"time"
)

// Identity is who asks and acts on a host. The zero Identity is the login user.
// It is comparable, so that shells and views can be kept by it.
type Identity struct {
	// Method is "", "sudo", "su", "runuser" or "doas".
	Method string
	// User is the user to become; "" with a method means root.
	User string
	// Exe and Flags replace the method's program and its flags ("" = default).
	Exe, Flags string
	// Password answers the method's prompt. It never appears in String.
	Password string
}

// String names the identity without its password.
func (i Identity) String() string {
	if i.Method == "" {
		return "login user"
	}
	user := i.User
	if user == "" {
		user = "root"
	}
	return i.Method + " " + user
}

// Query is one question to a host. Queries are comparable values: two equal
// queries have one answer. String says it for people.
type Query interface {
	Query() string
}

// Want says what of a file must be known besides its stat.
type Want uint8

// What can be wanted of a file; combine with |.
const (
	WantSHA256 Want = 1 << iota
	WantSHA1
	WantMD5
	// WantContent asks for the bytes, up to MaxContent. A larger file is an
	// error of the query.
	WantContent
	// WantAccess asks what the identity may do with the file.
	WantAccess
	// WantSmall is no question: a file of a few KB is expected, so that its bytes may
	// be brought and summed here where a frame brings contents anyway.
	WantSmall
)

// SmallFile is the size up to which a file counts as small: 4 KiB.
const SmallFile = 4 << 10

// MaxContent bounds the bytes that a content query brings over: 8 MiB.
const MaxContent = 8 << 20

// Path asks for one path: lstat, where a link leads, the canonical name, the
// parent folder, and what Want adds (of the file that a link leads to, for
// regular files only). Its answer is a File.
type Path struct {
	Path string // absolute
	Want Want
}

// Query describes the question.
func (q Path) Query() string { return "path " + q.Path }

// Tree asks for everything below a folder (the folder itself not included),
// without following links. Its answer is []TreeEntry in lexical order.
type Tree struct {
	Path string
	// Depth is how many levels below the folder are wanted; 0 is all of them.
	Depth int
}

// Query describes the question.
func (q Tree) Query() string { return "tree " + q.Path }

// TreeEntry is one entry of a Tree answer. Rel is relative to the root asked.
type TreeEntry struct {
	Rel    string
	Stat   Stat
	Target string // where a link points
	Listed int    // its place in what the host listed; entries come sorted by name
}

// Login asks who the identity is. Its answer is a LoginInfo.
type Login struct{}

// Query describes the question.
func (q Login) Query() string { return "login" }

// LoginInfo is what is known about the identity that acts.
type LoginInfo struct {
	User     string
	UID, GID int
	Group    string // the name of GID, "" when it is not known
	Groups   []int
	Home     string
	Dir      string // where the login begins, and relative paths too; "" is Home
	Umask    uint32
	Shell    string
}

// User asks for a user by name or numeric id. Its answer is a UserInfo.
type User struct{ Name string }

// Query describes the question.
func (q User) Query() string { return "user " + q.Name }

// UserInfo is a line of the user database.
type UserInfo struct {
	Exists      bool
	Name        string
	UID, GID    int
	Gecos, Home string
	Shell       string
}

// Group asks for a group by name or numeric id. Its answer is a GroupInfo.
type Group struct{ Name string }

// Query describes the question.
func (q Group) Query() string { return "group " + q.Name }

// GroupInfo is a line of the group database.
type GroupInfo struct {
	Exists  bool
	Name    string
	GID     int
	Members []string
}

// Facts asks for facts by family. Its answer is a *value.Map of facts with
// Ansible's names without the prefix ansible_ (distribution, os_family ...).
type Facts struct {
	// Families are names of fact families, sorted and joined by commas;
	// "all" is every one. engine/probe documents which exist.
	Families string
}

// FactsAlone in a gather_subset leaves out what Ansible's collectors of the
// named facts need, which it gathers with them.
const FactsAlone = "!prerequisites"

// Query describes the question.
func (q Facts) Query() string { return "facts " + q.Families }

// FileType is the type of a directory entry.
type FileType uint8

// The types; TypeNone is what does not exist.
const (
	TypeNone FileType = iota
	TypeFile
	TypeDir
	TypeLink
	TypeFIFO
	TypeSocket
	TypeChar
	TypeBlock
)

var typeNames = [...]string{"absent", "file", "directory", "link", "fifo", "socket", "char", "block"}

// String is Ansible's name of the type, "file" for regular files.
func (t FileType) String() string { return typeNames[t] }

// Stat is what lstat or stat says.
type Stat struct {
	Type        FileType
	Mode        uint32 // permission bits with setuid, setgid, sticky: 07777
	UID, GID    int
	User, Group string // names; "" when the id has none
	Size        int64
	Dev, Ino    uint64
	Nlink       int
	ATime       time.Time
	MTime       time.Time
	CTime       time.Time
	Blocks      int64
	BlockSize   int64
	RdevMajor   uint32
	RdevMinor   uint32
}

// File is the answer to a Path query.
type File struct {
	// Canonical is the path with every link but the last component's resolved.
	Canonical string
	// Stat is the entry itself (lstat); Type none when there is none.
	Stat Stat
	// Target is where a link points, as written in it.
	Target string
	// Resolved is the canonical path after following everything; for what
	// does not exist, and for a dangling link, where it would be created.
	Resolved string
	// Followed is the stat after following links: Stat itself for what is no
	// link, Type none for a dangling one.
	Followed Stat
	// Parent is the folder that holds the entry (Type none: it is missing).
	Parent Stat
	// Sums are lower-case hex, "" when not asked or not a regular file.
	SHA256, SHA1, MD5 string
	// Content is set (possibly empty, never nil) when it was asked and the
	// file is regular.
	Content []byte
	// Readable, Writable and Executable are what access(2) says, when asked.
	Readable, Writable, Executable bool
}

// Exists tells whether the entry exists (a dangling link does).
func (f File) Exists() bool { return f.Stat.Type != TypeNone }

// IsDir tells whether the path leads to a folder.
func (f File) IsDir() bool { return f.Followed.Type == TypeDir }

// IsRegular tells whether the path leads to a regular file.
func (f File) IsRegular() bool { return f.Followed.Type == TypeFile }

// IsLink tells whether the entry itself is a symbolic link.
func (f File) IsLink() bool { return f.Stat.Type == TypeLink }

// Answer is the answer to one query: a value of the type the query documents,
// or an error that belongs to this query alone.
type Answer struct {
	Query Query
	Value any
	Err   error
}

// String is short, for logs.
func (a Answer) String() string {
	if a.Err != nil {
		return fmt.Sprintf("%s: %v", a.Query.Query(), a.Err)
	}
	return a.Query.Query()
}
