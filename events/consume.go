package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ConsumerOptions name a durable consumer and say how it behaves.
type ConsumerOptions struct {
	// Durable is the name under which the server keeps the position. Letters,
	// digits, hyphens and underscores; one name for each purpose.
	Durable string
	// FilterSubjects narrow what is consumed; empty means all events of the type.
	FilterSubjects []string
	// Deliver says where a new consumer begins; the zero value is the oldest
	// event that the stream keeps. It cannot be changed later, and says nothing if
	// there is a Snapshot.
	Deliver jetstream.DeliverPolicy
	// Snapshot is given the last state of everybody before the first event: when
	// the consumer is new, and whenever it was away, cut off or held up for longer
	// than the stream keeps events. Whoever is missing from it has left. What it told is not told again
	// as an event. After an error it comes again, read anew, after a pause. Only
	// when user events are consumed. May be nil.
	Snapshot func(ctx context.Context, everybody []UserEvent) error
	// AckWait is how long one event may take before the server delivers it again
	// to whoever asks; zero means 30 seconds.
	AckWait time.Duration
	// RetryMin and RetryMax bound the pause before a failed event comes again: it
	// doubles from one to the other. Zero means one second and 30 seconds.
	RetryMin, RetryMax time.Duration
	// Removed is told who left, as [Watcher].Removed is: after the last event
	// about them, and again after a pause if it returns an error. Only when user
	// events are consumed. May be nil.
	Removed func(ctx context.Context, tenantID, userID string) error
	// Malformed gets the error about a message that is not an event of this
	// type. Such a message is never delivered again, and the server tells
	// whoever listens to [DeadLetters]. May be nil.
	Malformed func(error)
}

const (
	// A server that stopped talking is noticed after two heartbeats.
	pullExpiry    = 10 * time.Second
	pullHeartbeat = 2 * time.Second
	// lookAround is how often a consumer without events makes sure that it missed
	// none. Longer than two heartbeats, which are counted anew each time.
	lookAround = 5 * time.Second

	// afterStop gives an unfinished event to the next who asks, instead of
	// leaving it to AckWait. Any sooner, and the server might still give it to us.
	afterStop = time.Second
	// leaveWithin bounds how long the server is waited for at the end.
	leaveWithin = 2 * time.Second
)

// Consume calls f with every event of one type, one after the other in the
// order of the stream, across restarts of the caller and of the server. The type
// follows from f. An event counts as done when f returns nil; when f returns an
// error, the same event comes again after a pause, and nothing overtakes it. An
// error that is [ErrRejected] means that it never will be done: it is left out,
// and told as a dead letter. A repeat has the same id.
//
// It returns when the context ends (with its error), when the consumer is
// deleted or lost with the server's store, or when the connection is closed; an
// outage of the server does not end it. Several processes may share a name:
// one of them at a time gets an event.
func Consume[T Data](ctx context.Context, js jetstream.JetStream, o ConsumerOptions, f func(context.Context, Event[T]) error) error {
	o.AckWait = cmp.Or(o.AckWait, 30*time.Second)
	o.RetryMin = cmp.Or(o.RetryMin, time.Second)
	o.RetryMax = max(cmp.Or(o.RetryMax, 30*time.Second), o.RetryMin)
	if len(o.FilterSubjects) == 0 {
		o.FilterSubjects = []string{filterFor[T]()}
	}
	if kindOf[T]() != TypeUser {
		o.Snapshot = nil
	}
	consumer, at, err := o.start(ctx, js)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("consume as %s: %w", o.Durable, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(16),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat))
	if err != nil {
		return fmt.Errorf("consume as %s: %w", o.Durable, err)
	}
	defer leave(js.Conn(), messages)
	for {
		m, err := next(ctx, messages)
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = m.NakWithDelay(afterStop)
			}
			return ctx.Err()
		case errors.Is(err, context.DeadlineExceeded):
			_ = o.caughtUp(ctx, js, consumer, at) // if it fails, the next time
			continue
		case errors.Is(err, jetstream.ErrNoHeartbeat):
			// The server is away and the library asks again when it is back; or it
			// came back without our consumer, and nothing would ever come again.
			if _, err := consumer.Info(ctx); errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
				return fmt.Errorf("consume as %s: %w", o.Durable, err)
			}
			continue
		case err != nil:
			return fmt.Errorf("consume as %s: %w", o.Durable, err)
		}
		handle(ctx, js, m, o, at, f)
	}
}

// next waits for a message, but not for longer than lookAround.
func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, lookAround)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}

// leave gives back what the server sent and nobody took: whoever asks next need
// not wait for it until AckWait is over.
func leave(nc *nats.Conn, messages jetstream.MessagesContext) {
	defer messages.Stop()
	if !nc.IsConnected() {
		return // the server gives it to somebody else only then
	}
	messages.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), leaveWithin)
	defer cancel()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return // as a rule because there is no more
		}
		_ = m.NakWithDelay(afterStop)
	}
}

// handle runs f for one message and tells the server the outcome. An answer
// that is lost on the way only means that the event comes again.
func handle[T Data](ctx context.Context, js jetstream.JetStream, m jetstream.Msg, o ConsumerOptions, at *place, f func(context.Context, Event[T]) error) {
	meta, err := m.Metadata()
	if err != nil {
		// Not a message of JetStream: there is nobody to answer to.
		return
	}
	if err = o.catchUp(ctx, js, at); err != nil {
		_ = m.NakWithDelay(backoff(o, meta.NumDelivered))
		return
	}
	if removed(m) {
		err = o.remove(ctx, m.Subject())
	} else {
		e, malformed := Decode[T](m.Data())
		if malformed != nil {
			if o.Malformed != nil {
				o.Malformed(fmt.Errorf("%w at sequence %d: %w", ErrMalformed, meta.Sequence.Stream, malformed))
			}
			_ = m.TermWithReason(reasonMalformed)
			at.passed(meta)
			return
		}
		e.Sequence = meta.Sequence.Stream
		if e.Sequence > at.told { // else the snapshot told it, or they left before that
			err = f(ctx, e)
		}
	}
	switch {
	case err == nil:
		_ = m.Ack()
		at.passed(meta)
	case errors.Is(err, ErrRejected):
		_ = m.TermWithReason(reasonRejected)
		at.passed(meta)
	case ctx.Err() != nil:
		_ = m.NakWithDelay(afterStop)
	default:
		_ = m.NakWithDelay(backoff(o, meta.NumDelivered))
	}
}

// remove tells who left. Of other events the mark says nothing: the directory
// event tells that somebody left.
func (o ConsumerOptions) remove(ctx context.Context, subject string) error {
	person, ok := strings.CutPrefix(subject, "presence.v1.user.")
	if o.Removed == nil || !ok {
		return nil
	}
	tenantID, userID, _ := strings.Cut(person, ".")
	return o.Removed(ctx, tenantID, userID)
}

// backoff is the pause after the n-th failure, from one on.
func backoff(o ConsumerOptions, n uint64) time.Duration {
	pause := o.RetryMin
	for ; n > 1 && pause < o.RetryMax; n-- {
		pause *= 2
	}
	return min(pause, o.RetryMax)
}
