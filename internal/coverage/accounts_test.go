package coverage

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// desk moves a tracker by hand: what its accounts have is written down.
type desk struct {
	*Tracker
	t           *testing.T
	now         time.Time
	ids         []string
	accounts    []Account
	plan        Plan // its numbers
	recreations int
	stale       int
}

func newDesk(t *testing.T, n int) *desk {
	d := &desk{t: t, now: epoch}
	for i := range n {
		d.ids = append(d.ids, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
	}
	d.Tracker = New(Options{
		TenantID: tenantID, Tenant: "contoso", StaleAfter: 5 * time.Minute, Log: slog.New(slog.DiscardHandler),
		People:   func() []string { return d.ids },
		Plan:     func() Plan { d.plan.Accounts = d.accounts; return d.plan },
		Bus:      d,
		Recreate: func(string, string) { d.recreations++ },
		Stale: func(_ context.Context, ids []string, _ func(string) bool) error {
			d.stale += len(ids)
			return nil
		},
		Now: func() time.Time { return d.now },
	})
	return d
}

func (d *desk) Publish(_ context.Context, messages []events.Message) []events.Ack {
	return make([]events.Ack, len(messages))
}

// pass lets time pass, in steps of a tick at most.
func (d *desk) pass(total time.Duration) {
	for d.round(d.t.Context()); total > 0; d.round(d.t.Context()) {
		step := min(total, 5*time.Second)
		d.now, total = d.now.Add(step), total-step
	}
}

// read has everybody read; only the first one may have changed.
func (d *desk) read(moved bool) {
	for i, id := range d.ids {
		d.Seen(graph.Reading{
			TenantID: tenantID, AskedAt: d.now, ObservedAt: d.now, Presence: graph.Presence{UserID: id},
		}, moved && i == 0)
	}
}

func (d *desk) notify(i int) {
	d.Seen(graph.Reading{TenantID: tenantID, ObservedAt: d.now, Presence: graph.Presence{UserID: d.ids[i]}}, true)
}

// expect is what is said of an account: "silent 2: 0 2 0 why".
func (d *desk) expect(key, want string) {
	d.t.Helper()
	v := d.Views()[key]
	got := fmt.Sprintf("%s %d: %d %d %d", v.State, v.People.Assigned, v.People.Push, v.People.Poll, v.People.None)
	if v.Reason != "" && v.State != events.Silent {
		got += " " + v.Reason
	}
	if got != want {
		d.t.Errorf("%s is %q, want %q", key, got, want)
	}
}

// Make before break: the people are to be carried by another account, which has
// no subscription yet. They are still covered.
func TestWhoCarriesCounts(t *testing.T) {
	d := newDesk(t, 2)
	d.accounts = []Account{{Key: "old", Assigned: d.ids, SubscriptionID: "s1", Carried: d.ids}, {Key: "new"}}
	d.pass(0)
	d.read(false)
	d.pass(2 * time.Second)
	d.accounts = []Account{{Key: "old", SubscriptionID: "s1", Carried: d.ids}, {Key: "new", Assigned: d.ids}}
	for range 10 { // reads fail
		d.notify(0)
		d.pass(time.Minute)
	}
	d.expect("old", "healthy 2: 2 0 0")
	d.expect("new", "healthy 0: 0 0 0")
	if d.stale > 0 || len(d.Untrusted()) > 0 {
		t.Errorf("%d are stale, %d untrusted", d.stale, len(d.Untrusted()))
	}
	// Both have them for a moment, then the old one is deleted.
	d.accounts[1] = Account{Key: "new", Assigned: d.ids, SubscriptionID: "s2", Carried: d.ids}
	d.pass(time.Second)
	d.read(false)
	d.expect("new", "healthy 2: 0 2 0")
	d.pass(time.Second)
	d.expect("new", "healthy 2: 2 0 0")
	d.expect("old", "healthy 0: 0 0 0")
	d.accounts[0] = Account{Key: "old"}
	d.pass(time.Second)
	d.expect("new", "healthy 2: 2 0 0")
}

// A silent subscription is made anew with another account: the doubt goes with
// the people, until one delivers.
func TestSilenceGoesWithThePeople(t *testing.T) {
	d := newDesk(t, 2)
	d.accounts = []Account{{Key: "a", Assigned: d.ids, SubscriptionID: "s1", Carried: d.ids}, {Key: "b"}}
	d.pass(0)
	d.read(false)
	d.pass(2 * time.Second)
	d.read(true)
	d.pass(MaxLatency)
	d.expect("a", "silent 2: 0 2 0")
	for round := range 24 * 3 { // a day in which nothing is delivered, whoever has it
		from, to := round%2, 1-round%2
		key := d.accounts[from].Key
		if before := d.recreations; before > round+1 {
			t.Fatalf("made anew %d times in %d rounds", before, round)
		}
		d.accounts[to] = Account{Key: d.accounts[to].Key, Assigned: d.ids, SubscriptionID: fmt.Sprint("s", round+2), Carried: d.ids}
		d.accounts[from] = Account{Key: key}
		d.pass(time.Second)
		d.read(false)
		d.pass(time.Second)
		d.expect(d.accounts[to].Key, "silent 2: 0 2 0")
		d.expect(key, "healthy 0: 0 0 0")
		d.read(true)
		d.pass(20 * time.Minute)
	}
	if d.recreations > 30 {
		t.Errorf("made anew %d times in a day", d.recreations)
	}
	d.notify(0)
	d.pass(time.Second)
	d.expect("a", "healthy 2: 2 0 0")
}

// What delivered already is not doubted because of people who join it.
func TestTheProvedAreNotDoubted(t *testing.T) {
	d := newDesk(t, 4)
	left, right := d.ids[:2], d.ids[2:]
	d.accounts = []Account{{Key: "a", Assigned: left, SubscriptionID: "s1", Carried: left}, {Key: "b", Assigned: right, SubscriptionID: "s2", Carried: right}}
	d.pass(0)
	d.read(false)
	d.pass(2 * time.Second)
	d.read(true)
	d.pass(MaxLatency)
	d.expect("a", "silent 2: 0 2 0")
	d.accounts = []Account{{Key: "a", SubscriptionID: "s1", Carried: left}, {Key: "b", Assigned: d.ids, SubscriptionID: "s3", Carried: right}}
	d.pass(time.Second)
	d.notify(3)
	d.read(false)
	d.accounts = []Account{{Key: "a"}, {Key: "b", Assigned: d.ids, SubscriptionID: "s3", Carried: d.ids}}
	d.pass(time.Second)
	d.expect("b", "healthy 4: 4 0 0")
}

// An account that was given up has nobody left, and is lost all the same.
func TestGivenUpIsLost(t *testing.T) {
	d := newDesk(t, 1)
	d.accounts = []Account{{Key: "a", Assigned: d.ids, SubscriptionID: "s1", Carried: d.ids}, {Key: "b", Trouble: "sign-in refused"}, {Key: "c"}}
	d.pass(0)
	d.read(false)
	d.pass(time.Second)
	d.expect("a", "healthy 1: 1 0 0")
	d.expect("b", "lost 0: 0 0 0 sign-in refused")
	d.expect("c", "healthy 0: 0 0 0")
}

// Whoever no account is to carry is polled for a reason that holds.
func TestReasonsToPoll(t *testing.T) {
	d := newDesk(t, 4)
	d.accounts = []Account{{Key: "a", Assigned: d.ids[:1], SubscriptionID: "s1", Carried: d.ids[:1]}}
	d.pass(0)
	d.read(false)
	d.pass(2 * time.Second)
	d.expect(RestKey, "polled 3: 0 3 0 "+reasonJoining)
	d.plan = Plan{Quarantined: 2}
	d.pass(time.Second)
	d.expect(RestKey, "polled 3: 0 3 0 "+reasonQuarantined+"; "+reasonJoining)
	d.plan = Plan{Unplaced: 3, Missing: 1}
	d.pass(time.Second)
	d.expect(RestKey, "polled 3: 0 3 0 the service users cannot carry everybody; more of them are needed: 1")
	d.plan, d.accounts[0] = Plan{}, Account{Key: "a", Assigned: d.ids, SubscriptionID: "s1", Carried: d.ids}
	d.pass(2 * time.Second)
	d.Tracker.mu.Lock()
	defer d.Tracker.mu.Unlock()
	if said := d.rest.voice.said; said.reason != reasonNobody || said.people != (events.Covered{}) {
		t.Errorf("the last word is %+v", said)
	}
}

// What one account delivers cannot be stored, again and again: that is held
// against nobody, and does not excuse another account.
func TestWhatCannotBeStoredExcusesItsPeopleOnly(t *testing.T) {
	d := newDesk(t, 4)
	left, right := d.ids[:2], d.ids[2:]
	d.accounts = []Account{{Key: "a", Assigned: left, SubscriptionID: "s1", Carried: left}, {Key: "b", Assigned: right, SubscriptionID: "s2", Carried: right}}
	d.pass(0)
	d.read(false)
	for range 4 {
		d.pass(30 * time.Second)
		d.Announced(d.ids[3], d.now)
	}
	d.read(true) // and the first one of a was not told
	for range 2 {
		d.pass(30 * time.Second)
		d.Announced(d.ids[3], d.now)
	}
	d.pass(time.Second)
	d.expect("a", "silent 2: 0 2 0")
	d.expect("b", "healthy 2: 1 1 0") // somebody is not known until read
	for range 10 {                    // reads fail, and others are told of
		d.pass(time.Minute)
		d.notify(2)
	}
	d.expect("b", "healthy 2: 1 0 1")
}
