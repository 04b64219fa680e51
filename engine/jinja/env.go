package jinja

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/value"
)

// New makes an environment with Jinja2's filters, tests and globals.
func New() *Env {
	e := &Env{Filters: make(map[string]Filter, room), Tests: make(map[string]Test, room/2), Globals: map[string]value.Value{}, Functions: map[string]Function{}}
	addBuiltinFilters(e)
	addBuiltinTests(e)
	addBuiltinFunctions(e)
	return e
}

// room is about how many names Ansible's environment has.
const room = 800

// NewAnsible makes an environment with Ansible's filters, tests and rules too.
func NewAnsible() *Env {
	e := New()
	e.ChainUndefined, e.EmptyNone, e.Overrides = true, true, true
	e.LoadOptions = FileOptions()
	addAnsibleText(e.Filters)
	addAnsibleHashes(e.Filters)
	addURLFilters(e.Filters)
	addSecretFilters(e.Filters)
	addAnsibleData(e.Filters)
	addAnsibleMath(e.Filters)
	addAnsibleSystem(e.Filters)
	addAnsibleJSON(e.Filters)
	addAnsibleTests(e)
	addAnsibleFunctions(e)
	addGeneralFilters(e.Filters)
	addPKIFilters(e.Filters)
	addKeyFilters(e.Filters)
	addXMLFilters(e.Filters)
	addNetFilters(e)
	qualify(e.Filters)
	qualify(e.Tests)
	return e
}

// shortName is a filter's or test's name without its collection.
func shortName(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

// qualify adds the full names of Ansible's own filters and tests.
func qualify[T any](m map[string]T) {
	for _, n := range keys(m) {
		for _, prefix := range []string{"ansible.builtin.", "ansible.legacy."} {
			m[prefix+n] = m[n]
		}
	}
}
