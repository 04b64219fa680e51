package jinja

import (
	"math"
	"strconv"
)

// parseFloat reads a float as Python does: too large is infinite.
func parseFloat(s string) (float64, error) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && math.IsInf(f, 0) {
		err = nil
	}
	return f, err
}
