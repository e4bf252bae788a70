package app_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// told are the last directory events by user id.
func (b *bridge) told() map[string]events.DirectoryEvent {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := map[string]events.DirectoryEvent{}
	for e, err := range events.LastDirectory(ctx, b.jetStream()) {
		if err != nil {
			return nil // away, or not set up yet
		}
		all[e.Data.User.ID] = e
	}
	return all
}

// sequence is that of the last message on a subject; zero without one.
func (b *bridge) sequence(subject string, err error) uint64 {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	stream, err := b.jetStream().Stream(b.t.Context(), events.Stream)
	if err != nil {
		b.t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(b.t.Context(), subject)
	if err != nil {
		return 0
	}
	return m.Sequence
}

// People come, change, are renamed and leave, the bus goes away and the service
// starts anew: each change is told once, and who leaves is purged after it.
func TestChangesOfTheDirectoryAreTold(t *testing.T) {
	dir, address := t.TempDir(), freeAddress(t)
	start := func() *broker.Broker {
		server, err := broker.Start(broker.Options{Dir: dir, Listen: address, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return server
	}
	server := start()
	defer func() { server.Close() }()
	b := newBridge(t, graphsim.Options{Faults: graphsim.DefaultFaults()}, func(c *config.Config) {
		c.NATS.URL = "nats://" + address
		c.Tenants[0].People.Refresh = 100 * time.Millisecond
	})
	begin := func() {
		b.start(false)
		b.addresses.NATS = "nats://" + address
	}
	begin()
	b.covered()
	is := func(id, change string, more func(events.User) bool) func() bool {
		return func() bool {
			e, known := b.told()[id]
			return known && e.Data.Change == change && more(e.Data.User)
		}
	}
	anything := func(events.User) bool { return true }
	users := b.sim.Tenant().Users
	for _, u := range users {
		b.eventually("added", is(u.ID, events.Added, anything))
	}

	leaver, changed, renamed := users[0], users[1], users[2]
	changed.BusinessPhones = []string{"+49 30 23125 999"}
	b.sim.PutUser(changed)
	renamed.UserPrincipalName = "renamed@contoso.com"
	b.sim.PutUser(renamed)
	b.sim.RemoveUser(leaver.ID)
	newcomer := b.sim.PutUser(graphsim.User{UserPrincipalName: "new@contoso.com", DisplayName: "New"})
	b.eventually("new number", is(changed.ID, events.Changed, func(u events.User) bool { return len(u.Phones) == 1 && u.Phones[0] == "+493023125999" }))
	b.eventually("new name", is(renamed.ID, events.Changed, func(u events.User) bool { return u.UserPrincipalName == "renamed@contoso.com" }))
	b.eventually("newcomer", is(newcomer, events.Added, anything))
	b.eventually("leaver", is(leaver.ID, events.Removed, func(u events.User) bool { return u.UserPrincipalName == "" }))
	b.eventually("purge", func() bool { _, there := b.states()[leaver.ID]; return !there })
	tenant := b.sim.Tenant().ID
	removed, purged := b.sequence(events.DirectorySubject(tenant, leaver.ID)), b.sequence(events.UserSubject(tenant, leaver.ID))
	if removed == 0 || purged < removed {
		t.Errorf("removed is message %d, the purge %d", removed, purged)
	}

	server.Close()
	b.eventually("notice of the outage", func() bool { return strings.Contains(b.log.all(), "nats is away") })
	changed.BusinessPhones = []string{"+49 30 23125 998"}
	b.sim.PutUser(changed)
	time.Sleep(300 * time.Millisecond) // a refresh or two
	server = start()
	b.eventually("what changed during the outage", is(changed.ID, events.Changed, func(u events.User) bool { return len(u.Phones) == 1 && u.Phones[0] == "+493023125998" }))
	b.eventually("agreement", b.agrees)

	before := b.told()
	b.halt()
	begin()
	b.covered()
	second := b.sim.PutUser(graphsim.User{UserPrincipalName: "second@contoso.com"}) // told after whatever a start would tell
	b.eventually("second newcomer", is(second, events.Added, anything))
	for id, e := range b.told() {
		if id != second && e.ID != before[id].ID {
			t.Errorf("told again after a restart: %s, before %s", pretty(e), pretty(before[id]))
		}
	}

	// With the same state as before: no repeat.
	b.sim.PutUser(leaver)
	b.eventually("return", is(leaver.ID, events.Added, anything))
	b.eventually("state of who returned", func() bool { return b.states()[leaver.ID].ID != "" })
}
