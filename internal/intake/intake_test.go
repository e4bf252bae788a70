package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

const (
	tenantID = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	agent1   = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	agent2   = "fc0eea34-31b1-43ef-9f2c-0f5b4b4cd3aa"
	stranger = "8ee44408-0679-472c-bc2a-692812af3437"
)

// bus keeps what a stream would: messages once per id. It is the outer edge of
// this room; the real stream is under test in internal/app.
type bus struct {
	mu     sync.Mutex
	stored []events.UserEvent
	seen   map[string]bool
	purged []string
	// refuse makes the i-th message of every publish fail.
	refuse func(i int) bool
	// lost stores the messages that are refused, as if only the answer got lost.
	lost bool
}

var errAway = errors.New("nats is away")

func (b *bus) Publish(_ context.Context, messages []events.Message) []events.Ack {
	b.mu.Lock()
	defer b.mu.Unlock()
	acks := make([]events.Ack, len(messages))
	for i, m := range messages {
		refused := b.refuse != nil && b.refuse(i)
		if refused {
			acks[i].Err = errAway
		}
		if refused && !b.lost {
			continue
		}
		acks[i].Duplicate = b.seen[m.ID]
		if b.seen[m.ID] {
			continue
		}
		b.seen[m.ID] = true
		e, err := events.Decode[events.UserData](m.Data)
		if err != nil {
			panic(err)
		}
		b.stored = append(b.stored, e)
	}
	return acks
}

func (b *bus) Last(_ context.Context, _, userID string) (events.UserEvent, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.stored); i > 0; i-- {
		if e := b.stored[i-1]; e.Data.User.ID == userID {
			return e, uint64(i), nil
		}
	}
	return events.UserEvent{}, 0, nil
}

func (b *bus) Purge(_ context.Context, _, userID string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return errAway
	}
	b.purged = append(b.purged, userID)
	return nil
}

// states lists what was stored about a person, in order.
func (b *bus) states(userID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := ""
	for _, e := range b.stored {
		if e.Data.User.ID == userID {
			text += e.Data.Availability + " "
		}
	}
	return text
}

type fixture struct {
	*Intake
	bus     *bus
	now     time.Time
	gaps    []graph.Person
	outcome Outcome
	n       int
}

func setUp(t testing.TB, fields Fields) *fixture {
	f := &fixture{bus: &bus{seen: map[string]bool{}}, now: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)}
	directory := people.NewDirectory()
	directory.Replace(tenantID, []people.Person{
		{ID: agent1, UserPrincipalName: "agent1@contoso.com", Mail: "agent.one@contoso.com", DisplayName: "Agent One", Phones: []string{"+4989123456"}},
		{ID: agent2, UserPrincipalName: "agent2@contoso.com"},
	})
	f.Intake = New(Options{
		Bus: f.bus, Lookup: directory.Lookup, Tenants: map[string]string{tenantID: "contoso"}, Fields: fields,
		Gap:     func(p []graph.Person) { f.gaps = append(f.gaps, p...) },
		Observe: func(o Outcome) { f.outcome = o },
		Now:     func() time.Time { return f.now },
		Log:     slog.New(slog.DiscardHandler),
	})
	f.lateUntil.Store(0) // the start was long ago
	return f
}

// push is a notification of its own; now goes on by a second with each.
func (f *fixture) push(userID, availability string) graph.Reading {
	f.now = f.now.Add(time.Second)
	f.n++
	return graph.Reading{
		TenantID: tenantID, Origin: graph.OriginNotification, ObservedAt: f.now, NotificationKey: fmt.Sprint("n", f.n),
		Presence: graph.Presence{UserID: userID, Availability: availability, Activity: availability},
	}
}

// read is what a sweep sent off at asked has read now.
func (f *fixture) read(userID, availability string, asked time.Time) graph.Reading {
	r := f.push(userID, availability)
	r.Origin, r.NotificationKey, r.AskedAt = graph.OriginSweep, "", asked
	return r
}

