package heap

import "testing"

func TestPercentGC(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: mostGC, 1 << 20: mostGC, 16 << 20: 400, smallHeap: 100, 2 * smallHeap: leastGC, 1 << 40: leastGC} {
		if got := percentGC(live); got != want {
			t.Errorf("with %d bytes alive %d percent, want %d", live, got, want)
		}
	}
}
