package app

import (
	"testing"
	"time"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/notification"
)

func TestActivity(t *testing.T) {
	now := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	a := newActivity("1.0", func() time.Time { return now })
	for range 98 {
		a.stored(graph.OriginNotification, false, 2*time.Millisecond)
	}
	a.stored(graph.OriginSweep, false, 80*time.Millisecond)
	a.stored(graph.OriginSweep, false, 90*time.Millisecond)
	a.stored(graph.OriginStart, false, time.Hour) // is no change
	a.stored(graph.OriginSweep, true, time.Hour)
	a.answered(handlers.Outcome{Status: 202, Refused: map[notification.Reason]int{notification.ReasonClientState: 3}})
	a.answered(handlers.Outcome{Status: 202})
	now = now.Add(pointEvery)
	a.answered(handlers.Outcome{Status: 503, Cause: handlers.CauseBusAway})
	a.stored(graph.OriginNotification, false, 10*time.Minute)

	got := a.recall()
	if len(got.Points) != pointsKept || got.Seconds != 10 || got.Version != "1.0" || !got.StartedAt.Equal(now.Add(-pointEvery)) {
		t.Errorf("%d points of %d s, version %s, since %s", len(got.Points), got.Seconds, got.Version, got.StartedAt)
	}
	last, before := got.Points[pointsKept-1], got.Points[pointsKept-2]
	if !last.At.Equal(now) || last.Changes != 1 || last.P50 < 10_000 {
		t.Errorf("last point %+v", last)
	}
	// No more than a step above what it is.
	if before.Changes != 100 || before.P50 < 2 || before.P50 > 2.5 || before.P99 < 80 || before.P99 > 112.5 {
		t.Errorf("point before %+v", before)
	}
	if quiet := got.Points[0]; quiet.Changes != 0 || quiet.P50 != 0 {
		t.Errorf("first point %+v", quiet)
	}
	want := []handlers.Refused{
		{What: "request", Reason: "bus_away", Recent: 1, Total: 1, LastAt: now},
		{What: "item", Reason: "client_state", Recent: 3, Total: 3, LastAt: now.Add(-pointEvery)},
	}
	if len(got.Refused) != 2 || got.Refused[0] != want[0] || got.Refused[1] != want[1] {
		t.Errorf("refused %+v", got.Refused)
	}

	now = now.Add((pointsKept - 1) * pointEvery) // what stood at the same places is gone
	got = a.recall()
	if first := got.Points[0]; first.Changes != 1 || got.Points[1].Changes != 0 {
		t.Errorf("after a quarter of an hour: %+v", got.Points[:2])
	}
	if r := got.Refused; r[0].Recent != 1 || r[1].Recent != 0 || r[1].Total != 3 {
		t.Errorf("refused after a quarter of an hour: %+v", r)
	}
}
