package events_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func decision(client, user, id string) events.DecisionEvent {
	return events.DecisionEvent{ID: id, Data: events.DecisionData{
		Client: client, TenantID: tenant, UserID: user, Decision: events.Reachable, Rule: "free", ObservedAt: exampleEvent().Time,
	}}
}

// What stands about one person is theirs alone, and goes with them.
func TestHistoryOfAPerson(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "1"), userEvent(person(2), "Busy", "2"), userEvent(person(1), "Away", "3"))
	for _, d := range []events.DecisionEvent{decision("sales", person(1), "d1"), decision("help", person(1), "d2"), decision("help", person(2), "d3")} {
		if ack := p.Publish(t.Context(), []events.Message{message(t, d)})[0]; ack.Err != nil {
			t.Fatal(ack.Err)
		}
	}
	subjects, err := events.SubjectsAbout(tenant, person(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), subjects[0], []byte("hello"), jetstream.WithMsgID("x")); err != nil {
		t.Fatal(err)
	}
	ids := func() (ids []string, malformed int) {
		before := uint64(0)
		for m, err := range events.History(t.Context(), js, subjects...) {
			if errors.Is(err, events.ErrMalformed) {
				malformed++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.Sequence <= before || time.Since(m.StoredAt) > time.Hour {
				t.Errorf("sequence %d after %d, stored at %s", m.Sequence, before, m.StoredAt)
			}
			before = m.Sequence
			switch e := m.Event.(type) {
			case events.UserEvent:
				ids = append(ids, e.ID)
			case events.DecisionEvent:
				ids = append(ids, e.ID)
			}
		}
		return ids, malformed
	}
	if got, malformed := ids(); len(got) != 4 || got[0] != "1" || got[3] != "d2" || malformed != 1 {
		t.Errorf("got %v, %d malformed", got, malformed)
	}
	if err := events.PurgeDecisions(t.Context(), js, "sales", person(1)); err != nil {
		t.Fatal(err)
	}
	if got, _ := ids(); len(got) != 3 || got[2] != "d2" {
		t.Errorf("after one client's purge: %v", got)
	}
	if err := events.PurgeDecisions(t.Context(), js, "", person(1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Purge(t.Context(), tenant, person(1)); err != nil {
		t.Fatal(err)
	}
	if got, _ := ids(); len(got) != 0 {
		t.Errorf("after the purge: %v", got)
	}
	if subjects, err = events.SubjectsAbout(tenant, person(2)); err != nil {
		t.Fatal(err)
	}
	if got, _ := ids(); len(got) != 2 {
		t.Errorf("of somebody else: %v", got)
	}
	for client, user := range map[string]string{"a b": person(1), "": "somebody", "sales": ""} {
		if err := events.PurgeDecisions(t.Context(), js, client, user); err == nil {
			t.Errorf("client %q and user %q are taken", client, user)
		}
	}
}
