// Package heap sets how much garbage this program waits for before it collects it. It
// does so when it is initialised, which is before most of the others are: what these
// allocate would be collected once before the program has begun. Large runs tell it how
// large they are.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
)

// The heap may grow by about slack before it is collected, as long as what lives is
// little beside that: collecting a heap of a few MB over and over costs more than it
// gives back. What lives in a run on a thousand hosts and more is mostly their
// connections, and a collection costs as much as what lives: so that it does not cost
// a host more the more hosts there are, it is waited for a greater share of what lives,
// a hundredth for each largeStep, at most largeGC.
const (
	slack     = 24 << 20
	mostGC    = 800 // percent
	largeStep = 4 << 20
	largeGC   = 120
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
		setGC()
		armGC()
	})
}

// setGC sets how much garbage is waited for, by what lived at the last collection.
func setGC() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() == metrics.KindUint64 {
		debug.SetGCPercent(percentGC(live[0].Value.Uint64()))
	}
}

// percentGC is the growth to wait for when so many bytes live.
func percentGC(live uint64) int {
	live = max(live, 1)
	return int(min(max(slack*100/live, min(live/largeStep, largeGC)), mostGC))
}

// manyHosts are as many as are worth the collection that a reservation takes.
const manyHosts = 10

// expected is how many hosts it is prepared for.
var expected atomic.Int64

// ExpectHosts prepares for a run that keeps so many hosts connected: its memory comes in
// huge pages where the kernel gives them to who asks. It is for programs that end with the
// run: in one that goes on, the kernel would fill freed room with huge pages again.
func ExpectHosts(n int) {
	if n >= manyHosts && int64(n) > expected.Load() {
		expected.Store(int64(n))
		reserve(n)
	}
}
