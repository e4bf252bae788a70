package subscriptions

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// TestTwoDaysOfFaults: whatever fails, comes, goes and breaks in 48 hours, 3,000
// people of 6 accounts are covered soon after it has ended.
func TestTwoDaysOfFaults(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { twoDays(t, seed) })
		})
	}
}

func twoDays(t *testing.T, seed uint64) {
	// What comes of a call follows from the seed and from when who makes it, not
	// from which goroutine is first: a seed that finds something finds it again.
	chance := func(what string, n uint64) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, seed, what, time.Now().UnixNano())
		return rand.New(rand.NewPCG(seed, h.Sum64())).Uint64N(n)
	}
	ours := rand.New(rand.NewPCG(seed, 2))
	faults := []error{
		unavailable, canceled, notFound, conflict, badToken, errLost,
		&graph.Error{Status: 429, RetryAfter: 20 * time.Second}, &graph.Error{Status: 500, Message: "An internal error occurred."},
	}
	c := newCloud()
	c.ghost = 10 * time.Second
	c.jitter = func() float64 { return float64(chance("jitter", 1000)) / 1000 }
	c.before = func(account, op string) error {
		if chance("before"+account+op, 8) == 0 {
			return faults[chance("fault"+account+op, uint64(len(faults)))]
		}
		return nil
	}
	c.after = func(account, op string) error {
		if chance("after"+account+op, 20) == 0 {
			return errLost
		}
		return nil
	}
	people := persons(0, 3000)
	m := coordinate(t, c, 6, people)
	defer func() { m.stop() }()
	w := &watcher{T: t, uncovered: map[string]time.Time{}, twice: map[string]time.Time{}, made: map[string]time.Time{}, longest: map[bool]time.Duration{}}
	pass := func(d time.Duration) {
		for end := time.Now().Add(d); time.Now().Before(end); {
			m.pass(time.Minute)
			w.look(m)
		}
	}

	for end := time.Now().Add(48 * time.Hour); time.Now().Before(end); pass(time.Duration(ours.IntN(3600)) * time.Second) {
		switch ours.IntN(8) {
		case 0, 1, 2: // some leave, some come
			first := ours.IntN(200)
			people = persons(first, first+2990+ours.IntN(20))
			m.watch(people)
		case 3: // somebody breaks, or is mended
			c.mu.Lock()
			if who := person(ours.IntN(3200)); !c.broken[who] {
				c.broken[who] = true
			} else {
				clear(c.broken)
			}
			c.mu.Unlock()
		case 4: // Graph loses one
			c.mu.Lock()
			c.set(fmt.Sprint(1+ours.IntN(6)), graph.Subscription{})
			c.mu.Unlock()
		case 5:
			m.Recreate(fmt.Sprint(1+ours.IntN(6)), "silent")
		case 6: // an account is locked for a while
			locked := fmt.Sprint(1 + ours.IntN(6))
			c.mu.Lock()
			before := c.before
			c.before = func(account, op string) error {
				if account == locked {
					return forbidden
				}
				return before(account, op)
			}
			c.mu.Unlock()
			w.locked = locked
			pass(time.Duration(ours.IntN(7200)) * time.Second)
			w.locked = ""
			c.mu.Lock()
			c.before = before
			c.mu.Unlock()
		case 7: // the service is started anew
			m.stop()
			expectNamesNobody(t, m)
			m = coordinate(t, c, 6, people)
			w.readAt = time.Now() // everybody is
		}
	}
	w.report()

	c.mu.Lock()
	c.before, c.after, c.broken = func(string, string) error { return nil }, func(string, string) error { return nil }, nil
	c.mu.Unlock()
	m.pass(19 * time.Minute)
	outside := func() int { polled := m.Polled(); return len(polled[NoPlace]) + len(polled[NoSubscription]) }
	// Whoever's quarantine has just ended is carried once the new subscription stands.
	for end := time.Now().Add(time.Minute); outside() != 0 && time.Now().Before(end); {
		m.pass(time.Second)
	}
	if n := outside(); n != 0 {
		t.Errorf("%d people are polled although nobody broke them", n)
	}
	m.pass(longestQuarantine)
	m.expectCovered(t, people)
	expectNamesNobody(t, m)
}

// expectNamesNobody checks the log of one incarnation, which has people to name.
func expectNamesNobody(t *testing.T, m *coordinated) {
	t.Helper()
	if strings.Contains(m.out.String(), person(0)[8:]) { // which all ids end with
		t.Error("the log names somebody")
	}
}

// watcher looks every minute at what Graph has.
type watcher struct {
	*testing.T
	locked    string                 // the account that is, by the test
	readAt    time.Time              // the last start: everybody is read then
	uncovered map[string]time.Time   // since when
	twice     map[string]time.Time   // likewise, who is in two subscriptions
	made      map[string]time.Time   // when a subscription was first seen
	longest   map[bool]time.Duration // of both
	most      int
}