func (f *fixture) accept(t *testing.T, want Outcome, readings ...graph.Reading) {
	t.Helper()
	err := f.Accept(t.Context(), readings)
	if (want.Failed > 0) != errors.Is(err, ErrNotStored) {
		t.Fatalf("Accept: %v", err)
	}
	if f.outcome != want {
		t.Fatalf("outcome %+v, want %+v", f.outcome, want)
	}
}

func (f *fixture) want(t *testing.T, userID, states string) {
	t.Helper()
	if got := f.bus.states(userID); got != states {
		t.Fatalf("stored %q, want %q", got, states)
	}
}

func TestEventTellsEverythingOnce(t *testing.T) {
	f := setUp(t, Fields{Phones: true, DisplayName: true})
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Available"))
	message := "in a meeting until five"
	r := f.push(agent1, "Busy")
	r.Presence.StatusMessage = &message
	f.accept(t, Outcome{Published: 1}, r)

	e := f.bus.stored[1]
	d := e.Data
	if d.Tenant != "contoso" || d.User.Mail != "agent.one@contoso.com" || d.User.DisplayName != "Agent One" || len(d.User.Phones) != 1 {
		t.Errorf("person %+v of %s", d.User, d.Tenant)
	}
	if d.StatusMessage != nil {
		t.Error("a status message was told although it is switched off")
	}
	if d.Previous == nil || d.Previous.Availability != "Available" || !d.Previous.ObservedAt.Equal(r.ObservedAt.Add(-time.Second)) {
		t.Errorf("previous %+v", d.Previous)
	}
	if d.Origin != events.OriginNotification || d.Freshness != events.Fresh || !d.ObservedAt.Equal(r.ObservedAt) || !e.Time.Equal(r.ObservedAt) {
		t.Errorf("event %+v", e)
	}
	if f.bus.stored[0].Data.Previous != nil {
		t.Error("the first state has a previous one")
	}
}

func TestHiddenFieldsStayHidden(t *testing.T) {
	f := setUp(t, Fields{})
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Available"))
	if u := f.bus.stored[0].Data.User; u.DisplayName != "" || u.Phones != nil {
		t.Errorf("told %+v", u)
	}
	text := "at home"
	r := f.push(agent1, "Available")
	r.Presence.StatusMessage, r.Presence.WorkLocation = &text, &text
	f.accept(t, Outcome{Repeated: 1}, r)
}

func TestRepeats(t *testing.T) {
	f := setUp(t, Fields{})
	busy, free := f.push(agent1, "Busy"), f.push(agent1, "Available")
	f.accept(t, Outcome{Published: 1, Repeated: 1}, busy, busy)
	f.accept(t, Outcome{Published: 1}, free)
	f.accept(t, Outcome{Repeated: 2}, busy, free) // late, and would turn the state back
	f.accept(t, Outcome{Repeated: 1}, f.push(agent1, "Available"))
	f.accept(t, Outcome{Unwatched: 1}, f.push(stranger, "Busy"))
	f.want(t, agent1, "Busy Available ")
	if len(f.slots) != 1 {
		t.Errorf("%d people remembered, want 1", len(f.slots))
	}
}

func TestRepeatAfterARestartIsKnownToTheBus(t *testing.T) {
	f := setUp(t, Fields{})
	busy, free := f.push(agent1, "Busy"), f.push(agent1, "Available")
	f.accept(t, Outcome{Published: 2}, busy, free)

	again := setUp(t, Fields{})
	again.bus, again.Bus = f.bus, f.bus
	again.now = f.now
	again.Restore(f.bus.stored[1])
	again.accept(t, Outcome{Repeated: 1}, busy)
	again.accept(t, Outcome{Repeated: 1}, free)
	again.accept(t, Outcome{Published: 1}, again.read(agent1, "Busy", again.now))
	again.want(t, agent1, "Busy Available Busy ")
	if p := f.bus.stored[2].Data.Previous; p == nil || p.Availability != "Available" {
		t.Errorf("previous after a restart: %+v", p)
	}
}

