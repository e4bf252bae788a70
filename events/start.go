package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// told is what a snapshot told: the place on the stream of each person's event.
type told map[string]uint64

// tells reports whether the snapshot told an event, or a later one.
func (t told) tells(e UserEvent) bool {
	if len(t) == 0 {
		return false
	}
	key := e.Data.TenantID + "." + e.Data.User.ID
	if e.Sequence <= t[key] {
		return true
	}
	delete(t, key) // from now on the stream is ahead
	return false
}

// start finds the consumer or makes it, after the snapshot if there is to be
// one. The snapshot comes first: should we end before it was taken, there is no
// consumer yet, or one that is still behind, and the next start does it again.
func (o ConsumerOptions) start(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, told, error) {
	config := jetstream.ConsumerConfig{
		Durable:        o.Durable,
		FilterSubjects: o.FilterSubjects,
		DeliverPolicy:  o.Deliver,
		AckPolicy:      jetstream.AckExplicitPolicy,
		AckWait:        o.AckWait,
		MaxDeliver:     -1,
		// One at a time is what keeps the order when an event must come again.
		MaxAckPending: 1,
	}
	var known told
	if o.Snapshot != nil {
		isNew, behind, err := o.missed(ctx, js, &config)
		if err != nil {
			return nil, nil, err
		}
		if isNew || behind {
			var end uint64
			if known, end, err = o.handOver(ctx, js); err != nil {
				return nil, nil, err
			}
			if isNew {
				config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, end+1
			}
		}
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, Stream, config)
	return consumer, known, err
}

// missed reports whether the consumer is new, or missed events that the stream
// has no more. It takes over what cannot be changed.
func (o ConsumerOptions) missed(ctx context.Context, js jetstream.JetStream, config *jetstream.ConsumerConfig) (isNew, behind bool, err error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return false, false, err
	}
	existing, err := stream.Consumer(ctx, o.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return true, false, nil
	}
	if err != nil {
		return false, false, err
	}
	info := existing.CachedInfo()
	config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = info.Config.DeliverPolicy, info.Config.OptStartSeq, info.Config.OptStartTime
	next := max(info.AckFloor.Stream+1, info.Config.OptStartSeq)
	return false, next < stream.CachedInfo().State.FirstSeq, nil
}

// handOver gives the snapshot until it is taken, and tells where the stream
// ended before it was read.
func (o ConsumerOptions) handOver(ctx context.Context, js jetstream.JetStream) (told, uint64, error) {
	for n := uint64(1); ; n++ {
		everybody, known, end, err := o.read(ctx, js)
		if err != nil {
			return nil, 0, err
		}
		if err := o.Snapshot(ctx, everybody); err == nil {
			return known, end, nil
		}
		timer := time.NewTimer(backoff(o, n))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, 0, ctx.Err()
		case <-timer.C:
		}
	}
}

func (o ConsumerOptions) read(ctx context.Context, js jetstream.JetStream) ([]UserEvent, told, uint64, error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return nil, nil, 0, err
	}
	end := stream.CachedInfo().State.LastSeq
	last, known := map[string]UserEvent{}, told{}
	for e, err := range Snapshot(ctx, js) {
		switch {
		case errors.Is(err, ErrMalformed):
			if o.Malformed != nil {
				o.Malformed(err)
			}
		case err != nil:
			return nil, nil, 0, fmt.Errorf("read snapshot: %w", err)
		default:
			key := e.Data.TenantID + "." + e.Data.User.ID
			last[key], known[key] = e, max(known[key], e.Sequence)
		}
	}
	everybody := make([]UserEvent, 0, len(last))
	for _, e := range last {
		everybody = append(everybody, e)
	}
	return everybody, known, end, nil
}
