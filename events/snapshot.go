package events

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrMalformed marks an error about one message that is not an event of the
// contract. Others are not affected. It names the message by its sequence: the
// subject would name a person.
var ErrMalformed = errors.New("malformed event")

// latest is the last message about a person, of the bucket or of the stream.
type latest struct {
	sequence uint64 // on the stream
	data     []byte // nil when the person was purged
}

// Snapshot gives the last event of every person, in no order. It reads the
// bucket and what the stream has beyond it: the server fills the bucket a little
// later than it acknowledges, so that after a crash the stream may be ahead. Each
// person comes once.
//
// An error that is [ErrMalformed] concerns one message and the iteration goes
// on; any other error ends it, and what was given is not complete.
func Snapshot(ctx context.Context, js jetstream.JetStream) iter.Seq2[UserEvent, error] {
	return func(yield func(UserEvent, error) bool) {
		everybody, err := readEverybody(ctx, js)
		if err != nil {
			yield(UserEvent{}, err)
			return
		}
		for _, l := range everybody {
			if l.data != nil && !yield(decodeUser(l.data, l.sequence)) {
				return
			}
		}
	}
}

// readEverybody gives the last message about everybody by key. In a cluster the
// bucket may be read from one server and the stream from another, and each may
// be behind: so the stream is read from where the bucket, as it was read, ends.
// Then nothing is left out up to the last sequence that was found.
func readEverybody(ctx context.Context, js jetstream.JetStream) (map[string]latest, error) {
	everybody, copied := map[string]latest{}, uint64(0)
	err := readAll(ctx, js, bucketStream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
		FilterSubject: bucketSubjects,
	}, func(m jetstream.Msg, _ uint64) bool {
		copied = sourceSequence(m)
		everybody[strings.TrimPrefix(m.Subject(), "$KV."+Bucket+".")] = latestOf(m, copied)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot of bucket %s: %w", Bucket, err)
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return nil, fmt.Errorf("snapshot of stream %s: %w", Stream, err)
	}
	end := stream.CachedInfo().State.LastSeq
	if end <= copied {
		return everybody, nil
	}
	err = readAll(ctx, js, Stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   copied + 1,
		FilterSubject: personWildcard,
	}, func(m jetstream.Msg, sequence uint64) bool {
		everybody[strings.TrimPrefix(m.Subject(), "presence.v1.user.")] = latestOf(m, sequence)
		return sequence < end
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot of stream %s: %w", Stream, err)
	}
	return everybody, nil
}

func latestOf(m jetstream.Msg, sequence uint64) latest {
	if removed(m) {
		return latest{sequence: sequence}
	}
	return latest{sequence, m.Data()}
}

func decodeUser(b []byte, sequence uint64) (UserEvent, error) {
	e, err := Decode[UserData](b)
	if err != nil {
		return UserEvent{}, fmt.Errorf("%w in bucket %s: %w", ErrMalformed, Bucket, err)
	}
	e.Sequence = sequence
	return e, nil
}
