package subscriptions

import (
	"context"
	"log/slog"
)

// Renew has a subscription renewed now, whenever that was last done: two
// renewals may be close to each other, and we never reauthorize by another call.
// It reports whether an account has this subscription; it waits for nothing.
func (c *Coordinator) Renew(subscriptionID string) bool {
	return c.asked(subscriptionID, func(e *events) { e.renew = subscriptionID })
}

// Remove has a subscription deleted from Graph now, even if nothing else covers
// its people. Its account makes a new one at once unless it is to carry nobody.
// It reports whether an account has this subscription; it waits for nothing.
func (c *Coordinator) Remove(subscriptionID string) bool {
	return c.asked(subscriptionID, func(e *events) { e.remove = subscriptionID })
}

func (c *Coordinator) asked(subscriptionID string, note func(*events)) bool {
	for _, a := range c.accounts {
		if a.manager.asked(subscriptionID, note) {
			return true
		}
	}
	return false
}

// asked notes what somebody wants done about the held subscription. It ends the
// wait after a failure, too, unless Graph itself demanded that wait.
func (m *Manager) asked(subscriptionID string, note func(*events)) bool {
	m.mu.Lock()
	ours := subscriptionID != "" && subscriptionID == m.status.SubscriptionID
	if ours {
		note(&m.events)
		m.poked = true
	}
	m.mu.Unlock()
	if ours {
		m.signal()
	}
	return ours
}

// discard deletes the held subscription because somebody asked for that. A
// listing that still shows it will not be believed.
func (m *Manager) discard(ctx context.Context) error {
	id := m.held.ID
	m.log(ctx, slog.LevelInfo, "subscription to be deleted", "delete", id, "why", "an operator asked for it")
	if err := m.remove(ctx, id); err != nil {
		return err
	}
	m.gone = id
	return nil
}
