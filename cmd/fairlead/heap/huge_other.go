//go:build !linux

package heap

// reserve does nothing: only Linux gives huge pages on request.
func reserve(int) {}
