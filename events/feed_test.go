package events_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func openFeed(t *testing.T, js jetstream.JetStream, o events.FeedOptions) *events.Feed {
	t.Helper()
	f, err := events.OpenFeed(t.Context(), js, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// take reads n events and gives their sequences and ids.
func take(t *testing.T, f *events.Feed, n int) (seen []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for range n {
		e, err := f.Next(ctx)
		if err != nil {
			t.Fatalf("after %v: %v", seen, err)
		}
		switch e.Type {
		case events.TypeUser:
			u, err := events.Decode[events.UserData](e.Data)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, fmt.Sprint(e.Sequence, " ", u.ID))
		default:
			seen = append(seen, fmt.Sprint(e.Sequence, " ", e.Type))
		}
	}
	return seen
}

func TestFeed(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "a"), userEvent(person(1), "Away", "b"))
	live := openFeed(t, js, events.FeedOptions{})
	if live.After != 2 || !live.Complete {
		t.Errorf("begins after %d, complete %v", live.After, live.Complete)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := live.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with nothing to come: %v", err)
	}
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	coverage := message(t, events.CoverageEvent{ID: "c", Data: events.CoverageData{
		TenantID: tenant, Tenant: "contoso", Account: "aa", State: events.Healthy, ObservedAt: at, PublishedAt: at,
	}})
	// What is no event is passed over.
	bad := message(t, userEvent(person(2), "Busy", "bad"))
	bad.Data = []byte("{}")
	for i, ack := range p.Publish(t.Context(), []events.Message{coverage, bad}) {
		if ack.Err != nil {
			t.Fatal(i, ack.Err)
		}
	}
	publish(t, p, userEvent(person(2), "Busy", "d"))
	want := []string{"3 " + events.TypeCoverage, "5 d"}
	if diff := cmp.Diff(want, take(t, live, 2)); diff != "" {
		t.Error(diff)
	}
	again := openFeed(t, js, events.FeedOptions{Resume: true, After: 1, Subjects: []string{events.UserSubjects}})
	if again.After != 1 || !again.Complete {
		t.Errorf("resumes after %d, complete %v", again.After, again.Complete)
	}
	if diff := cmp.Diff([]string{"2 b", "5 d"}, take(t, again, 2)); diff != "" {
		t.Error(diff)
	}
}

// Who asks for more than the stream has is told so, and gets what comes.
func TestFeedTellsWhatIsLost(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "a"), userEvent(person(1), "Away", "b"))
	if err := p.Purge(t.Context(), tenant, person(1)); err != nil { // sequence 3
		t.Fatal(err)
	}
	for after, complete := range map[uint64]bool{0: false, 1: false, 2: true, 3: true, 4: false} {
		f := openFeed(t, js, events.FeedOptions{Resume: true, After: after})
		begin := after
		if !complete {
			begin = 3
		}
		if f.Complete != complete || f.After != begin {
			t.Errorf("after %d: begins after %d, complete %v", after, f.After, f.Complete)
		}
	}
	f := openFeed(t, js, events.FeedOptions{Resume: true, After: 2})
	publish(t, p, userEvent(person(2), "Busy", "c"))
	if diff := cmp.Diff([]string{"4 c"}, take(t, f, 1)); diff != "" { // the mark of the purge is none
		t.Error(diff)
	}
}

// What the bucket may not show yet is told by the feed: of a person only.
func TestFeedGivesWhatListsMayLack(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "a"), userEvent(person(1), "Away", "b"))
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	if ack := p.Publish(t.Context(), []events.Message{message(t, events.CoverageEvent{ID: "c", Data: events.CoverageData{
		TenantID: tenant, Tenant: "contoso", Account: "aa", State: events.Healthy, ObservedAt: at, PublishedAt: at,
	}})})[0]; ack.Err != nil {
		t.Fatal(ack.Err)
	}
	behind := openFeed(t, js, events.FeedOptions{Users: 2})
	unknown := openFeed(t, js, events.FeedOptions{Resume: true, After: 99, Users: 2})
	resumed := openFeed(t, js, events.FeedOptions{Resume: true, After: 3, Users: 2})
	ahead := openFeed(t, js, events.FeedOptions{Users: 99})
	publish(t, p, userEvent(person(2), "Busy", "d"))
	for _, f := range []*events.Feed{behind, unknown} {
		if diff := cmp.Diff([]string{"2 b", "4 d"}, take(t, f, 2)); diff != "" || f.After != 3 {
			t.Error(f.After, diff)
		}
	}
	for _, f := range []*events.Feed{resumed, ahead} {
		if diff := cmp.Diff([]string{"4 d"}, take(t, f, 1)); diff != "" {
			t.Error(diff)
		}
	}
}

// A stream that was lost and made anew counts from 1 again: an old position means
// nothing there, even once the number exists.
func TestFeedKnowsItsStream(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "a"), userEvent(person(1), "Away", "b"))
	before := openFeed(t, js, events.FeedOptions{})
	if same := openFeed(t, js, events.FeedOptions{Resume: true, After: 1, Of: before.Of}); !same.Complete || same.Of != before.Of {
		t.Errorf("of the same stream: complete %v, %s after %s", same.Complete, same.Of, before.Of)
	}
	if err := js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publish(t, p, userEvent(person(1), "Busy", "c"), userEvent(person(2), "Busy", "d"), userEvent(person(2), "Away", "e"))
	anew := openFeed(t, js, events.FeedOptions{Resume: true, After: 2, Of: before.Of})
	if anew.Complete || anew.After != 3 {
		t.Errorf("of another stream: complete %v, after %d", anew.Complete, anew.After)
	}
}

func TestFeedEndsWithTheServer(t *testing.T) {
	s, p, js := running(t)
	f := openFeed(t, js, events.FeedOptions{})
	publish(t, p, userEvent(person(1), "Busy", "a"))
	take(t, f, 1)
	stop(s)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := f.Next(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("got %v", err)
	}
	opening, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := events.OpenFeed(opening, js, events.FeedOptions{}); err == nil {
		t.Error("opened without a server")
	}
}
