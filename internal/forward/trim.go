package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// trim removes from the local stream what was forwarded and is older than the
// history: the stream keeps for longer only what has not been forwarded.
func (r *Relay) trim(ctx context.Context, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	stream, err := r.Local.Stream(ctx, events.Stream)
	if err != nil {
		return fmt.Errorf("trim the local stream: %w", err)
	}
	state := stream.CachedInfo().State
	if state.Msgs == 0 || !state.FirstTime.Before(before) || state.FirstSeq > r.place.Sequence {
		return nil
	}
	young, err := r.firstSince(ctx, before)
	if err != nil {
		return fmt.Errorf("trim the local stream: %w", err)
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(min(young, r.place.Sequence+1))); err != nil {
		return fmt.Errorf("trim the local stream: %w", err)
	}
	return nil
}

// firstSince is the sequence of the first message since a time, or the one
// after the last. The server finds it when it makes a consumer.
func (r *Relay) firstSince(ctx context.Context, at time.Time) (uint64, error) {
	consumer, err := r.Local.CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return 0, err
	}
	info := consumer.CachedInfo()
	if err := r.Local.DeleteConsumer(ctx, events.Stream, info.Name); err != nil {
		return 0, err
	}
	return info.Delivered.Stream + 1, nil
}
