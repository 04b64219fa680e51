package event

import "context"

// Note is one thing a run notes so that another attempt can go on where it was
// cut off. A newer note of the same kind, host and key replaces the older.
type Note struct {
	Kind string
	Host string
	Key  string
	Body []byte // may hold secrets
}

// Ledger keeps the notes of a run and of the attempts before it.
type Ledger interface {
	// Notes gives what earlier attempts noted; nothing for a first one.
	Notes(ctx context.Context) ([]Note, error)
	// Note keeps notes, in order. With wait they outlive a crash of this
	// process when it returns; without, they do so within moments, and an
	// error shows at a later call.
	Note(ctx context.Context, wait bool, notes ...Note) error
}
