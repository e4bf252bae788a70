package forward

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

const (
	// Bucket is where the place is kept, on the local server.
	Bucket   = "presence_forward"
	placeKey = "place"
	format   = 1
)

// place is how far the local stream has been forwarded.
type place struct {
	Format   int       `json:"format"`
	Stream   time.Time `json:"stream"` // when the stream was created: another stream counts anew
	Sequence uint64    `json:"sequence"`
}

// id is that of a message without one of its own, the same at every try.
func (p place) id(sequence uint64) string {
	return fmt.Sprintf("forward-%x-%d", p.Stream.UnixNano(), sequence)
}

// bucket gives the bucket of the place, made at first use.
func (r *Relay) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	kv, err := r.Local.KeyValue(ctx, Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = r.Local.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: Bucket, Description: "Presence Bridge: how far the stream has been forwarded",
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", Bucket, err)
	}
	return kv, nil
}

// open finds the place where forwarding goes on, and the sequence up to which
// everything is old.
func (r *Relay) open(ctx context.Context) (target uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	kv, err := r.bucket(ctx)
	if err != nil {
		return 0, err
	}
	stream, err := r.Local.Stream(ctx, events.Stream)
	if err != nil {
		return 0, fmt.Errorf("local stream %s: %w", events.Stream, err)
	}
	info := stream.CachedInfo()
	entry, err := kv.Get(ctx, placeKey)
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, fmt.Errorf("read the place in bucket %s: %w", Bucket, err)
	}
	if r.place.Format == 0 && err == nil {
		if err := json.Unmarshal(entry.Value(), &r.place); err != nil || r.place.Format != format {
			return 0, fmt.Errorf("the place in bucket %s is of another version (format %d, this one writes %d); run the version that wrote it, or delete the bucket to forward the whole stream again", Bucket, r.place.Format, format)
		}
		r.noted = r.place
	}
	switch at := info.State.LastSeq; {
	case r.place.Format == 0 || !r.place.Stream.Equal(info.Created):
		r.place = place{Format: format, Stream: info.Created}
		r.held, r.counted = nil, 0
	case r.reached() > at:
		r.Log.Warn("the local stream has lost what was read of it already", "read", r.reached(), "last", at)
		r.place.Sequence = min(r.place.Sequence, at)
		r.held = nil // its numbers are given again; the comparison of the last states makes up for it
	}
	return info.State.LastSeq, nil
}

// reached is the last message that was read or need not be.
func (r *Relay) reached() uint64 {
	if n := len(r.held); n > 0 {
		return sequenceOf(r.held[n-1])
	}
	return r.place.Sequence
}

// note stores the place if it is not the one that is stored.
func (r *Relay) note(ctx context.Context) error {
	if r.place == r.noted {
		return nil
	}
	// Also when we are stopping: else the next start would send all this again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	text, err := json.Marshal(r.place)
	if err != nil {
		return err
	}
	kv, err := r.bucket(ctx)
	if err != nil {
		return err
	}
	if _, err := kv.Put(ctx, placeKey, text); err != nil {
		return fmt.Errorf("note the place in bucket %s: %w", Bucket, err)
	}
	r.noted = r.place
	return nil
}

// aboutWhom is what two messages share whose order matters: the tenant (or
// client) and the person (or account), whatever they tell.
func aboutWhom(subject string) string {
	parts := strings.SplitN(subject, ".", 4)
	return parts[len(parts)-1]
}

func sequenceOf(m jetstream.Msg) uint64 {
	meta, err := m.Metadata()
	if err != nil {
		return 0 // source.next has checked it
	}
	return meta.Sequence.Stream
}
