// Package storage holds the modules for file systems and what they are made on.
package storage

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Filesize(), Filesystem(), LVG(), LVol(), Parted()}
}
