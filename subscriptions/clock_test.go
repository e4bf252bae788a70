package subscriptions

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// A machine that is suspended sleeps on when it wakes: its timers stood still,
// while the clock on the wall did not.
func TestAfterASuspendTheClockIsSeenWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var suspended atomic.Int64
		wall := func() time.Time { return time.Now().Add(time.Duration(suspended.Load())) }
		time.AfterFunc(10*time.Second, func() { suspended.Store(int64(2 * time.Hour)) })
		begin := time.Now()
		waitFor(t.Context(), nil, begin.Add(30*time.Minute), wall)
		if took := time.Since(begin); took > 70*time.Second {
			t.Errorf("slept on for %s", took)
		}
		begin = time.Now()
		suspended.Store(0)
		waitFor(t.Context(), nil, begin.Add(90*time.Second), wall)
		if took := time.Since(begin); took != 90*time.Second {
			t.Errorf("waited %s without a suspend, want 90 s", took)
		}
	})
}

// What is compared with an expiry of Graph must count a suspend, too.
func TestTimesThatAreKeptAreOfTheWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		m := manage(t, s)
		defer m.stop()
		m.after(0)
		c := coordinate(t, newCloud(), 1, persons(0, 3))
		defer c.stop()
		c.pass(10 * time.Second)
		c.watch(persons(0, 4))
		c.pass(0)
		for what, at := range map[string]time.Time{
			"start": m.startedAt, "token": m.refreshedAt, "renewal": m.held.renewAt, "renewed": m.held.renewedAt, "late": m.held.lateAt,
			"gathering": c.gathering.first, "slot": c.accounts[0].slot.Since, "status": m.Status().Since,
			"coordinator": c.startedAt,
		} {
			if at.IsZero() || strings.Contains(at.String(), "m=") {
				t.Errorf("%s: %s", what, at)
			}
		}
		s.before = func(context.Context, string) error { return unavailable }
		m.Lifecycle(graph.Lifecycle{Event: "subscriptionRemoved", SubscriptionID: m.Status().SubscriptionID})
		m.after(0)
		if m.retryAt.IsZero() || strings.Contains(m.retryAt.String(), "m=") {
			t.Errorf("retry at %s", m.retryAt)
		}
	})
}
