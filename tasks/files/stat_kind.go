package files

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// askKind says what lsattr ("attr VERSION FLAGS") and file ("mime TYPE; charset=SET")
// know of the path $1. $2 and $3 tell which of them to ask.
const askKind = `[ -e "$1" ] || [ -L "$1" ] || exit 0
if [ "$2" ] && a=$(lsattr -vd -- "$1" 2>/dev/null); then (set -f; set -- $a; echo "attr $1 $2"); fi
if [ "$3" ] && m=$(file -b --mime-type --mime-encoding -- "$1" 2>/dev/null); then echo "mime $m"; fi`

func flagWord(on bool) string {
	if on {
		return "1"
	}
	return ""
}

// kindInfo is what the host's programs say of a path.
type kindInfo struct {
	hasFile        bool // there is the program file
	mime, charset  string
	hasAttr        bool
	version, flags string
}

func parseKind(said string) (k kindInfo) {
	for line := range strings.Lines(said) {
		word, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch word {
		case "attr":
			k.hasAttr = true
			k.version, k.flags, _ = strings.Cut(rest, " ")
			k.flags = strings.ReplaceAll(k.flags, "-", "")
		case "mime":
			k.hasFile, k.mime, k.charset = true, "unknown", "unknown"
			if mime, charset, ok := strings.Cut(rest, ";"); ok {
				_, charset, _ = strings.Cut(charset, "=")
				k.mime, k.charset = strings.TrimSpace(mime), strings.TrimSpace(charset)
			}
		}
	}
	return k
}

// attributes sets what lsattr said, with the flags' names as Ansible has them.
func (k kindInfo) attributes(m *value.Map) {
	names := []value.Value{}
	for _, flag := range k.flags {
		if name := flagNames[flag]; name != "" {
			names = append(names, value.String(name))
		}
	}
	version := value.Null
	if k.hasAttr {
		version = value.String(k.version)
	}
	m.Set("version", version)
	m.Set("attributes", value.List(names...))
	m.Set("attr_flags", value.String(k.flags))
}

// flagNames are the flags of chattr by their letters.
var flagNames = map[rune]string{
	'A': "noatime", 'a': "append", 'c': "compressed", 'C': "nocow", 'd': "nodump", 'D': "dirsync", 'e': "extents",
	'E': "encrypted", 'h': "blocksize", 'i': "immutable", 'I': "indexed", 'j': "journalled", 'N': "inline", 's': "zero",
	'S': "synchronous", 't': "notail", 'T': "blockroot", 'u': "undelete", 'X': "compressedraw", 'Z': "compresseddirty",
}
