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
	return func(yield func(DirectoryEvent, error) bool) {
		more := true
		err := readAll(ctx, js, Stream, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
			FilterSubject: DirectorySubjects,
		}, func(m jetstream.Msg, _ uint64) bool {
			e, err := Decode[DirectoryData](m.Data())
			if err != nil {
				err = fmt.Errorf("%w on %s: %w", ErrMalformed, m.Subject(), err)
			}
			more = yield(e, err)
			return more
		})
		if err != nil && more {
			yield(DirectoryEvent{}, fmt.Errorf("last directory events of stream %s: %w", Stream, err))
		}
	}
}
