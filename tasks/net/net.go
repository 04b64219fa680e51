// Package net has the modules that wait for, fetch from and trust other hosts,
// as seen from the host that is provisioned.
package net

import (
	"strings"

	"github.com/fairlead-project/fairlead/engine/module"
)

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{WaitFor(), KnownHosts(), SSHConfig(), GetURL(), URI(), ListenPortsFacts(), Mail()}
}

// quote writes s as one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
