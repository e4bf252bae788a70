package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

const agents = 12

// watched is the service as it runs, between a simulated tenant and a consumer.
type watched struct {
	t         *testing.T
	sim       *graphsim.Simulator
	addresses app.Addresses
	received  chan any
}

// start runs the service with short intervals; environ overrides more of its
// configuration.
func start(t *testing.T, environ ...string) *watched {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	site, err := demo.NewSite(t.TempDir())
	check(t, err)
	sim := graphsim.New(graphsim.Options{People: agents, Roots: site.Roots, Faults: graphsim.DefaultFaults(), Log: log})
	check(t, sim.Start())
	t.Cleanup(sim.Close)
	callback, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { callback.Close() })
	file, err := site.Write(sim, demo.Addresses{Callback: callback.Addr().String(), Admin: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	check(t, err)
	c, err := config.Load(file, append([]string{
		"PRESENCEBRIDGE_TENANTS__0__SWEEP__INTERVAL=2s", "PRESENCEBRIDGE_TENANTS__0__SWEEP__FAST_INTERVAL=1s",
		"PRESENCEBRIDGE_TENANTS__0__STALE_AFTER=4s",
	}, environ...))
	check(t, err)

	b := &watched{t: t, sim: sim, received: make(chan any, 10_000)}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan app.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, app.Options{
			Config: c, Log: log, Callback: callback, Latency: time.Second,
			Started: func(a app.Addresses) { started <- a },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	select {
	case b.addresses = <-started:
	case <-time.After(30 * time.Second):
		t.Fatal("not started")
	}
	b.consume()
	return b
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *watched) consume() {
	nc, err := events.Connect(events.ConnectOptions{URL: b.addresses.NATS, Name: "test", Log: slog.New(slog.DiscardHandler)})
	check(b.t, err)
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	check(b.t, err)
	var consumer jetstream.Consumer
	b.eventually("the stream", func() bool {
		consumer, err = js.OrderedConsumer(b.t.Context(), events.Stream, jetstream.OrderedConsumerConfig{})
		return err == nil
	})
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		e, err := events.DecodeAny(m.Data())
		if err != nil {
			b.t.Error(err)
		}
		b.received <- e
	})
	check(b.t, err)
	b.t.Cleanup(consuming.Stop)
}

func (b *watched) eventually(what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// cover waits for a coverage event that says this: state and, of all people,
// those pushed, polled and not covered.
func (b *watched) cover(state string, push, poll, none int) {
	b.t.Helper()
	await(b, fmt.Sprint("coverage ", state), func(e events.CoverageEvent) bool {
		want := events.Covered{Assigned: push + poll + none, Push: push, Poll: poll, None: none}
		return e.Data.State == state && e.Data.People == want
	})
}

// change makes somebody change and waits for the event.
func (b *watched) change(userID, availability string) (origin string) {
	b.t.Helper()
	if !b.sim.SetPresence(userID, availability, availability) {
		b.t.Fatalf("%s is no change", availability)
	}
	return b.state(userID, availability, events.Fresh)
}

func (b *watched) state(userID, availability, freshness string) (origin string) {
	b.t.Helper()
	return await(b, availability+" "+freshness, func(e events.UserEvent) bool {
		return e.Data.User.ID == userID && e.Data.Availability == availability && e.Data.Freshness == freshness
	}).Data.Origin
}

// await passes over events until one of this kind is the one.
func await[T any](b *watched, what string, is func(T) bool) T {
	b.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-b.received:
			if e, ok := e.(T); ok && is(e) {
				return e
			}
		case <-deadline:
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// August 2024: Graph creates and renews subscriptions and delivers nothing. It
// is noticed, its people are read instead, and it heals when it delivers.
func TestSilentSubscription(t *testing.T) {
	b := start(t)
	b.cover(events.Healthy, agents, 0, 0)
	users, before := b.sim.Tenant().Users, b.sim.Subscriptions()[0].ID
	faults := b.sim.Faults()

	faults.Stalled = []string{"*"}
	b.sim.SetFaults(faults)
	if origin := b.change(users[0].ID, "Busy"); origin != events.OriginSweep {
		t.Errorf("found by %s", origin)
	}
	b.cover(events.Silent, 0, agents, 0)
	b.eventually("another subscription", func() bool {
		now := b.sim.Subscriptions()
		return len(now) == 1 && now[0].ID != before
	})
	b.change(users[1].ID, "Away")

	faults.Stalled = nil
	b.sim.SetFaults(faults)
	b.change(users[2].ID, "DoNotDisturb")
	b.change(users[1].ID, "Available") // who was missed is trusted when told of
	b.cover(events.Healthy, agents, 0, 0)
}

// Without a public side: everybody is read, and who cannot be read is stale.
func TestPolledTenant(t *testing.T) {
	b := start(t, "PRESENCEBRIDGE_TENANTS__0__MODE=poll",
		"PRESENCEBRIDGE_PUBLIC_URL=", "PRESENCEBRIDGE_TLS__CERT_FILE=", "PRESENCEBRIDGE_TLS__KEY_FILE=")
	b.cover(events.Polled, 0, agents, 0)
	if b.addresses.Callback != "" || len(b.sim.Subscriptions()) > 0 {
		t.Errorf("callback %q, %d subscriptions", b.addresses.Callback, len(b.sim.Subscriptions()))
	}
	user := b.sim.Tenant().Users[0].ID
	if origin := b.change(user, "Busy"); origin != events.OriginSweep {
		t.Errorf("found by %s", origin)
	}

	faults := b.sim.Faults()
	faults.Refuse = []graphsim.Refusal{{Path: "getPresencesByUserId", Status: 503}}
	b.sim.SetFaults(faults)
	b.state(user, "Busy", events.Stale)
	b.cover(events.Polled, 0, 0, agents)
	faults.Refuse = nil
	b.sim.SetFaults(faults)
	b.state(user, "Busy", events.Fresh)
	b.cover(events.Polled, 0, agents, 0)
}
