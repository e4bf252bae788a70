package subscriptions

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestLostSubscriptionIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.subs = nil
		expectOps(t, m.after(30*time.Minute), "refresh renew list create")
		m.expect(t, Healthy, "sub-2")
		m.expectGaps(t, "created anew: 2", "created anew: 2")
	})
}

func TestAListingThatLagsIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" {
				return notFound
			}
			return nil
		}
		expectOps(t, m.after(30*time.Minute), "refresh renew list delete create")
		m.expect(t, Healthy, "sub-2")
	})
}

func TestAListingThatLacksOursIsNotBelievedEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.hides = true
		m.wish.UserIDs = nil
		m.Poke()
		expectOps(t, m.after(0), "list delete")
		m.expect(t, Idle, "")

		m.wish.UserIDs = []string{anna}
		m.Poke()
		m.after(0)
		m.sim.subs, m.wish.UserIDs = nil, nil
		m.Poke()
		expectOps(t, m.after(0), "list delete") // answered with 404
		m.expect(t, Idle, "")
	})
}

func TestAnswersWithoutSenseAreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.grants = func(time.Time) time.Time { return time.Now() }
		m := manage(t, s)
		defer m.stop()
		m.after(10 * time.Minute)
		m.expect(t, Failing, "")
		s.grants = func(asked time.Time) time.Time { return asked }
		m.after(time.Minute)
		if m.Status().State != Healthy {
			t.Errorf("status = %+v", m.Status())
		}

		s.grants = func(time.Time) time.Time { return time.Time{} }
		m.after(time.Until(m.Status().NextAttempt))
		if got := m.Status(); got.State != Failing || got.ExpiresAt.IsZero() {
			t.Errorf("status = %+v", got)
		}
	})
}

func TestGhostConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.ghost = time.Now().Add(20 * time.Second)
		m := manage(t, s)
		defer m.stop()
		m.after(19 * time.Second)
		m.expect(t, Failing, "")
		m.after(30 * time.Second)
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2")
	})
}

func TestConflictFindsTheOtherOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		hidden := true
		s.after = func(op string) error {
			if op == "list" && hidden { // it appears right after the first listing
				hidden = false
				foreign := existing("foreign", 40*time.Minute)
				foreign.Certificate.ID = "theirs"
				s.subs = append(s.subs, foreign)
			}
			return nil
		}
		m := manage(t, s)
		defer m.stop()
		expectOps(t, m.after(0), "list refresh create")
		expectOps(t, m.after(time.Second), "list delete create")
		m.expect(t, Healthy, "sub-1")
	})
}

func TestLostAnswerOfACreate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.after = func(op string) error {
			if op == "create" {
				return errLost
			}
			return nil
		}
		m := manage(t, s)
		defer m.stop()
		expectOps(t, m.after(0), "list refresh create")
		expectOps(t, m.after(time.Second), "list")
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "adopted after a failure: 2")
	})
}

func TestRefusedTokenIsRefreshedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		refused := 1
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" && refused > 0 {
				refused--
				return badToken
			}
			return nil
		}
		expectOps(t, m.after(30*time.Minute), "refresh renew refresh renew")
		m.expect(t, Healthy, "sub-1")

		refused = 1000
		expectOps(t, m.after(29*time.Minute+30*time.Second), "refresh renew refresh renew")
		m.expect(t, Failing, "sub-1")
		if a := m.Status().Advice; !strings.Contains(a, "may sign in") {
			t.Errorf("advice = %q", a)
		}
	})
}

func TestWhatOnlyAnOperatorSolvesIsNotLooped(t *testing.T) {
	secret := &graph.SignInError{Who: "svc-presence-1@contoso.com", AADSTS: 50126, Meaning: "the password is wrong", Advice: "set the password in the configuration", Permanent: true}
	for name, tt := range map[string]struct {
		op     string
		err    error
		advice string
	}{
		"sign-in":    {"refresh", secret, "set the password"},
		"permission": {"list", forbidden, "Presence.Read.All"},
		"invalid":    {"create", &graph.Error{Status: 400, Code: "InvalidRequest", Message: "no"}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim()
				s.before = func(_ context.Context, op string) error {
					if op == tt.op {
						return tt.err
					}
					return nil
				}
				m := manage(t, s)
				defer m.stop()
				m.pass(24 * time.Hour)
				if n := s.count(tt.op); n < 24*6 || n > 24*6+10 {
					t.Errorf("%d tries in a day, want one every ten minutes after the first", n)
				}
				m.expect(t, Failing, "")
				log := m.log.String()
				if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, tt.advice) {
					t.Errorf("want one line at error level with the advice:\n%s", log)
				}
				if !strings.Contains(m.Status().Advice, tt.advice) {
					t.Errorf("advice = %q", m.Status().Advice)
				}
				if strings.Contains(log, "@") || strings.Contains(m.Status().LastError, "@") {
					t.Errorf("somebody is named:\n%s", log)
				}

				// The operator mends it and says so.
				s.before = func(context.Context, string) error { return nil }
				m.Poke()
				m.after(0)
				m.expect(t, Healthy, "sub-1")
				m.expectGaps(t, "created anew: 2")
			})
		})
	}
}

