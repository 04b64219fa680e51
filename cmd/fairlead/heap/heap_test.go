package heap

import "testing"

func TestPercentGC(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int{0: mostGC, 1 << 20: mostGC, 10 << 20: 240, 80 << 20: 30, 200 << 20: 50, 250 << 20: 62, 1 << 40: largeGC} {
		if got := percentGC(live); got != want {
			t.Errorf("with %d bytes alive %d percent, want %d", live, got, want)
		}
	}
}

func TestExpectHosts(t *testing.T) {
	ExpectHosts(manyHosts - 1)
	if e := expected.Load(); e != 0 {
		t.Errorf("few hosts: %d are expected", e)
	}
	for _, n := range []int{2 * manyHosts, manyHosts} {
		if ExpectHosts(n); expected.Load() != 2*manyHosts {
			t.Errorf("%d hosts: %d are expected", n, expected.Load())
		}
	}
}
