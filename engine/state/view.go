package state

import "fmt"

// View is what a module sees of a host: what is known, with everything that
// was planned before written through. A module that needs more says so in its
// change and is called again.
type View interface {
	// File answers a Path query; known is false when it must be asked first.
	File(q Path) (f File, known bool, err error)
	// Ask answers any other query with a value of the type it documents.
	Ask(q Query) (v any, known bool, err error)
}

// AskAs answers a query other than Path with a value of type T.
func AskAs[T any](v View, q Query) (T, bool, error) {
	var zero T
	x, known, err := v.Ask(q)
	if !known || err != nil {
		return zero, known, err
	}
	t, ok := x.(T)
	if !ok {
		return zero, true, fmt.Errorf("%s: answer is a %T", q.Query(), x)
	}
	return t, true, nil
}
