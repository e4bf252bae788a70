package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func TestPublish(t *testing.T) {
	_, p, js := running(t)
	m := message(t, userEvent(agent1, "Busy", "1"))
	m.Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	if acks := p.Publish(t.Context(), []events.Message{m}); acks[0] != (events.Ack{Sequence: 1}) {
		t.Fatalf("got %+v", acks[0])
	}
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{
		"Nats-Msg-Id": "1", "Content-Type": "application/cloudevents+json", "traceparent": m.Traceparent,
	} {
		if got := raw.Header[header]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	m.ID, m.Traceparent = "2", "00-x\r\nEvil: 1"
	if acks := p.Publish(t.Context(), []events.Message{m}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	if raw, err = stream.GetMsg(t.Context(), 2); err != nil || raw.Header["traceparent"] != nil || raw.Header["Evil"] != nil {
		t.Errorf("got %v, %v", raw.Header, err)
	}
	if acks := p.Publish(t.Context(), nil); len(acks) != 0 {
		t.Errorf("nothing gave %v", acks)
	}
}

func TestPublishRecognisesDuplicates(t *testing.T) {
	_, p, _ := running(t)
	first := publish(t, p, userEvent(agent1, "Busy", "1"), userEvent(agent1, "Away", "2"))
	again := publish(t, p, userEvent(agent1, "Away", "2"), userEvent(agent1, "Busy", "3"), userEvent(agent1, "Busy", "1"))
	want := []events.Ack{
		{Sequence: first[1].Sequence, Duplicate: true}, {Sequence: 3}, {Sequence: first[0].Sequence, Duplicate: true},
	}
	for i := range want {
		if again[i] != want[i] {
			t.Errorf("message %d: got %+v, want %+v", i, again[i], want[i])
		}
	}
}

// More messages than may be pending: they wait for room and keep their order.
func TestPublishBeyondMaxPending(t *testing.T) {
	s, _, _ := running(t)
	nc, _ := connect(t, s)
	p, err := events.NewPublisher(nc, events.PublisherOptions{MaxPending: 4, Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var es []events.UserEvent
	for i := range 500 {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint(i)))
	}
	for i, a := range publish(t, p, es...) {
		if a.Sequence != uint64(i+1) {
			t.Fatalf("message %d has sequence %d", i, a.Sequence)
		}
	}
}

func TestOutage(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	if !p.Available() {
		t.Fatal("not available at the start")
	}

	at := port(t, s)
	stop(s)
	eventually(t, "the outage is noticed", func() bool { return !p.Available() })
	for i := range 3 {
		lost := message(t, userEvent(agent1, "Away", fmt.Sprint("lost", i)))
		for _, a := range p.Publish(t.Context(), []events.Message{lost, lost}) {
			if !errors.Is(a.Err, events.ErrUnavailable) {
				t.Errorf("got %+v", a)
			}
		}
	}
	err := p.Purge(t.Context(), tenant, agent1)
	if !errors.Is(err, events.ErrUnavailable) || !strings.Contains(err.Error(), "no connection to the server") {
		t.Errorf("purge gave %v", err)
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err == nil || !strings.Contains(err.Error(), "no connection to the server") {
		t.Errorf("setup gave %v", err)
	}

	natsServer(t, dir, at)
	eventually(t, "it is available again", p.Available)
	acks := publish(t, p, userEvent(agent1, "Available", "2"))
	if acks[0].Sequence != 2 {
		t.Errorf("something of the outage was published later: %+v", acks[0])
	}
	if got := snapshot(t, js); got[agent1] != "Available" {
		t.Errorf("got %v", got)
	}
}

// A connection that is up does not mean that somebody stores.
func TestNobodyAnswers(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, js := connect(t, s)
	eventually(t, "connected", nc.IsConnected)
	p := publisher(t, nc)
	m := message(t, userEvent(agent1, "Busy", "1"))
	for range 2 {
		if acks := p.Publish(t.Context(), []events.Message{m}); !errors.Is(acks[0].Err, events.ErrUnavailable) {
			t.Fatalf("got %+v", acks[0])
		}
		if p.Available() {
			t.Error("available though nobody answered")
		}
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is available again", p.Available)
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("asking stored %d messages", n)
	}
	publish(t, p, userEvent(agent1, "Busy", "1"))

	// A publish that is answered makes it available at once, too.
	if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	p.Publish(t.Context(), []events.Message{m})
	if p.Available() {
		t.Error("available without a stream")
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(agent1, "Busy", "4"))
	if !p.Available() {
		t.Error("not available although the last publish was answered")
	}
}

// A server that takes the message and never answers: Publish ends by itself.
func TestPublishKeepsItsDeadline(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1, func(o *server.Options) { o.JetStream = false })
	mute, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	if _, err := mute.SubscribeSync("presence.v1.>"); err != nil {
		t.Fatal(err)
	}
	if err := mute.Flush(); err != nil {
		t.Fatal(err)
	}
	nc, _ := connect(t, s)
	p, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: 50 * time.Millisecond, MaxPending: 2})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected", p.Available)
	m := message(t, userEvent(agent1, "Busy", "1"))
	for _, a := range p.Publish(t.Context(), []events.Message{m, m, m, m}) {
		if a.Err == nil {
			t.Error("stored by nobody")
		}
	}
	if p.Available() {
		t.Error("available though nothing was acknowledged")
	}
	// The caller's own hurry says nothing about the server.
	patient, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if acks := patient.Publish(ctx, []events.Message{m}); !errors.Is(acks[0].Err, context.DeadlineExceeded) || !patient.Available() {
		t.Errorf("got %+v, available %t", acks[0], patient.Available())
	}
	cancel()
	if acks := patient.Publish(ctx, []events.Message{m}); acks[0].Err == nil {
		t.Error("published without time")
	}
}

