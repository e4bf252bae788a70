package subscriptions

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestOperatorRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 2, persons(0, 1000))
		defer m.stop()
		m.pass(10 * time.Second)
		before := m.Coverage().Accounts
		m.clearGaps()
		for range 2 { // twice within ten minutes is fine: both are renewals
			asked := time.Now()
			if !m.Renew(before[1].SubscriptionID) {
				t.Fatal("there is no such subscription")
			}
			m.pass(5 * time.Second)
			a := m.Coverage().Accounts[1]
			if a.SubscriptionID != before[1].SubscriptionID || a.RenewedAt.Before(asked) || time.Until(a.ExpiresAt) < 58*time.Minute {
				t.Errorf("after a renewal: %+v", a.Status)
			}
		}
		if a := m.Coverage().Accounts[0]; a.RenewedAt != before[0].RenewedAt {
			t.Error("the other one was renewed, too")
		}
		if m.read() != 0 {
			t.Errorf("%d people are read after a renewal in time", m.read())
		}
		for _, id := range []string{"", "unknown"} {
			if m.Renew(id) || m.Remove(id) {
				t.Errorf("there is a subscription %q", id)
			}
		}
		m.expectCovered(t, m.people)
	})
}

// The lifecycle event that Graph sends soon after that asks for what is done.
func TestAfterAnOperatorsRenewalGraphNeedsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(15 * time.Minute)
		m.asked("sub-1", func(e *events) { e.renew = "sub-1" })
		expectOps(t, m.after(time.Second), "refresh renew")
		m.Lifecycle(graph.Lifecycle{Event: "reauthorizationRequired", SubscriptionID: "sub-1"})
		expectOps(t, m.after(9*time.Minute), "")
		expectOps(t, m.after(20*time.Minute+30*time.Second), "refresh renew") // half a life later
	})
}

func TestOperatorEndsTheWaitAfterAFailure(t *testing.T) {
	for _, tt := range []struct {
		err *graph.Error
		ops string
	}{
		{forbidden, "renew"}, // mended meanwhile
		{&graph.Error{Status: 429, RetryAfter: 10 * time.Minute}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := manage(t, newSim())
			defer m.stop()
			m.after(0)
			m.sim.before = func(_ context.Context, op string) error {
				if op == "renew" {
					return tt.err
				}
				return nil
			}
			m.after(30 * time.Minute)
			m.expect(t, Failing, "sub-1")
			m.sim.before = func(context.Context, string) error { return nil }
			m.asked("sub-1", func(e *events) { e.renew = "sub-1" })
			expectOps(t, m.after(time.Second), tt.ops)
		})
	}
}

func TestOperatorRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.ghost = 10 * time.Second
		m := coordinate(t, c, 3, persons(0, 1000)) // with a spare account, which is not used for this
		defer m.stop()
		m.pass(time.Minute)
		id := m.Coverage().Accounts[1].SubscriptionID
		m.cloud.ops()
		m.clearGaps()
		if !m.Remove(id) {
			t.Fatal("there is no such subscription")
		}
		m.pass(time.Second)
		if a := m.Coverage().Accounts[1]; a.SubscriptionID != "" {
			t.Errorf("not deleted at once: %+v", a.Status)
		}
		m.pass(time.Minute)
		m.expectCovered(t, m.people)
		if a := m.Coverage().Accounts[1]; a.SubscriptionID == id || a.SubscriptionID == "" || m.read() != 350 {
			t.Errorf("%+v, %d people read", a.Status, m.read())
		}
		ops := m.cloud.ops()
		if len(ops) < 2 || ops[0] != "2 delete" || ops[len(ops)-1] != "2 create" {
			t.Errorf("Graph was asked %q", ops)
		}
	})
}

// Neither the look at the start nor a listing that is behind brings it back.
func TestWhatWasRemovedIsNotAdopted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.subs = []graph.Subscription{existing("old", 40*time.Minute)}
		m := manage(t, s)
		defer m.stop()
		m.wish.Undecided = true
		m.after(time.Second)
		m.wish.Undecided = false
		m.Poke()
		m.after(time.Second)
		m.expect(t, Healthy, "old")
		m.asked("old", func(e *events) { e.remove = "old" })
		expectOps(t, m.after(time.Second), "delete list refresh create")
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2")
	})
}

func TestARemovalIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "delete" {
				return unavailable
			}
			return nil
		}
		m.asked("sub-1", func(e *events) { e.remove = "sub-1" })
		m.after(5 * time.Second)
		m.expect(t, Failing, "sub-1")
		m.sim.before = func(context.Context, string) error { return nil }
		m.after(10 * time.Second)
		m.expect(t, Healthy, "sub-2")
	})
}

// A removal that nobody waits for any more does not hit the next subscription.
func TestARemovalIsAboutOneSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.asked("sub-1", func(e *events) { e.remove = "sub-1" })
		m.after(0)
		m.expect(t, Healthy, "sub-2")
		m.sim.ops()
		expectOps(t, m.after(29*time.Minute+31*time.Second), "refresh renew")
		m.expect(t, Healthy, "sub-2")
	})
}