func (w *watcher) look(m *coordinated) {
	coverage, quarantined := m.Coverage(), m.Polled()[Quarantined]
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cloud.mu.Lock()
	defer m.cloud.mu.Unlock()
	count := make(map[string]int, len(m.people))
	for key, s := range m.cloud.subs {
		if s.ExpiresAt.After(time.Now()) && key != w.locked {
			for _, id := range s.UserIDs {
				count[id]++
			}
			w.expectRead(m, s)
		}
	}
	excused := func(id string) bool {
		_, out := slices.BinarySearch(quarantined, id)
		return out || m.cloud.broken[id] || slices.ContainsFunc(coverage.Accounts, func(a AccountCoverage) bool {
			_, in := slices.BinarySearch(a.Assigned, id)
			return in && a.AccountKey == w.locked
		})
	}
	w.note(w.uncovered, m.people, false, func(id string) bool { return count[id] == 0 && !excused(id) })
	w.note(w.twice, m.people, true, func(id string) bool { return count[id] > 1 })
	w.most = max(w.most, len(w.uncovered))
}

func (w *watcher) note(since map[string]time.Time, people []string, which bool, is func(string) bool) {
	now := map[string]time.Time{}
	for _, id := range people {
		if is(id) {
			if now[id] = since[id]; now[id].IsZero() {
				now[id] = time.Now()
			}
			w.longest[which] = max(w.longest[which], time.Since(now[id]))
		}
	}
	clear(since)
	maps.Copy(since, now)
}

// expectRead checks that the people of a subscription were named as a gap since
// it was made, once there was time to find it after a lost answer.
func (w *watcher) expectRead(m *coordinated, s graph.Subscription) {
	seen, known := w.made[s.ID]
	if !known {
		w.made[s.ID] = time.Now()
		return
	}
	if time.Since(seen) < 20*time.Minute || time.Since(seen) > 22*time.Minute {
		return
	}
	made := seen.Add(-time.Minute)
	for _, id := range s.UserIDs {
		if m.gapAt[id].Before(made) && w.readAt.Before(made) {
			w.Errorf("subscription %s was made at %s, and %s is not read", s.ID, made, id)
			return
		}
	}
}

// report checks the worst of it: at most three accounts at once, one that is
// replaced and others whose loss is found at the next renewal, and not much
// longer than a subscription lives. A delete that fails is made up for by then, too.
func (w *watcher) report() {
	w.Logf("at most %d uncovered, somebody for %s, somebody twice for %s", w.most, w.longest[false], w.longest[true])
	if w.most > 3*graph.MaxPeople || w.longest[false] > 90*time.Minute || w.longest[true] > 90*time.Minute {
		w.Errorf("at most %d uncovered, somebody for %s, somebody twice for %s", w.most, w.longest[false], w.longest[true])
	}
}

// TestKilledAtEveryStepOfAReplacement: a service that is killed before or after
// any call of a replacement finds its way, in place and with a spare account.
func TestKilledAtEveryStepOfAReplacement(t *testing.T) {
	for _, accounts := range []int{2, 3} {
		for step, finished := 0, false; !finished; step++ {
			t.Run(fmt.Sprintf("with %d accounts at step %d", accounts, step), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { finished = killedAt(t, accounts, step) })
			})
		}
	}
}

// killedAt kills the service before (even) or after (odd) the step-th call of a
// replacement, starts it anew and reports whether there were fewer calls.
func killedAt(t *testing.T, accounts, step int) (finished bool) {
	c := newCloud()
	c.ghost = 2 * time.Second
	m := coordinate(t, c, accounts, persons(0, 1300))
	m.pass(10 * time.Second)
	calls, kill := 0, make(chan struct{})
	at := func(odd int) func(string, string) error {
		return func(string, string) error {
			if calls++; calls == step/2+1 && step%2 == odd {
				close(kill)
				return context.Canceled
			}
			return nil
		}
	}
	c.mu.Lock()
	if step%2 == 0 {
		c.before = at(0)
	} else {
		c.after = at(1)
	}
	c.mu.Unlock()
	people := append(persons(3, 640), persons(650, 1310)...)
	m.watch(people)
	select {
	case <-kill:
	case <-time.After(10 * time.Minute):
		finished = true
	}
	m.stop()
	never := func(string, string) error { return nil }
	c.before, c.after = never, never

	m = coordinate(t, c, accounts, people)
	defer func() { m.stop() }()
	m.pass(5 * time.Minute)
	m.expectCovered(t, people)
	// It takes the detection, the conflict that lingers after a delete, and two tries.
	if c.uncovered() > 15*time.Second {
		t.Errorf("somebody was uncovered for %s", c.uncovered())
	}
	carrying := slices.DeleteFunc(m.Coverage().Accounts, func(a AccountCoverage) bool { return len(a.UserIDs) == 0 })
	if len(carrying) != 2 {
		t.Errorf("%d accounts carry people", len(carrying))
	}
	return finished
}
