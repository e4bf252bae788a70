package trail

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
)

func event(id, availability string, at time.Time, freshness string) events.UserEvent {
	return events.UserEvent{ID: id, Data: events.UserData{
		TenantID: tenant, Tenant: "contoso", User: events.User{ID: person(1).UserID}, Availability: availability, Activity: availability,
		Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at.Add(time.Millisecond), Freshness: freshness,
	}}
}

func stored(e any, at time.Time) events.Past { return events.Past{Event: e, StoredAt: at} }

func decided(client, decision, eventID string, at time.Time) events.DecisionEvent {
	return events.DecisionEvent{ID: client + decision + eventID + at.String(), Data: events.DecisionData{Client: client, Decision: decision, Rule: "free", RuleLine: 7, EventID: eventID, ObservedAt: at}}
}

// brief is what a test compares of an entry.
type brief struct{ At, Kind, What, Became, After string }

func briefly(list []Entry) (all []brief) {
	for _, e := range list {
		b := brief{At: e.At.Format("15:04:05.000"), Kind: e.Kind, What: e.Availability + e.Decision + e.State + e.Change, Became: e.Became}
		for _, ms := range []*float64{e.StoredMs, e.DecidedMs} {
			if ms != nil {
				b.After = time.Duration(*ms * 1e6).String()
			}
		}
		all = append(all, b)
	}
	return all
}

func TestTell(t *testing.T) {
	p := newPad()
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	// From before this start, on the stream only; older than the stream, in the bucket only.
	past := []events.Past{
		stored(events.CoverageEvent{Data: events.CoverageData{Account: "svc", State: events.Healthy, ObservedAt: second(-50)}}, second(-50)),
		stored(event("before", "Away", second(-40), events.Fresh), second(-40).Add(3*time.Millisecond)),
	}
	p.note(1, "Away", graph.OriginStart, intake.Repeated, "")
	p.now = second(10)
	p.note(1, "Busy", graph.OriginNotification, intake.Failed, "busy")
	p.now = second(12)
	p.note(1, "Busy", graph.OriginNotification, intake.Published, "busy")
	past = append(past,
		stored(event("busy", "Busy", second(12), events.Fresh), second(12).Add(2*time.Millisecond)),
		stored(decided("sales", events.Unreachable, "busy", second(12).Add(5*time.Millisecond)), second(13)),
		stored(events.CoverageEvent{Data: events.CoverageData{Account: "svc", State: events.Healthy, ObservedAt: second(-50)}}, second(14)), // said again
		stored(events.CoverageEvent{Data: events.CoverageData{Account: "svc", State: events.Silent, ObservedAt: second(15)}}, second(15)),
	)
	p.now = second(20)
	p.note(1, "Away", graph.OriginSweep, intake.Older, "")
	p.now = second(30)
	p.note(1, "Busy", graph.OriginNotification, intake.Stale, "stale")
	stale := event("stale", "Busy", second(12), events.Stale)
	stale.Data.PublishedAt = second(30)
	past = append(past, stored(stale, second(30)),
		stored(decided("sales", events.Reachable, "gone", second(40)), second(40)),
		stored(decided("help", events.Reachable, "stale", second(40)), second(40)),
		stored(decided("help", events.Reachable, "stale", second(40)), second(41))) // on another server, too

	at := second(16)
	trail := p.Tell(person(1), past, &stale, at)
	want := []brief{
		{"09:59:10.000", KindCoverage, "healthy", "", ""},
		{"09:59:20.000", KindState, "Away", "published", "3ms"},
		{"10:00:00.000", KindState, "Away", "repeated", ""},
		{"10:00:10.000", KindState, "Busy", "failed", ""},
		{"10:00:12.000", KindState, "Busy", "published", "2ms"},
		{"10:00:12.005", KindDecision, "unreachable", "", "5ms"},
		{"10:00:15.000", KindCoverage, "silent", "", ""},
		{"10:00:20.000", KindState, "Away", "older", ""},
		{"10:00:30.000", KindState, "Busy", "stale", "0s"},
		{"10:00:40.000", KindDecision, "reachable", "", ""},
		{"10:00:40.000", KindDecision, "reachable", "", "10s"},
	}
	if diff := cmp.Diff(want, briefly(trail.Entries)); diff != "" {
		t.Error(diff)
	}
	if s := trail.State; s == nil || s.Availability != "Busy" || !s.At.Equal(second(12)) || s.Freshness != events.Fresh {
		t.Errorf("state then: %+v", s)
	}
	if c := trail.Coverage; c == nil || c.State != events.Silent {
		t.Errorf("coverage then: %+v", c)
	}
	if d := trail.Decisions; len(d) != 1 || d[0].Decision != events.Unreachable || d[0].Rule != "free" || d[0].RuleLine != 7 {
		t.Errorf("decisions then: %+v", d)
	}
	later := p.Tell(person(1), past, &stale, second(50))
	if len(later.Decisions) != 2 || later.Decisions[0].Client != "help" || later.State.Became != string(intake.Stale) {
		t.Errorf("later: %+v, %+v", later.Decisions, later.State)
	}
	before := p.Tell(person(1), past, &stale, second(-60))
	if before.State != nil || before.Coverage != nil || len(before.Decisions) != 0 {
		t.Errorf("before everything: %+v", before)
	}
}

// Somebody who is quiet for longer than the stream keeps events has a state all
// the same.
func TestTellFromTheBucketAlone(t *testing.T) {
	p := newPad()
	last := event("long ago", "Offline", start.Add(-5*time.Hour), events.Fresh)
	trail := p.Tell(person(1), nil, &last, start)
	if trail.State == nil || trail.State.Availability != "Offline" || len(trail.Entries) != 1 || trail.Entries[0].StoredMs != nil {
		t.Errorf("%+v", trail)
	}
	if nobody := p.Tell(person(2), nil, nil, start); nobody.State != nil || nobody.Entries == nil || len(nobody.Entries) != 0 {
		t.Errorf("%+v", nobody)
	}
}

func TestTellIsBounded(t *testing.T) {
	p := newPad()
	var past []events.Past
	for i := range 2 * mostEntries {
		at := start.Add(time.Duration(i) * time.Millisecond)
		past = append(past, stored(decided("sales", events.Reachable, "", at), at))
	}
	trail := p.Tell(person(1), past, nil, start.Add(time.Second/2))
	if len(trail.Entries) != mostEntries || !trail.Truncated || len(trail.Decisions) != 1 || !trail.Decisions[0].At.Equal(start.Add(time.Second/2)) {
		t.Errorf("%d entries, truncated %t, %+v", len(trail.Entries), trail.Truncated, trail.Decisions)
	}
}