func TestPublisherRefusesABufferingConnection(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := events.NewPublisher(nc, events.PublisherOptions{}); err == nil {
		t.Error("taken")
	}
}

func TestPurge(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(agent1, "Busy", "1"), userEvent(agent1, "Away", "2"), userEvent(person(1), "Busy", "3"))
	eventually(t, "the bucket has both", func() bool {
		return inBucket(t, js, agent1) != nil && inBucket(t, js, person(1)) != nil
	})
	kv, err := js.KeyValue(t.Context(), events.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	watch, err := kv.WatchAll(t.Context(), jetstream.UpdatesOnly())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	key, _ := events.BucketKey(tenant, agent1)
	if entry := <-watch.Updates(); entry.Key() != key || entry.Operation() != jetstream.KeyValuePurge {
		t.Errorf("the watcher saw %v", entry)
	}
	subject, _ := events.UserSubject(tenant, agent1)
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		t.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(t.Context(), subject)
	if err != nil || info.State.Subjects[subject] != 1 || len(last.Data) != 0 {
		t.Errorf("%d messages are left of the person, the last %q, %v", info.State.Subjects[subject], last.Data, err)
	}
	if inBucket(t, js, agent1) != nil {
		t.Error("the key is still there")
	}
	if got := snapshot(t, js); len(got) != 1 || got[person(1)] != "Busy" {
		t.Errorf("snapshot is %v", got)
	}
	if err := p.Purge(t.Context(), tenant, "*"); err == nil {
		t.Error("purged everybody")
	}
	// Who comes back is there again.
	publish(t, p, userEvent(agent1, "Busy", "5"))
	eventually(t, "back in the bucket", func() bool { return inBucket(t, js, agent1) != nil })
}

// The mark that somebody was purged goes too, so that not even the id stays.
func TestPurgeLeavesNothingInTheEnd(t *testing.T) {
	s, _, js := running(t)
	nc, _ := connect(t, s)
	p, err := events.NewPublisher(nc, events.PublisherOptions{History: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(agent1, "Busy", "1"))
	eventually(t, "in the bucket", func() bool { return inBucket(t, js, agent1) != nil })
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{events.Stream, "KV_" + events.Bucket} {
		eventually(t, name+" is empty", func() bool {
			stream, err := js.Stream(t.Context(), name)
			return err == nil && stream.CachedInfo().State.Msgs == 0
		})
	}
	// The server finds its place again: it neither repeats nor skips.
	publish(t, p, userEvent(person(1), "Busy", "2"))
	eventually(t, "the bucket follows", func() bool { return inBucket(t, js, person(1)) != nil })
	if got := snapshot(t, js); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestRemovalWipesTheDirectoryEvents(t *testing.T) {
	_, p, js := running(t)
	at := exampleEvent().Time
	var msgs []events.Message
	for i, change := range []string{events.Added, events.Changed, events.Removed} {
		msgs = append(msgs, message(t, events.DirectoryEvent{ID: fmt.Sprint(i), Data: events.DirectoryData{
			TenantID: tenant, Tenant: "contoso", Change: change, User: exampleEvent().Data.User, ObservedAt: at, PublishedAt: at,
		}}))
	}
	for _, a := range p.Publish(t.Context(), msgs) {
		if a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages are left", n)
	}
}

// Of two publishers who know the same last event only the first one is taken.
func TestConditional(t *testing.T) {
	_, p, js := running(t)
	after := func(sequence uint64, availability, id string) events.Ack {
		m := message(t, userEvent(agent1, availability, id))
		m.Conditional, m.After = true, sequence
		return p.Publish(t.Context(), []events.Message{m})[0]
	}
	last := func(id string, sequence uint64) {
		t.Helper()
		e, got, err := p.Last(t.Context(), tenant, agent1)
		if err != nil || e.ID != id || got != sequence || (id != "" && e.Sequence != sequence) {
			t.Errorf("last is %q at %d, %v", e.ID, got, err)
		}
	}
	last("", 0)
	publish(t, p, userEvent(person(1), "Busy", "other"))
	if a := after(7, "Busy", "1"); !errors.Is(a.Err, events.ErrConflict) {
		t.Errorf("got %+v", a)
	}
	if a := after(0, "Busy", "1"); a != (events.Ack{Sequence: 2}) {
		t.Errorf("got %+v", a)
	}
	if a := after(0, "Away", "2"); !errors.Is(a.Err, events.ErrConflict) || errors.Is(a.Err, events.ErrUnavailable) || !p.Available() {
		t.Errorf("got %+v, available %t", a, p.Available())
	}
	last("1", 2)
	if a := after(2, "Away", "2"); a != (events.Ack{Sequence: 3}) {
		t.Errorf("got %+v", a)
	}
	if a := after(3, "Away", "2"); a != (events.Ack{Sequence: 3, Duplicate: true}) {
		t.Errorf("a repeat gave %+v", a)
	}
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	last("", 4)
	if a := after(4, "Busy", "5"); a != (events.Ack{Sequence: 5}) {
		t.Errorf("got %+v", a)
	}
	// What somebody else published is no event of ours, but it has a place.
	subject, _ := events.UserSubject(tenant, agent1)
	if _, err := js.Publish(t.Context(), subject, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	last("", 6)
	if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Last(t.Context(), tenant, agent1); err == nil {
		t.Error("a stream that is gone has no last event")
	}
	if _, _, err := p.Last(t.Context(), tenant, "*"); err == nil {
		t.Error("asked about everybody")
	}
}