func TestSequenceNumbersOrder(t *testing.T) {
	f := setUp(t, Fields{})
	numbered := func(availability, number string) graph.Reading {
		r := f.push(agent1, availability)
		r.Presence.SequenceNumber = number
		return r
	}
	first, second := numbered("Busy", "A0000000001"), numbered("Available", "A0000000002")
	f.accept(t, Outcome{Published: 1}, second)
	f.accept(t, Outcome{Older: 1}, first)
	f.accept(t, Outcome{Repeated: 1}, numbered("Available", "A0000000003"))
	f.accept(t, Outcome{Older: 1}, numbered("Away", "A0000000002"))
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Busy")) // without a number
	f.accept(t, Outcome{Older: 1}, numbered("Away", "A0000000001"))
	f.want(t, agent1, "Available Busy ")
}

func TestAReadDoesNotUndoWhatWasHeardMeanwhile(t *testing.T) {
	f := setUp(t, Fields{})
	asked := f.now
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Busy"))
	f.accept(t, Outcome{Older: 1}, f.read(agent1, "Available", asked))
	f.accept(t, Outcome{Published: 1}, f.read(agent1, "Available", f.now.Add(time.Millisecond)))
	f.want(t, agent1, "Busy Available ")
}

// TestAStampedReadDoesNotUndoAnUnstampedNotification: Graph's reads carry
// sequence numbers and its notifications may not, so that the stamp of a read
// that was under way when a notification arrived proves nothing.
func TestAStampedReadDoesNotUndoAnUnstampedNotification(t *testing.T) {
	f := setUp(t, Fields{})
	read := func(availability, number string, asked time.Time) graph.Reading {
		r := f.read(agent1, availability, asked)
		r.Presence.SequenceNumber = number
		return r
	}
	f.accept(t, Outcome{Published: 1}, read("Available", "A0000000001", f.now))
	asked := f.now
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Busy"))
	f.accept(t, Outcome{Older: 1}, read("Available", "A0000000001", asked)) // from before the notification
	f.accept(t, Outcome{Older: 1}, read("Away", "A0000000002", asked))      // perhaps, too
	f.accept(t, Outcome{Published: 1}, read("Away", "A0000000002", f.now.Add(time.Millisecond)))
	f.want(t, agent1, "Available Busy Away ")

	// A stamped notification is compared by its stamp.
	asked = f.now.Add(time.Millisecond)
	n := f.push(agent1, "Busy")
	n.Presence.SequenceNumber = "A0000000003"
	f.accept(t, Outcome{Published: 1}, n)
	f.accept(t, Outcome{Published: 1}, read("Offline", "A0000000004", asked))
	f.want(t, agent1, "Available Busy Away Busy Offline ")
}

func TestOutOfOfficeToldLaterIsNews(t *testing.T) {
	f := setUp(t, Fields{})
	yes, no := true, false
	told := func(ooo *bool) graph.Reading {
		r := f.push(agent1, "Available")
		r.Presence.OutOfOffice = ooo
		return r
	}
	f.accept(t, Outcome{Published: 1}, told(nil))
	f.accept(t, Outcome{Repeated: 1}, told(&no))
	f.accept(t, Outcome{Published: 1}, told(&yes))
	f.accept(t, Outcome{Repeated: 1}, told(nil))
	f.accept(t, Outcome{Published: 1}, told(&no))
}

