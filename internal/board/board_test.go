package board

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind)) }

const tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"

func person(n int) graph.Person {
	return graph.Person{TenantID: tenant, UserID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n)}
}

func event(n int, availability string) events.UserEvent {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	return events.UserEvent{ID: fmt.Sprint(n, availability), Data: events.UserData{
		TenantID: tenant, Tenant: "contoso", User: events.User{ID: person(n).UserID},
		Availability: availability, Activity: availability,
		Origin: events.OriginSweep, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}}
}

func TestBoardFollowsTheBucket(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	nc, err := events.Connect(events.ConnectOptions{InProcess: server.InProcess(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	publish := func(e events.UserEvent) {
		t.Helper()
		m, err := events.NewMessage(e)
		if err != nil {
			t.Fatal(err)
		}
		if acks := p.Publish(t.Context(), []events.Message{m}); acks[0].Err != nil {
			t.Fatal(acks[0].Err)
		}
	}

	b := New(log)
	if b.Ready() {
		t.Error("ready before anything was read")
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx, js) }() // there is no bucket yet: it tries again
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publish(event(1, "Busy"))
	publish(event(2, "Away"))
	shows := func(n int, want string) func() bool {
		return func() bool {
			e, known := b.State(person(n))
			return known == (want != "") && e.Data.Availability == want
		}
	}
	eventually(t, "the first states", func() bool { return shows(1, "Busy")() && shows(2, "Away")() })
	eventually(t, "that it is ready", b.Ready)
	publish(event(1, "Available"))
	eventually(t, "a change", shows(1, "Available"))
	if at := b.At(); at != 3 {
		t.Errorf("holds everything up to %d", at)
	}
	if all := b.States(tenant); len(all) != 2 {
		t.Errorf("%d states", len(all))
	}
	if found := b.Find(func(d *events.UserData) bool { return d.Availability == "Away" }); len(found) != 1 || found[0].Data.User.ID != person(2).UserID {
		t.Errorf("found %v", found)
	}
	if all := b.States("another"); len(all) != 0 {
		t.Errorf("%d states of another tenant", len(all))
	}
	if err := p.Purge(t.Context(), tenant, person(2).UserID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nobody who left", shows(2, ""))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Who was purged during an outage is gone after it, and not a moment earlier.
func TestBoardAfterAnOutage(t *testing.T) {
	b := New(slog.New(slog.DiscardHandler))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(b.began())
	must(b.changed(event(1, "Busy")))
	must(b.changed(event(2, "Busy")))
	must(b.current())
	must(b.began())
	must(b.changed(event(1, "Away")))
	must(b.removed(tenant, person(3).UserID))
	for n, want := range map[int]string{1: "Away", 2: "Busy"} {
		if e, _ := b.State(person(n)); e.Data.Availability != want {
			t.Errorf("person %d is %q during the reading, want %q", n, e.Data.Availability, want)
		}
	}
	before := event(1, "Away")
	before.Sequence = 7
	must(b.changed(before))
	must(b.current())
	if b.At() != 7 {
		t.Errorf("holds everything up to %d", b.At())
	}
	if _, known := b.State(person(2)); known {
		t.Error("a person who was purged is still there")
	}
	if e, _ := b.State(person(1)); e.Data.Availability != "Away" {
		t.Errorf("person 1 is %q", e.Data.Availability)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
