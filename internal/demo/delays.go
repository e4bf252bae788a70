package demo

import (
	"maps"
	"slices"
	"time"
)

// exact is what delays are rounded to, so that a demo that runs for days keeps a
// count for each length instead of each delay.
const exact = 100 * time.Microsecond

// delays counts them by length.
type delays map[time.Duration]int

func (d delays) add(delay time.Duration) { d[delay.Round(exact)]++ }

// quantile is the smallest delay that q of them do not exceed; 0 if there are none.
func (d delays) quantile(q float64) time.Duration {
	all := 0
	for _, n := range d {
		all += n
	}
	lengths := slices.Sorted(maps.Keys(d))
	left := max(int(float64(all)*q+0.999999), 1)
	for _, length := range lengths {
		if left -= d[length]; left <= 0 {
			return length
		}
	}
	return 0
}
