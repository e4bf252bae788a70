package app

import (
	"context"
	"iter"
	"log/slog"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/board"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/inquiry"
)

// answerRequests is the NATS service, once there is something to answer from: on
// our own server, and on the central one from what stands there, which may be
// the people of several sites.
func (s *service) answerRequests(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.bus.ready:
	}
	if s.forwarding == nil {
		return s.answerOn(ctx, s.bus.conn, s.bus.js, s.board)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.answerOn(ctx, s.bus.conn, s.bus.js, s.board) })
	// That it is away, for hours maybe, is told by whoever forwards.
	central := board.New(slog.New(slog.DiscardHandler))
	g.Go(func() error { return central.Run(ctx, s.forwarding.js) })
	g.Go(func() error { return s.answerOn(ctx, s.forwarding.conn, s.forwarding.js, central) })
	return g.Wait()
}

func (s *service) answerOn(ctx context.Context, conn *nats.Conn, js jetstream.JetStream, b *board.Board) error {
	o := inquiry.Options{
		Conn: conn, Board: b, Bridge: s.Version, Log: s.Log,
		Coverage: func(ctx context.Context) iter.Seq2[events.CoverageEvent, error] { return events.LastCoverage(ctx, js) },
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
