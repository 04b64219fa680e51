package yaml

import (
	"errors"

	"github.com/fairlead-project/fairlead/engine/diag"
)

// Options are what Parse needs from outside.
type Options struct {
	// Decrypt turns the text of a !vault scalar into its clear text; nil
	// leaves such nodes with a Problem.
	Decrypt func(ciphertext string) (string, error)
	// Warn receives what does not stop the parse: duplicate keys, dates. May be nil.
	Warn func(*diag.Diagnostic)
}

// Parse reads all documents of a text. An empty document is a null node; an
// empty text has no documents. The error is a *diag.Diagnostic.
func Parse(file string, data []byte, opts Options) ([]*Node, error) {
	return nil, errors.New("todo")
}

// ParseOne reads a text of at most one document; an empty text is a null node.
func ParseOne(file string, data []byte, opts Options) (*Node, error) {
	return nil, errors.New("todo")
}
