// Package heap sets how much garbage this program waits for before it collects it. It
// does so when it is initialised, which is before most of the others are: what these
// allocate would be collected once before the program has begun.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The heap may grow to smallHeap before it is collected for the first time, and about
// so much beside what lives as long as that is little: collecting a heap of a few MB
// over and over costs more than it gives back. What lives in a run on thousands of
// hosts is mostly their connections; then three quarters as much again is waited for:
// a large heap costs more to collect, for each host, than a small one.
const (
	smallHeap = 64 << 20
	mostGC    = 800 // percent
	leastGC   = 75
)

// How much garbage is waited for is set again after each collection. GOGC in the
// environment wins.
func init() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(mostGC)
	armGC()
}

// armGC has setGC called behind the next collection.
func armGC() {
	type canary struct{ _ *byte }
	runtime.SetFinalizer(&canary{new(byte)}, func(*canary) {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		if live[0].Value.Kind() == metrics.KindUint64 {
			debug.SetGCPercent(percentGC(live[0].Value.Uint64()))
		}
		armGC()
	})
}

// percentGC is the growth to wait for when so many bytes live.
func percentGC(live uint64) int {
	return int(min(max(smallHeap*100/max(live, 1), leastGC), mostGC))
}
