package coverage

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/events"
)

func TestViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 10, func(s *site) { s.carries = 8 })
		s.after(time.Minute)
		healthy := View{State: events.Healthy, People: events.Covered{Assigned: 8, Push: 8}}
		beyond := View{State: events.Polled, Reason: fmt.Sprintf(reasonBeyond, 1), People: events.Covered{Assigned: 2, Poll: 2}}
		s.expectViews(t, map[string]View{svc: healthy, RestKey: beyond})

		s.change(0, "Busy")
		s.after(10 * time.Second)
		healthy.DeliveredAt = time.Now().Add(-5 * time.Second)
		s.expectViews(t, map[string]View{svc: healthy, RestKey: beyond})

		s.set(func() { s.stalled = true })
		s.after(time.Minute)
		s.change(1, "Away")
		s.after(2*time.Minute + MaxLatency)
		// Silent, and made anew: the new one has delivered nothing.
		silent := View{State: events.Silent, Reason: reasonSilent, People: events.Covered{Assigned: 8, Poll: 8}}
		s.expectViews(t, map[string]View{svc: silent, RestKey: beyond})

		s.set(func() { s.subscription, s.carries = 0, 10 })
		s.after(10 * time.Second)
		s.expectViews(t, map[string]View{svc: {State: events.Lost, Reason: reasonNone, People: events.Covered{Assigned: 10, Poll: 10}}})
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3, func(s *site) { s.poll = true })
		s.after(time.Minute)
		s.expectViews(t, map[string]View{RestKey: {State: events.Polled, Reason: reasonPoll, People: events.Covered{Assigned: 3, Poll: 3}}})
	})
}

func (s *site) expectViews(t *testing.T, want map[string]View) {
	t.Helper()
	if diff := cmp.Diff(want, s.Views()); diff != "" {
		t.Error(diff)
	}
}
