package config

import "testing"

func TestForksFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ cpus, files, want int }{
		{1, 1 << 20, 128}, {2, 1 << 20, 256}, {64, 1 << 20, 8192}, // processors decide
		{2, 256, 64}, {8, 1024, 256}, {2, 2, 1}, // files decide
		{2, 0, 256}, // no limit is known
	} {
		if got := forksFor(c.cpus, c.files); got != c.want {
			t.Errorf("%d processors, %d files: %d forks, want %d", c.cpus, c.files, got, c.want)
		}
	}
	if n := DefaultForks(); n < 1 {
		t.Errorf("this machine: %d forks", n)
	}
}
