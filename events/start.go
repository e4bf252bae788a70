package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// place is how far a consumer with a snapshot is.
type place struct {
	done uint64 // the last sequence that was told or done
	told uint64 // the last sequence that the snapshot told
	// until then the stream surely has everything behind it; zero: not known.
	until time.Time
	keeps time.Duration // how long the stream keeps events; zero: for ever, or not known
}

// passed notes that a message is done. What follows it is younger; half of the
// history is left for clocks that differ.
func (at *place) passed(meta *jetstream.MsgMetadata) {
	at.done = max(at.done, meta.Sequence.Stream)
	at.until = meta.Timestamp.Add(at.keeps / 2)
}

// catchUp gives the snapshot if the stream no longer has all that follows what
// is done: the consumer was away, cut off or held up for too long.
func (o ConsumerOptions) catchUp(ctx context.Context, js jetstream.JetStream, at *place) error {
	if o.Snapshot == nil || time.Now().Before(at.until) {
		return nil
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return err
	}
	at.keeps = stream.CachedInfo().Config.MaxAge
	if at.done+1 < stream.CachedInfo().State.FirstSeq {
		return o.handOver(ctx, js, at)
	}
	return nil
}

// caughtUp is for a consumer that has nothing to do: it missed nothing, or it is
// given the snapshot, and then it has everything up to now.
func (o ConsumerOptions) caughtUp(ctx context.Context, js jetstream.JetStream, consumer jetstream.Consumer, at *place) error {
	if o.Snapshot == nil || time.Now().Before(at.until) {
		return nil
	}
	if err := o.catchUp(ctx, js, at); err != nil {
		return err
	}
	// The stream is asked first: what came since is no part of its end.
	state, err := streamState(ctx, js)
	if err != nil {
		return err
	}
	now := time.Now()
	info, err := consumer.Info(ctx)
	if err == nil && info.NumPending == 0 && info.NumAckPending == 0 {
		at.done, at.until = max(at.done, state.LastSeq), now.Add(at.keeps/2)
	}
	return err
}

// start finds the consumer or makes it, after the snapshot if there is to be
// one. The snapshot comes first: should we end before it was taken, there is no
// consumer yet, or one that is still behind, and the next start does it again.
func (o ConsumerOptions) start(ctx context.Context, js jetstream.JetStream) (jetstream.Consumer, *place, error) {
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
	at := &place{}
	if o.Snapshot != nil {
		isNew, err := o.resume(ctx, js, &config, at)
		if err == nil && isNew {
			if err = o.handOver(ctx, js, at); err == nil {
				config.DeliverPolicy, config.OptStartSeq = jetstream.DeliverByStartSequencePolicy, at.done+1
			}
		} else if err == nil {
			err = o.catchUp(ctx, js, at)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	consumer, err := js.CreateOrUpdateConsumer(ctx, Stream, config)
	return consumer, at, err
}

// resume takes over where a known consumer is, and what cannot be changed.
func (o ConsumerOptions) resume(ctx context.Context, js jetstream.JetStream, config *jetstream.ConsumerConfig, at *place) (isNew bool, err error) {
	existing, err := js.Consumer(ctx, Stream, o.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	info := existing.CachedInfo()
	config.DeliverPolicy, config.OptStartSeq, config.OptStartTime = info.Config.DeliverPolicy, info.Config.OptStartSeq, info.Config.OptStartTime
	at.done = max(info.AckFloor.Stream+1, info.Config.OptStartSeq) - 1
	return false, nil
}

// handOver gives the snapshot until it is taken.
func (o ConsumerOptions) handOver(ctx context.Context, js jetstream.JetStream, at *place) error {
	for n := uint64(1); ; n++ {
		everybody, told, first, err := o.read(ctx, js)
		if err != nil {
			return err
		}
		if err := o.Snapshot(ctx, everybody); err == nil {
			at.told, at.done = told, max(at.done, told, max(first, 1)-1)
			return nil
		}
		timer := time.NewTimer(backoff(o, n))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// read gives everybody's last state and the sequence up to which it tells
// everything; first is where the stream began.
func (o ConsumerOptions) read(ctx context.Context, js jetstream.JetStream) (everybody []UserEvent, told, first uint64, err error) {
	before, err := streamState(ctx, js)
	if err != nil {
		return nil, 0, 0, err
	}
	for e, err := range Snapshot(ctx, js) {
		switch {
		case errors.Is(err, ErrMalformed):
			if o.Malformed != nil {
				o.Malformed(err)
			}
		case err != nil:
			return nil, 0, 0, fmt.Errorf("read snapshot: %w", err)
		default:
			everybody, told = append(everybody, e), max(told, e.Sequence)
		}
	}
	after, err := streamState(ctx, js)
	if told > after.LastSeq {
		told = before.LastSeq // the stream was made anew, and the bucket was not
	}
	return everybody, told, before.FirstSeq, err
}

func streamState(ctx context.Context, js jetstream.JetStream) (jetstream.StreamState, error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return jetstream.StreamState{}, err
	}
	return stream.CachedInfo().State, nil
}
