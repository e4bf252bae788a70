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

// latest is a message of the stream that the bucket may not have yet.
type latest struct {
	sequence uint64
	data     []byte // nil when the person was purged
}

// Snapshot gives the last event of every person, in no order. It reads the
// bucket and what the stream has beyond it: the server fills the bucket a little
// later than it acknowledges, so that after a crash the stream may be ahead. For
// somebody who changes meanwhile a second, newer event may follow.
//
// An error that is [ErrMalformed] concerns one message and the iteration goes
// on; any other error ends it, and what was given is not complete.
func Snapshot(ctx context.Context, js jetstream.JetStream) iter.Seq2[UserEvent, error] {
	return func(yield func(UserEvent, error) bool) {
		ahead, err := readAhead(ctx, js)
		if err != nil {
			yield(UserEvent{}, fmt.Errorf("snapshot of stream %s: %w", Stream, err))
			return
		}
		more := true
		err = readAll(ctx, js, bucketStream, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
			FilterSubject: bucketSubjects,
		}, func(m jetstream.Msg, _ uint64) bool {
			key := strings.TrimPrefix(m.Subject(), "$KV."+Bucket+".")
			if a, ok := ahead[key]; ok {
				if a.sequence > sourceSequence(m) {
					return true
				}
				delete(ahead, key)
			}
			if !removed(m) {
				more = yield(decodeUser(m.Data(), sourceSequence(m)))
			}
			return more
		})
		if err != nil {
			yield(UserEvent{}, fmt.Errorf("snapshot of bucket %s: %w", Bucket, err))
			return
		}
		for _, a := range ahead {
			if !more {
				return
			}
			if a.data != nil {
				more = yield(decodeUser(a.data, a.sequence))
			}
		}
	}
}

// readAhead gives, by key, what the stream has beyond the bucket: as a rule nothing.
func readAhead(ctx context.Context, js jetstream.JetStream) (map[string]latest, error) {
	bucket, err := js.Stream(ctx, bucketStream)
	if err != nil {
		return nil, err
	}
	copied := uint64(0)
	switch last, err := bucket.GetLastMsgForSubject(ctx, bucketSubjects); {
	case err == nil:
		copied = parseSource(last.Header.Get(headerSource))
	case !errors.Is(err, jetstream.ErrMsgNotFound):
		return nil, err
	}
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return nil, err
	}
	end := stream.CachedInfo().State.LastSeq
	ahead := map[string]latest{}
	if end <= copied {
		return ahead, nil
	}
	err = readAll(ctx, js, Stream, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   copied + 1,
		FilterSubject: personWildcard,
	}, func(m jetstream.Msg, sequence uint64) bool {
		a := latest{sequence: sequence}
		if !removed(m) {
			a.data = m.Data()
		}
		ahead[strings.TrimPrefix(m.Subject(), "presence.v1.user.")] = a
		return sequence < end
	})
	return ahead, err
}

func decodeUser(b []byte, sequence uint64) (UserEvent, error) {
	e, err := Decode[UserData](b)
	if err != nil {
		return UserEvent{}, fmt.Errorf("%w in bucket %s: %w", ErrMalformed, Bucket, err)
	}
	e.Sequence = sequence
	return e, nil
}
