package events

import (
	"context"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
)

// LastDirectory gives the last directory event about everybody of whom the
// stream still has one, in no order: whoever was added, changed or removed
// within the history.
//
// An error that is [ErrMalformed] concerns one message and the iteration goes
// on; any other error ends it, and what was given is not complete.
func LastDirectory(ctx context.Context, js jetstream.JetStream) iter.Seq2[DirectoryEvent, error] {
	return lastOf[DirectoryData](ctx, js)
}

// LastCoverage gives the last coverage event about every service user, in no
// order. A bridge repeats what it said twice within the history, so that this is
// everybody: an account of which nothing is left has no bridge any more. Errors
// are as with [LastDirectory].
func LastCoverage(ctx context.Context, js jetstream.JetStream) iter.Seq2[CoverageEvent, error] {
	return lastOf[CoverageData](ctx, js)
}

func lastOf[T Data](ctx context.Context, js jetstream.JetStream) iter.Seq2[Event[T], error] {
	return func(yield func(Event[T], error) bool) {
		more := true
		err := readAll(ctx, js, Stream, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
			FilterSubject: filterFor[T](),
		}, func(m jetstream.Msg, sequence uint64) bool {
			if removed(m) {
				return true
			}
			e, err := Decode[T](m.Data())
			if err != nil {
				err = fmt.Errorf("%w at sequence %d: %w", ErrMalformed, sequence, err)
			}
			e.Sequence = sequence
			more = yield(e, err)
			return more
		})
		if err != nil && more {
			yield(Event[T]{}, fmt.Errorf("last events %s of stream %s: %w", filterFor[T](), Stream, err))
		}
	}
}
