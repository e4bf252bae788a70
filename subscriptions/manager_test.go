package subscriptions

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// managed is a manager at work in a bubble of virtual time. Between two calls
// of after everybody waits, so that a test may look at and change all of it.
type managed struct {
	*Manager
	sim  *sim
	wish Desired
	gaps []string // reason: people
	seen []Status
	log  bytes.Buffer
	stop func()
}

func manage(t *testing.T, s *sim) *managed {
	m := &managed{sim: s, wish: desired(anna, bert)}
	m.Manager = New(Options{
		Graph:   s,
		Desired: func() Desired { s.fence(); return m.wish },
		Gap:     func(reason string, ids []string) { m.gaps = append(m.gaps, fmt.Sprint(reason, ": ", len(ids))) },
		Changed: func(s Status) { m.seen = append(m.seen, s) },
		Log:     slog.New(slog.NewTextHandler(&m.log, nil)),
		Jitter:  func() float64 { return 0 },
	})
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	m.stop = func() { cancel(); run.Wait() }
	return m
}

// pass lets d pass until everybody waits.
func (m *managed) pass(d time.Duration) {
	m.sim.fence()
	time.Sleep(d)
	synctest.Wait()
}

// after lets d pass and gives the operations that reached Graph meanwhile.
func (m *managed) after(d time.Duration) string {
	m.pass(d)
	return strings.Join(m.sim.ops(), " ")
}

func (m *managed) expect(t *testing.T, state State, id string) {
	t.Helper()
	if s := m.Status(); s.State != state || s.SubscriptionID != id {
		t.Errorf("status = %s %q, want %s %q (last error %q)", s.State, s.SubscriptionID, state, id, s.LastError)
	}
}

func (m *managed) expectGaps(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(m.gaps, want) {
		t.Errorf("gaps = %q, want %q", m.gaps, want)
	}
	m.gaps = nil
}

func expectOps(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("Graph was asked %q, want %q", got, want)
	}
}

// existing is a subscription that an earlier process made.
func existing(id string, left time.Duration) graph.Subscription {
	s := desired(anna, bert).subscription()
	s.ID, s.ExpiresAt = id, time.Now().Add(left)
	return s
}

func TestChangedPeopleAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(10 * time.Minute)
		m.wish.UserIDs = []string{anna}
		m.Poke()
		expectOps(t, m.after(0), "list delete refresh create")
		m.expect(t, Healthy, "sub-2")
		m.expectGaps(t, "created anew: 2", "created anew: 1")

		m.Poke() // nothing has changed
		expectOps(t, m.after(0), "")

		m.wish.UserIDs = nil
		m.Poke()
		expectOps(t, m.after(0), "list delete")
		m.expect(t, Idle, "")
		m.Poke()
		expectOps(t, m.after(24*time.Hour), "")

		m.wish.UserIDs = []string{bert}
		m.Poke()
		expectOps(t, m.after(0), "list refresh create")
		m.expectGaps(t, "created anew: 1")
	})
}

func TestCertificatesRotateAtRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSim()
		old := existing("old", 50*time.Minute)
		old.Certificate = graph.Certificate{ID: "old"}
		s.subs = []graph.Subscription{old}
		m := manage(t, s)
		defer m.stop()
		expectOps(t, m.after(0), "list")
		var certs []string
		for range 2 {
			m.pass(30 * time.Minute)
			for _, c := range s.calls {
				if c.op == "renew" {
					certs = append(certs, c.cert)
				}
			}
			s.ops()
		}
		if !slices.Equal(certs, []string{"new", ""}) {
			t.Errorf("renewals carried the certificates %q, want the new one once", certs)
		}
		m.expect(t, Healthy, "old")
	})
}

func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		send := func(event, id string) string {
			for range 50 {
				m.Lifecycle(graph.Lifecycle{Event: event, SubscriptionID: id})
			}
			return m.after(0)
		}
		expectOps(t, send("reauthorizationRequired", "sub-1"), "") // created just now
		m.after(10*time.Minute - time.Second)
		expectOps(t, send("reauthorizationRequired", "sub-1"), "")
		m.after(time.Second)
		expectOps(t, send("reauthorizationRequired", "another"), "")
		expectOps(t, send("reauthorizationRequired", "SUB-1"), "refresh renew")
		m.expectGaps(t, "created anew: 2", "reauthorized: 2")
		m.after(5 * time.Minute)
		expectOps(t, send("reauthorizationRequired", "sub-1"), "")

		expectOps(t, send("missed", "sub-1"), "")
		if len(m.gaps) == 0 || m.gaps[0] != "graph missed to send: 2" {
			t.Errorf("gaps = %q", m.gaps)
		}
		m.gaps = nil

		expectOps(t, send("subscriptionRemoved", "another"), "")
		expectOps(t, send("subscriptionRemoved", "sub-1"), "list delete refresh create")
		m.expect(t, Healthy, "sub-2")
		m.expectGaps(t, "created anew: 2")

		expectOps(t, send("somethingNew", "sub-2"), "")
		if n := m.Status().UnknownEvents; n != 50 {
			t.Errorf("%d unknown events", n)
		}
		m.expectGaps(t)
	})
}

func TestLifecycleDoesNotShortenABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		defer m.stop()
		m.after(0)
		m.sim.before = func(_ context.Context, op string) error {
			if op == "renew" {
				return forbidden
			}
			return nil
		}
		m.after(30 * time.Minute)
		for range 100 {
			m.Lifecycle(graph.Lifecycle{Event: "reauthorizationRequired", SubscriptionID: "sub-1"})
			time.Sleep(100 * time.Millisecond)
		}
		expectOps(t, m.after(0), "")
	})
}

func TestRunReturnsPromptly(t *testing.T) {
	for _, op := range []string{"list", "refresh", "create", "nothing"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim()
				s.before = func(ctx context.Context, now string) error {
					if now != op {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}
				m := manage(t, s)
				m.after(time.Second)
				start := time.Now()
				m.stop()
				if d := time.Since(start); d != 0 {
					t.Errorf("Run took %s to return", d)
				}
				if strings.Contains(m.log.String(), "failed") {
					t.Errorf("a stop was logged as a failure:\n%s", &m.log)
				}
			})
		})
	}
}

func TestDeleteLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := manage(t, newSim())
		m.after(0)
		m.stop()
		double := existing("double", time.Hour)
		m.sim.subs = append(m.sim.subs, double)
		if err := m.Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(m.sim.subs) != 0 {
			t.Errorf("%d left", len(m.sim.subs))
		}
		m.expect(t, Idle, "")

		m.sim.before = func(context.Context, string) error { return unavailable }
		if err := m.Delete(t.Context()); graph.Classify(err) != graph.Transient {
			t.Errorf("Delete = %v", err)
		}
	})
}
