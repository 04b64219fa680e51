package remote_test

import (
	"testing"

	"go.uber.org/goleak"
)

// The clock by which searches for patterns are bounded runs for a second after the last.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}
