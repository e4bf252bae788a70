package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

const agents = 12

// observer is a bridge with short intervals and a consumer of all its events.
type observer struct {
	*bridge
	received chan any
}

func observe(t *testing.T, change func(*config.Config)) *observer {
	t.Helper()
	b := newBridge(t, graphsim.Options{People: agents, Faults: graphsim.DefaultFaults()}, func(c *config.Config) {
		c.Tenants[0].Sweep = config.Sweep{Interval: 2 * time.Second, FastInterval: time.Second}
		c.Tenants[0].StaleAfter = 4 * time.Second
		change(c)
	})
	b.latency = time.Second
	b.start(false)
	o := &observer{b, make(chan any, 10_000)}
	o.consume()
	return o
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *observer) consume() {
	js := b.jetStream()
	var consumer jetstream.Consumer
	b.eventually("stream", func() bool {
		var err error
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

// cover waits for a coverage event that says this: state and, of all people,
// those pushed, polled and not covered.
func (b *observer) cover(state string, push, poll, none int) {
	b.t.Helper()
	await(b, fmt.Sprint("coverage ", state), func(e events.CoverageEvent) bool {
		want := events.Covered{Assigned: push + poll + none, Push: push, Poll: poll, None: none}
		return e.Data.State == state && e.Data.People == want
	})
}

// change makes somebody change and waits for the event.
func (b *observer) change(userID, availability string) (origin string) {
	b.t.Helper()
	if !b.sim.SetPresence(userID, availability, availability) {
		b.t.Fatalf("%s is no change", availability)
	}
	return b.state(userID, availability, events.Fresh)
}

func (b *observer) state(userID, availability, freshness string) (origin string) {
	b.t.Helper()
	return await(b, availability+" "+freshness, func(e events.UserEvent) bool {
		return e.Data.User.ID == userID && e.Data.Availability == availability && e.Data.Freshness == freshness
	}).Data.Origin
}

// await passes over events until one of this kind is the one.
func await[T any](b *observer, what string, is func(T) bool) T {
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
	b := observe(t, func(*config.Config) {})
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
	b := observe(t, func(c *config.Config) {
		c.Tenants[0].Mode = config.ModePoll
		c.PublicURL, c.TLS.CertFile, c.TLS.KeyFile = "", "", ""
	})
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
