package app

import (
	"context"
	"iter"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/inquiry"
)

// answerRequests is the NATS service, once there is something to answer from.
func (s *service) answerRequests(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.bus.ready:
	}
	o := inquiry.Options{
		Conn: s.bus.conn, Board: s.board, Bridge: s.Version, Log: s.Log,
		Coverage: func(ctx context.Context) iter.Seq2[events.CoverageEvent, error] {
			return events.LastCoverage(ctx, s.bus.js)
		},
	}
	for id, t := range s.tenants {
		o.Tenants = append(o.Tenants, inquiry.Tenant{ID: id, Name: t.name, Read: func(userIDs []string) int { return s.readNow(id, userIDs) }})
	}
	return inquiry.New(o).Run(ctx)
}

// readNow has the sweep read those of these people who are watched, or everybody
// if none are named, and tells how many they are.
func (s *service) readNow(tenantID string, userIDs []string) int {
	watched := userIDs[:0]
	for _, id := range userIDs {
		if _, found := s.directory.Lookup(tenantID, id); found {
			watched = append(watched, id)
		}
	}
	if len(userIDs) == 0 {
		watched = s.directory.IDs(tenantID)
	}
	s.tenants[tenantID].sweeper.Ask(graph.OriginSweep, watched...)
	return len(watched)
}
