package run

import (
	"testing"
	"time"
)

// What the connection's defaults say where a caller gives none, as the server does.
func TestConnectionDefaultTimeout(t *testing.T) {
	t.Parallel()
	for given, want := range map[time.Duration]string{0: "10", 7 * time.Second: "7", 100 * time.Millisecond: "1"} {
		w := &world{runner: &runner{Config: Config{Connection: ConnectionDefaults{Timeout: given}}}}
		if got := w.ConnectionDefault("timeout"); got != want {
			t.Errorf("ansible_timeout is %s with %s, want %s", got, given, want)
		}
	}
}
