package remote

import (
	"bytes"
	_ "embed"
	"strings"
	"sync"
)

//go:embed driver.sh
var driverText string

//go:embed ops.sh
var opsText string

//go:embed lock.sh
var lockText string

//go:embed kill.sh
var killText string

// The driver is text sent to hosts: without comments and indentation. No line of it
// continues a quoted text, so that nothing is lost. Every shell gets the first part, the
// others come with the first frame that needs them.
var (
	driver     = sync.OnceValue(func() string { return strip(driverText) })
	opsScript  = sync.OnceValue(func() string { return strip(opsText) })
	lockScript = sync.OnceValue(func() string { return strip(lockText) })
	killScript = sync.OnceValue(func() string { return strip(killText) })
)

// parts are the parts of the driver that a frame needs, or a shell has.
type parts uint8

const (
	partBase parts = 1 << iota
	partOps        // what changes the host, and what reads raw sections
	partLock       // the host's lock
)

func strip(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimLeft(line, " \t")
		if line == "\n" || strings.HasPrefix(line, "#") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// systemPath is put behind the login's PATH for the driver.
const systemPath = ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// wire makes the shell's standard input the wire. The loop's variables are unset,
// so that no command inherits them.
const wire = `exec 3<&0 </dev/null;unset _FR _FL _FN;`

// frames is what a kept shell does: read a frame's head, read the frame, evaluate
// it; see form. It has no backslash, exclamation mark or quote that is not its own,
// so that csh and fish pass it on. Where dd does not know fullblock it fails before
// it reads anything, and the slow way is taken. Each dd stands alone in its
// substitution, whose subshell then becomes it: one fork, not two.
const frames = `while read -r _FL <&3;do case $_FL in ` +
	`l*)_FR= _FN=${_FL#l};while [ $_FN -gt 0 ];do IFS= read -r _FL||exit;_FR=$_FR$_FL$_nl;_FN=$((_FN-1));done <&3;;` +
	`*)_FR=$(dd bs=$_FL count=1 iflag=fullblock <&3 2>/dev/null);` +
	`[ "$_FR" ]||_FR=$(dd bs=1 count=$_FL <&3 2>/dev/null);;esac;eval "$_FR";done`

// loop is the command of a shell behind a change of identity.
const loop = wire + frames

// quote makes s one word of sh.
func quote(s string) string {
	var b bytes.Buffer
	writeQuoted(&b, s)
	return b.String()
}

// writeQuoted writes s as one word of sh.
func writeQuoted[T string | []byte](b *bytes.Buffer, s T) {
	b.Grow(len(s) + len("''"))
	b.WriteByte('\'')
	from := 0
	for i := range len(s) {
		if s[i] == '\'' {
			writeTo(b, s[from:i])
			b.WriteString(`'\''`)
			from = i + 1
		}
	}
	writeTo(b, s[from:])
	b.WriteByte('\'')
}

func writeTo[T string | []byte](b *bytes.Buffer, s T) {
	switch s := any(s).(type) {
	case string:
		b.WriteString(s)
	case []byte:
		b.Write(s)
	}
}
