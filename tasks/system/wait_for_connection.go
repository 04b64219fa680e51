package system

import (
	"time"

	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

type waitConnectionArgs struct {
	Connect int `arg:"connect_timeout"`
	Delay   int `arg:"delay"`
	Sleep   int `arg:"sleep"`
	Timeout int `arg:"timeout"`
}

// WaitForConnection is the module wait_for_connection.
func WaitForConnection() module.Module {
	return module.New(module.Spec{
		Name:     "wait_for_connection",
		Controls: true,
		Summary:  "Wait until a host can be reached and used",
		Doc:      "Lets the connection go and makes it anew until a command runs on the host. A dry run skips it.",
		Args: []module.Arg{
			{Name: "connect_timeout", Type: module.Int, Default: 5, Doc: "Seconds that one try to connect may take."},
			{Name: "delay", Type: module.Int, Default: 0, Doc: "Seconds to wait before the first try."},
			{Name: "sleep", Type: module.Int, Default: 1, Doc: "Seconds between tries."},
			{Name: "timeout", Type: module.Int, Default: 600, Doc: "Seconds until the host must be there."},
		},
		Returns:  []module.Return{{Name: "elapsed", Type: "int", When: "always", Doc: "How many seconds it took."}},
		Examples: "- wait_for_connection: {delay: 10, timeout: 300}\n",
		Traits:   module.Traits{Reach: state.ReachExternal},
	}, planWaitForConnection)
}

func planWaitForConnection(a waitConnectionArgs, in module.Inputs, _ state.View) (module.Change, error) {
	if in.Check {
		return module.Change{Skip: true, Result: value.M("changed", false)}, nil
	}
	s := func(n int) time.Duration { return time.Duration(n) * time.Second }
	op := state.Reconnect{Check: ":", Delay: s(a.Delay), Sleep: max(s(a.Sleep), time.Millisecond), Timeout: s(a.Timeout), Connect: s(a.Connect)}
	return module.Change{Ops: []state.Op{op}, Result: value.M("changed", false, "elapsed", module.Later()),
		Then: func(_ state.View, did []state.OpResult) (module.Change, error) {
			info, _ := did[len(did)-1].Data.(state.ReconnectInfo)
			elapsed := int(info.Elapsed / time.Second)
			if info.Failed != "" {
				return module.Change{}, module.Fail("timed out waiting for ping module test: "+info.Last, "elapsed", elapsed)
			}
			return module.OK("elapsed", elapsed), nil
		}}, nil
}
