package subscriptions

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"jtel.de/presencebridge/internal/graph"
)

func TestFirstStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		expectOps(t, m.after(0), "list refresh create")
		m.expectGaps(t, "created anew: 2") // people were read before it stood
		got := m.Status()
		want := Status{
			TenantID: m.wish.TenantID, AccountKey: m.wish.AccountKey, State: Healthy, Since: time.Now(), SubscriptionID: "sub-1", People: 2,
			ExpiresAt: time.Now().Add(59 * time.Minute), RenewedAt: time.Now(), NextAttempt: time.Now().Add(29*time.Minute + 30*time.Second),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(m.seen) != 1 || m.seen[0] != got {
			t.Errorf("told %+v", m.seen)
		}
		if m.sim.subs[0].ClientState != m.wish.ClientState {
			t.Error("created without the client state")
		}
	})
}

func TestRestartAdopts(t *testing.T) {
	for _, tt := range []struct {
		left  time.Duration
		ops   string
		renew time.Duration // until the next renewal
		gaps  []string
	}{
		{40 * time.Minute, "list", 10 * time.Minute, nil},
		{20 * time.Minute, "list refresh renew", 29*time.Minute + 30*time.Second, nil},
		{time.Minute, "list delete refresh create", 29*time.Minute + 30*time.Second, []string{"created anew: 2"}},
	} {
		t.Run(tt.left.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim()
				s.subs = []graph.Subscription{existing("old", tt.left)}
				m := manage(t, s)
				defer m.stop()
				expectOps(t, m.after(0), tt.ops)
				m.expectGaps(t, tt.gaps...)
				expectOps(t, m.after(tt.renew-time.Second), "")
				expectOps(t, m.after(2*time.Second), "refresh renew")
			})
		})
	}
}

func TestRenewsAtHalfLifeForDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		for range 96 { // 47 hours and something
			expectOps(t, m.after(29*time.Minute+30*time.Second), "refresh renew")
		}
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2")
		if n := strings.Count(m.log.String(), "level=WARN") + strings.Count(m.log.String(), "level=ERROR"); n != 0 {
			t.Errorf("%d complaints in two days without trouble:\n%s", n, &m.log)
		}
	})
}

func TestJitterSpreadsRenewals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		m.after(0)
		m.stop()
		early := m.Status().NextAttempt
		m.o.Jitter = func() float64 { return 0.999 }
		if got := early.Sub(m.granted(m.sim.subs[0]).renewAt); got < 2*time.Minute || got > 3*time.Minute {
			t.Errorf("the most jitter is %s, want a twentieth of the life", got)
		}
	})
}

func TestTheAnsweredExpiryCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.grants = func(time.Time) time.Time { return time.Now().Add(10 * time.Minute) }
		m := manage(t, s)
		defer m.stop()
		m.after(0)
		expectOps(t, m.after(5*time.Minute-time.Second), "")
		expectOps(t, m.after(2*time.Second), "refresh renew")

		// A renewal that does not move the expiry must not end in a rush of them.
		end := time.Now().Add(8 * time.Minute)
		s.grants = func(time.Time) time.Time { return end }
		m.pass(8*time.Minute - time.Millisecond)
		if n := s.count("renew"); n < 4 || n > 10 {
			t.Errorf("%d renewals in 8 minutes", n)
		}
		s.grants = func(asked time.Time) time.Time { return asked }
		m.after(time.Minute)
		if got := m.Status(); got.State != Healthy || time.Until(got.ExpiresAt) < 50*time.Minute {
			t.Errorf("status = %+v", got)
		}
	})
}

func TestCanceledTasksOnRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		tries := 0
		m.sim.before = func(ctx context.Context, op string) error {
			if op != "renew" {
				return nil
			}
			tries++
			select {
			case <-time.After(time.Duration(10+10*tries) * time.Second): // 20 s, 30 s, ...
			case <-ctx.Done():
				return ctx.Err()
			}
			if tries <= 4 {
				return canceled
			}
			return nil
		}
		m.after(40 * time.Minute)
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2")
		if tries != 5 {
			t.Errorf("%d tries, want 5", tries)
		}
	})
}

func TestARenewalThatHangsIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(ctx context.Context, op string) error {
			if op == "renew" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		m.after(29*time.Minute + 30*time.Second)
		m.after(90 * time.Second)
		m.expect(t, Failing, "sub-1")
		if s := m.Status(); s.LastError != "graph did not answer in time" {
			t.Errorf("last error = %q", s.LastError)
		}
	})
}

func TestLateRenewalIsAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" {
				return unavailable
			}
			return nil
		}
		m.after(50 * time.Minute)
		m.expect(t, Failing, "sub-1")
		m.sim.before = func(context.Context, string) error { return nil }
		m.after(2 * time.Minute)
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2", "renewed late: 2")
	})
}

func TestAfterExpiryItCreates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" {
				return unavailable
			}
			return nil
		}
		m.after(59 * time.Minute)
		m.pass(2 * time.Second)
		if n := m.sim.count("renew"); n != 0 {
			t.Errorf("%d renewals of what has ended", n)
		}
		m.expect(t, Healthy, "sub-2")
		m.expectGaps(t, "created anew: 2", "created anew: 2")
	})
}

func TestTheLastTriesBeforeExpiryHappen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" {
				return unavailable
			}
			return nil
		}
		m.after(58 * time.Minute)
		m.pass(59 * time.Second)
		if n := m.sim.count("renew"); n < 3 {
			t.Errorf("%d tries in the last minute", n)
		}
	})
}
