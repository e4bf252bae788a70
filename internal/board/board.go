// Package board keeps the last state of everybody as consumers see it: what the
// bucket holds, not what the bridge believes. The operators' side and whoever
// else answers questions about presence reads it.
//
// It writes nothing and decides nothing. internal/app runs it.
package board

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// again is the pause before a watch that failed begins anew.
const again = time.Second

// Board is safe for concurrent use. Without Run it stays empty.
type Board struct {
	log *slog.Logger

	mu     sync.RWMutex
	states map[graph.Person]events.UserEvent
	next   map[graph.Person]events.UserEvent // while everybody's state is given anew
	ready  bool
	at     uint64 // the last of the stream that states hold
}

// New starts nothing.
func New(log *slog.Logger) *Board {
	return &Board{log: log, states: map[graph.Person]events.UserEvent{}}
}

// Run follows the bucket, which must exist, until ctx ends.
func (b *Board) Run(ctx context.Context, js jetstream.JetStream) error {
	for ctx.Err() == nil {
		err := events.Watcher{
			Began:   b.began,
			Changed: b.changed,
			Removed: b.removed,
			Current: b.current,
			// Others may publish, too; the bridge's start has counted and told it.
			Malformed: func(error) {},
		}.Run(ctx, js)
		if ctx.Err() != nil {
			return nil
		}
		b.log.WarnContext(ctx, "last states not followed, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
	return nil
}

// Ready reports whether everybody's last state was given once.
func (b *Board) Ready() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ready
}

// At is the sequence on the stream up to which every user event is in the states.
func (b *Board) At() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.at
}

// State is the last event about a person.
func (b *Board) State(p graph.Person) (events.UserEvent, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, known := b.states[p]
	return e, known
}

// States are the last events about the people of a tenant, in no order.
func (b *Board) States(tenantID string) []events.UserEvent {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var all []events.UserEvent
	for p, e := range b.states {
		if p.TenantID == tenantID {
			all = append(all, e)
		}
	}
	return all
}

// Find gives the last events that match, of all tenants, in no order.
func (b *Board) Find(match func(*events.UserData) bool) []events.UserEvent {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var found []events.UserEvent
	for _, e := range b.states {
		if match(&e.Data) {
			found = append(found, e)
		}
	}
	return found
}

// began: after an outage somebody may be missing from what comes, because they
// were purged meanwhile. Until all came, the former states stand.
func (b *Board) began() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = make(map[graph.Person]events.UserEvent, len(b.states))
	return nil
}

func (b *Board) current() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.states, b.next, b.ready = b.next, nil, true
	b.at = 0 // the stream may be another one
	for _, e := range b.states {
		b.at = max(b.at, e.Sequence)
	}
	return nil
}

func (b *Board) changed(e events.UserEvent) error {
	p := graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.states[p] = e
	if b.next != nil {
		b.next[p] = e
	} else {
		b.at = max(b.at, e.Sequence)
	}
	return nil
}

func (b *Board) removed(tenantID, userID string) error {
	p := graph.Person{TenantID: tenantID, UserID: userID}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.states, p)
	delete(b.next, p)
	return nil
}
