// Package security holds the modules for what the kernel and a firewall allow.
package security

import "github.com/fairlead-project/fairlead/engine/module"

// flag is a switch as a parameter of a script: something or nothing.
func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Capabilities(), Firewalld(), Pamd(), SEBoolean(), SEFContext(), SELinux(), SEPort()}
}
