package app

import (
	"context"
	"errors"
	"fmt"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// restore takes in the last state of a person from before the start.
func (s *service) restore(e events.UserEvent) {
	s.intake.Restore(e)
	s.announcer.Restore(e)
}

// peopleRead reports whether we know whom a tenant wants watched. Of a tenant
// that the configuration does not name any more that is nobody.
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
	n, err := s.intake.Forget(ctx, func(p graph.Person) bool { return s.watched(p) || s.announcer.Present(p) })
	if n > 0 {
		s.Log.Info("people who left are purged", "people", n)
	}
	return err
}

// tidy does what housekeep is for. One failure does not keep the rest from being done.
func (s *service) tidy(ctx context.Context) error {
	return errors.Join(s.settle(ctx), s.keys.tend(ctx))
}
