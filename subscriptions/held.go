package subscriptions

import (
	"context"
	"log/slog"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// soon after the start an adopted one missed nothing: everybody is read then.
const soon = 10 * time.Second

// leastPause between two renewals, whatever expiry Graph answers.
const leastPause = 30 * time.Second

// held is the subscription that we count on.
type held struct {
	graph.Subscription
	renewedAt time.Time // zero when adopted
	renewAt   time.Time
	lateAt    time.Time // a renewal after this may have let delivery pause
	paused    bool      // Graph asked for reauthorization: delivery may have stopped
}

// adopt counts on a subscription that was listed. How long it was granted for
// is not known: Graph's hour is the guess.
func (m *Manager) adopt(ctx context.Context, s graph.Subscription) {
	if m.held != nil && m.held.ID == s.ID {
		return // we know more about it than the listing
	}
	m.establish(ctx, &held{
		Subscription: s,
		renewAt:      s.ExpiresAt.Add(-renewBelow - m.part(Lifetime/20)),
		lateAt:       s.ExpiresAt.Add(-renewBelow / 2),
	}, "subscription adopted", GapAdopted)
}

// granted counts on what Graph has just answered, and renews at half of the
// life that it granted, a little earlier by jitter.
func (m *Manager) granted(s graph.Subscription) *held {
	now := clock()
	life := s.ExpiresAt.Sub(now)
	return &held{
		Subscription: s,
		renewedAt:    now,
		renewAt:      now.Add(max(leastPause, life/2-m.part(life/20))),
		lateAt:       s.ExpiresAt.Add(-life / 4),
	}
}

// part is a random part of d.
func (m *Manager) part(d time.Duration) time.Duration {
	return time.Duration(m.o.Jitter() * float64(d))
}

// establish begins to count on h. Changes may have been missed before it, unless
// it was there already at a start that came soon and without trouble. One that
// was made is always a gap: the people were read some time before it stood.
func (m *Manager) establish(ctx context.Context, h *held, msg, gap string) {
	m.held = h
	m.log(ctx, slog.LevelInfo, msg, "people", len(h.UserIDs), "expires", h.ExpiresAt, "certificate", h.Certificate.ID)
	if gap == GapCreated || m.established || m.failing() || time.Since(m.startedAt) > soon {
		m.o.Gap(gap, h.UserIDs)
	}
	m.established = true
}

// lose gives up the held subscription. A listing that still shows it will not
// be believed.
func (m *Manager) lose(ctx context.Context, why string) {
	m.log(ctx, slog.LevelWarn, "subscription lost", "why", why)
	m.gone, m.held = m.held.ID, nil
	m.publish()
}
