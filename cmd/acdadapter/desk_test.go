package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

func (s *stage) wantDecisions(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.decisions()); diff != "" {
		s.t.Errorf("decisions (-want +got):\n%s", diff)
	}
}

func TestBusyAtOnceAndFreeAfterTheHold(t *testing.T) {
	s := newStage(t)
	s.start(parse(t, strings.Replace(rulesText, "1h", "300ms", 1)), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.wantDecisions("sales 1 unreachable busy:9")
	s.at = time.Now().UTC()
	s.says(agent1, "Available")
	s.eventually("reachable", func() bool { return len(s.decisions()) == 2 })
	s.wantDecisions("sales 1 unreachable busy:9", "sales 1 reachable free:10")

	freeAt := s.at
	e, err := events.Decode[events.DecisionData](s.messages()[1].Data())
	if err != nil {
		t.Fatal(err)
	}
	// The event's clock may be ahead of the adapter's; then the adapter's counts.
	if held := e.Data.ObservedAt.Sub(freeAt.Add(-time.Second)); held < 299*time.Millisecond {
		t.Errorf("reachable after %s", held)
	}
	if e.Data.EventID != "event-2" || s.messages()[1].Subject() != "presence.v1.decision.sales."+agent1 {
		t.Errorf("decision %+v on %s", e.Data, s.messages()[1].Subject())
	}
}

// A hold that ran out while the adapter was down is settled when it starts.
func TestHoldSurvivesARestart(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.says(agent1, "Available")
	if r := s.caughtUp("sales", agent1); r.Decision != "unreachable" || r.Hold == nil || r.Hold.By.Line != 10 {
		t.Fatalf("record %+v", r)
	}
	a.stop()
	a = s.start(parse(t, rulesText), 30*time.Minute)
	s.says(agent1, "Away") // unchanged: the hold goes on
	if r := s.caughtUp("sales", agent1); r.Hold == nil {
		t.Fatalf("record %+v", r)
	}
	s.wantDecisions("sales 1 unreachable busy:9")
	a.stop()
	s.start(parse(t, rulesText), 2*time.Hour)
	s.eventually("reachable", func() bool { return len(s.decisions()) == 2 })
	s.wantDecisions("sales 1 unreachable busy:9", "sales 1 reachable free:10")
}

// What came while the adapter was down counts before a hold is settled: nobody
// is reachable for a moment in between.
func TestBusyWhileDownEndsTheHold(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.says(agent1, "Available")
	s.caughtUp("sales", agent1)
	a.stop()
	s.says(agent1, "DoNotDisturb")
	s.says(agent1, "Available")
	s.says(agent1, "Busy")
	s.start(parse(t, rulesText), 2*time.Hour)
	s.caughtUp("sales", agent1)
	s.says(agent2, "Busy")
	s.caughtUp("sales", agent2)
	s.wantDecisions("sales 1 unreachable busy:9", "sales 2 unreachable busy:9")
}

// An event that waits on the stream counts before a hold that is over.
func TestHoldWaitsForTheLastEvent(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Available")
	s.caughtUp("sales", agent1)
	a.stop()
	var err error
	if a.book, err = openBook(t.Context(), s.js, "acdadapter", 1); err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	a.last = func(context.Context, string, string) (string, error) { return "a later event", nil }
	next, err := a.Settle(t.Context())
	if err != nil || next.Sub(a.now()) > lookAgain {
		t.Errorf("next %s, %v", next, err)
	}
	s.wantDecisions()
	a.last = func(context.Context, string, string) (string, error) { return "", errors.New("away") }
	if _, err := a.Settle(t.Context()); err == nil {
		t.Error("no error")
	}
	a.last = func(context.Context, string, string) (string, error) { return "event-1", nil }
	if next, err := a.Settle(t.Context()); err != nil || next.Before(a.now()) {
		t.Errorf("next %s, %v", next, err)
	}
	s.wantDecisions("sales 1 reachable free:10")
}

// Whoever changed before the adapter ever ran is decided too, and the history on
// the stream is not lived through again.
func TestFirstStart(t *testing.T) {
	s := newStage(t)
	for _, availability := range []string{"Available", "Busy", "Available", "Busy"} {
		s.says(agent1, availability)
	}
	s.eventually("the bucket follows", func() bool {
		e, err := lastEvent(t.Context(), s.js, tenant, agent1)
		return err == nil && e.ID == "event-4"
	})
	s.start(parse(t, strings.Replace(rulesText, "1h", "0s", 1)), 0)
	s.caughtUp("sales", agent1)
	s.says(agent2, "Available")
	s.caughtUp("sales", agent2)
	s.wantDecisions("sales 1 unreachable busy:9", "sales 2 reachable free:10")
}

// Events that the stream no longer has are made up for by the last state and the
// one that it replaced.
func TestLostEvents(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.says(agent1, "Available") // on hold
	s.says(agent2, "Busy")
	s.caughtUp("sales", agent2)
	a.stop()
	s.says(agent1, "Busy")
	s.says(agent1, "Away") // unchanged
	s.says(agent2, "Available")
	s.eventually("the bucket follows", func() bool {
		e, err := lastEvent(t.Context(), s.js, tenant, agent2)
		return err == nil && e.ID == "event-6"
	})
	stream, err := s.js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.start(parse(t, rulesText), 2*time.Hour)
	s.eventually("the second is reachable", func() bool {
		r, err := recorded(t.Context(), s.js, "acdadapter", "sales", agent2)
		return err == nil && r.Decision == "reachable"
	})
	r, err := recorded(t.Context(), s.js, "acdadapter", "sales", agent1)
	if err != nil || r.Decision != "unreachable" || r.Hold != nil || r.EventID != "event-5" {
		t.Errorf("record %+v, %v", r, err)
	}
}

// A receiver that is away for longer than the stream keeps events holds up the
// adapter: what it could not see is made up for when the receiver is back.
func TestHeldUpForLongerThanTheHistory(t *testing.T) {
	s := newStage(t)
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{History: time.Second}); err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	s.start(parse(t, strings.Replace(rulesText, "1h", "0s", 1)), 0, sinkFunc(func(context.Context, events.DecisionEvent) error {
		if away.Load() {
			return errors.New("no answer")
		}
		return nil
	}))
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	away.Store(true)
	s.says(agent2, "Busy")
	s.says(agent1, "Available")
	s.eventually("it is history", func() bool {
		stream, err := s.js.Stream(t.Context(), events.Stream)
		return err == nil && stream.CachedInfo().State.Msgs == 0
	})
	away.Store(false)
	if r := s.caughtUp("sales", agent1); r.Decision != "reachable" {
		t.Errorf("record %+v", r)
	}
}

