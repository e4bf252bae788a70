package subscriptions

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

func TestTenantIsCoveredByItsAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := coordinate(t, newCloud(), 3, persons(0, 1400))
		defer m.stop()
		m.pass(10 * time.Second)
		m.expectCovered(t, persons(0, 1400))
		for i, a := range m.Coverage().Accounts {
			if want := []int{650, 650, 100}[i]; len(a.UserIDs) != want || a.People != want || a.State != Healthy || a.SubscriptionID == "" || a.Since.IsZero() {
				t.Errorf("account %d: %+v", i, a.Status)
			}
		}
		m.pass(24 * time.Hour)
		m.expectCovered(t, persons(0, 1400))
		if m.cloud.made != 3 || m.cloud.uncovered() != 0 {
			t.Errorf("%d made, somebody was uncovered for %s", m.cloud.made, m.cloud.uncovered())
		}
	})
}

// What only an operator can mend must not keep the other accounts waiting.
func TestFirstStartWithARefusedSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.before = func(account, _ string) error {
			if account == "2" {
				return &graph.SignInError{AADSTS: 50126, Meaning: "the password is wrong", Permanent: true}
			}
			return nil
		}
		m := coordinate(t, c, 4, persons(0, 1900))
		defer m.stop()
		m.pass(3 * time.Second)
		m.expectPolled(t, NoSubscription, 650)
		for i, a := range m.Coverage().Accounts {
			if i != 1 && i != 3 && a.State != Healthy {
				t.Errorf("account %d is %s", i+1, a.State)
			}
		}
	})
}

func TestMorePeopleThanPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := coordinate(t, newCloud(), 2, persons(0, 2000))
		defer m.stop()
		m.pass(10 * time.Second)
		m.expectPolled(t, NoPlace, 700)
		if n := m.Coverage().Missing; n != 2 {
			t.Errorf("%d accounts missing", n)
		}
		if log := m.out.String(); strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, "polled=700 accounts_missing=2") {
			t.Errorf("want one warning that says it:\n%s", log)
		}
		m.watch(persons(0, 1300))
		m.pass(2 * time.Minute)
		m.expectCovered(t, persons(0, 1300))
	})
}

func TestRestartKeepsTheAssignment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 3, persons(0, 1400))
		m.pass(10 * time.Second)
		m.watch(persons(0, 1000)) // another assignment than a first start gives
		m.pass(10 * time.Minute)
		m.watch(append(persons(0, 900), persons(1300, 1600)...))
		m.pass(10 * time.Minute)
		m.stop()
		before := m.Coverage().Accounts
		m.cloud.ops()

		m = coordinate(t, c, 3, m.people)
		defer m.stop()
		m.pass(10 * time.Second)
		m.expectOps(t)
		m.expectCovered(t, m.people)
		for i, a := range m.Coverage().Accounts {
			if a.SubscriptionID != before[i].SubscriptionID {
				t.Errorf("account %d has %q, had %q", i+1, a.SubscriptionID, before[i].SubscriptionID)
			}
		}
	})
}

func TestChangesAreGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := coordinate(t, newCloud(), 1, persons(0, 100))
		defer m.stop()
		m.pass(10 * time.Second)
		m.cloud.ops()
		m.clearGaps()
		for n := range 10 { // one every 20 s: never quiet, until five minutes are over
			m.watch(persons(0, 101+n))
			m.pass(20 * time.Second)
		}
		m.expectOps(t)
		m.expectPolled(t, NoSubscription, 10)
		m.pass(45 * time.Second)
		m.expectOps(t, "1 delete", "1 create")
		m.expectCovered(t, persons(0, 110))
		if m.read() != 110 {
			t.Errorf("%d people are read after the replacement", m.read())
		}
		for n := range 35 {
			m.watch(persons(0, 111+n))
			m.pass(20 * time.Second)
		}
		m.expectOps(t, "1 delete", "1 create", "1 delete", "1 create")
	})
}

func TestMakeBeforeBreak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 3, persons(0, 1200))
		defer m.stop()
		m.pass(10 * time.Second)
		m.cloud.ops()
		m.clearGaps()
		m.watch(persons(5, 1205)) // account 1 loses five and gets five
		m.pass(2 * time.Minute)
		m.expectOps(t, "3 create", "1 delete")
		m.expectCovered(t, m.people)
		if c.uncovered() != 0 {
			t.Errorf("somebody was uncovered for %s", c.uncovered())
		}
		if !m.readOf(person(1204)) {
			t.Error("the newcomers are not read")
		}
		m.watch(append(persons(6, 700), persons(800, 1205)...)) // both must change, one spare serves one after the other
		m.pass(4 * time.Minute)
		m.expectOps(t, "1 create", "2 delete", "2 create", "3 delete")
		m.expectCovered(t, m.people)
		if c.uncovered() != 0 {
			t.Errorf("somebody was uncovered for %s", c.uncovered())
		}
	})
}

func TestInPlaceOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 2, persons(0, 1300))
		defer m.stop()
		m.pass(10 * time.Second)
		m.cloud.ops()
		m.watch(persons(1, 1299))
		m.pass(2 * time.Minute)
		m.expectOps(t, "1 delete", "1 create", "2 delete", "2 create")
		m.expectCovered(t, m.people)
		// From the effect of the delete to that of the create are a refresh and a create.
		if c.uncovered() > 3*c.took {
			t.Errorf("somebody was uncovered for %s, want at most %s", c.uncovered(), 3*c.took)
		}
	})
}

func TestSilentSubscriptionIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 1, persons(0, 100))
		m.pass(10 * time.Second)
		m.cloud.ops()
		if m.Recreate("another", "silent") || !m.Recreate("1", "silent") {
			t.Error("Recreate found the wrong one")
		}
		m.pass(10 * time.Second)
		m.expectOps(t, "1 delete", "1 create")
		m.expectCovered(t, m.people)
		m.pass(time.Hour)
		m.expectOps(t)
		m.stop()

		m = coordinate(t, c, 2, persons(0, 100))
		defer m.stop()
		m.pass(10 * time.Second)
		c.mu.Lock()
		c.worst = 0
		c.mu.Unlock()
		m.Recreate("1", "silent")
		m.pass(10 * time.Second)
		m.expectOps(t, "2 create", "1 delete")
		m.expectCovered(t, m.people)
		if c.uncovered() != 0 {
			t.Errorf("somebody was uncovered for %s", c.uncovered())
		}
	})
}

func TestAccountThatFailsIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		refused := &graph.SignInError{AADSTS: 50126, Meaning: "the password is wrong", Permanent: true}
		locked := true
		c.before = func(account, _ string) error {
			if account == "1" && locked {
				return refused
			}
			return nil
		}
		m := coordinate(t, c, 3, persons(0, 1300))
		defer m.stop()
		m.pass(time.Minute)
		m.expectPolled(t, NoSubscription, 650)
		m.pass(giveUp + time.Minute)
		m.expectCovered(t, m.people)

		// When it works again it is the spare one.
		c.mu.Lock()
		locked = false
		c.mu.Unlock()
		m.pass(15 * time.Minute)
		m.cloud.ops()
		m.watch(persons(1, 1300))
		m.pass(2 * time.Minute)
		m.expectOps(t, "1 create", "3 delete")
	})
}

// Only creates need the handshake: while the public endpoint is down, renewals work.
func TestHealthySubscriptionsOutliveCreatesThatFail(t *testing.T) {
	for name, err := range map[string]error{
		"unavailable": unavailable,
		"forbidden":   forbidden,
		"handshake":   &graph.Error{Status: 400, Message: "Subscription validation request failed."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				m := coordinate(t, c, 4, persons(0, 4*650))
				defer m.stop()
				m.pass(10 * time.Second)
				m.watch(slices.Concat(persons(0, 450), persons(650, 1100), persons(1300, 1750), persons(1950, 2400)))
				m.pass(5 * time.Minute)
				m.expectCovered(t, m.people)
				m.cloud.ops()
				c.mu.Lock()
				c.before = func(_, op string) error {
					if op == "create" {
						return err
					}
					return nil
				}
				c.mu.Unlock()
				m.Recreate("1", "silent")
				m.pass(3 * time.Hour)
				m.expectPolled(t, NoSubscription, 450)
				if n := strings.Count(strings.Join(m.cloud.ops(), ";"), "delete"); n != 1 {
					t.Errorf("%d subscriptions deleted, want the silent one", n)
				}
				c.mu.Lock()
				c.before = func(string, string) error { return nil }
				c.mu.Unlock()
				m.pass(15 * time.Minute)
				m.expectCovered(t, m.people)
			})
		})
	}
}

func TestNobodyMovesWhenEverythingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		m := coordinate(t, c, 3, persons(0, 1300))
		defer m.stop()
		m.pass(10 * time.Second)
		c.mu.Lock()
		c.before = func(string, string) error { return unavailable }
		c.mu.Unlock()
		m.pass(3 * time.Hour)
		m.expectPolled(t, NoSubscription, 1300)
		for _, a := range m.Coverage().Accounts {
			if a.SubscriptionID != "" {
				t.Errorf("%+v after hours without Graph", a.Status)
			}
		}
		c.mu.Lock()
		c.before = func(string, string) error { return nil }
		c.mu.Unlock()
		m.pass(2 * time.Minute)
		m.expectCovered(t, m.people)
		if n := len(m.Coverage().Accounts[2].UserIDs); n != 0 {
			t.Errorf("%d people moved", n)
		}
	})
}

