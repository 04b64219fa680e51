package module

import "github.com/fairlead-project/fairlead/engine/state"

// within is a view whose questions are put in the task's environment.
type within struct {
	state.View
	env []string
}

func (w within) Ask(q state.Query) (any, bool, error) {
	return w.View.Ask(state.AskedWithin(w.env, q))
}

// inEnvironment has what a change still asks, and its next stages, asked in env.
func inEnvironment(env []string, c Change) Change {
	for i, q := range c.Need {
		c.Need[i] = state.AskedWithin(env, q)
	}
	if then := c.Then; then != nil {
		c.Then = func(v state.View, did []state.OpResult) (Change, error) {
			next, err := then(within{v, env}, did)
			return inEnvironment(env, next), err
		}
	}
	return c
}