// The server lost its store while the adapter was down, and what came then is
// history: the records of before say nothing about the new stream.
func TestStreamMadeAnew(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, strings.Replace(rulesText, "1h", "0s", 1)), 0)
	for range 5 {
		s.says(agent2, "Busy")
	}
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	a.stop()
	for _, stream := range []string{"KV_" + events.Bucket, events.Stream} {
		if err := s.js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	s.says(agent1, "Available")
	s.eventually("the bucket follows", func() bool {
		_, err := lastEvent(t.Context(), s.js, tenant, agent1)
		return err == nil
	})
	stream, err := s.js.Stream(t.Context(), events.Stream)
	if err == nil {
		err = stream.Purge(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.start(parse(t, strings.Replace(rulesText, "1h", "0s", 1)), 0)
	if r := s.caughtUp("sales", agent1); r.Decision != "reachable" {
		t.Errorf("record %+v", r)
	}
}

// While a receiver is away the holds that are over do not wait for it one by one.
func TestHoldsOfManyWaitOnce(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Available")
	s.says(agent2, "Available")
	s.caughtUp("sales", agent2)
	a.stop()
	var err error
	if a.book, err = openBook(t.Context(), s.js, "acdadapter", 1); err != nil {
		t.Fatal(err)
	}
	a.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	a.last = func(_ context.Context, _, userID string) (string, error) { return "event-" + userID[35:], nil }
	attempts := 0
	a.sinks = []Sink{sinkFunc(func(context.Context, events.DecisionEvent) error { attempts++; return errors.New("no answer") })}
	next, err := a.Settle(t.Context())
	if err == nil || attempts != 1 || next.After(a.now().Add(lookAgain)) {
		t.Errorf("%d attempts, next %s, %v", attempts, next, err)
	}
	a.sinks = []Sink{streamSink{s.bridge}}
	if next, err := a.Settle(t.Context()); err != nil || next.Before(a.now()) {
		t.Errorf("next %s, %v", next, err)
	}
	if got := len(s.decisions()); got != 2 {
		t.Errorf("%d decisions", got)
	}
}

// The state before the last tells what an unchanged one keeps.
func TestPassed(t *testing.T) {
	c := parse(t, rulesText).Clients[0]
	e := userEvent(agent1, "Away", "event-2", time.Now())
	e.Data.Previous = &events.Previous{Availability: "Busy", Activity: "Busy", ObservedAt: time.Now()}
	for _, before := range []string{"", "reachable", "unreachable"} {
		if s := passed(c, rules.State{Decision: before}, e, time.Now()); s.Decision != "unreachable" || s.Hold != nil {
			t.Errorf("%q became %+v", before, s)
		}
	}
	e.Data.Previous.Availability = "Available"
	if s := passed(c, rules.State{Decision: "unreachable"}, e, time.Now()); s.Decision != "unreachable" || s.Hold == nil {
		t.Errorf("became %+v", s)
	}
}

// Other rules decide anew about everybody; a client that is gone leaves nothing.
func TestOtherRules(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	a.stop()
	a = s.start(parse(t, strings.NewReplacer("then: unreachable", "then: reachable", "1h", "0s").Replace(rulesText)), 0)
	s.eventually("decided anew", func() bool { return len(s.decisions()) == 2 })
	a.stop()
	s.start(parse(t, strings.Replace(rulesText, "name: sales", "name: support", 1)), 0)
	s.caughtUp("support", agent1)
	s.eventually("sales is forgotten", func() bool {
		r, err := recorded(t.Context(), s.js, "acdadapter", "sales", agent1)
		return err == nil && r == nil
	})
	s.wantDecisions("sales 1 unreachable busy:9", "sales 1 reachable busy:9", "support 1 unreachable busy:9")
}

// Two clients on one tenant decide for themselves.
func TestClients(t *testing.T) {
	s := newStage(t)
	s.start(parse(t, rulesText+`
  - name: service
    tenants: "*"
    people: agent2@contoso.com
    hold: 0s
    stale: unchanged
    otherwise: unreachable
    rules: [{availability: Busy, then: reachable}]
`), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.says(agent2, "Busy")
	s.caughtUp("service", agent2)
	s.wantDecisions("sales 1 unreachable busy:9", "sales 2 unreachable busy:9", "service 2 reachable busy:18")
}

func TestWhoeverLeavesIsForgotten(t *testing.T) {
	s := newStage(t)
	a := s.start(parse(t, rulesText), 0)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	if err := s.bridge.Purge(t.Context(), tenant, agent1); err != nil {
		t.Fatal(err)
	}
	gone := func() bool {
		r, err := recorded(t.Context(), s.js, "acdadapter", "sales", agent1)
		return err == nil && r == nil
	}
	s.eventually("the record is gone", gone)
	if left := s.messages(); len(left) != 0 {
		t.Errorf("%d decisions are left on the stream", len(left))
	}
	s.says(agent1, "Busy") // and comes back
	s.caughtUp("sales", agent1)
	a.stop()
	if err := s.bridge.Purge(t.Context(), tenant, agent1); err != nil { // leaves while nobody looks
		t.Fatal(err)
	}
	s.start(parse(t, rulesText), 0)
	s.eventually("the record is gone again", gone)
}

// The receiver takes a decision and the adapter does not hear of it: the same
// decision comes again under the same id, and the stream stores it once.
func TestAtLeastOnce(t *testing.T) {
	s := newStage(t)
	var mu sync.Mutex
	var ids []string
	lossy := sinkFunc(func(ctx context.Context, e events.DecisionEvent) error {
		mu.Lock()
		defer mu.Unlock()
		if ids = append(ids, e.ID); len(ids) == 1 {
			return errors.New("no answer")
		}
		return nil
	})
	s.start(parse(t, rulesText), 0, streamSink{s.bridge}, lossy)
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	mu.Lock()
	defer mu.Unlock()
	if len(ids) != 2 || ids[0] != ids[1] {
		t.Errorf("ids %v", ids)
	}
	s.wantDecisions("sales 1 unreachable busy:9")
}

// A refused decision holds up nobody.
func TestRefused(t *testing.T) {
	s := newStage(t)
	s.start(parse(t, rulesText), 0, sinkFunc(func(context.Context, events.DecisionEvent) error { return errRefused }), streamSink{s.bridge})
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	s.says(agent2, "Busy")
	s.caughtUp("sales", agent2)
	s.wantDecisions("sales 1 unreachable busy:9", "sales 2 unreachable busy:9")
}

// Somebody else wrote the record: it is read again, and nothing is overwritten.
func TestBookNoticesAnotherWriter(t *testing.T) {
	s := newStage(t)
	one, err := openBook(t.Context(), s.js, "acdadapter", 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openBook(t.Context(), s.js, "acdadapter", 1)
	if err != nil {
		t.Fatal(err)
	}
	r := record{Client: "sales", UserID: agent1, EventID: "1"}
	if err := one.put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	r.EventID = "2"
	if err := other.put(t.Context(), r); !errors.Is(err, jetstream.ErrKeyExists) {
		t.Errorf("error is %v", err)
	}
	if got := other.pages[r.key()].EventID; got != "1" {
		t.Errorf("took over event %s", got)
	}
	if err := other.put(t.Context(), r); err != nil {
		t.Error(err)
	}
	if err := one.put(t.Context(), r); !errors.Is(err, jetstream.ErrKeyExists) {
		t.Errorf("error is %v", err)
	}
}

func TestOldEventsAreKnown(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	r := record{Sequence: 7, PublishedAt: at}
	for _, tt := range []struct {
		sequence uint64
		seconds  int
		want     bool
	}{
		{7, 0, true}, {6, -1, true}, {8, 1, false},
		{8, -1, false}, // published by a bridge whose clock is behind
		{1, 1, false},  // the stream was made anew
	} {
		e := events.UserEvent{Sequence: tt.sequence, Data: events.UserData{PublishedAt: at.Add(time.Duration(tt.seconds) * time.Second)}}
		if got := r.knows(e); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

// Without a bridge there is nothing to consume yet; it waits.
func TestStartsBeforeTheBridge(t *testing.T) {
	s := newStage(t)
	for _, stream := range []string{"KV_" + events.Bucket, events.Stream} {
		if err := s.js.DeleteStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	s.start(parse(t, rulesText), 0)
	s.eventually("the adapter is there", func() bool {
		_, err := s.js.KeyValue(t.Context(), "acdadapter")
		return err == nil
	})
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	s.says(agent1, "Busy")
	s.caughtUp("sales", agent1)
	if got := s.decisions(); !slices.Equal(got, []string{"sales 1 unreachable busy:9"}) {
		t.Errorf("decisions %v", got)
	}
}
