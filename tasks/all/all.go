// Package all is the explicit list of the modules that Fairlead has.
package all

import (
	"slices"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/tasks/build"
	"github.com/fairlead-project/fairlead/tasks/commands"
	"github.com/fairlead-project/fairlead/tasks/containers"
	"github.com/fairlead-project/fairlead/tasks/control"
	"github.com/fairlead-project/fairlead/tasks/crypto"
	"github.com/fairlead-project/fairlead/tasks/databases"
	"github.com/fairlead-project/fairlead/tasks/files"
	"github.com/fairlead-project/fairlead/tasks/net"
	"github.com/fairlead-project/fairlead/tasks/packages"
	"github.com/fairlead-project/fairlead/tasks/security"
	"github.com/fairlead-project/fairlead/tasks/services"
	"github.com/fairlead-project/fairlead/tasks/storage"
	"github.com/fairlead-project/fairlead/tasks/system"
	"github.com/fairlead-project/fairlead/tasks/users"
)

// Registry makes the registry of all modules.
func Registry() *module.Registry {
	return module.NewRegistry(slices.Concat(
		build.Modules(),
		commands.Modules(),
		containers.Modules(),
		control.Modules(),
		crypto.Modules(),
		databases.Modules(),
		files.Modules(),
		net.Modules(),
		packages.Modules(),
		security.Modules(),
		services.Modules(),
		storage.Modules(),
		system.Modules(),
		users.Modules(),
	)...)
}
