package forward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// person is somebody of a tenant.
type person struct{ tenant, user string }

// level makes the last states on the central server equal to ours, once all
// that is old has been forwarded: the bounds of the local stream may have taken
// changes before they were, and the central server may have lost some.
func (r *Relay) level(ctx context.Context) error {
	ours, err := r.states(ctx, r.Local)
	if err != nil {
		return fmt.Errorf("local states: %w", err)
	}
	theirs, err := r.states(ctx, r.js)
	if err != nil {
		return fmt.Errorf("central states: %w", err)
	}
	again, gone := compare(ours, theirs, r.place.Sequence, r.Watched)
	for part := range slices.Chunk(again, 250) {
		out := make([]events.Message, len(part))
		for i, e := range part {
			if out[i], err = events.NewMessage(e); err != nil {
				return err
			}
		}
		for _, ack := range r.publisher.Publish(ctx, out) {
			if ack.Err != nil {
				return fmt.Errorf("publish last states to the central server: %w", ack.Err)
			}
		}
	}
	for _, p := range gone {
		if err := r.publisher.Purge(ctx, p.tenant, p.user); err != nil {
			return fmt.Errorf("central server: %w", err)
		}
	}
	if len(again)+len(gone) > 0 {
		r.Log.Info("last states on the central nats server made equal to ours", "published", len(again), "purged", len(gone))
	}
	return nil
}

// errStalled ends what was begun with a server that has gone.
var errStalled = fmt.Errorf("nothing came for %s: %w", step, context.DeadlineExceeded)

// states are the last events of our tenants' people. Over a slow link they may
// take minutes, as long as they come.
func (r *Relay) states(ctx context.Context, js jetstream.JetStream) (map[person]events.UserEvent, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(step, func() { cancel(errStalled) })
	defer stalled.Stop()
	all := map[person]events.UserEvent{}
	for e, err := range events.Snapshot(ctx, js) {
		stalled.Reset(step)
		if errors.Is(err, events.ErrMalformed) {
			continue
		}
		if err != nil && context.Cause(ctx) != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
		if slices.Contains(r.Tenants, e.Data.TenantID) {
			all[person{e.Data.TenantID, e.Data.User.ID}] = e
		}
	}
	return all, nil
}

// compare names the events that the central server lacks and the people whom it
// should have forgotten. Whatever comes after the place reached will be
// forwarded in its turn; an event that is newer there stays.
func compare(ours, theirs map[person]events.UserEvent, reached uint64, watched func(tenantID, userID string) bool) (again []events.UserEvent, gone []person) {
	for p, e := range ours {
		t, there := theirs[p]
		if e.Sequence <= reached && !(there && (t.ID == e.ID || t.Data.ObservedAt.After(e.Data.ObservedAt))) {
			again = append(again, e)
		}
	}
	for p := range theirs {
		if _, here := ours[p]; !here && !watched(p.tenant, p.user) {
			gone = append(gone, p)
		}
	}
	return again, gone
}