func TestWhatTheBusRefusedIsOfferedAgain(t *testing.T) {
	for _, answerLost := range []bool{false, true} {
		t.Run(fmt.Sprintf("answer lost %v", answerLost), func(t *testing.T) {
			f := setUp(t, Fields{})
			one, two, three := f.push(agent1, "Busy"), f.push(agent2, "Busy"), f.push(agent1, "Away")
			f.bus.refuse, f.bus.lost = func(i int) bool { return i == 0 }, answerLost
			f.accept(t, Outcome{Published: 1, Failed: 2}, one, two, three)
			if len(f.gaps) != 1 || f.gaps[0].UserID != agent1 {
				t.Errorf("gaps %v", f.gaps)
			}
			f.bus.refuse = nil
			// The same delivery again: what was refused is stored now, in order.
			if err := f.Accept(t.Context(), []graph.Reading{one, two, three}); err != nil {
				t.Fatal(err)
			}
			f.want(t, agent1, "Busy Away ")
			f.want(t, agent2, "Busy ")
			f.accept(t, Outcome{Repeated: 1}, f.read(agent1, "Away", f.now))
		})
	}
}

// The read that the gap asks for may come before Graph repeats the batch.
func TestAReadBetweenAFailureAndItsRepeat(t *testing.T) {
	f := setUp(t, Fields{})
	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Available"))
	busy, away := f.push(agent1, "Busy"), f.push(agent1, "Away")
	f.bus.refuse = func(int) bool { return true }
	f.accept(t, Outcome{Failed: 2}, busy, away)
	f.bus.refuse = nil
	f.accept(t, Outcome{Published: 1}, f.read(agent1, "Away", f.now))
	f.accept(t, Outcome{Published: 2}, busy, away)
	f.want(t, agent1, "Available Away Busy Away ")
}

func TestReadingsBeforeThePeopleAreKnownAreNotStored(t *testing.T) {
	f := setUp(t, Fields{})
	known := false
	f.Known = func(string) bool { return known }
	lookup := f.Lookup
	f.Lookup = func(tenantID, userID string) (people.Person, bool) {
		if !known {
			return people.Person{}, false
		}
		return lookup(tenantID, userID)
	}
	busy := f.push(agent1, "Busy")
	f.accept(t, Outcome{Failed: 1}, busy)
	known = true
	f.accept(t, Outcome{Published: 1, Unwatched: 1}, busy, f.push(stranger, "Busy"))
	f.want(t, agent1, "Busy ")
}

// A bus that lost what it had acknowledged gets it again.
func TestReconcile(t *testing.T) {
	f := setUp(t, Fields{})
	f.accept(t, Outcome{Published: 2}, f.push(agent1, "Available"), f.push(agent2, "Available"))
	first := f.bus.stored[0]
	f.accept(t, Outcome{Published: 2}, f.push(agent1, "Busy"), f.push(agent2, "Busy"))
	last := f.bus.stored[3]

	person := func(id string) graph.Person { return graph.Person{TenantID: tenantID, UserID: id} }
	f.Reconcile(map[graph.Person]events.UserEvent{person(agent1): first, person(agent2): last})
	f.accept(t, Outcome{Published: 1, Repeated: 1}, f.read(agent1, "Busy", f.now), f.read(agent2, "Busy", f.now))
	f.Reconcile(nil)
	f.accept(t, Outcome{Published: 2}, f.read(agent1, "Busy", f.now), f.read(agent2, "Busy", f.now))
	if e := f.bus.stored[6]; e.Data.Previous != nil {
		t.Errorf("a previous state that the bus does not have: %+v", e.Data.Previous)
	}
}

func TestARepeatWithinAFailedBatchIsNotForgotten(t *testing.T) {
	f := setUp(t, Fields{})
	busy := f.push(agent1, "Busy")
	f.bus.refuse = func(int) bool { return true }
	f.accept(t, Outcome{Failed: 1, Repeated: 1}, busy, busy)
	f.bus.refuse = nil
	f.accept(t, Outcome{Published: 1}, busy)
	f.want(t, agent1, "Busy ")
}

