package app

import (
	"context"
	"errors"
	"fmt"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// restore takes in the last state of a person from before the start. People of
// other tenants are none of our business: another bridge may use the same NATS.
func (s *service) restore(e events.UserEvent) {
	if s.tenants[e.Data.TenantID] != nil {
		s.intake.Restore(e)
		s.announcer.Restore(e)
	}
}

func (s *service) restoreDirectory(e events.DirectoryEvent) {
	if s.tenants[e.Data.TenantID] != nil {
		s.announcer.RestoreDirectory(e)
	}
}

// followBoard keeps what operators see of people's states, once there is a bucket.
func (s *service) followBoard(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.bus.ready:
		return s.board.Run(ctx, s.bus.js)
	}
}

func (s *service) reconcile(held map[graph.Person]events.UserEvent) { s.intake.Reconcile(held) }

// caughtUp follows an outage of the bus: what changed meanwhile is read and told.
func (s *service) caughtUp() {
	for _, t := range s.tenants {
		if !t.holds() {
			s.tell(t, word{Do: wordInterrupted})
			continue
		}
		t.sweeper.AskAll(graph.OriginSweep)
		t.sweeper.Retry()
	}
	s.tidySoon()
}

// peopleRead reports whether we know whom a tenant wants watched.
func (s *service) peopleRead(tenantID string) bool {
	t := s.tenants[tenantID]
	return t == nil || t.known()
}

// settle tells who came, changed and left, and purges who left once that was told.
func (s *service) settle(ctx context.Context) error {
	told, err := s.announcer.Tell(ctx)
	if told > 0 {
		s.Log.Info("changes of the directory are told", "events", told)
	}
	if err != nil {
		return fmt.Errorf("tell changes of the directory: %w", err)
	}
	n, err := s.intake.Forget(ctx, s.stays)
	s.notes.Forget(s.remembered)
	if n > 0 {
		s.Log.Info("people who left are purged", "people", n)
	}
	return err
}

// tidy does what housekeep is for. One failure does not keep the rest from being done.
func (s *service) tidy(ctx context.Context) error {
	return errors.Join(s.settle(ctx), s.keys.tend(ctx))
}
