package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/graph"
)

// peerSubject is where instances speak to the one that acts for a tenant. Only
// bridges may publish there: what comes is believed.
const peerSubject = "presence.v1.peer."

// askWithin is how long an operator waits for the instance that acts.
const askWithin = 2 * time.Second

// word is what one instance tells or asks another. Do says which of the rest is set.
type word struct {
	Do        string          `json:"do"` // one of the words below, or a handlers.SubscriptionAction
	ID        string          `json:"id,omitempty"`
	Lifecycle graph.Lifecycle `json:"lifecycle,omitzero"`
	UserID    string          `json:"userId,omitempty"`
	At        time.Time       `json:"at,omitzero"`
}

const (
	wordLifecycle   = "lifecycle"   // Graph has sent one
	wordHeard       = "heard"       // a notification about a person was stored
	wordAnnounced   = "announced"   // one came that told only whose presence changed
	wordInterrupted = "interrupted" // some may have been turned away
	wordRotated     = "rotated"     // there is a new key
	wordList        = "list"        // of subscriptions
	wordCoverage    = "coverage"    // of the tenant
)

// tell passes something on to whoever acts for a tenant. It waits for nothing:
// what is lost is found by the sweep.
func (s *service) tell(t *tenant, w word) {
	data, err := json.Marshal(w)
	if err == nil {
		err = s.bus.conn.Publish(peerSubject+t.config.Load().ID, data)
	}
	if err != nil {
		s.Log.Debug("not passed on to the instance that acts for the tenant", "tenant", t.name, "error", err)
	}
}

// asked gets an answer from whoever acts for a tenant.
func (s *service) asked(t *tenant, w word, answer any) error {
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	reply, err := s.bus.conn.Request(peerSubject+t.config.Load().ID, data, askWithin)
	if err != nil {
		return fmt.Errorf("%w: %w", errNoHolder, err)
	}
	return json.Unmarshal(reply.Data, answer)
}

// listen takes what other instances say while this one acts, until ctx ends.
func (s *service) listenToPeers(ctx context.Context) error {
	if s.instances == nil {
		return nil
	}
	for id, t := range s.tenants {
		sub, err := s.bus.conn.Subscribe(peerSubject+id, func(m *nats.Msg) {
			var w word
			if !t.holds() || json.Unmarshal(m.Data, &w) != nil {
				return
			}
			answer := s.obey(t, w)
			if m.Reply == "" {
				return
			}
			if data, err := json.Marshal(answer); err == nil {
				_ = m.Respond(data) // whoever asked gives up by itself
			}
		})
		if err != nil {
			return fmt.Errorf("listen to other instances: %w", err)
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	<-ctx.Done()
	return nil
}

func (s *service) obey(t *tenant, w word) any {
	d := newDesk(s, true)
	switch w.Do {
	case wordLifecycle:
		t.push().Lifecycle(w.Lifecycle)
	case wordHeard:
		t.coverage().Seen(graph.Reading{Presence: graph.Presence{UserID: w.UserID}, ObservedAt: w.At}, false)
	case wordAnnounced:
		t.coverage().Announced(w.UserID, w.At)
	case wordInterrupted:
		t.coverage().Interrupted()
	case wordRotated:
		t.renewAll()
	case wordList:
		return d.rows(t)
	case wordCoverage:
		return d.coverageOf(t)
	default:
		return d.ask(t, handlers.SubscriptionAction(w.Do), w.ID)
	}
	return nil
}
