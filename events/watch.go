package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Watcher follows the last state of everybody through the bucket. Its functions
// are called one at a time; an error that one of them returns ends the watch.
type Watcher struct {
	// Began is called before everybody's last state is given: at the start and
	// after every outage. May be nil.
	Began func() error
	// Changed gets the last event of every person, then every change. Of changes
	// in quick succession it may see only the last. After an outage it gets the
	// last event of every person again, which is how nothing is missed.
	Changed func(UserEvent) error
	// Removed is told who left; nil if that does not matter. Somebody who left
	// long before is merely missing from what comes before Current.
	Removed func(tenantID, userID string) error
	// Current is called when everybody's last state was given: once at the start
	// and once after every outage. May be nil.
	Current func() error
	// Malformed gets the error about a message that is not an event of the
	// contract; the watch goes on. If it is nil, such a message ends the watch.
	Malformed func(error)
}

// WatchUsers calls f with the last event of every person and then with every
// change, until f returns an error or the context ends, whose error it returns.
func WatchUsers(ctx context.Context, js jetstream.JetStream, f func(UserEvent) error) error {
	return Watcher{Changed: f}.Run(ctx, js)
}

// WatchCoverage calls f with the last coverage event about every service user,
// then with every one that follows, until f returns an error or the context
// ends, whose error it returns. After an outage it begins again. What is no
// coverage event is passed over.
func WatchCoverage(ctx context.Context, js jetstream.JetStream, f func(CoverageEvent) error) error {
	return source{stream: Stream, filter: CoverageSubjects, handle: func(m jetstream.Msg) error {
		e, err := Decode[CoverageData](m.Data())
		if err != nil {
			return nil
		}
		if meta, err := m.Metadata(); err == nil {
			e.Sequence = meta.Sequence.Stream
		}
		return f(e)
	}}.watch(ctx, js)
}

// source is what is watched: the last message of every subject, then all that follow.
type source struct {
	stream, filter string
	handle         func(jetstream.Msg) error
	began, current func() error // may be nil
}

// errInterrupted means that the watch must begin again.
var errInterrupted = errors.New("interrupted")

// watchAgain is the pause before a watch begins again.
const watchAgain = 250 * time.Millisecond

// Run watches until a function returns an error, the connection is closed or
// the context ends. An outage of the server does not end it.
//
// It is the bucket's WatchAll with two differences: it is back at once after an
// outage (WatchAll notices after some 20 seconds that the server forgot it), and
// it trusts no position from before, so that a restored server does no harm.
func (w Watcher) Run(ctx context.Context, js jetstream.JetStream) error {
	return source{bucketStream, bucketSubjects, w.handle, w.Began, w.Current}.watch(ctx, js)
}

func (s source) watch(ctx context.Context, js jetstream.JetStream) error {
	err := s.follow(ctx, js)
	for errors.Is(err, errInterrupted) {
		select {
		case <-ctx.Done():
		case <-time.After(watchAgain):
		}
		// Whatever fails from now on is the outage, and may pass.
		err = s.follow(ctx, js)
		if _, ok := errors.AsType[*watchError](err); ok && ctx.Err() == nil && !js.Conn().IsClosed() {
			err = errInterrupted
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// watchError is a failure of the watch, not of a watcher's function.
type watchError struct {
	err    error
	stream string
}

func (e *watchError) Error() string { return fmt.Sprintf("watch stream %s: %v", e.stream, e.err) }
func (e *watchError) Unwrap() error { return e.err }

// follow gives everybody's last state and then the changes until something ends it.
func (s source) follow(ctx context.Context, js jetstream.JetStream) error {
	// Listening comes first, so that no outage falls between.
	status := js.Conn().StatusChanged(nats.RECONNECTING, nats.CLOSED)
	defer js.Conn().RemoveStatusListener(status)

	consumer, err := js.CreateConsumer(ctx, s.stream, jetstream.ConsumerConfig{
		FilterSubject:     s.filter,
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("%w; the bridge makes it when it starts", err)
	}
	if err != nil {
		return &watchError{err, s.stream}
	}
	messages, failed, done := make(chan jetstream.Msg), make(chan error, 1), make(chan struct{})
	defer close(done)
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		select {
		case messages <- m:
		case <-done:
		}
	}, jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case failed <- err:
			default:
			}
		}))
	if err != nil {
		return &watchError{err, s.stream}
	}
	defer consuming.Stop()

	if err := call(s.began); err != nil {
		return err
	}
	pending := consumer.CachedInfo().NumPending
	if pending == 0 {
		if err := call(s.current); err != nil {
			return err
		}
	}
	for next := uint64(1); ; next++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-status:
			if now == nats.CLOSED {
				return &watchError{nats.ErrConnectionClosed, s.stream}
			}
			return errInterrupted
		case <-failed:
			return errInterrupted
		case m := <-messages:
			meta, err := m.Metadata()
			if err != nil || meta.Sequence.Consumer != next {
				return errInterrupted // something was lost on the way
			}
			if err := s.handle(m); err != nil {
				return err
			}
			if pending > 0 && meta.NumPending == 0 {
				pending = 0
				if err := call(s.current); err != nil {
					return err
				}
			}
		}
	}
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (w Watcher) handle(m jetstream.Msg) error {
	key := strings.TrimPrefix(m.Subject(), "$KV."+Bucket+".")
	if removed(m) {
		if w.Removed == nil {
			return nil
		}
		tenantID, userID, _ := strings.Cut(key, ".")
		return w.Removed(tenantID, userID)
	}
	e, err := decodeUser(m.Data(), sourceSequence(m))
	if err == nil {
		return w.Changed(e)
	}
	if w.Malformed == nil {
		return err
	}
	w.Malformed(err)
	return nil
}
