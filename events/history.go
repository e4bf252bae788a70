package events

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Past is a message that the stream still has.
type Past struct {
	// Event is a UserEvent, DirectoryEvent, CoverageEvent or DecisionEvent.
	Event    any
	Sequence uint64
	StoredAt time.Time // by the server's clock
}

// History gives what the stream still has on these subjects, wildcards allowed,
// in its order. Marks that somebody was purged are passed over. Errors are as
// with [LastDirectory].
func History(ctx context.Context, js jetstream.JetStream, subjects ...string) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		more := true
		err := readAll(ctx, js, Stream, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverAllPolicy, FilterSubjects: subjects,
		}, func(m jetstream.Msg, sequence uint64) bool {
			if removed(m) {
				return true
			}
			e, err := DecodeAny(m.Data())
			if err != nil {
				more = yield(Past{}, fmt.Errorf("%w at sequence %d: %w", ErrMalformed, sequence, err))
				return more
			}
			past := Past{Event: e, Sequence: sequence}
			if meta, err := m.Metadata(); err == nil {
				past.StoredAt = meta.Timestamp
			}
			more = yield(past, nil)
			return more
		})
		if err != nil && more {
			yield(Past{}, fmt.Errorf("history of %s: %w", strings.Join(subjects, ", "), err))
		}
	}
}

// SubjectsAbout are all subjects on which something about a person may stand.
func SubjectsAbout(tenantID, userID string) ([]string, error) {
	key, err := BucketKey(tenantID, userID)
	if err != nil {
		return nil, err
	}
	_, user, _ := strings.Cut(key, ".")
	return []string{"presence.v1.user." + key, "presence.v1.directory." + key, DecisionsAbout(user)}, nil
}

// DecisionsAbout is where the decisions of every client about a person stand. The
// id is a GUID in lower case.
func DecisionsAbout(userID string) string { return "presence.v1.decision.*." + userID }
