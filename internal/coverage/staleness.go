package coverage

import "time"

// evidence is what speaks for the state of one person.
type evidence struct {
	// watched is since when we try to confirm it: our start, or the person's coming.
	watched time.Time
	// confirmed is when it was last told or read; a read counts from when it was
	// sent off. Zero: never.
	confirmed time.Time
	// pushed: changes of the person may be expected from a subscription that had
	// no gap since the state was confirmed; alive is when that last proved to live.
	pushed bool
	alive  time.Time
}

// lastConfirmed is until when the state is known to have held. A subscription
// that tells of others would have told of this person, too: so those whose state
// does not change stay confirmed while sweeps fail.
func (e evidence) lastConfirmed() time.Time {
	if e.pushed && e.alive.After(e.confirmed) {
		return e.alive
	}
	return e.confirmed
}

// unconfirmed reports whether the state could not be confirmed for so long that
// it must be called stale.
func (e evidence) unconfirmed(now time.Time, staleAfter time.Duration) bool {
	last := e.lastConfirmed()
	if e.watched.After(last) {
		last = e.watched
	}
	return now.Sub(last) >= staleAfter
}
