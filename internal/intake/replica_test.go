package intake

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/graph"
)

// replicas are intakes that know nothing of each other but the stream.
type replicas struct {
	*fixture
	of []*Intake
	js jetstream.JetStream
	p  *events.Publisher
}

func newReplicas(t *testing.T, n int, options events.StreamOptions) *replicas {
	log := slog.New(slog.DiscardHandler)
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	r := &replicas{fixture: setUp(t, Fields{})}
	for range n {
		nc, err := events.Connect(events.ConnectOptions{InProcess: server.InProcess(), Log: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		if r.js, err = jetstream.New(nc); err != nil {
			t.Fatal(err)
		}
		if err := events.Setup(t.Context(), r.js, options); err != nil {
			t.Fatal(err)
		}
		if r.p, err = events.NewPublisher(nc, events.PublisherOptions{Timeout: 30 * time.Second}); err != nil {
			t.Fatal(err)
		}
		o := r.fixture.Options
		o.Bus, o.Shared, o.Observe, o.Gap = r.p, true, nil, nil
		r.of = append(r.of, New(o))
	}
	return r
}

// told is what the stream holds about a person, in order.
func (r *replicas) told(t *testing.T, userID string) []events.UserData {
	t.Helper()
	stream, err := r.js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	var all []events.UserData
	for seq := stream.CachedInfo().State.FirstSeq; seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			continue
		}
		if e, err := events.Decode[events.UserData](m.Data); err == nil && e.Data.User.ID == userID {
			all = append(all, e.Data)
		}
	}
	return all
}

