package remote

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed driver.sh
var driverText string

//go:embed lock.sh
var lockText string

//go:embed kill.sh
var killText string

// driver is the text sent to hosts: without comments and indentation. No line of
// it continues a quoted text, so that nothing is lost.
var driver = sync.OnceValue(func() string { return strip(driverText) })

var (
	lockScript = sync.OnceValue(func() string { return strip(lockText) })
	killScript = sync.OnceValue(func() string { return strip(killText) })
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

// loop is what the kept shell runs: read a length, read that many bytes of the
// wire, evaluate them. It has no backslash, exclamation mark or quote that is
// not its own, so that csh and fish pass it on. Where dd does not know fullblock
// it fails before it reads anything, and the slow way is taken. Each dd stands
// alone in its substitution, whose subshell then becomes it: one fork, not two.
// The frame's variable is unset first, so that no command inherits it.
const loop = `exec 3<&0 </dev/null;unset _FR;` +
	`while read -r n <&3;do _FR=$(dd bs=$n count=1 iflag=fullblock <&3 2>/dev/null);` +
	`[ "$_FR" ]||_FR=$(dd bs=1 count=$n <&3 2>/dev/null);eval "$_FR";done`

// quote makes s one word of sh.
func quote(s string) string {
	if s == "" {
		return "''"
	}
	if !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
