package forward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// source reads the local stream in order from the place on. It is a consumer
// without acknowledgements, made anew after every failure: with a durable one
// the server would bring what was not acknowledged only after what came later.
type source struct {
	js       jetstream.JetStream
	consumer jetstream.Consumer
	read     uint64 // messages of this consumer
}

func (r *Relay) source(ctx context.Context) (*source, error) {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	consumer, err := r.Local.CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       r.place.Sequence + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 5 * time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("read the local stream: %w", err)
	}
	return &source{js: r.Local, consumer: consumer}, nil
}

func (s *source) close(ctx context.Context) {
	// The server would remove it after a while; this is only tidier.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = s.js.DeleteConsumer(ctx, events.Stream, s.consumer.CachedInfo().Name)
}

// left is how many messages were not read yet. It asks while nothing is on the
// way, so that what was delivered and did not come is an error: else it would
// wait here until there is something newer.
func (s *source) left(ctx context.Context) (uint64, error) {
	info, err := s.consumer.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the local stream: %w", err)
	}
	if info.Delivered.Consumer != s.read {
		return 0, fmt.Errorf("read the local stream: %d messages were delivered, %d came", info.Delivered.Consumer, s.read)
	}
	return info.NumPending, nil
}

// next waits for messages for a while and gives those that are there; none is
// no error.
func (s *source) next(ctx context.Context) ([]jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, idle)
	defer cancel()
	first, err := s.consumer.Fetch(1, jetstream.FetchContext(ctx))
	if err != nil {
		return nil, s.failure(err)
	}
	list, err := s.take(nil, first)
	if len(list) == 0 || err != nil {
		return list, err
	}
	rest, err := s.consumer.FetchNoWait(batch - 1)
	if err != nil {
		return nil, s.failure(err)
	}
	return s.take(list, rest)
}

// take collects a fetch. A message that is missing is an error, not a gap.
func (s *source) take(list []jetstream.Msg, from jetstream.MessageBatch) ([]jetstream.Msg, error) {
	for m := range from.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return nil, s.failure(err)
		}
		if s.read++; meta.Sequence.Consumer != s.read {
			return nil, s.failure(fmt.Errorf("message %d came as number %d", s.read, meta.Sequence.Consumer))
		}
		list = append(list, m)
	}
	return list, s.failure(from.Error())
}

// failure passes over that nothing came.
func (s *source) failure(err error) error {
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) {
		return nil
	}
	return fmt.Errorf("read the local stream: %w", err)
}
