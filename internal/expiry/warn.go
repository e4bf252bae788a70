package expiry

import (
	"slices"
	"time"
)

// Days before an end at which somebody is warned; 0 is the end itself.
var Days = []int{30, 14, 3, 1, 0}

// overdue is how late something that is replaced by itself may be.
const overdue = day

// Within is the smallest of [Days] that an item has reached; false if it has
// reached none, or nobody need be warned.
func (i Item) Within(now time.Time) (days int, reached bool) {
	if i.State != Known || i.ByItself && now.Before(i.due.Add(overdue)) {
		return 0, false
	}
	for _, days := range slices.Backward(Days) {
		if i.Left(now) <= time.Duration(days)*day {
			return days, true
		}
	}
	return 0, false
}

// warned remembers what was said about each item: once for each step.
type warned map[id]warning

type warning struct {
	ends time.Time
	days int
}

// due are the items to warn of now. A new end of the same thing begins anew.
func (w warned) due(items []Item, now time.Time) []Item {
	var due []Item
	for _, i := range items {
		days, reached := i.Within(now)
		if !reached {
			if i.State != Unknown || !i.passing { // replaced, or no more to be warned of
				delete(w, i.id())
			}
			continue
		}
		said, before := w[i.id()]
		if before && said.ends.Equal(i.Ends) && said.days <= days {
			continue
		}
		w[i.id()] = warning{i.Ends, days}
		due = append(due, i)
	}
	return due
}
