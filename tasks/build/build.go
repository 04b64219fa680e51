// Package build holds the modules that drive build tools and the package
// managers of programming languages.
package build

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{Composer(), Cpanm(), Gem(), Make(), Npm(), Pipx(), Yarn()}
}
