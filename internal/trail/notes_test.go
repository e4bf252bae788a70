package trail

import (
	"fmt"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
)

const tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"

func person(n int) graph.Person {
	return graph.Person{TenantID: tenant, UserID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n)}
}

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// pad is a set of notes with a clock of its own.
type pad struct {
	*Notes
	now time.Time
}

func newPad() *pad {
	p := &pad{now: start}
	p.Notes = New(time.Hour, func() time.Time { return p.now })
	return p
}

func (p *pad) note(n int, availability string, origin graph.Origin, became intake.Became, eventID string) {
	p.Note(graph.Reading{
		TenantID: tenant, Presence: graph.Presence{UserID: person(n).UserID, Availability: availability, Activity: availability},
		Origin: origin, ObservedAt: p.now,
	}, became, eventID)
}

func TestRepeatsInARowAreOneNote(t *testing.T) {
	p := newPad()
	p.note(1, "Busy", graph.OriginNotification, intake.Published, "a")
	for range 5 {
		p.now = p.now.Add(time.Minute)
		p.note(1, "Busy", graph.OriginSweep, intake.Repeated, "")
	}
	p.note(1, "Busy", graph.OriginNotification, intake.Repeated, "")
	p.note(1, "Away", graph.OriginSweep, intake.Published, "b")
	p.note(1, "Away", graph.OriginSweep, intake.Published, "c") // another event
	notes, since := p.of(person(1))
	if len(notes) != 5 || notes[1].times != 5 || time.Unix(0, notes[1].last).Sub(time.Unix(0, notes[1].first)) != 4*time.Minute {
		t.Errorf("got %+v", notes)
	}
	if !since.Equal(start) {
		t.Errorf("complete since %s", since)
	}
}

func TestNotesAreBounded(t *testing.T) {
	p := newPad()
	for i := range 3 * mostNotes {
		p.now = start.Add(time.Duration(i) * time.Second)
		p.note(1, fmt.Sprint(i), graph.OriginNotification, intake.Published, fmt.Sprint(i))
	}
	notes, since := p.of(person(1))
	if len(notes) != mostNotes || notes[0].eventID != fmt.Sprint(2*mostNotes) || notes[mostNotes-1].eventID != fmt.Sprint(3*mostNotes-1) {
		t.Errorf("%d notes from %+v", len(notes), notes[0])
	}
	if want := start.Add(2 * mostNotes * time.Second); !since.Equal(want) {
		t.Errorf("complete since %s, want %s", since, want)
	}
	// After some were forgotten, new ones follow in order.
	p.now = p.now.Add(time.Hour - 10*time.Second)
	p.Forget(func(graph.Person) bool { return true })
	p.note(1, "Away", graph.OriginNotification, intake.Published, "new")
	notes, _ = p.of(person(1))
	if len(notes) != 12 || notes[11].eventID != "new" || notes[0].eventID != fmt.Sprint(3*mostNotes-11) {
		t.Errorf("%d notes: %+v", len(notes), notes)
	}
}

func TestNothingOutlivesTheHistory(t *testing.T) {
	p := newPad()
	p.note(1, "Busy", graph.OriginNotification, intake.Published, "a")
	p.note(2, "Busy", graph.OriginNotification, intake.Published, "b")
	p.now = start.Add(40 * time.Minute)
	p.note(2, "Away", graph.OriginNotification, intake.Published, "c")
	p.now = start.Add(61 * time.Minute)
	if notes, since := p.of(person(2)); len(notes) != 1 || notes[0].eventID != "c" || !since.Equal(start.Add(time.Minute)) {
		t.Errorf("told before it was forgotten: %+v since %s", notes, since)
	}
	p.Forget(func(graph.Person) bool { return true })
	if n := p.people(); n != 1 {
		t.Errorf("%d people are remembered", n)
	}
}

func TestWhoLeavesIsForgotten(t *testing.T) {
	p := newPad()
	for i := range 10 {
		p.note(i, "Busy", graph.OriginNotification, intake.Published, "a")
	}
	p.Forget(func(who graph.Person) bool { return who == person(3) })
	if n := p.people(); n != 1 {
		t.Errorf("%d people are remembered", n)
	}
	if notes, _ := p.of(person(3)); len(notes) != 1 {
		t.Error("the one who stays is forgotten")
	}
}

// people is how many are remembered.
func (n *Notes) people() (count int) {
	for i := range n.shards {
		count += len(n.shards[i].rings)
	}
	return count
}

// A note is on the way of every notification: it must cost next to nothing.
func TestNotesAllocateNothing(t *testing.T) {
	p := newPad()
	readings := make([]graph.Reading, mostNotes+1)
	for i := range readings {
		readings[i] = graph.Reading{TenantID: tenant, Origin: graph.OriginNotification, ObservedAt: start,
			Presence: graph.Presence{UserID: person(1).UserID, Availability: fmt.Sprint(i), Activity: "InACall"}}
	}
	i := 0
	one := func() { p.Note(readings[i%len(readings)], intake.Published, "id"); i++ }
	for range 2 * mostNotes {
		one()
	}
	if n := testing.AllocsPerRun(100, one); n != 0 {
		t.Errorf("%v allocations a note", n)
	}
}

func BenchmarkNote(b *testing.B) {
	p := newPad()
	r := graph.Reading{TenantID: tenant, Origin: graph.OriginNotification, ObservedAt: start,
		Presence: graph.Presence{UserID: person(1).UserID, Availability: "Busy", Activity: "InACall"}}
	for b.Loop() {
		p.Note(r, intake.Published, "id")
	}
}
