package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	// the consumer is new, and when it was away for longer than the stream keeps
	// events. Whoever is missing from it has left. What it told is not told again
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

	// afterStop gives an unfinished event to the next who asks, instead of
	// leaving it to AckWait. Any sooner, and the server might still give it to us.
	afterStop = time.Second
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
	consumer, known, err := o.start(ctx, js)
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
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = m.NakWithDelay(afterStop)
			}
			return ctx.Err()
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
		handle(ctx, m, o, known, f)
	}
}

// handle runs f for one message and tells the server the outcome. An answer
// that is lost on the way only means that the event comes again.
func handle[T Data](ctx context.Context, m jetstream.Msg, o ConsumerOptions, known told, f func(context.Context, Event[T]) error) {
	meta, err := m.Metadata()
	if err != nil {
		// Not a message of JetStream: there is nobody to answer to.
		return
	}
	if removed(m) {
		err = o.remove(ctx, m.Subject())
	} else {
		e, malformed := Decode[T](m.Data())
		if malformed != nil {
			if o.Malformed != nil {
				o.Malformed(fmt.Errorf("%w on %s: %w", ErrMalformed, m.Subject(), malformed))
			}
			_ = m.TermWithReason(reasonMalformed)
			return
		}
		e.Sequence = meta.Sequence.Stream
		if user, ok := any(e).(UserEvent); !ok || !known.tells(user) {
			err = f(ctx, e)
		}
	}
	switch {
	case err == nil:
		_ = m.Ack()
	case errors.Is(err, ErrRejected):
		_ = m.TermWithReason(reasonRejected)
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
