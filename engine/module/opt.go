package module

import (
	"reflect"
	"strconv"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Opt is a field of typed arguments that tells "not given" from the zero value.
type Opt[T any] struct {
	v     T
	given bool
}

// Some makes an Opt that was given.
func Some[T any](v T) Opt[T] { return Opt[T]{v: v, given: true} }

// Get gives the value and whether it was given.
func (o Opt[T]) Get() (T, bool) { return o.v, o.given }

// Given tells whether the argument was given (or has a default).
func (o Opt[T]) Given() bool { return o.given }

// Or gives the value, or def when it was not given.
func (o Opt[T]) Or(def T) T {
	if o.given {
		return o.v
	}
	return def
}

// slot gives the place to decode into and marks the value as given.
func (o *Opt[T]) slot() reflect.Value {
	o.given = true
	return reflect.ValueOf(&o.v).Elem()
}

type slotter interface{ slot() reflect.Value }

// FileMode is a field for an argument of type Mode: the text as given
// ("0644", "u=rwX,go="), or the octal text of a number.
type FileMode struct {
	Text string
	// Number tells that it was given as a number; 644 without quotes is then
	// 01204, the classic trap.
	Number bool
	// Given tells that there is a mode at all.
	Given bool
}

// fileModeOf takes the value of an argument of type Mode apart.
func fileModeOf(v value.Value) FileMode {
	return FileMode{Text: modeText(v), Number: v.Kind() == value.KindInt, Given: true}
}

// Trap is a warning about a mode that was given as a number and most likely
// meant as octal digits; "" when there is nothing to say.
func (m FileMode) Trap() string {
	if !m.Number {
		return ""
	}
	n, err := strconv.ParseUint(m.Text, 8, 32)
	if err != nil {
		return ""
	}
	// Whoever writes 644 without a leading zero gives a number whose decimal
	// digits make a likely mode while the number itself makes an odd one.
	digits := strconv.FormatUint(n, 10)
	meant, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || len(digits) < 3 || len(digits) > 4 || !likelyMode(meant) || likelyMode(n) {
		return ""
	}
	return "the mode " + digits + " is a decimal number, " + m.Text + " in octal; it is not 0" + digits
}

// likelyMode tells whether the owner may read, the group may no more than the
// owner, and others no more than the group.
func likelyMode(m uint64) bool {
	u, g, o := m>>6&7, m>>3&7, m&7
	return m <= 0o7777 && u&4 != 0 && g&^u == 0 && o&^g == 0
}
