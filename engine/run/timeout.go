package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fairlead-project/fairlead/engine/diag"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/playbook"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/vars"
	"github.com/fairlead-project/fairlead/engine/yaml"
)

// taskTimeout is how long the keyword timeout lets an item of a task take.
func taskTimeout(s *vars.Scope, t *playbook.Task, def time.Duration) (time.Duration, error) {
	n := nearest(s, &t.Scope, func(k *playbook.Keywords) *yaml.Node { return k.Timeout })
	text, err := keyword(s, n)
	if err != nil || text == "" {
		return def, err
	}
	seconds, err := strconv.ParseFloat(text, 64) // whole ones count, as in Ansible
	if err != nil {
		return 0, diag.Errorf(n.Pos, "timeout", "the field 'timeout' has an invalid value (%s), and could not be converted to an int."+
			"The error was: invalid literal for int() with base 10: '%[1]s'", text).WithHint("it is a number of seconds")
	}
	return time.Duration(int(seconds)) * time.Second, nil
}

// overdue is the failure of an item that took longer than its task allows.
func overdue(t *playbook.Task, limit time.Duration) *module.Failure {
	msg := fmt.Sprintf("The %s action failed to execute in the expected time frame (%d) and was terminated", t.Action, limit/time.Second)
	return &module.Failure{Msg: msg, Err: diag.New(diag.Failed, t.Pos, "timeout", "%s", msg)}
}

// errOverdue ends a batch whose task may not take any longer.
var errOverdue = errors.New("the task took longer than its timeout")

// doInTime sends what a host needs for its task, for as long as the task may take.
func (pl *play) doInTime(ctx context.Context, r *request, b state.Batch) (state.Outcome, error) {
	in := r.host.inst
	if in == nil || in.evaled == nil || in.evaled.timeout <= 0 {
		return pl.do(ctx, r.lane, b)
	}
	limited, cancel := context.WithTimeout(ctx, in.evaled.deadline.Sub(pl.Now()))
	defer cancel()
	out, err := pl.do(limited, r.lane, b)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = errOverdue
	}
	return out, err
}
