package pyrand

import (
	"fmt"
	"math/big"
	"testing"
)

// Recorded from CPython 3.11: random.Random(seed), three times randrange(1000),
// then getrandbits(50).
func TestAsPython(t *testing.T) {
	t.Parallel()
	big1, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for want, r := range map[string]*Rand{
		"983 465 609 436859192117376": FromString(""),
		"497 254 923 205548443786300": FromString("host1"),
		"323 705 901 348572665878949": FromString("café"),
		"864 394 776 473523967952514": FromInt(big.NewInt(0)),
		"637 261 759 895308947585980": FromInt(big.NewInt(-5)),
		"161 588 135 441280613222801": FromInt(big1),
		"565 842 262 656782728633411": FromFloat(1.5),
		"931 570 437 682059339701208": FromFloat(-0.1),
		"267 38 69 469159469628668":   FromFloat(1e300),
	} {
		got := fmt.Sprint(r.Below(1000), r.Below(1000), r.Below(1000), r.Bits(50))
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestShuffleAsPython(t *testing.T) {
	t.Parallel()
	xs := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	FromString("host").Shuffle(len(xs), func(i, j int) { xs[i], xs[j] = xs[j], xs[i] })
	if got := fmt.Sprint(xs); got != "[3 7 9 6 4 0 8 2 5 1]" {
		t.Error(got)
	}
}