func TestAFailureIsToldForPeople(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.before = func(context.Context, string) error {
			return &graph.SignInError{Who: "svc-presence-1@contoso.com", Meaning: "Entra ID could not be asked"}
		}
		m := manage(t, s)
		defer m.stop()
		m.after(0)
		if got := m.Status().LastError; got != "sign-in of the service user: Entra ID could not be asked" {
			t.Errorf("last error = %q", got)
		}
		s.before = func(context.Context, string) error {
			return &graph.Error{Status: 429, RetryAfter: 12_345_678_901}
		}
		m.after(time.Second)
		if log := m.log.String(); !strings.Contains(log, "next=12.3s\n") {
			t.Errorf("the next try is not told to a tenth of a second:\n%s", log)
		}
	})
}

func TestThrottlingIsObeyedEvenWhenPoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		s.before = func(context.Context, string) error {
			return &graph.Error{Status: 429, RetryAfter: 5 * time.Minute}
		}
		m := manage(t, s)
		defer m.stop()
		expectOps(t, m.after(0), "list")
		s.before = func(context.Context, string) error { return nil }
		m.Poke()
		expectOps(t, m.after(5*time.Minute-time.Second), "")
		expectOps(t, m.after(2*time.Second), "list refresh create")
	})
}

// The bridge itself held the call back: that is a wait, at the start and later.
func TestACallThatWaitsForItsTurnIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		var waits string // the call that must
		s.before = func(_ context.Context, op string) error {
			if op == waits {
				waits = ""
				return fmt.Errorf("turn: %w", &graph.Error{Status: 429, Code: graph.CodeHeldBack, RetryAfter: 40 * time.Second})
			}
			return nil
		}
		waits = "list"
		m := manage(t, s)
		defer m.stop()
		expectOps(t, m.after(0), "list")
		m.expect(t, Starting, "")
		m.Poke()
		expectOps(t, m.after(39*time.Second), "")
		expectOps(t, m.after(2*time.Second), "list refresh create")
		m.expect(t, Healthy, "sub-1")

		waits = "renew"
		expectOps(t, m.after(30*time.Minute), "refresh renew")
		m.expect(t, Healthy, "sub-1")
		if s := m.Status(); s.LastError != "" || time.Until(s.NextAttempt) > 40*time.Second {
			t.Errorf("status while it waits: %+v", s)
		}
		expectOps(t, m.after(41*time.Second), "renew")
		m.expect(t, Healthy, "sub-1")
		m.expectGaps(t, "created anew: 2")
		if log := m.log.String(); strings.Contains(log, "level=WARN") || strings.Contains(log, "succeeded again") {
			t.Errorf("a wait is logged as a failure:\n%s", log)
		}
	})
}

// TestSurvivesDaysOfTrouble: whatever fails, nothing is created on top of what
// was made before without looking first, Graph is not flooded, and once the
// trouble ends all is well.
func TestSurvivesDaysOfTrouble(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1)) // the manager's goroutine draws from it
			ours := rand.New(rand.NewPCG(seed, 2))
			faults := []error{unavailable, canceled, notFound, conflict, badToken, errLost, &graph.Error{Status: 429, RetryAfter: 20 * time.Second}}
			s := newSim()
			blind := false // one was made, and nobody has looked since
			s.before = func(ctx context.Context, op string) error {
				if op == "create" && blind {
					t.Errorf("seed %d: created blindly", seed)
				}
				blind = blind && op != "list"
				if random.IntN(3) > 0 {
					return nil
				}
				select {
				case <-time.After(time.Duration(random.IntN(120)) * time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
				s.fence()
				return faults[random.IntN(len(faults))]
			}
			s.after = func(op string) error {
				blind = blind || op == "create"
				if op == "delete" {
					s.ghost = time.Now().Add(time.Duration(random.IntN(30)) * time.Second)
				}
				if random.IntN(5) == 0 {
					return errLost
				}
				return nil
			}
			m := manage(t, s)
			defer m.stop()
			for range 48 {
				m.pass(time.Duration(ours.IntN(3600)) * time.Second)
				switch ours.IntN(4) {
				case 0:
					m.wish.UserIDs = [][]string{{anna}, {bert}, {anna, bert}}[ours.IntN(3)]
					m.Poke()
				case 1:
					m.Lifecycle(graph.Lifecycle{Event: "reauthorizationRequired", SubscriptionID: m.Status().SubscriptionID})
				case 2:
					m.Lifecycle(graph.Lifecycle{Event: "subscriptionRemoved", SubscriptionID: m.Status().SubscriptionID})
				}
			}
			if n := len(s.calls); n > 48*60*3 {
				t.Errorf("seed %d: %d calls", seed, n)
			}
			s.before = func(context.Context, string) error { return nil }
			s.after = func(string) error { return nil }
			m.after(20 * time.Minute)
			if got := m.Status(); got.State != Healthy || len(s.subs) != 1 || got.SubscriptionID != s.subs[0].ID || !slices.Equal(s.subs[0].UserIDs, m.wish.UserIDs) {
				t.Errorf("seed %d: status = %+v with %d subscriptions", seed, got, len(s.subs))
			}
		})
	}
}
