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
	chance := rand.New(rand.NewPCG(seed, 1)) // of Graph, under its lock
	ours := rand.New(rand.NewPCG(seed, 2))
	faults := []error{
		unavailable, canceled, notFound, conflict, badToken, errLost,
		&graph.Error{Status: 429, RetryAfter: 20 * time.Second}, &graph.Error{Status: 500, Message: "An internal error occurred."},
	}
	c := newCloud()
	c.ghost = 10 * time.Second
	c.before = func(string, string) error {
		if chance.IntN(8) == 0 {
			return faults[chance.IntN(len(faults))]
		}
		return nil
	}
	c.after = func(string, string) error {
		if chance.IntN(20) == 0 {
			return errLost
		}
		return nil
	}
	people := persons(0, 3000)
	m := coordinate(t, c, 6, people)
	defer func() { m.stop() }()

	for end := time.Now().Add(48 * time.Hour); time.Now().Before(end); m.pass(time.Duration(ours.IntN(3600)) * time.Second) {
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
			m.pass(time.Duration(ours.IntN(7200)) * time.Second)
			c.mu.Lock()
			c.before = before
			c.mu.Unlock()
		case 7: // the service is started anew
			m.stop()
			m = coordinate(t, c, 6, people)
		}
	}

	c.mu.Lock()
	c.before, c.after, c.broken = func(string, string) error { return nil }, func(string, string) error { return nil }, nil
	c.mu.Unlock()
	m.pass(20 * time.Minute)
	polled := m.Polled()
	if n := len(polled[NoPlace]) + len(polled[NoSubscription]); n != 0 {
		t.Errorf("%d people are polled although nobody broke them", n)
	}
	m.pass(longestQuarantine)
	m.expectCovered(t, people)
	if strings.Contains(m.out.String(), "@") {
		t.Error("the log names somebody")
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