func TestBrokenPersonIsQuarantined(t *testing.T) {
	for _, accounts := range []int{1, 2} { // without and with a spare one
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			c.ghost = time.Second
			c.mind = person(640) // of the newcomers, trials cover some for a moment
			m := coordinate(t, c, accounts, persons(0, 640))
			defer m.stop()
			m.pass(10 * time.Second)
			c.mu.Lock()
			c.broken[person(645)] = true
			c.mu.Unlock()
			m.watch(persons(0, 650))
			m.pass(5 * time.Minute)
			m.expectCovered(t, append(persons(0, 645), persons(646, 650)...))
			m.expectPolled(t, Quarantined, 1)
			if most := time.Duration(2-accounts) * 20 * time.Second; c.uncovered() > most {
				t.Errorf("with %d accounts somebody was uncovered for %s, want at most %s", accounts, c.uncovered(), most)
			}

			c.mu.Lock()
			c.worst = 0
			c.mu.Unlock()
			m.pass(firstQuarantine + 5*time.Minute) // still broken
			m.expectPolled(t, Quarantined, 1)
			if most := time.Duration(2-accounts) * 20 * time.Second; c.uncovered() > most {
				t.Errorf("with %d accounts somebody was uncovered for %s, want at most %s", accounts, c.uncovered(), most)
			}

			c.mu.Lock()
			c.broken = nil
			c.mu.Unlock()
			m.pass(2*firstQuarantine + 5*time.Minute)
			m.expectCovered(t, m.people)
			if strings.Contains(m.out.String(), person(645)) {
				t.Error("the log names somebody")
			}
		})
	}
}

func TestBrokenPeopleAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		for _, n := range []int{0, 17, 300, 301, 649} {
			c.broken[person(n)] = true
		}
		m := coordinate(t, c, 2, persons(0, 1300))
		defer m.stop()
		m.pass(15 * time.Minute)
		m.expectPolled(t, Quarantined, 5)
		m.expectPolled(t, NoSubscription, 0)
	})
}

// TestManyBrokenPeopleAmongFaults: refused trials do not make the pauses after
// failures of other kinds any longer, or the others would wait for an hour.
func TestManyBrokenPeopleAmongFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		for n := range 12 {
			c.broken[person(53*n)] = true
		}
		calls := 0
		c.before = func(string, string) error {
			if calls++; calls%5 == 0 {
				return unavailable
			}
			return nil
		}
		m := coordinate(t, c, 1, persons(0, 640))
		defer m.stop()
		m.pass(15 * time.Minute)
		m.expectPolled(t, Quarantined, 12)
		m.expectPolled(t, NoSubscription, 0)
	})
}

// TestWhoIsFoundOutlivesTheBisection: somebody new ends it, and those who were
// found broken until then stay out.
func TestWhoIsFoundOutlivesTheBisection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.broken[person(100)], c.broken[person(500)] = true, true
		m := coordinate(t, c, 1, persons(0, 600))
		defer m.stop()
		for range 600 {
			if m.pass(time.Second); len(m.Polled()[Quarantined]) > 0 {
				break
			}
		}
		m.expectPolled(t, Quarantined, 1)
		m.watch(persons(0, 601))
		for range 20 {
			m.pass(30 * time.Second)
			if n := len(m.Polled()[Quarantined]); n == 0 {
				t.Fatal("nobody is known to be broken any more")
			}
		}
		m.expectPolled(t, Quarantined, 2)
		m.expectPolled(t, NoSubscription, 0)
	})
}

func TestARefusalOfEverybodyBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.before = func(_, op string) error {
			if op == "create" {
				return &graph.Error{Status: 500, Message: "An internal error occurred."}
			}
			return nil
		}
		m := coordinate(t, c, 2, persons(0, 1000))
		defer m.stop()
		m.pass(2 * time.Hour)
		m.expectPolled(t, Quarantined, 0)
		if n := c.count(writing); n > 2*250 {
			t.Errorf("%d creates in two hours", n)
		}
		c.mu.Lock()
		c.before = func(string, string) error { return nil }
		c.mu.Unlock()
		m.pass(2 * time.Minute)
		m.expectCovered(t, m.people)
	})
}

// All accounts of a tenant share one limiter, which refuses at once what does
// not fit into the deadline of a call: 31 listings in 30 s.
func TestManyAccountsWhoseListingsAreHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		lists, window := 0, time.Now()
		c.before = func(_, op string) error {
			if op != "list" {
				return nil
			}
			if time.Since(window) >= 30*time.Second {
				lists, window = 0, time.Now()
			}
			if lists++; lists > 31 {
				return &graph.Error{Status: 429, Code: "HeldBack", RetryAfter: 30 * time.Second}
			}
			return nil
		}
		m := coordinate(t, c, 80, persons(0, 70*650))
		defer m.stop()
		m.pass(5 * time.Minute)
		m.expectCovered(t, m.people)
	})
}

func TestLifecycleReachesItsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := coordinate(t, newCloud(), 2, persons(0, 1000))
		defer m.stop()
		m.pass(10 * time.Second)
		m.cloud.ops()
		m.Lifecycle(graph.Lifecycle{Slot: "2", Event: "subscriptionRemoved", SubscriptionID: m.Coverage().Accounts[1].SubscriptionID})
		m.pass(10 * time.Second)
		m.expectOps(t, "2 delete", "2 create")
		m.expectCovered(t, m.people)
	})
}

func TestDeleteOfATenantLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := coordinate(t, newCloud(), 3, persons(0, 1400))
		m.pass(10 * time.Second)
		m.stop()
		if err := m.Delete(t.Context()); err != nil || len(m.cloud.subs) != 0 {
			t.Errorf("%v, %d left", err, len(m.cloud.subs))
		}
	})
}
