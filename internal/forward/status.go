package forward

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// Status is how far behind the central server is.
type Status struct {
	// Trouble is why nothing is forwarded now; empty if all is well.
	Trouble string
	// Pending is how many messages wait here, people who left included.
	Pending uint64
	// Since is when the oldest of them was stored; zero if none waits.
	Since time.Time
	// Forwarded and Dropped count since the start; Dropped are messages that the
	// bounds of the local stream took before they were forwarded.
	Forwarded, Dropped uint64
}

// Status of now. It may be asked from anywhere and never blocks.
func (r *Relay) Status() Status {
	s := *r.status.Load()
	s.Forwarded, s.Dropped = r.forwarded.Load(), r.dropped.Load()
	return s
}

// String is for operators; empty when nothing is wrong.
func (s Status) String() string {
	if s.Trouble == "" {
		return ""
	}
	text := fmt.Sprintf("%d changes wait here", s.Pending)
	if !s.Since.IsZero() {
		text += ", the oldest since " + s.Since.UTC().Format(time.RFC3339)
	}
	return text + ": " + s.Trouble
}

// look takes the status while nothing is forwarded. What cannot be looked at
// stays as it was.
func (r *Relay) look(ctx context.Context, trouble string) {
	s := *r.status.Load()
	s.Trouble = trouble
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	if stream, err := r.Local.Stream(ctx, events.Stream); err == nil && r.place.Format != 0 {
		state := stream.CachedInfo().State
		r.count(state.FirstSeq)
		waiting := state.LastSeq - min(max(state.FirstSeq-1, r.place.Sequence), state.LastSeq)
		r.waiting(ctx, stream, &s, waiting)
	}
	r.status.Store(&s)
}

// lookAt takes the status while all is well, and reports whether nothing waits.
func (r *Relay) lookAt(ctx context.Context, from *source) (caughtUp bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	stream, err := r.Local.Stream(ctx, events.Stream)
	if err != nil {
		return false, fmt.Errorf("look at the local stream: %w", err)
	}
	state := stream.CachedInfo().State
	r.count(state.FirstSeq)
	left, err := from.left(ctx)
	if err != nil {
		return false, err
	}
	s := Status{}
	r.waiting(ctx, stream, &s, left)
	r.status.Store(&s)
	if left > 0 {
		return false, nil
	}
	// The last ones may be gone without having been read: who left was purged.
	r.place.Sequence = max(r.place.Sequence, state.LastSeq)
	return true, r.note(ctx)
}

// waiting notes how much waits and since when.
func (r *Relay) waiting(ctx context.Context, stream jetstream.Stream, s *Status, n uint64) {
	if s.Pending = n; n == 0 {
		s.Since = time.Time{}
		return
	}
	first := max(stream.CachedInfo().State.FirstSeq, r.place.Sequence+1)
	switch m, err := stream.GetMsg(ctx, first); {
	case err == nil:
		s.Since = m.Time
	case s.Since.IsZero(): // purged just now
		s.Since = time.Now()
	}
}

// count adds what the stream has dropped and we have neither forwarded nor in
// hand. People who were purged count, too, if they were the first.
func (r *Relay) count(first uint64) {
	known := max(r.counted, r.reached())
	if first > known+1 {
		r.dropped.Add(first - 1 - known)
		r.counted = first - 1
	}
}
