package events_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func TestLastCoverage(t *testing.T) {
	_, p, js := running(t)
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	for id, account := range map[string]string{"1": "a", "2": "b"} {
		for _, state := range []string{events.Lost, events.Healthy} {
			m := message(t, events.CoverageEvent{ID: id + state, Data: events.CoverageData{
				TenantID: tenant, Tenant: "contoso", Account: account, State: state, ObservedAt: at, PublishedAt: at,
			}})
			if ack := p.Publish(t.Context(), []events.Message{m})[0]; ack.Err != nil {
				t.Fatal(ack.Err)
			}
		}
	}
	found := map[string]string{}
	for e, err := range events.LastCoverage(t.Context(), js) {
		if err != nil || e.Sequence == 0 {
			t.Fatal(err, e.Sequence)
		}
		found[e.Data.Account] = e.Data.State
	}
	if len(found) != 2 || found["a"] != events.Healthy || found["b"] != events.Healthy {
		t.Errorf("got %v", found)
	}
}

// A watcher of the coverage knows everybody's at once, and goes on over an outage.
func TestWatchCoverage(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	say := func(id, account, state string) {
		t.Helper()
		m := message(t, events.CoverageEvent{ID: id, Data: events.CoverageData{
			TenantID: tenant, Tenant: "contoso", Account: account, State: state, ObservedAt: at, PublishedAt: at,
		}})
		if ack := p.Publish(t.Context(), []events.Message{m})[0]; ack.Err != nil {
			t.Fatal(ack.Err)
		}
	}
	say("1", "a", events.Lost)
	say("2", "a", events.Healthy)
	say("3", "b", events.Healthy)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	got := make(chan string, 100)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- events.WatchCoverage(ctx, js, func(e events.CoverageEvent) error {
			got <- e.Data.Account + " " + e.Data.State
			return nil
		})
	}()
	want := func(want string) {
		t.Helper()
		for {
			select {
			case g := <-got:
				if g == want {
					return
				}
				if strings.HasSuffix(g, events.Lost) {
					t.Errorf("got %s, which was long ago", g)
				}
			case <-time.After(30 * time.Second):
				t.Fatalf("never: %s", want)
			}
		}
	}
	want("a healthy")
	want("b healthy")
	say("4", "b", events.Silent)
	want("b silent")
	restart(t, s, dir, p)
	say("5", "a", events.Silent)
	want("a silent")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestLastDirectory(t *testing.T) {
	_, p, js := running(t)
	tell := func(n int, change, id string) {
		t.Helper()
		at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
		m, err := events.NewMessage(events.DirectoryEvent{ID: id, Data: events.DirectoryData{
			TenantID: tenant, Tenant: "contoso", Change: change, User: events.User{ID: person(n)}, ObservedAt: at, PublishedAt: at,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if ack := p.Publish(t.Context(), []events.Message{m})[0]; ack.Err != nil {
			t.Fatal(ack.Err)
		}
	}
	last := func() map[string]string {
		found := map[string]string{}
		for e, err := range events.LastDirectory(t.Context(), js) {
			if err != nil && !errors.Is(err, events.ErrMalformed) {
				t.Fatal(err)
			}
			found[e.Data.User.ID] = e.Data.Change + " " + e.ID
		}
		return found
	}
	if got := last(); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
	tell(1, events.Added, "a")
	tell(2, events.Added, "b")
	tell(2, events.Changed, "c")
	tell(3, events.Added, "d")
	tell(3, events.Removed, "e")
	publish(t, p, userEvent(person(4), "Busy", "1"))
	got := last()
	if len(got) != 3 || got[person(1)] != "added a" || got[person(2)] != "changed c" || got[person(3)] != "removed e" {
		t.Errorf("got %v", got)
	}

	// A foreign message does not hide the others.
	subject, err := events.DirectorySubject(tenant, person(5))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), subject, []byte("hello"), jetstream.WithMsgID("x")); err != nil {
		t.Fatal(err)
	}
	if got := last(); len(got) != 4 { // the fourth has no id
		t.Errorf("got %v", got)
	}
}