func TestForget(t *testing.T) {
	f := setUp(t, Fields{})
	f.accept(t, Outcome{Published: 2}, f.push(agent1, "Busy"), f.push(agent2, "Busy"))
	keep := func(p graph.Person) bool { return p.UserID == agent2 }
	f.bus.refuse = func(int) bool { return true }
	if n, err := f.Forget(t.Context(), keep); n != 0 || !errors.Is(err, errAway) || len(f.slots) != 2 {
		t.Fatalf("forgot %d: %v", n, err)
	}
	f.bus.refuse = nil
	if n, err := f.Forget(t.Context(), keep); n != 1 || err != nil {
		t.Fatalf("forgot %d: %v", n, err)
	}
	if len(f.bus.purged) != 1 || f.bus.purged[0] != agent1 || len(f.slots) != 1 {
		t.Errorf("purged %v, %d remembered", f.bus.purged, len(f.slots))
	}
}

func TestWaitingForATurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := setUp(t, Fields{})
		f.Observe = func(Outcome) {}
		stall := make(chan struct{})
		f.Options.Bus = stalled{f.bus, stall}
		first := make(chan error)
		go func() { first <- f.Accept(t.Context(), []graph.Reading{f.push(agent1, "Busy")}) }()
		synctest.Wait()
		// Both are wanted, and the free one is given back.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := f.Accept(ctx, []graph.Reading{f.push(agent2, "Busy"), f.push(agent1, "Away")})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Accept: %v", err)
		}
		close(stall)
		if err := <-first; err != nil {
			t.Error(err)
		}
		if err := f.Accept(t.Context(), []graph.Reading{f.push(agent2, "Away")}); err != nil {
			t.Error(err)
		}
		f.want(t, agent1, "Busy ")
		f.want(t, agent2, "Away ")
	})
}

// stalled is a bus that answers once it may.
type stalled struct {
	*bus
	until chan struct{}
}

func (s stalled) Publish(ctx context.Context, messages []events.Message) []events.Ack {
	<-s.until
	return s.bus.Publish(ctx, messages)
}

func TestConcurrentBatchesPublishOnce(t *testing.T) {
	f := setUp(t, Fields{})
	f.Observe = func(Outcome) {}
	var batch, reversed []graph.Reading
	for _, state := range []string{"Busy", "Away"} {
		batch = append(batch, f.push(agent1, state), f.push(agent2, state))
	}
	reversed = []graph.Reading{batch[1], batch[0], batch[3], batch[2]}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			readings := batch
			if i%2 == 1 {
				readings = reversed
			}
			if err := f.Accept(t.Context(), readings); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.want(t, agent1, "Busy Away ")
	f.want(t, agent2, "Busy Away ")
}

// What the road costs a notification, without decryption and without the bus.
func BenchmarkAccept(b *testing.B) {
	f := setUp(b, Fields{Phones: true, DisplayName: true})
	f.Options.Bus = nowhere{}
	states := [...]string{"Busy", "Available"}
	readings := make([]graph.Reading, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		readings[0] = graph.Reading{
			TenantID: tenantID, Origin: graph.OriginNotification, ObservedAt: f.now, NotificationKey: "n",
			Presence: graph.Presence{UserID: agent1, Availability: states[i%2], Activity: states[i%2], SequenceNumber: ""},
		}
		readings[0].NotificationKey = keys[i%len(keys)]
		if err := f.Accept(b.Context(), readings); err != nil {
			b.Fatal(err)
		}
	}
}

// keys are more than a slot remembers, so that nothing is a repeat.
var keys = [10]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}

type nowhere struct{}

func (nowhere) Publish(_ context.Context, messages []events.Message) []events.Ack {
	return make([]events.Ack, len(messages))
}
func (nowhere) Last(context.Context, string, string) (events.UserEvent, uint64, error) {
	return events.UserEvent{}, 0, nil
}
func (nowhere) Purge(context.Context, string, string) error { return nil }
