//go:build !linux

package heap

// ReserveHosts does nothing: only Linux gives huge pages on request.
func ReserveHosts(int) {}
