package subscriptions

import "time"

const (
	// gatherQuiet and gatherMost: changes of people are gathered until there was
	// none for a minute, but for five minutes at most. The list of a subscription
	// cannot be patched, so each change costs a new one.
	gatherQuiet = time.Minute
	gatherMost  = 5 * time.Minute
)

// gathering is when changes that wait came up.
type gathering struct{ first, last time.Time }

func (g *gathering) note(now time.Time) {
	if g.first.IsZero() {
		g.first = now
	}
	g.last = now
}

// due is when they shall wait no longer; zero: none waits.
func (g gathering) due() time.Time {
	if g.first.IsZero() {
		return time.Time{}
	}
	quiet, most := g.last.Add(gatherQuiet), g.first.Add(gatherMost)
	if quiet.Before(most) {
		return quiet
	}
	return most
}
