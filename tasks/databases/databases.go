// Package databases holds the modules for database servers. They work with the
// servers' own command line clients; a host needs no library for Python.
package databases

import "github.com/fairlead-project/fairlead/engine/module"

// Modules lists the modules of this family.
func Modules() []module.Module {
	return []module.Module{MySQLDB(), MySQLUser(), MySQLVariables(), PostgresDB(), PostgresExt(), PostgresMembership(), PostgresOwner(), PostgresPing(), PostgresPrivs(), PostgresQuery(), PostgresSchema(), PostgresSet(), PostgresUser()}
}
