package intake

import (
	"context"
	"fmt"
	"slices"

	"jtel.de/presencebridge/internal/graph"
)

// staleAtOnce is how many people are told in one go: a fraction of what the bus
// takes before its deadline, so that an outage of Graph, which makes everybody
// stale at the same moment, holds up nobody's notification for long.
const staleAtOnce = 100

// Stale publishes that the last states of these people could not be confirmed:
// the same state, marked stale, and only once. Whoever has no state yet is
// passed over. Unconfirmed is asked again when it is the person's turn, since a
// confirmation may have come meanwhile. The next reading of a person makes the
// state fresh again, also if it is the same.
func (in *Intake) Stale(ctx context.Context, who []graph.Person, unconfirmed func(graph.Person) bool) error {
	for part := range slices.Chunk(who, staleAtOnce) {
		if err := in.stale(ctx, part, unconfirmed); err != nil {
			return fmt.Errorf("mark people stale: %w", err)
		}
	}
	return nil
}

func (in *Intake) stale(ctx context.Context, who []graph.Person, unconfirmed func(graph.Person) bool) error {
	held, err := in.hold(ctx, len(who), func(i int) graph.Person { return who[i] })
	if err != nil {
		return err
	}
	defer held.release()
	var outcome Outcome
	defer func() { in.Observe(outcome) }()
	var drafts []draft
	trace := traceparent(ctx)
	for p, s := range held {
		person, watched := in.Lookup(p.TenantID, p.UserID)
		if !watched || !s.last.known || s.last.stale || !unconfirmed(p) {
			continue
		}
		d := draft{slot: s, person: person, reading: s.last.reading(p.TenantID), stale: true}
		if !in.write(&d, s.last, trace, &outcome) {
			continue
		}
		drafts = append(drafts, d)
	}
	return in.store(ctx, drafts, trace, &outcome)
}
