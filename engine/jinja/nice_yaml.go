package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/value"
)

// NiceYAML writes a value as PyYAML's dump does in block style, keys sorted.
func NiceYAML(v value.Value) (string, error) {
	return dumpYAML(v, yamlStyle{indent: 2, width: 80, sorted: true})
}

// ResultYAML writes a task's result for people as Ansible's callbacks do: texts of
// several lines as blocks. Where it may be lossy, blanks that a block cannot hold are
// left out.
func ResultYAML(v value.Value, indent int, lossy bool) (string, error) {
	return dumpYAML(v, yamlStyle{indent: indent, width: 80, sorted: true, blocks: true, lossy: lossy})
}

// CallbackYAML writes a result as the callback yaml of community.general does: lossy, and
// in lines as long as they come.
func CallbackYAML(v value.Value) (string, error) {
	return dumpYAML(v, yamlStyle{indent: 2, width: 1000, sorted: true, blocks: true, lossy: true})
}

var blankBeforeBreak = lazyregexp.New(" +([\n\u0085\u2028\u2029])")

// forBlock is a text of several lines without what libyaml writes in no block.
func forBlock(s string) string {
	s = tabsToBlanks(strings.TrimRightFunc(s, isSpace), 8)
	s = strings.Map(func(r rune) rune {
		if isPrintable(r) || isBreak(r) || r >= 0x10000 {
			return r
		}
		return -1
	}, s)
	return blankBeforeBreak().ReplaceAllString(s, "$1")
}
