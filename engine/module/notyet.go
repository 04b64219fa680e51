package module

import "github.com/fairlead-project/fairlead/engine/value"

// NotYetError is the error of a plan that came upon a value that is not known
// before something was applied. In a run the engine applies what is pending
// and plans again; in a plan the result is unknown.
type NotYetError struct {
	Origin *value.Origin
}

// Error says what is waited for.
func (e *NotYetError) Error() string { return "not known before this was applied: " + e.Origin.What }

// NotYet makes a NotYetError from an unknown value, nil from a known one.
func NotYet(v value.Value) error {
	if o, unknown := v.FindUnknown(); unknown {
		return &NotYetError{Origin: o}
	}
	return nil
}
