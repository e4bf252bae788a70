package intake

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/graph"
)

func always(graph.Person) bool { return true }

func (f *fixture) stale(t *testing.T, want Outcome, unconfirmed func(graph.Person) bool) {
	t.Helper()
	err := f.Stale(t.Context(), []graph.Person{{TenantID: tenantID, UserID: agent1}, {TenantID: tenantID, UserID: stranger}}, unconfirmed)
	if (want.Failed > 0) != (err != nil) {
		t.Fatalf("Stale: %v", err)
	}
	if f.outcome != want {
		t.Fatalf("outcome %+v, want %+v", f.outcome, want)
	}
}

func TestStaleIsToldOnceAndFreshAgain(t *testing.T) {
	f := setUp(t, Fields{})
	var stored []string
	f.Stored = func(origin graph.Origin, stale bool, after time.Duration) {
		stored = append(stored, fmt.Sprint(origin, " ", stale, " ", after))
	}
	f.stale(t, Outcome{}, always) // nothing is known yet
	busy := f.push(agent1, "Busy")
	f.accept(t, Outcome{Published: 1}, busy)
	f.stale(t, Outcome{}, func(graph.Person) bool { return false }) // confirmed meanwhile
	f.bus.refuse = func(int) bool { return true }
	f.stale(t, Outcome{Failed: 1}, always)
	f.bus.refuse = nil
	f.stale(t, Outcome{Stale: 1}, always)
	f.stale(t, Outcome{}, always)

	e := f.bus.stored[1].Data
	if e.Freshness != events.Stale || e.Availability != "Busy" || e.Origin != events.OriginNotification || !e.ObservedAt.Equal(busy.ObservedAt) {
		t.Errorf("told %+v", e)
	}
	f.accept(t, Outcome{Repeated: 1}, busy) // heard before: confirms nothing
	read := f.read(agent1, "Busy", f.now)
	f.now = f.now.Add(time.Second)
	f.accept(t, Outcome{Published: 1}, read)
	f.accept(t, Outcome{Repeated: 1}, f.read(agent1, "Busy", f.now))
	if e := f.bus.stored[2].Data; e.Freshness != events.Fresh || e.Availability != "Busy" || e.Origin != events.OriginSweep {
		t.Errorf("told %+v", e)
	}
	f.stale(t, Outcome{Stale: 1}, always) // for another time
	f.want(t, agent1, "Busy Busy Busy Busy ")
	if got := strings.Join(stored, ", "); got != "notification false 0s, notification true 0s, sweep false 1s, sweep true 0s" {
		t.Errorf("told as stored: %s", got)
	}
}

func TestFreshnessSurvivesARestart(t *testing.T) {
	f := setUp(t, Fields{})
	f.accept(t, Outcome{Published: 1}, f.read(agent1, "Busy", f.now))
	f.stale(t, Outcome{Stale: 1}, always)

	again := setUp(t, Fields{})
	again.bus, again.Bus, again.now = f.bus, f.bus, f.now
	again.Restore(f.bus.stored[1])
	again.stale(t, Outcome{}, always)
	again.accept(t, Outcome{Published: 1}, again.read(agent1, "Busy", again.now))
}

// Seen is told what stands, with what moved; not what was heard before, is
// older, or could not be stored.
func TestSeen(t *testing.T) {
	f := setUp(t, Fields{})
	seen := ""
	f.Seen = func(r graph.Reading, moved bool) {
		seen += map[bool]string{true: "moved ", false: "same "}[moved]
	}
	expect := func(want string, readings ...graph.Reading) {
		t.Helper()
		seen = ""
		f.Accept(t.Context(), readings)
		if seen != want {
			t.Errorf("seen %q, want %q", seen, want)
		}
	}
	out := true
	asked, busy := f.now, f.push(agent1, "Busy")
	expect("same ", busy) // the first state
	expect("", busy)
	expect("same ", f.push(agent1, "Busy"))
	expect("moved ", f.push(agent1, "Away"))
	expect("", f.read(agent1, "Busy", asked))
	expect("", f.push(stranger, "Busy"))
	r := f.read(agent1, "Away", f.now)
	r.Presence.OutOfOffice = &out
	expect("same ", r)
	expect("moved ", f.read(agent1, "Busy", f.now))
	f.stale(t, Outcome{Stale: 1}, always)
	expect("same ", f.read(agent1, "Busy", f.now))
	f.bus.refuse = func(int) bool { return true }
	expect("", f.push(agent1, "Offline"))
}

// Somebody leaves, is purged and comes back within the stream's duplicate
// window, with the same state and known by a read: that is no repeat.
func TestWhoComesBackIsToldAgain(t *testing.T) {
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	nc, err := events.Connect(events.ConnectOptions{InProcess: server.InProcess(), Name: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publisher, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}

	f := setUp(t, Fields{})
	f.Bus = publisher
	for range 2 {
		f.accept(t, Outcome{Published: 1}, f.read(agent1, "Available", f.now))
		stored := 0
		for deadline := time.Now().Add(10 * time.Second); stored == 0 && time.Now().Before(deadline); {
			for _, err := range events.Snapshot(t.Context(), js) {
				if err != nil {
					t.Fatal(err)
				}
				stored++
			}
		}
		if stored != 1 {
			t.Fatalf("%d states in the bucket", stored)
		}
		if n, err := f.Forget(t.Context(), func(graph.Person) bool { return false }); n != 1 || err != nil {
			t.Fatalf("forgot %d: %v", n, err)
		}
	}
}
