package events_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

var quick = events.ConsumerOptions{Durable: "acd", RetryMin: time.Millisecond, RetryMax: 8 * time.Millisecond}

func TestConsumeInOrderWithRedelivery(t *testing.T) {
	_, p, js := running(t)
	var es []events.UserEvent
	var want []string
	for i := range 50 {
		es = append(es, userEvent(person(i%3), "Busy", fmt.Sprint(i)))
		want = append(want, fmt.Sprint(i))
	}
	publish(t, p, es...)
	var done []string
	tries := map[string]int{}
	enough, cancel := context.WithCancel(t.Context())
	err := events.Consume(enough, js, quick, func(_ context.Context, e events.UserEvent) error {
		if tries[e.ID]++; tries[e.ID] <= len(e.ID)*2-2 && e.ID != "49" { // two-digit ids fail twice
			return errors.New("not yet")
		}
		if done = append(done, e.ID); len(done) == 50 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if tries["5"] != 1 || tries["17"] != 3 {
		t.Errorf("tries %v", tries)
	}
}

// The position is the server's: another process goes on where this one stopped,
// beginning with what it had not finished.
func TestConsumeGoesOn(t *testing.T) {
	_, p, js := running(t)
	for i := range 4 {
		publish(t, p, userEvent(agent1, "Busy", fmt.Sprint(i)))
	}
	var seen []string
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		_ = events.Consume(ctx, js, quick, func(ctx context.Context, e events.UserEvent) error {
			if seen = append(seen, e.ID); e.ID == "3" || e.ID == "1" && !slices.Contains(seen[:len(seen)-1], "1") {
				cancel()
				return ctx.Err()
			}
			return nil
		})
	}
	if want := []string{"0", "1", "1", "2", "3"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestConsumeSkipsWhatIsNoEvent(t *testing.T) {
	_, p, js := running(t)
	subject, _ := events.UserSubject(tenant, person(1))
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	if err := p.Purge(t.Context(), tenant, person(2)); err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(agent1, "Busy", "1"))
	var bad []error
	o := quick
	o.Malformed = func(err error) { bad = append(bad, err) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
		cancel()
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(bad) != 1 || !errors.Is(bad[0], events.ErrMalformed) {
		t.Errorf("got %v", bad)
	}
}

// Whoever leaves is told of in their place, again if that failed, and events
// carry their place on the stream.
func TestConsumeTellsWhoLeft(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(agent1, "Busy", "1"), userEvent(person(2), "Busy", "2"))
	if err := p.Purge(t.Context(), tenant, person(2)); err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(agent1, "Away", "4"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []string
	o := quick
	o.Removed = func(_ context.Context, tenantID, userID string) error {
		if got = append(got, "left "+userID); len(got) == 2 {
			return errors.New("not yet")
		}
		if tenantID != tenant {
			t.Errorf("tenant %s", tenantID)
		}
		return nil
	}
	err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
		if got = append(got, fmt.Sprint(e.ID, " at ", e.Sequence)); e.ID == "4" {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"1 at 1", "left " + person(2), "left " + person(2), "4 at 4"}, got); diff != "" {
		t.Errorf("got (-want +got):\n%s", diff)
	}
	eventually(t, "the bucket follows", func() bool { e := inBucket(t, js, agent1); return e != nil && e.ID == "4" })
	for e, err := range events.Snapshot(t.Context(), js) {
		if err != nil || e.Sequence != 4 {
			t.Errorf("snapshot has %s at %d, %v", e.ID, e.Sequence, err)
		}
	}
	enough := errors.New("enough")
	if err := events.WatchUsers(t.Context(), js, func(e events.UserEvent) error {
		if e.Sequence != 4 {
			t.Errorf("watched %s at %d", e.ID, e.Sequence)
		}
		return enough
	}); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// The type of event follows from the function.
func TestConsumeOtherEvents(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	at := exampleEvent().Time
	want := events.CoverageEvent{ID: "2", Time: at, Data: events.CoverageData{
		TenantID: tenant, Account: "0123456789abcdef", State: events.Healthy, ObservedAt: at, PublishedAt: at,
	}}
	if acks := p.Publish(t.Context(), []events.Message{message(t, want)}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := events.Consume(ctx, js, quick, func(_ context.Context, e events.CoverageEvent) error {
		want.Sequence = 2
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestConsumeEnds(t *testing.T) {
	s, p, js := running(t)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	err := events.Consume(t.Context(), js, quick, func(ctx context.Context, e events.UserEvent) error {
		return js.DeleteConsumer(ctx, events.Stream, "acd")
	})
	if !errors.Is(err, jetstream.ErrConsumerDeleted) {
		t.Errorf("deleted: %v", err)
	}
	nc, closed := connect(t, s)
	err = events.Consume(t.Context(), closed, quick, func(context.Context, events.UserEvent) error { nc.Close(); return nil })
	if !errors.Is(err, jetstream.ErrConnectionClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := events.Consume(t.Context(), js, events.ConsumerOptions{Durable: "a.b"}, func(context.Context, events.UserEvent) error { return nil }); err == nil {
		t.Error("a bad name was taken")
	}
}

func TestConsumeSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(agent1, "Busy", "0"))
	got := make(chan string, 100)
	end := background(t, func(ctx context.Context) error {
		return events.Consume(ctx, js, quick, func(_ context.Context, e events.UserEvent) error { got <- e.ID; return nil })
	})
	<-got
	restart(t, s, dir, p)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	for id := range got {
		if id == "1" { // an acknowledgement lost in the outage brings "0" again
			break
		}
	}
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// The server comes back without its store: better an error than silence.
func TestConsumeNoticesALostStore(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(agent1, "Busy", "0"))
	got := make(chan string, 100)
	result := make(chan error, 1)
	end := background(t, func(ctx context.Context) error {
		err := events.Consume(ctx, js, quick, func(_ context.Context, e events.UserEvent) error { got <- e.ID; return nil })
		result <- err
		return err
	})
	<-got
	restart(t, s, t.TempDir(), p)
	if err := <-result; err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	_ = end()
}
