package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
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
	// Batches stores many messages at once as an atomic batch, where the stream
	// allows it ([StreamOptions.Batches]). A server that synchronises every write
	// with the disk then does so once a batch.
	Batches bool
}

// Publisher stores messages on the stream. It may be used by many goroutines.
type Publisher struct {
	nc    *nats.Conn
	tower *tower
	o     PublisherOptions

	mu sync.Mutex
	// unanswered is a subject that nobody answered for; empty when all is well.
	unanswered string
	probe      *flight
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

// ErrConflict means that a conditional message was not stored, because the last
// message of its subject is another one than its publisher knew.
var ErrConflict = errors.New("another message came first")

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
	tower, err := newTower(nc, o.MaxPending)
	if err != nil {
		return nil, fmt.Errorf("make publisher: %w", err)
	}
	return &Publisher{nc: nc, tower: tower, o: o}, nil
}

// Publish sends all messages in order and waits for every acknowledgement, but
// not beyond the context or the publisher's timeout. There is one Ack for each
// message, in the same order.
func (p *Publisher) Publish(ctx context.Context, msgs []Message) []Ack {
	if p.batchable(msgs) {
		if acks := p.publishBatch(ctx, msgs); acks != nil {
			return acks
		}
	}
	out := outgoing()
	return p.publish(ctx, len(msgs), func(i int) *nats.Msg {
		m := &msgs[i]
		if m.header != nil {
			return &nats.Msg{Subject: m.Subject, Data: m.Data, Header: m.header}
		}
		m.write(out)
		return out
	})
}

// publish sends n messages, which may be one that changes: sending copies it.
func (p *Publisher) publish(ctx context.Context, n int, message func(i int) *nats.Msg) []Ack {
	if n == 0 {
		return nil
	}
	timeout := time.NewTimer(p.o.Timeout)
	defer timeout.Stop()
	f := p.tower.announce(n)
	var late error
	var subject string
	for i := range n {
		if late == nil {
			late = p.room(ctx, timeout)
		}
		if late != nil {
			p.tower.lose(f, i, late)
			continue
		}
		p.tower.depart(f, i)
		m := message(i)
		m.Reply = p.tower.reply(f, i)
		subject = m.Subject
		// A message never goes into a buffer for later: see NewPublisher.
		if err := p.nc.PublishMsg(m); err != nil {
			p.tower.lose(f, i, err)
		}
	}
	select {
	case <-f.landed:
	default:
		if late == nil {
			late = p.landed(ctx, timeout, f)
		}
		p.tower.abandon(f, late)
	}
	p.judge(f.acks, subject)
	return f.acks
}

// room waits until there is room for a message more.
func (p *Publisher) room(ctx context.Context, timeout *time.Timer) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	select {
	case p.tower.room <- struct{}{}:
		return nil
	default:
	}
	select {
	case p.tower.room <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return errNoAck
	}
}

// landed waits for all acknowledgements.
func (p *Publisher) landed(ctx context.Context, timeout *time.Timer, f *flight) error {
	select {
	case <-f.landed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return errNoAck
	}
}

// judge explains errors, and notes whether somebody answers for a subject.
func (p *Publisher) judge(acks []Ack, subject string) {
	heard, unheard := false, false
	for i := range acks {
		err := acks[i].Err
		if err == nil {
			heard = true
			continue
		}
		if conflict(err) {
			heard = true
			acks[i].Err = fmt.Errorf("%w: %w", ErrConflict, err)
			continue
		}
		unheard = unheard || silent(err)
		acks[i].Err = unavailable(err)
	}
	switch {
	case unheard:
		p.notAnswered(subject)
	case heard:
		p.answered()
	}
}

// Purge removes all states of a person from the stream and the key from the
// bucket. Whoever watches the bucket sees a purge of the key. The directory
// event [Removed] does the same for the person's directory events.
func (p *Publisher) Purge(ctx context.Context, tenantID, userID string) error {
	subject, err := UserSubject(tenantID, userID)
	if err != nil {
		return fmt.Errorf("purge: %w", err)
	}
	m := nats.NewMsg(subject)
	m.Header.Set(headerOperation, operationPurge)
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	m.Header.Set(jetstream.MsgTTLHeader, p.o.History.String())
	if err := p.publish(ctx, 1, func(int) *nats.Msg { return m })[0].Err; err != nil {
		return fmt.Errorf("purge a person of tenant %s: %w", tenantID, err)
	}
	return nil
}

// outgoing makes a message with our headers that can be written again and again.
func outgoing() *nats.Msg {
	return &nats.Msg{Header: nats.Header{
		jetstream.MsgIDHeader: []string{""},
		"Content-Type":        []string{ContentType},
	}}
}

// write puts a message into an [outgoing] one.
func (m *Message) write(out *nats.Msg) {
	out.Subject, out.Data = m.Subject, m.Data
	out.Header[jetstream.MsgIDHeader][0] = m.ID
	// Lower case, as W3C spells it; Set would capitalise it.
	set(out.Header, "traceparent", m.Traceparent, isTraceparent(m.Traceparent))
	set(out.Header, jetstream.MsgRollup, jetstream.MsgRollupSubject, m.rollup)
	if m.Conditional {
		set(out.Header, jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(m.After, 10), true)
	} else {
		set(out.Header, jetstream.ExpectedLastSubjSeqHeader, "", false)
	}
}

func set(h nats.Header, name, value string, there bool) {
	switch values := h[name]; {
	case !there && values != nil:
		delete(h, name)
	case there && values == nil:
		h[name] = []string{value}
	case there:
		values[0] = value
	}
}

// conflict reports whether another message came first.
func conflict(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// silent reports whether an error means that the stream's leader is away.
func silent(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.Code == 503
	}
	return errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, errNoAck)
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
