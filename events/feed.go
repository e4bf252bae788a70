package events

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// FeedOptions say where a feed begins and what it gives.
type FeedOptions struct {
	// Resume says that the reader has everything up to the event After; without
	// it the feed begins with what comes from now on.
	Resume bool
	After  uint64
	// Of is the stream that After belongs to, as [Feed.Of] named it; empty: not known.
	Of string
	// Users is the first sequence whose user event the reader's list of last states
	// may lack: the bucket follows the stream a little later. A feed that does not
	// resume gives the user events from there on again; 0: it does not.
	Users uint64
	// Subjects narrow what is given; none means all events.
	Subjects []string
}

// Feed gives the events of the stream in their order, as they are stored, to a
// reader who keeps the position: for the network, where a reader may be slow
// and may come back. It is read ahead only a little, so it can be as slow as it
// likes. An outage of the server ends it; whoever reads it opens another one.
// It is not for concurrent use.
type Feed struct {
	// After is the sequence behind which the feed begins, apart from [FeedOptions.Users].
	After uint64
	// Complete is false if the reader asked to resume and the stream does not hold
	// all that came after that any more, or is another one: read the last states anew.
	Complete bool
	// Of names the stream. One that is made later, under the same name, after a loss
	// of the store, has another: its sequences begin anew and mean other events.
	Of string

	js        jetstream.JetStream
	consumer  string
	consuming jetstream.ConsumeContext
	status    chan nats.Status
	messages  chan jetstream.Msg
	failed    chan error
	done      chan struct{}
	next      uint64
}

// StoredEvent is an event as it stands on the stream.
type StoredEvent struct {
	Sequence uint64
	Type     string // of CloudEvents
	Data     []byte // the whole event in JSON
}

// feedAhead is how many messages wait for the reader, at most.
const feedAhead = 64

// OpenFeed begins to read. The caller closes the feed.
func OpenFeed(ctx context.Context, js jetstream.JetStream, o FeedOptions) (*Feed, error) {
	stream, err := js.Stream(ctx, Stream)
	if err != nil {
		return nil, fmt.Errorf("open feed of stream %s: %w", Stream, err)
	}
	state := stream.CachedInfo().State
	f := &Feed{
		After: state.LastSeq, Complete: !o.Resume, js: js, next: 1,
		Of:       strconv.FormatInt(stream.CachedInfo().Created.UnixMilli(), 36),
		messages: make(chan jetstream.Msg), failed: make(chan error, 1), done: make(chan struct{}),
	}
	same := o.Of == "" || o.Of == f.Of
	if o.Resume && same && o.After <= state.LastSeq && o.After+1 >= state.FirstSeq {
		f.After, f.Complete = o.After, true
	}
	start := f.After + 1
	if o.Users > 0 && !(o.Resume && f.Complete) {
		start = min(start, o.Users)
	}
	if len(o.Subjects) == 0 {
		o.Subjects = StreamSubjects()
	}
	consumer, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubjects:    o.Subjects,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       start,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("open feed of stream %s: %w", Stream, err)
	}
	f.consumer = consumer.CachedInfo().Name
	f.status = js.Conn().StatusChanged(nats.RECONNECTING, nats.CLOSED)
	f.consuming, err = consumer.Consume(f.receive, jetstream.PullMaxMessages(feedAhead),
		jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(pullHeartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			select {
			case f.failed <- err:
			default:
			}
		}))
	if err != nil {
		js.Conn().RemoveStatusListener(f.status)
		return nil, fmt.Errorf("open feed of stream %s: %w", Stream, err)
	}
	return f, nil
}

// receive waits for the reader, so that the server is asked for more only then.
func (f *Feed) receive(m jetstream.Msg) {
	select {
	case f.messages <- m:
	case <-f.done:
	}
}

// Next waits for the next event. The context's error leaves the feed as it is;
// after any other error it is at its end. What is no event of the contract is
// passed over, and so are the marks that somebody was purged.
func (f *Feed) Next(ctx context.Context) (StoredEvent, error) {
	for {
		var m jetstream.Msg
		select {
		case <-ctx.Done():
			return StoredEvent{}, ctx.Err()
		case <-f.status:
			return StoredEvent{}, fmt.Errorf("read stream %s: %w", Stream, errInterrupted)
		case err := <-f.failed:
			return StoredEvent{}, fmt.Errorf("read stream %s: %w", Stream, err)
		case m = <-f.messages:
		}
		meta, err := m.Metadata()
		if err == nil && meta.Sequence.Consumer != f.next {
			err = errInterrupted // something was lost on the way
		}
		if err != nil {
			return StoredEvent{}, fmt.Errorf("read stream %s: %w", Stream, err)
		}
		f.next++
		if removed(m) {
			continue
		}
		kind, err := kindOn(m.Subject(), m.Data())
		if err == nil && (kind == TypeUser || meta.Sequence.Stream > f.After) {
			return StoredEvent{meta.Sequence.Stream, kind, m.Data()}, nil
		}
	}
}

// Close ends the feed, once. The server would forget it by itself after a minute.
func (f *Feed) Close() {
	close(f.done)
	f.consuming.Stop()
	f.js.Conn().RemoveStatusListener(f.status)
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	_ = f.js.DeleteConsumer(ctx, Stream, f.consumer)
}

var errNoEvent = errors.New("no event")

// kindOn is the type of an event that was found on a subject, if it is one.
func kindOn(subject string, data []byte) (kind string, err error) {
	switch {
	case strings.HasPrefix(subject, UserSubjects[:len(UserSubjects)-1]):
		_, err = Decode[UserData](data)
		return TypeUser, err
	case strings.HasPrefix(subject, DirectorySubjects[:len(DirectorySubjects)-1]):
		_, err = Decode[DirectoryData](data)
		return TypeDirectory, err
	case strings.HasPrefix(subject, CoverageSubjects[:len(CoverageSubjects)-1]):
		_, err = Decode[CoverageData](data)
		return TypeCoverage, err
	case strings.HasPrefix(subject, DecisionSubjects[:len(DecisionSubjects)-1]):
		_, err = Decode[DecisionData](data)
		return TypeDecision, err
	}
	return "", errNoEvent
}
