// Package lazyregexp makes regular expressions that are compiled when they are first
// used. The program has some two hundred, of which a run uses a few: compiled when it
// starts, they take longer than everything else that it does before its first line.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// inTests: a test finds every expression that cannot be compiled.
var inTests = len(os.Args) > 0 && strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

// New gives the compiled expression whenever it is called; it panics, as
// regexp.MustCompile does, when the expression is wrong. In tests that is at once.
func New(expr string) func() *regexp.Regexp {
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
	if inTests {
		re()
	}
	return re
}
