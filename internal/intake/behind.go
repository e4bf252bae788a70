package intake

import (
	"context"

	"jtel.de/presencebridge/internal/graph"
)

// behind reports whether a reading only seems to repeat what is known, because
// another writer has told of another state since. Then that is taken in. What
// was read is judged by what the bus is known to hold, for reads are many; for a
// notification, which comes once, the bus is asked.
func (in *Intake) behind(ctx context.Context, r graph.Reading, s *slot) bool {
	if !in.Shared || s.draft.eventID != s.last.eventID || s.last.hasHeard(r) {
		return false
	}
	if r.Origin != graph.OriginNotification && in.Told != nil && in.Told(personOf(r)) == s.last.eventID {
		return false
	}
	e, sequence, err := in.Bus.Last(ctx, r.TenantID, r.Presence.UserID)
	if err != nil { // told once more, or not stored: either is better than silence
		s.draft.unsure = s.draft.eventID
		return true
	}
	if e.ID == "" || e.ID == s.last.eventID {
		return false
	}
	s.last = s.last.after(e, sequence)
	s.draft = s.last
	return true
}
