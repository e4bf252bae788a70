package events_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// batching gives a publisher of atomic batches, on a server that synchronises
// every write; allowed: the stream takes them.
func batching(t *testing.T, allowed bool) (*server.Server, *events.Publisher, jetstream.JetStream) {
	t.Helper()
	s := natsServer(t, t.TempDir(), -1, func(o *server.Options) { o.SyncAlways = true })
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{Batches: allowed}); err != nil {
		t.Fatal(err)
	}
	p, err := events.NewPublisher(nc, events.PublisherOptions{Batches: true, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s, p, js
}

func manyEvents(from, n int) (es []events.UserEvent) {
	for i := range n {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint("batch", from+i)))
	}
	return es
}

// header gives one of a stored message.
func header(t *testing.T, js jetstream.JetStream, sequence uint64, name string) string {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), sequence)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

func TestBatches(t *testing.T) {
	_, p, js := batching(t, true)
	for i, a := range publish(t, p, manyEvents(0, 40)...) {
		if a != (events.Ack{Sequence: uint64(i + 1)}) {
			t.Errorf("message %d: %+v", i, a)
		}
	}
	if header(t, js, 1, "Nats-Batch-Id") == "" || header(t, js, 40, "Nats-Msg-Id") != "batch39" {
		t.Error("they did not go as a batch")
	}
	if got := snapshot(t, js); len(got) != 40 {
		t.Errorf("%d people in the snapshot", len(got))
	}
	// One that is known refuses them all: then each goes on its own.
	again := publish(t, p, manyEvents(30, 40)...)
	for i, a := range again {
		want := events.Ack{Sequence: uint64(31 + i), Duplicate: i < 10}
		if a != want {
			t.Errorf("message %d: %+v, want %+v", i, a, want)
		}
	}
	// The same twice within a batch.
	twice := append(manyEvents(100, 20), manyEvents(100, 1)...)
	for i, a := range publish(t, p, twice...) {
		if a.Duplicate != (i == 20) {
			t.Errorf("message %d: %+v", i, a)
		}
	}
	// A few are not worth it.
	few := publish(t, p, manyEvents(200, 5)...)
	if header(t, js, few[0].Sequence, "Nats-Batch-Id") != "" {
		t.Error("a few went as a batch")
	}
	// What is passed on to another server is no batch there.
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := stream.OrderedConsumer(t.Context(), jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	_, there, farJS := running(t)
	if acks := there.Publish(t.Context(), []events.Message{events.PassOn(m, "x")}); acks[0] != (events.Ack{Sequence: 1}) {
		t.Errorf("passed on: %+v", acks)
	}
	if header(t, farJS, 1, "Nats-Batch-Id") != "" {
		t.Error("it is still part of a batch")
	}
}

// More at the same time than the server takes, and a stream that takes none.
func TestBatchesThatAreRefused(t *testing.T) {
	for allowed, writers := range map[bool]int{true: 60, false: 2} {
		_, p, js := batching(t, allowed)
		var wg sync.WaitGroup
		const each = 16
		for w := range writers {
			wg.Go(func() {
				var msgs []events.Message
				for _, e := range manyEvents(w*each, each) {
					msgs = append(msgs, message(t, e))
				}
				for _, a := range p.Publish(t.Context(), msgs) {
					if a.Err != nil {
						t.Error(a.Err)
					}
				}
			})
		}
		wg.Wait()
		stream, err := js.Stream(t.Context(), events.Stream)
		if err != nil {
			t.Fatal(err)
		}
		if n := stream.CachedInfo().State.LastSeq; n != uint64(writers*each) {
			t.Errorf("%d messages stored, want %d", n, writers*each)
		}
		if !allowed && header(t, js, 1, "Nats-Batch-Id") != "" {
			t.Error("stored as a batch")
		}
	}
}

func TestBatchesDuringAnOutage(t *testing.T) {
	s, p, _ := batching(t, true)
	publish(t, p, manyEvents(0, 20)...)
	stop(s)
	eventually(t, "the outage is noticed", func() bool { return !p.Available() })
	var msgs []events.Message
	for _, e := range manyEvents(20, 20) {
		msgs = append(msgs, message(t, e))
	}
	for _, a := range p.Publish(t.Context(), msgs) {
		if !errors.Is(a.Err, events.ErrUnavailable) || a.Sequence != 0 || strings.Contains(a.Err.Error(), "under way") {
			t.Errorf("got %+v", a)
		}
	}
}
