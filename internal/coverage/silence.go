package coverage

import "time"

// MaxLatency is how long Graph may take to notify of a change of presence; 10 s
// are usual. Source: Graph, "change notifications overview", latency.
const MaxLatency = time.Minute

// A silent subscription is made anew at once, and if that does not help, not
// again before these pauses.
const (
	firstRecreatePause = 10 * time.Minute
	mostRecreatePause  = time.Hour
)

// record is the evidence about one subscription.
//
// A sweep that finds somebody's state changed raises a suspicion. It is taken
// back by a notification about that person, however late. One that is older than
// Graph's latency is a miss. What a miss means is told by what the subscription
// delivered since: if it told of anything that happened after the miss, it lives,
// and only that person is deaf: broken at Graph, or the one notification was
// lost. If it told nothing, it is silent. It is trusted again as soon as it
// delivers; those who were missed until then are deaf until they are told of.
//
// So a quiet tenant is never silent, since nothing is missed there; one broken
// person costs a doubt or two, because the deaf are no witnesses; and a
// notification that is overtaken by a sweep has a minute to arrive.
//
// Nothing is concluded from a change that began before since: there was no
// subscription then, it was known to have a gap, or we turned Graph's
// notifications away ourselves.
type record struct {
	since time.Time
	// alive is a moment at which the subscription still noticed changes: a
	// notification proves that for its arrival, but only for the moment of the
	// sweep if one has found that person changed just before. Those still on their
	// way when a subscription falls silent thus prove nothing.
	alive     time.Time
	delivered time.Time            // when a notification last arrived
	suspects  map[string]suspicion // by user id
	deaf      map[string]bool      // by user id

	silent     bool
	recreated  time.Time // when it was last asked to be made anew
	recreation int       // how often in a row
}

// suspicion is about one person. One that is taken back is kept until Graph's
// latency is over: several notifications may be on their way.
type suspicion struct {
	found time.Time // when a sweep found what had not been told
	told  bool      // it is taken back
	// first and last are when sweeps found changes of the person whose
	// notifications may still be on their way.
	first, last time.Time
}

func newRecord(now time.Time) *record {
	return &record{since: now, suspects: map[string]suspicion{}, deaf: map[string]bool{}}
}

// found notes that a sweep found somebody changed at a time, whose former state
// had last been confirmed at another.
func (r *record) found(userID string, confirmed, at time.Time) {
	if confirmed.Before(r.since) || r.deaf[userID] {
		return
	}
	s, suspected := r.suspects[userID]
	if !suspected {
		s.first = at
	}
	if !suspected || s.told {
		s.found, s.told = at, false
	}
	s.last = at
	r.suspects[userID] = s
}

// heard notes that a notification about somebody arrived that had not arrived
// before. It reports whether the subscription was silent until then.
func (r *record) heard(userID string, at time.Time) (wasSilent bool) {
	r.delivered = later(r.delivered, at)
	proof := at
	if s, suspected := r.suspects[userID]; suspected {
		s.told = true
		r.suspects[userID] = s
		if !r.silent { // else it is long enough ago for nothing to be on its way
			proof = s.first
		}
	}
	r.alive = later(r.alive, proof)
	delete(r.deaf, userID)
	wasSilent = r.silent
	if wasSilent {
		r.silent, r.recreation = false, 0
	}
	return wasSilent
}

// gap notes that changes before now may never be told, for a known reason.
func (r *record) gap(now time.Time) {
	r.since = now
	clear(r.suspects)
}

// replaced notes that there is another subscription now. A silent one stays so
// until the new one delivers.
func (r *record) replaced(now time.Time) {
	r.gap(now)
	clear(r.deaf)
	r.delivered = time.Time{}
}

// inherit takes over people of another subscription: if that is silent, this one
// is doubted, too, unless it has delivered.
func (r *record) inherit(from *record) {
	if !from.silent || r.silent || !r.delivered.IsZero() {
		return
	}
	r.silent, r.recreated, r.recreation = true, from.recreated, from.recreation
}

// trust takes back all doubt: nobody is left whom it could concern.
func (r *record) trust() { r.silent, r.recreated, r.recreation = false, time.Time{}, 0 }

// leave forgets what is known of somebody whom the subscription no longer carries.
func (r *record) leave(userID string) {
	delete(r.suspects, userID)
	delete(r.deaf, userID)
}

// judge draws the conclusions of now. It reports whether the subscription has
// just become silent, and whether it should be made anew now.
func (r *record) judge(now time.Time, latency time.Duration) (fellSilent, recreate bool) {
	missed := false
	for userID, s := range r.suspects {
		switch {
		case s.told && now.Sub(s.last) >= latency:
			delete(r.suspects, userID)
		case s.told || now.Sub(s.found) < latency:
		case r.alive.After(s.found):
			r.deaf[userID] = true
			delete(r.suspects, userID)
		default:
			missed = true
		}
	}
	if !missed {
		return false, false
	}
	fellSilent = !r.silent
	r.silent = true
	pause := min(firstRecreatePause<<min(max(r.recreation-1, 0), 8), mostRecreatePause)
	if !r.recreated.IsZero() && now.Sub(r.recreated) < pause {
		return fellSilent, false
	}
	r.recreated = now
	r.recreation++
	return fellSilent, true
}

// due is when the next suspicion becomes a miss; zero if there is none.
func (r *record) due(now time.Time, latency time.Duration) (next time.Time) {
	for _, s := range r.suspects {
		if at := s.found.Add(latency); !s.told && at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// pushes reports whether somebody's changes may be expected from it.
func (r *record) pushes(userID string) bool { return !r.silent && !r.deaf[userID] }
