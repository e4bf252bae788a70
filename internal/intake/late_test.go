package intake

import (
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// What Graph repeats may be older than what it told since. Nothing in it says
// so, hence a read that confirms or corrects it.
func TestALateNotificationIsCorrected(t *testing.T) {
	f := setUp(t, Fields{})
	busy := f.push(agent1, "Busy")
	f.bus.refuse = func(int) bool { return true }
	f.accept(t, Outcome{Failed: 1}, busy)
	f.PutOff()
	f.bus.refuse, f.gaps = nil, nil

	f.accept(t, Outcome{Published: 1}, f.push(agent1, "Available"))
	f.now = f.now.Add(repeatsFor - time.Minute)
	f.accept(t, Outcome{Published: 1}, busy) // turns the state back ...
	if len(f.gaps) != 2 || f.gaps[1] != personOf(busy) {
		t.Fatalf("asked to read %v", f.gaps)
	}
	f.accept(t, Outcome{Published: 1}, f.read(agent1, "Available", f.now)) // ... and the read corrects it
	f.want(t, agent1, "Available Busy Available ")
	f.accept(t, Outcome{Repeated: 1}, busy)
}

func TestOnlyDoubtfulNotificationsAreRead(t *testing.T) {
	numbered := func(f *fixture, availability, number string) graph.Reading {
		r := f.push(agent1, availability)
		r.Presence.SequenceNumber = number
		return r
	}
	for name, c := range map[string]struct {
		do   func(*fixture)
		asks int
	}{
		"long after": {func(f *fixture) {
			f.now = f.now.Add(repeatsFor)
			f.accept(t, Outcome{Published: 1}, f.push(agent1, "Busy"))
		}, 0},
		"in the wake":     {func(f *fixture) { f.accept(t, Outcome{Published: 1}, f.push(agent1, "Busy")) }, 1},
		"nothing new":     {func(f *fixture) { f.accept(t, Outcome{Repeated: 1}, f.push(agent1, "Available")) }, 0},
		"a read":          {func(f *fixture) { f.accept(t, Outcome{Published: 1}, f.read(agent1, "Busy", f.now)) }, 0},
		"numbered at one": {func(f *fixture) { f.accept(t, Outcome{Published: 1}, numbered(f, "Busy", "A1")) }, 1},
		"numbered at both": {func(f *fixture) {
			f.accept(t, Outcome{Published: 1}, numbered(f, "Busy", "A1"))
			f.gaps = nil
			f.accept(t, Outcome{Published: 1}, numbered(f, "Away", "A2"))
			f.accept(t, Outcome{Older: 1}, numbered(f, "Offline", "A0"))
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, Fields{})
			f.accept(t, Outcome{Published: 1}, f.push(agent1, "Available"))
			f.PutOff()
			c.do(f)
			if len(f.gaps) != c.asks {
				t.Errorf("asked to read %d times, want %d", len(f.gaps), c.asks)
			}
		})
	}
}

// Nobody answered before the start, so Graph may have much to repeat.
func TestTheStartIsAWake(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	in := New(Options{Now: func() time.Time { return now }})
	d := draft{slot: newSlot(), reading: graph.Reading{Origin: graph.OriginNotification}}
	if !in.doubtful(d) {
		t.Error("a notification after the start is not in doubt")
	}
	now = now.Add(repeatsFor)
	if in.doubtful(d) {
		t.Error("a notification is still in doubt")
	}
}
