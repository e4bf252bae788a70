package graphsim

import (
	"fmt"
	"strings"
)

// state is one person's presence.
type state struct {
	availability, activity string
	sequence               uint64
}

// sequenceNumber sorts lexicographically by age, as Graph's does.
func (p state) sequenceNumber() string { return fmt.Sprintf("A%010d", p.sequence) }

func (p state) spelled(f *Faults) (availability, activity string) {
	if f.CamelCase {
		return lowerFirst(p.availability), lowerFirst(p.activity)
	}
	return p.availability, p.activity
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// SetPresence changes a person's presence and queues the notifications of every
// subscription that names them. It reports whether that was a change; unknown
// people and people without Teams never change.
func (s *Simulator) SetPresence(userID, availability, activity string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := strings.ToLower(userID)
	p, ok := s.presences[id]
	if !ok || p.availability == availability && p.activity == activity {
		return false
	}
	s.sequence++
	p = state{availability, activity, s.sequence}
	s.presences[id] = p
	for _, sub := range s.subs {
		if sub.users[id] {
			s.notify(sub, id, p)
		}
	}
	return true
}

// Presence tells a person's presence; both are empty for somebody unknown.
func (s *Simulator) Presence(userID string) (availability, activity string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.presences[strings.ToLower(userID)]
	return p.availability, p.activity
}
