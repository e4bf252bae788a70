package events_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"jtel.de/presencebridge/events"
)

// background runs a consumer until stop, which gives what it returned.
func background(t *testing.T, run func(context.Context) error) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(cancel)
	return func() error { cancel(); return <-done }
}

func TestWatchOfAThousand(t *testing.T) {
	_, p, js := running(t)
	var es []events.UserEvent
	for i := range 1000 {
		es = append(es, userEvent(person(i), "Busy", fmt.Sprint(i)))
	}
	publish(t, p, es...)
	eventually(t, "the bucket has all", func() bool { return inBucket(t, js, person(999)) != nil })

	type seen struct{ user, availability, what string }
	got := make(chan seen, 4096)
	end := background(t, func(ctx context.Context) error {
		return events.Watcher{
			Changed: func(e events.UserEvent) error {
				got <- seen{e.Data.User.ID, e.Data.Availability, "changed"}
				return nil
			},
			Removed: func(tenantID, userID string) error { got <- seen{userID, tenantID, "removed"}; return nil },
			Current: func() error { got <- seen{what: "current"}; return nil },
		}.Run(ctx, js)
	})
	people := map[string]bool{}
	for s := <-got; s.what != "current"; s = <-got {
		people[s.user] = true
	}
	if len(people) != 1000 {
		t.Errorf("%d people in the snapshot", len(people))
	}
	publish(t, p, userEvent(person(7), "Away", "away"))
	if s := <-got; s != (seen{person(7), "Away", "changed"}) {
		t.Errorf("got %v", s)
	}
	if err := p.Purge(t.Context(), tenant, person(8)); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != (seen{person(8), tenant, "removed"}) {
		t.Errorf("got %v", s)
	}
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestWatchEndsWithTheError(t *testing.T) {
	s, p, js := running(t)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	enough := errors.New("enough")
	if err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	if err := (events.Watcher{
		Changed: func(events.UserEvent) error { return nil },
		Current: func() error { return enough },
	}).Run(t.Context(), js); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	// The connection goes for good.
	nc, js := connect(t, s)
	if err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { nc.Close(); return nil }); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}

func TestWatchWithoutABucket(t *testing.T) {
	_, js := connect(t, natsServer(t, t.TempDir(), -1))
	err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "the bridge makes it when it starts") {
		t.Errorf("got %v", err)
	}
}

func TestWatchMalformed(t *testing.T) {
	_, p, js := running(t)
	subject, _ := events.UserSubject(tenant, agent1)
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	publish(t, p, userEvent(person(1), "Busy", "1"))
	if err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { return nil }); !errors.Is(err, events.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	var bad error
	enough := errors.New("enough")
	err := events.Watcher{
		Changed:   func(events.UserEvent) error { return enough },
		Malformed: func(err error) { bad = err },
	}.Run(t.Context(), js)
	if !errors.Is(err, enough) || !errors.Is(bad, events.ErrMalformed) {
		t.Errorf("got %v, %v", err, bad)
	}
}

func TestWatchSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := natsServer(t, dir, -1)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(person(0), "Busy", "0"))
	got := make(chan string, 100)
	end := background(t, func(ctx context.Context) error {
		return events.WatchUsers(ctx, js, func(e events.UserEvent) error { got <- e.ID; return nil })
	})
	<-got
	last := "0"
	for i, dir := range []string{dir, dir, t.TempDir()} { // the third time its store is lost, too
		s = restart(t, s, dir, p)
		if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint("after", i)
		publish(t, p, userEvent(person(1), "Busy", want))
		for id := <-got; id != want; id = <-got {
			if id != "0" && id != last { // what was there before is given again
				t.Errorf("got %s, want %s", id, want)
			}
		}
		last = want
	}
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
