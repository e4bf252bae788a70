package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// PublisherOptions bound what a publisher waits for and holds.
type PublisherOptions struct {
	// Timeout is how long Publish waits at most; zero means two seconds.
	Timeout time.Duration
	// MaxPending is how many messages may wait for their acknowledgement; zero
	// means 256. Publish waits, within its deadline, while there are so many.
	MaxPending int
	// History is that of the stream: how long the mark that somebody was purged
	// stays for consumers that are away. Zero means one hour.
	History time.Duration
}

// Publisher stores messages on the stream. It may be used by many goroutines.
type Publisher struct {
	nc *nats.Conn
	js jetstream.JetStream
	o  PublisherOptions

	mu sync.Mutex
	// unanswered is a subject that nobody answered for; empty when all is well.
	unanswered string
	probe      jetstream.PubAckFuture
	probedAt   time.Time
}

// Ack is the fate of one message: stored under Sequence, known already
// (Duplicate), or not known to be stored (Err). A message with an error may
// still have been stored; publishing it again under the same id is safe.
type Ack struct {
	Sequence  uint64
	Duplicate bool
	Err       error
}

// ErrUnavailable means that nobody who could store the message is there.
var ErrUnavailable = errors.New("nats is not available")

// errNoAck tells our own deadline from the caller's.
var errNoAck = errors.New("no acknowledgement in time")

// errNoConnection is what the library calls an exceeded outbound buffer, because
// we let it hold nothing back for later.
var errNoConnection = errors.New("there is no connection to the server")

// NewPublisher takes a connection made by [Connect]; one that buffers while it
// is reconnecting is refused, because an unacknowledged message would be sent
// later although its sender was told that it failed.
func NewPublisher(nc *nats.Conn, o PublisherOptions) (*Publisher, error) {
	if nc.Opts.ReconnectBufSize >= 0 {
		return nil, errors.New("make publisher: the connection buffers while it is away; make it with events.Connect")
	}
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	o.MaxPending = cmp.Or(o.MaxPending, 256)
	o.History = cmp.Or(o.History, defaultHistory)
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(o.MaxPending),
		jetstream.WithPublishAsyncTimeout(o.Timeout))
	if err != nil {
		return nil, fmt.Errorf("make publisher: %w", err)
	}
	return &Publisher{nc: nc, js: js, o: o}, nil
}

// Publish sends all messages in order and waits for every acknowledgement, but
// not beyond the context or the publisher's timeout. There is one Ack for each
// message, in the same order.
func (p *Publisher) Publish(ctx context.Context, msgs []Message) []Ack {
	ctx, cancel := context.WithTimeoutCause(ctx, p.o.Timeout, errNoAck)
	defer cancel()

	acks := make([]Ack, len(msgs))
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		futures[i], acks[i].Err = p.send(ctx, m.nats())
	}
	for i, future := range futures {
		if acks[i].Err == nil {
			acks[i] = p.wait(ctx, future)
		}
	}
	return acks
}

// Purge removes all states of a person from the stream and the key from the
// bucket. Whoever watches the bucket sees a purge of the key. The directory
// event [Removed] does the same for the person's directory events.
func (p *Publisher) Purge(ctx context.Context, tenantID, userID string) error {
	subject, err := UserSubject(tenantID, userID)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.o.Timeout, errNoAck)
	defer cancel()

	m := nats.NewMsg(subject)
	m.Header.Set(headerOperation, operationPurge)
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	m.Header.Set(jetstream.MsgTTLHeader, p.o.History.String())
	future, err := p.send(ctx, m)
	if err == nil {
		err = p.wait(ctx, future).Err
	}
	if err != nil {
		return fmt.Errorf("purge a person of tenant %s: %w", tenantID, err)
	}
	return nil
}

func (m Message) nats() *nats.Msg {
	out := nats.NewMsg(m.Subject)
	out.Data = m.Data
	if m.header != nil {
		out.Header = m.header
		return out
	}
	out.Header.Set(jetstream.MsgIDHeader, m.ID)
	out.Header.Set("Content-Type", ContentType)
	if isTraceparent(m.Traceparent) {
		// Lower case, as W3C spells it; Set would capitalise it.
		out.Header["traceparent"] = []string{m.Traceparent}
	}
	if m.rollup {
		out.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	return out
}

// send puts a message on the wire, never into a buffer for later: the library's
// own retries are off, since they could outlive the caller's deadline.
func (p *Publisher) send(ctx context.Context, m *nats.Msg) (jetstream.PubAckFuture, error) {
	deadline, _ := ctx.Deadline()
	stall := time.Until(deadline)
	if ctx.Err() != nil || stall <= 0 {
		return nil, cmp.Or(context.Cause(ctx), errNoAck)
	}
	future, err := p.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0), jetstream.WithStallWait(stall))
	if err != nil {
		return nil, unavailable(err)
	}
	return future, nil
}

func (p *Publisher) wait(ctx context.Context, future jetstream.PubAckFuture) Ack {
	var err error
	select {
	case ack := <-future.Ok():
		p.answered()
		return Ack{Sequence: ack.Sequence, Duplicate: ack.Duplicate}
	case err = <-future.Err():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if silent(err) {
		p.notAnswered(future.Msg().Subject)
	}
	return Ack{Err: unavailable(err)}
}

// silent reports whether an error means that the stream's leader is away.
func silent(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.Code == 503
	}
	return errors.Is(err, jetstream.ErrNoStreamResponse) ||
		errors.Is(err, jetstream.ErrAsyncPublishTimeout) ||
		errors.Is(err, errNoAck)
}

// unavailable marks the errors that mean that nobody is there to store it.
func unavailable(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return fmt.Errorf("%w: %w", ErrUnavailable, errNoConnection)
	}
	if silent(err) || errors.Is(err, nats.ErrDisconnected) ||
		errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionReconnecting) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
