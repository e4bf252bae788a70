package forward

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// told is a message of which only the subject counts.
type told struct {
	jetstream.Msg
	subject string
}

func (m told) Subject() string { return m.subject }

func TestFirstRun(t *testing.T) {
	for _, c := range []struct {
		subjects string
		want     int
	}{
		{"user.t.a", 1},
		{"user.t.a user.t.b user.u.a", 3},
		{"user.t.a user.t.a", 1},
		{"user.t.a user.t.b directory.t.a user.t.c", 2}, // whoever leaves is told of before being purged
		{"coverage.t.x user.t.x", 1},
		{"user.t.a user.t.b user.t.c user.t.b user.t.a", 3},
	} {
		var list []jetstream.Msg
		for subject := range strings.FieldsSeq(c.subjects) {
			list = append(list, told{subject: "presence.v1." + subject})
		}
		if got := len(firstRun(list)); got != c.want {
			t.Errorf("%s: %d, want %d", c.subjects, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	event := func(id string, sequence uint64, observed time.Duration) events.UserEvent {
		return events.UserEvent{ID: id, Sequence: sequence, Data: events.UserData{ObservedAt: at.Add(observed)}}
	}
	who := func(name string) person { return person{"t", name} }
	ours := map[person]events.UserEvent{
		who("same"):    event("1", 1, 0),
		who("missing"): event("2", 2, 0),
		who("older"):   event("3", 3, time.Second),
		who("stale"):   event("3s", 3, 0), // of the same observation
		who("newer"):   event("4", 4, 0),
		who("coming"):  event("9", 9, 0),
	}
	theirs := map[person]events.UserEvent{
		who("same"):      event("1", 11, 0),
		who("older"):     event("0", 12, 0),
		who("stale"):     event("0", 12, 0),
		who("newer"):     event("5", 13, time.Second),
		who("left"):      event("6", 14, 0),
		who("not known"): event("7", 15, 0),
	}
	again, gone := compare(ours, theirs, 5, func(_, u string) bool { return u != "left" })
	var ids []string
	for _, e := range again {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"2", "3", "3s"}) || !slices.Equal(gone, []person{who("left")}) {
		t.Errorf("again %v, gone %v", ids, gone)
	}
}
