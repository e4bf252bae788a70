package intake

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// Whatever becomes of a reading of somebody who is watched is told, with the
// event that tells it; hidden facts are not.
func TestWhatBecameOfReadings(t *testing.T) {
	f := setUp(t, Fields{})
	type told struct {
		availability string
		became       Became
		event        bool
	}
	var got []told
	f.Trace = func(r graph.Reading, b Became, eventID string) {
		if r.Presence.StatusMessage != nil || r.Presence.UserID != agent1 {
			t.Errorf("told %+v", r)
		}
		got = append(got, told{r.Presence.Availability, b, eventID != ""})
	}
	want := func(list ...told) {
		t.Helper()
		if diff := cmp.Diff(list, got, cmp.AllowUnexported(told{})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		got = nil
	}
	busy := f.push(agent1, "Busy")
	busy.Presence.StatusMessage = new("secret")
	f.accept(t, Outcome{Published: 1}, busy)
	f.accept(t, Outcome{Repeated: 1}, busy)
	f.accept(t, Outcome{Repeated: 1}, f.read(agent1, "Busy", f.now))
	f.accept(t, Outcome{Older: 1}, f.read(agent1, "Away", f.now.Add(-time.Hour)))
	f.accept(t, Outcome{Unwatched: 1}, f.push("c0ffee00-0000-4000-8000-000000000001", "Busy"))
	want(told{"Busy", Published, true}, told{"Busy", Repeated, false}, told{"Busy", Repeated, false}, told{"Away", Older, false})

	f.bus.refuse = func(int) bool { return true }
	first, second := f.push(agent1, "Away"), f.push(agent1, "Offline")
	f.accept(t, Outcome{Failed: 2}, first, second)
	want(told{"Away", Failed, true}, told{"Offline", Failed, false})
	f.bus.refuse = nil
	f.accept(t, Outcome{Published: 2}, first, second)
	want(told{"Away", Published, true}, told{"Offline", Published, true})

	err := f.Stale(t.Context(), []graph.Person{{TenantID: tenantID, UserID: agent1}}, func(graph.Person) bool { return true })
	if err != nil {
		t.Error(err)
	}
	want(told{"Offline", Stale, true})

	// Whose turn does not come in time.
	f.slot(graph.Person{TenantID: tenantID, UserID: agent1}).lock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f.Accept(ctx, []graph.Reading{f.push(agent1, "Busy")}) == nil {
		t.Error("accepted out of turn")
	}
	want(told{"Busy", Failed, false})
}

// What cannot be written is told, and the rest of its batch stored.
func TestWhatCannotBeWrittenIsTold(t *testing.T) {
	f := setUp(t, Fields{DisplayName: true})
	lookup := f.Lookup
	f.Lookup = func(tenantID, userID string) (people.Person, bool) {
		p, watched := lookup(tenantID, userID)
		if userID == agent1 {
			p.DisplayName = "\xff"
		}
		return p, watched
	}
	var became []Became
	f.Trace = func(_ graph.Reading, b Became, _ string) { became = append(became, b) }
	if err := f.Accept(t.Context(), []graph.Reading{f.push(agent1, "Busy"), f.push(agent2, "Busy")}); err != nil {
		t.Error(err)
	}
	f.want(t, agent1, "")
	f.want(t, agent2, "Busy ")
	if f.outcome != (Outcome{Published: 1, Failed: 1}) || !slices.Equal(became, []Became{Failed, Published}) {
		t.Errorf("outcome %+v, told %v", f.outcome, became)
	}
}
