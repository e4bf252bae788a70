package subscriptions

import (
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// State is how a subscription does.
type State string

// The states. A failing manager may still hold a subscription that delivers:
// see Status.ExpiresAt.
const (
	Starting State = "starting" // Graph has not been asked successfully yet
	Healthy  State = "healthy"
	Failing  State = "failing" // the last try failed, the next one is planned
	Idle     State = "idle"    // nobody is to be watched
)

// Status is what operators and the sweep want to know of one account.
type Status struct {
	TenantID       string
	AccountKey     string
	State          State
	Since          time.Time // when the state or the subscription became another
	SubscriptionID string    // empty while there is none
	People         int       // covered by it
	ExpiresAt      time.Time
	RenewedAt      time.Time // also of a create; zero after an adoption
	// NextAttempt is when Graph will be asked next; zero when only a new wish
	// leads to that.
	NextAttempt time.Time
	LastError   string      // in plain words, without personal data; empty after a success
	Class       graph.Class // of that error
	Advice      string      // what an operator must do about it; may be empty
	// UnknownEvents counts lifecycle notifications of a kind that we do not know.
	UnknownEvents int
}

// Status of now. It may be asked from anywhere.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// Covered are the people of the subscription that Status tells of, sorted. They
// must not be changed.
func (m *Manager) Covered() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.covered
}

// publish makes the status visible and tells Options.Changed if it differs.
func (m *Manager) publish() {
	s := Status{
		TenantID: m.wish.TenantID, AccountKey: m.wish.AccountKey,
		State: m.state(), NextAttempt: m.next(), LastError: m.lastError, Class: m.class, Advice: m.advice,
	}
	if m.held != nil {
		s.SubscriptionID, s.People = m.held.ID, len(m.held.UserIDs)
		s.ExpiresAt, s.RenewedAt = m.held.ExpiresAt, m.held.renewedAt
	}
	m.mu.Lock()
	s.UnknownEvents = m.events.unknown
	s.Since = m.status.Since
	if s.State != m.status.State || s.SubscriptionID != m.status.SubscriptionID {
		s.Since = clock()
	}
	same := s == m.status
	m.status, m.covered = s, nil
	if m.held != nil {
		m.covered = m.held.UserIDs
	}
	m.mu.Unlock()
	if !same && m.o.Changed != nil {
		m.o.Changed(s)
	}
}

func (m *Manager) state() State {
	switch {
	case m.failing():
		return Failing
	case m.held != nil:
		return Healthy
	case m.listedEmpty:
		return Idle
	}
	return Starting
}
