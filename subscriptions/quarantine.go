package subscriptions

import (
	"slices"
	"time"
)

const (
	// firstQuarantine is how long somebody because of whom Graph refused a
	// subscription stays out of all of them; each time it doubles.
	firstQuarantine   = time.Hour
	longestQuarantine = 24 * time.Hour
)

// quarantine is who is kept out of subscriptions, by person. It is not stored:
// after a restart a create finds out again.
type quarantine map[string]sentence

type sentence struct {
	until time.Time
	took  time.Duration
}

func (q quarantine) add(id string, now time.Time) {
	took := min(max(2*q[id].took, firstQuarantine), longestQuarantine)
	q[id] = sentence{now.Add(took), took}
}

// holds reports whether somebody is kept out now.
func (q quarantine) holds(id string, now time.Time) bool {
	s, in := q[id]
	return in && now.Before(s.until)
}

// free are those of the people who may be in a subscription.
func (q quarantine) free(people []string, now time.Time) []string {
	if len(q) == 0 {
		return people
	}
	return slices.DeleteFunc(slices.Clone(people), func(id string) bool { return q.holds(id, now) })
}

// forget drops who is no longer watched.
func (q quarantine) forget(people []string) {
	for id := range q {
		if _, watched := slices.BinarySearch(people, id); !watched {
			delete(q, id)
		}
	}
}

// worked ends it for those over whom a subscription could be made after their time.
func (q quarantine) worked(people []string, now time.Time) {
	for id := range q {
		if _, in := slices.BinarySearch(people, id); in && !q.holds(id, now) {
			delete(q, id)
		}
	}
}

// next is when somebody's time is over; zero: nobody's.
func (q quarantine) next(now time.Time) time.Time {
	var next time.Time
	for _, s := range q {
		if s.until.After(now) && (next.IsZero() || s.until.Before(next)) {
			next = s.until
		}
	}
	return next
}
