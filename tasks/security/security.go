// Package security holds the modules for what the kernel and a firewall allow.
package security

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Capabilities(), Firewalld(), Pamd(), SEBoolean(), SEFContext(), SELinux(), SEPort()}
}