// Notifications that reach any replica, in any order, several times and at the
// same time: what the stream tells of a person never goes back, and ends right.
func TestReplicasKeepOrder(t *testing.T) {
	const changes, deliveries = 120, 3
	r := newReplicas(t, 3, events.StreamOptions{})
	var all [][]graph.Reading
	for i := range changes {
		one, two := r.push(agent1, fmt.Sprint("state", i)), r.push(agent2, fmt.Sprint("state", i))
		one.Presence.SequenceNumber, two.Presence.SequenceNumber = fmt.Sprintf("A%04d", i), fmt.Sprintf("A%04d", i)
		for d := range deliveries {
			batch := []graph.Reading{one, two}
			if d > 0 {
				batch = batch[:1]
			}
			all = append(all, batch)
		}
	}
	// Neighbours change places, as retries do.
	for i := range all {
		j := min(i+rand.IntN(12), len(all)-1)
		all[i], all[j] = all[j], all[i]
	}
	work := make(chan []graph.Reading)
	var workers sync.WaitGroup
	for i := range 9 {
		in := r.of[i%len(r.of)]
		workers.Go(func() {
			for batch := range work {
				err := in.Accept(t.Context(), batch)
				for errors.Is(err, ErrNotStored) { // as Graph does
					err = in.Accept(t.Context(), batch)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, batch := range all {
		work <- batch
	}
	close(work)
	workers.Wait()
	for _, who := range []string{agent1, agent2} {
		told := r.told(t, who)
		for i := 1; i < len(told); i++ {
			was, is := told[i-1], told[i]
			if cmp.Compare(was.SequenceNumber, is.SequenceNumber) >= 0 {
				t.Errorf("%s after %s", is.SequenceNumber, was.SequenceNumber)
			}
			if is.Previous == nil || is.Previous.Availability != was.Availability {
				t.Errorf("after %s: previous %+v", was.Availability, is.Previous)
			}
		}
		if last := told[len(told)-1]; last.SequenceNumber != fmt.Sprintf("A%04d", changes-1) {
			t.Errorf("the last is %s", last.SequenceNumber)
		}
	}
}

// A replica that was not told of what another one published finds out.
func TestReplicaCatchesUp(t *testing.T) {
	r := newReplicas(t, 2, events.StreamOptions{})
	one, two := r.of[0], r.of[1]
	var asked []graph.Person
	two.Doubt = func(who []graph.Person) { asked = append(asked, who...) }
	two.Observe = func(o Outcome) { r.outcome = o }
	accept := func(in *Intake, readings ...graph.Reading) {
		t.Helper()
		if err := in.Accept(t.Context(), readings); err != nil {
			t.Fatal(err)
		}
	}
	busy := r.push(agent1, "Busy")
	accept(one, busy)
	// The same again, at the other one.
	accept(two, busy)
	if r.outcome != (Outcome{Repeated: 1}) {
		t.Errorf("a repeat at the other replica: %+v", r.outcome)
	}
	accept(one, r.push(agent1, "Away"))
	asked = nil
	// Two changes of one person, the first of them known to the bus.
	accept(two, busy, r.push(agent1, "Offline"), r.push(agent1, "Available"))
	if r.outcome != (Outcome{Repeated: 1, Published: 2}) {
		t.Errorf("after a conflict: %+v", r.outcome)
	}
	if len(asked) == 0 {
		t.Error("two replicas told of one person, and nobody asks who is right")
	}
	if err := two.Stale(t.Context(), []graph.Person{{TenantID: tenantID, UserID: agent1}}, always); err != nil {
		t.Fatal(err)
	}
	// One has no idea that it is stale, nor of the states before.
	accept(one, r.push(agent1, "Available"))
	states := ""
	for _, d := range r.told(t, agent1) {
		states += d.Availability + "/" + d.Freshness + " "
	}
	if states != "Busy/fresh Away/fresh Offline/fresh Available/fresh Available/stale Available/fresh " {
		t.Errorf("told %s", states)
	}
	// Nor can it call stale what somebody else has just told.
	accept(two, r.push(agent1, "Busy"))
	one.Observe = func(o Outcome) { r.outcome = o }
	if err := one.Stale(t.Context(), []graph.Person{{TenantID: tenantID, UserID: agent1}}, always); err != nil {
		t.Fatal(err)
	}
	if r.outcome != (Outcome{}) {
		t.Errorf("stale at the other replica: %+v", r.outcome)
	}
}

// A stamped read that was under way when a notification without a stamp arrived,
// here or at the other replica, does not undo it after a conflict either.
func TestReplicasRememberUnstampedNotifications(t *testing.T) {
	for heard, want := range []string{"Available Busy Offline Presenting ", "Available Busy "} {
		r := newReplicas(t, 2, events.StreamOptions{})
		accept := func(in *Intake, reading graph.Reading) {
			t.Helper()
			if err := in.Accept(t.Context(), []graph.Reading{reading}); err != nil {
				t.Fatal(err)
			}
		}
		read := func(availability, number string, asked time.Time) graph.Reading {
			reading := r.read(agent1, availability, asked)
			reading.Presence.SequenceNumber = number
			return reading
		}
		accept(r.of[0], read("Available", "A1", r.now))
		asked := r.now
		accept(r.of[heard], r.push(agent1, "Busy"))
		if heard == 0 {
			accept(r.of[1], read("Offline", "A2", r.now))
			accept(r.of[0], read("Presenting", "A3", r.now))
		}
		accept(r.of[0], read("Away", "A4", asked))
		states := ""
		for _, d := range r.told(t, agent1) {
			states += d.Availability + " "
		}
		if states != want {
			t.Errorf("heard by %d: told %s", heard, states)
		}
	}
}

// What the stream forgot or lost, and who left and came back, are no conflicts
// that last.
func TestReplicaAfterThePurgeAndTheHistory(t *testing.T) {
	r := newReplicas(t, 1, events.StreamOptions{History: time.Second})
	in := r.of[0]
	in.Observe = func(o Outcome) { r.outcome = o }
	accept := func(availability string) {
		t.Helper()
		if err := in.Accept(t.Context(), []graph.Reading{r.push(agent1, availability)}); err != nil || r.outcome.Published != 1 {
			t.Fatalf("%s: %+v, %v", availability, r.outcome, err)
		}
	}
	accept("Busy")
	if n, err := in.Forget(t.Context(), func(graph.Person) bool { return false }); n != 1 || err != nil {
		t.Fatalf("forgot %d: %v", n, err)
	}
	accept("Busy")
	empty := func() bool {
		stream, err := r.js.Stream(t.Context(), events.Stream)
		return err == nil && stream.CachedInfo().State.Msgs == 0
	}
	for end := time.Now().Add(30 * time.Second); !empty(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the stream forgets nothing")
		}
	}
	accept("Away")
	accept("Busy")
	if err := r.js.DeleteStream(t.Context(), events.Stream); err != nil {
		t.Fatal(err)
	}
	if err := events.Setup(t.Context(), r.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	accept("Away")
	if told := r.told(t, agent1); len(told) != 1 || told[0].Availability != "Away" {
		t.Errorf("told %+v", told)
	}
}

// A state that turned away and back is news, although each replica has told only
// one of the changes.
func TestReplicasTellOfAStateThatCameBack(t *testing.T) {
	r := newReplicas(t, 2, events.StreamOptions{})
	accept := func(in *Intake, reading graph.Reading) {
		t.Helper()
		if err := in.Accept(t.Context(), []graph.Reading{reading}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		accept(r.of[0], r.push(agent1, "Busy"))
		accept(r.of[1], r.push(agent1, "Away"))
	}
	// What a sweep reads is compared with what the bus is known to hold.
	onBus := ""
	asked := 0
	r.of[0].Told = func(graph.Person) string { asked++; return onBus }
	read := r.push(agent1, "Busy")
	read.Origin, read.NotificationKey, read.AskedAt = graph.OriginSweep, "", read.ObservedAt
	accept(r.of[0], read)
	onBus = r.of[0].slot(personOf(read)).last.eventID
	accept(r.of[0], read)
	states := ""
	for _, d := range r.told(t, agent1) {
		states += d.Availability + " "
	}
	if states != "Busy Away Busy Away Busy " || asked != 2 {
		t.Errorf("told %s, asked %d times", states, asked)
	}
}
