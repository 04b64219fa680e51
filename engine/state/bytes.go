package state

import (
	"bytes"
	"io"
)

func newBytesReader(b []byte) io.Reader { return bytes.NewReader(b) }
