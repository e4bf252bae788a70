package subscriptions

import (
	"context"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// events is what lifecycle notifications and operators ask for. It is flags
// instead of a queue, so that a flood of them takes no room.
type events struct {
	renew, remove string // the subscription ids; empty: no operator asked
	reauthorize   string // the subscription id; empty: not asked
	removed       string // the subscription id; empty: not asked
	missed        bool
	unknown       int // counted, never reset
}

// Lifecycle takes a lifecycle notification of this account that passed the
// checks. It only notes it and never blocks. Events about a subscription that
// is no longer ours mean nothing.
func (m *Manager) Lifecycle(l graph.Lifecycle) {
	m.mu.Lock()
	held := m.status.SubscriptionID
	ours := strings.EqualFold(l.SubscriptionID, held)
	switch l.Event {
	case "reauthorizationRequired":
		if ours {
			m.events.reauthorize = held
		}
	case "subscriptionRemoved":
		if ours {
			m.events.removed = held
		}
	case "missed":
		m.events.missed = true
	default:
		m.events.unknown++
	}
	m.mu.Unlock()
	m.signal()
}

// takeSignals turns what was noted meanwhile into due work. A new wish ends the
// wait after a failure, an event never does.
func (m *Manager) takeSignals(ctx context.Context) {
	m.mu.Lock()
	poked, e := m.poked, m.events
	m.poked, m.events = false, events{unknown: e.unknown}
	m.mu.Unlock()

	if poked && !m.throttled {
		m.retryAt = time.Time{}
	}
	if m.held == nil {
		return // what the events ask for is done when there is one again
	}
	// Repeated events are usual. We renew, which reauthorises, too; a second
	// call for the same within ten minutes is forbidden.
	if e.reauthorize == m.held.ID && time.Since(m.held.renewedAt) >= reauthorizeAfter {
		m.held.renewAt = clock()
		m.held.paused = true
	}
	if e.renew == m.held.ID {
		m.held.renewAt = clock()
	}
	if e.remove != "" {
		m.unwanted = e.remove
	}
	if e.missed {
		m.o.Gap(GapMissed, m.held.UserIDs)
	}
	if e.removed == m.held.ID {
		m.lose(ctx, "graph removed it")
	}
}
