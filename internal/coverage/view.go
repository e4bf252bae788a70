package coverage

import (
	"time"

	"jtel.de/presencebridge/events"
)

// View is what a coverage event would say about an account now, and when its
// subscription last delivered.
type View struct {
	State, Reason string
	People        events.Covered
	// DeliveredAt is when a notification about somebody whom the subscription
	// names last arrived; zero: none did since it, or we, came to be.
	DeliveredAt time.Time
}

// Views tells how everybody is covered, by account key. Those whom no account
// carries are listed under [RestKey], if there are any.
func (t *Tracker) Views() map[string]View {
	t.mu.Lock()
	defer t.mu.Unlock()
	views := make(map[string]View, len(t.accounts)+1)
	for _, a := range t.all() {
		if a.record == nil && a.people.Assigned == 0 {
			continue
		}
		s := a.statement(t.plan)
		v := View{State: s.state, Reason: s.reason, People: s.people}
		if a.record != nil {
			v.DeliveredAt = a.record.delivered
		}
		views[a.Key] = v
	}
	return views
}
