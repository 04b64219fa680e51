package probe

import "github.com/fairlead-project/fairlead/engine/state"

func service(q state.Service) (Script, Read)   { return fails("not yet") }
func services(q state.Services) (Script, Read) { return fails("not yet") }
