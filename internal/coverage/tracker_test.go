package coverage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/intake"
	"jtel.de/presencebridge/internal/people"
	"jtel.de/presencebridge/internal/sweep"
)

const (
	tenantID = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	svc      = "svc"
)

var errAway = errors.New("away")

// site is a tenant with the rooms that cover it, around a Graph and a stream
// that are played. It runs in a bubble of virtual time.
type site struct {
	*Tracker
	t       *testing.T
	intake  *intake.Intake
	sweeper *sweep.Sweeper
	ids     []string

	mu           sync.Mutex
	states       map[string]string // at Graph
	stalled      bool
	readsFail    bool
	leftOut      string // of every answer
	reads        int
	busAway      bool
	latency      time.Duration
	subscription int // 0: there is none
	poll         bool
	carries      int // of ids; the rest are beyond
	events       []events.UserEvent
	coverage     []events.CoverageEvent
	recreations  int
	notified     int
	people       events.Covered

	// How else than by one account of its own it is pushed.
	planned  func() Plan
	recreate func(accountKey, reason string)
	tells    func(i int) bool
	log      *slog.Logger
}

// newSite has a healthy subscription that tells of changes after 5 s, and runs.
func newSite(t *testing.T, n int, set func(*site)) *site {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s := &site{t: t, states: map[string]string{}, latency: 5 * time.Second, subscription: 1, carries: n, log: log}
	s.planned, s.recreate = s.plan, s.again
	s.tells = func(i int) bool { return !s.stalled && s.subscription > 0 && i < s.carries }
	directory := people.NewDirectory()
	var persons []people.Person
	for i := range n {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		s.ids, s.states[id] = append(s.ids, id), "Available"
		persons = append(persons, people.Person{ID: id, UserPrincipalName: id + "@contoso.com"})
	}
	directory.Replace(tenantID, persons)
	if set != nil {
		set(s)
	}
	s.intake = intake.New(intake.Options{
		Bus: s, Lookup: directory.Lookup, Tenants: map[string]string{tenantID: "contoso"},
		Seen: func(r graph.Reading, moved bool) { s.Seen(r, moved) },
		Log:  log,
	})
	everybody := func() []string { return directory.IDs(tenantID) }
	s.sweeper = sweep.New(sweep.Options{
		TenantID: tenantID, Reader: s, People: everybody, Accept: s.intake.Accept,
		Interval: 2 * time.Minute, FastInterval: 5 * time.Second,
		Untrusted: func() []string { return s.Untrusted() }, Log: log,
	})
	s.Tracker = New(Options{
		TenantID: tenantID, Tenant: "contoso", People: everybody, Plan: s.planned,
		StaleAfter: 5 * time.Minute, Bus: s, Log: log,
		Recreate: s.recreate,
		Stale: func(ctx context.Context, ids []string, unconfirmed func(string) bool) error {
			var who []graph.Person
			for _, id := range ids {
				who = append(who, graph.Person{TenantID: tenantID, UserID: id})
			}
			return s.intake.Stale(ctx, who, func(p graph.Person) bool { return unconfirmed(p.UserID) })
		},
		Observe: func(c events.Covered) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.people = c
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	s.sweeper.AskAll(graph.OriginStart)
	running.Go(func() { s.sweeper.Run(ctx) })
	running.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return s
}

// again makes the subscription anew.
func (s *site) again(key, _ string) {
	s.mu.Lock()
	s.recreations++
	s.subscription++
	s.mu.Unlock()
	s.Gap(key)
	s.Update()
	s.sweeper.Ask(graph.OriginSweep, s.ids...)
}

func (s *site) plan() Plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll {
		return Plan{}
	}
	a := Account{Key: svc, Assigned: s.ids[:s.carries]}
	if s.subscription > 0 {
		a.SubscriptionID, a.Carried = fmt.Sprint("sub-", s.subscription), a.Assigned
	}
	beyond := len(s.ids) - s.carries
	return Plan{Accounts: []Account{a}, Unplaced: beyond, Missing: min(beyond, 1)}
}

// Presences and Publish are Graph's read and the stream.
func (s *site) Presences(_ context.Context, ids []string) (out []graph.Presence, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readsFail {
		return nil, errAway
	}
	s.reads++
	for _, id := range ids {
		if id == s.leftOut {
			continue
		}
		out = append(out, graph.Presence{UserID: id, Availability: s.states[id], Activity: s.states[id]})
	}
	return out, nil
}

// Last implements [intake.Bus].
func (s *site) Last(_ context.Context, _, userID string) (events.UserEvent, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busAway {
		return events.UserEvent{}, 0, errAway
	}
	for i := len(s.events); i > 0; i-- {
		if e := s.events[i-1]; e.Data.User.ID == userID {
			return e, uint64(i), nil
		}
	}
	return events.UserEvent{}, 0, nil
}

func (s *site) Publish(_ context.Context, messages []events.Message) []events.Ack {
	s.mu.Lock()
	defer s.mu.Unlock()
	acks := make([]events.Ack, len(messages))
	for i, m := range messages {
		if s.busAway {
			acks[i].Err = errAway
			continue
		}
		e, err := events.DecodeAny(m.Data)
		if err != nil {
			panic(err)
		}
		switch e := e.(type) {
		case events.UserEvent:
			s.events = append(s.events, e)
		case events.CoverageEvent:
			s.coverage = append(s.coverage, e)
		}
	}
	return acks
}

func (s *site) Purge(context.Context, string, string) error { return nil }

// change is one of a person, with its notification if there is to be one.
func (s *site) change(i int, state string) {
	s.mu.Lock()
	s.states[s.ids[i]] = state
	told := s.tells(i)
	s.notified++
	key := fmt.Sprint(s.notified)
	s.mu.Unlock()
	if !told {
		return
	}
	time.AfterFunc(s.latency, func() {
		s.mu.Lock()
		away := s.busAway
		s.mu.Unlock()
		if away { // answered 503; Graph's repetitions are not played
			s.Interrupted()
			return
		}
		s.intake.Accept(context.Background(), []graph.Reading{{
			TenantID: tenantID, Origin: graph.OriginNotification, ObservedAt: time.Now(), NotificationKey: key,
			Presence: graph.Presence{UserID: s.ids[i], Availability: state, Activity: state},
		}})
	})
}

func (s *site) set(change func()) {
	s.mu.Lock()
	change()
	s.mu.Unlock()
	s.Update()
}

// after lets d pass until everybody waits. Between two calls of it a test may
// look at all that is written under mu.
func (s *site) after(d time.Duration) {
	s.fence()
	time.Sleep(d)
	synctest.Wait()
}

func (s *site) fence() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// expect is what the last coverage event says: "silent, 3 of 20 pushed, 17 polled, 0 none".
func (s *site) expect(key, want string) {
	s.t.Helper()
	got := "nothing"
	for _, e := range s.coverage {
		if d := e.Data; d.Account == key {
			got = fmt.Sprintf("%s %d: %d %d %d", d.State, d.People.Assigned, d.People.Push, d.People.Poll, d.People.None)
		}
	}
	if got != want {
		s.t.Errorf("after %v coverage says %q, want %q", time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), got, want)
	}
}

// told lists what was published about a person, as state and freshness.
func (s *site) told(i int) (list []string) {
	for _, e := range s.events {
		if e.Data.User.ID == s.ids[i] {
			list = append(list, e.Data.Availability+" "+e.Data.Freshness)
		}
	}
	return list
}

func (s *site) expectTold(i int, want ...string) {
	s.t.Helper()
	if got := s.told(i); !slices.Equal(got, want) {
		s.t.Errorf("told of person %d: %q, want %q", i, got, want)
	}
}

// August 2024: created and renewed, and nothing is delivered. It is noticed one
// sweep and Graph's latency later; its people are then never 5 s behind.
func TestAugust2024(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 20, nil)
		s.after(10 * time.Minute)
		s.expect(svc, "healthy 20: 20 0 0")
		s.set(func() { s.stalled = true })
		s.after(10 * time.Second)
		s.change(0, "Busy")
		s.after(2*time.Minute + MaxLatency)
		if s.recreations != 1 {
			t.Errorf("made anew %d times, want once", s.recreations)
		}
		s.after(settle)
		s.expect(svc, "silent 20: 0 20 0")

		s.change(1, "Away")
		s.after(6 * time.Second)
		s.expectTold(1, "Available fresh", "Away fresh")

		// It delivers nothing all day: tried again, with patience.
		for range 24 * 60 {
			s.change(2, []string{"Away", "Busy"}[s.notified%2])
			s.after(time.Minute)
		}
		if s.recreations < 20 || s.recreations > 30 {
			t.Errorf("made anew %d times in a day", s.recreations)
		}
		s.set(func() { s.stalled = false })
		s.change(3, "Busy")
		s.after(10 * time.Second)
		s.expect(svc, "healthy 20: 19 1 0") // the one who was missed is trusted when told of
		s.expectTold(3, "Available fresh", "Busy fresh")
		s.change(2, "Offline")
		s.after(10 * time.Second)
		s.expect(svc, "healthy 20: 20 0 0")
	})
}

func TestQuietTenantsAreHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3, nil)
		s.after(48 * time.Hour)
		if len(s.events) != 3 || s.recreations > 0 {
			t.Errorf("%d events, %d recreations", len(s.events), s.recreations)
		}
		s.expect(svc, "healthy 3: 3 0 0")
		// The same is said again every 20 minutes, so that a stream that forgets
		// holds it: under another id, but as old as it is.
		if n := len(s.coverage); n < 143 || n > 145 {
			t.Errorf("%d coverage events", n)
		}
		ids, first := map[string]bool{}, s.coverage[0].Data
		for _, e := range s.coverage {
			ids[e.ID] = true
			if e.Data.State != first.State || e.Data.People != first.People || !e.Data.ObservedAt.Equal(first.ObservedAt) {
				t.Errorf("said %+v, after %+v", e.Data, first)
			}
		}
		if len(ids) != len(s.coverage) || s.coverage[1].Data.PublishedAt.Equal(first.PublishedAt) {
			t.Errorf("%d ids of %d events", len(ids), len(s.coverage))
		}
	})
}

// One person whom Graph never tells of does not bring the others down.
func TestOneBrokenPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 10, nil)
		for i := range 60 {
			s.after(time.Minute)
			s.change(1+i%9, fmt.Sprint("state ", i))
			s.set(func() { s.stalled = true })
			s.change(0, fmt.Sprint("state ", i))
			s.set(func() { s.stalled = false })
		}
		if s.recreations > 1 {
			t.Errorf("made anew %d times in an hour", s.recreations)
		}
		s.after(6 * time.Second)
		s.expect(svc, "healthy 10: 9 1 0")
		silent := 0
		for _, e := range s.coverage {
			if e.Data.State == events.Silent {
				silent++
			}
		}
		if silent > 2 {
			t.Errorf("doubted %d times in an hour", silent)
		}
		if last := s.told(0); last[len(last)-1] != "state 59 fresh" {
			t.Errorf("the broken person is behind: %s", last[len(last)-1])
		}
	})
}

// What we turned away because our bus was away is not the subscription's fault.
func TestOurOwnOutageIsNoSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 5, nil)
		s.after(5 * time.Minute)
		s.set(func() { s.busAway = true })
		s.change(0, "Busy")
		s.after(10 * time.Minute)
		s.set(func() { s.busAway = false })
		s.sweeper.AskAll(graph.OriginSweep)
		s.sweeper.Retry()
		s.after(10 * time.Minute)
		if s.recreations > 0 {
			t.Error("made anew")
		}
		s.expect(svc, "healthy 5: 5 0 0")
		s.expectTold(0, "Available fresh", "Available stale", "Busy fresh")
		s.expectTold(1, "Available fresh")
	})
}

func TestNotificationsKeepPeopleFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 5, nil)
		s.after(time.Minute)
		s.set(func() { s.readsFail = true })
		for i := range 30 {
			s.change(i%2, fmt.Sprint("state ", i))
			s.after(time.Minute)
		}
		for i := range s.ids {
			if slices.Contains(s.told(i), s.states[s.ids[i]]+" stale") {
				t.Errorf("person %d is stale", i)
			}
		}
		s.expect(svc, "healthy 5: 5 0 0")
		// Now nothing proves that it delivers.
		s.after(6 * time.Minute)
		s.expect(svc, "healthy 5: 0 0 5")
		s.expectTold(4, "Available fresh", "Available stale")
	})
}

func TestStaleOnceAndFreshAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3, func(s *site) { s.poll = true })
		s.after(time.Minute)
		s.set(func() { s.readsFail = true })
		s.after(5*time.Minute - 10*time.Second)
		s.expectTold(0, "Available fresh")
		s.after(time.Hour)
		s.expectTold(0, "Available fresh", "Available stale")
		s.expect(RestKey, "polled 3: 0 0 3")
		s.set(func() { s.readsFail = false })
		s.sweeper.Retry()
		s.after(10 * time.Second)
		s.expectTold(0, "Available fresh", "Available stale", "Available fresh")
		s.expect(RestKey, "polled 3: 0 3 0")
	})
}

// A state that was stale before a restart is not told stale again.
func TestStaleBeforeARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2, func(s *site) { s.poll, s.readsFail = true, true })
		for i, freshness := range []string{events.Stale, events.Fresh} {
			s.intake.Restore(events.UserEvent{ID: "e", Data: events.UserData{
				TenantID: tenantID, User: events.User{ID: s.ids[i]}, Availability: "Busy", Activity: "Busy",
				Origin: events.OriginSweep, ObservedAt: time.Now(), PublishedAt: time.Now(), Freshness: freshness,
			}})
		}
		s.after(time.Hour)
		s.expectTold(0)
		s.expectTold(1, "Busy stale")
		s.set(func() { s.readsFail = false })
		s.sweeper.Retry()
		s.after(time.Minute)
		s.expectTold(0, "Available fresh")
	})
}

func TestLostUntilThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 4, func(s *site) { s.subscription = 0 })
		s.after(2 * time.Second)
		s.expect(svc, "lost 4: 0 4 0")
		s.change(0, "Busy")
		s.after(6 * time.Second)
		s.expectTold(0, "Available fresh", "Busy fresh")
		s.set(func() { s.subscription = 1 })
		s.after(2 * time.Second)
		s.expect(svc, "healthy 4: 0 4 0") // what changed before it is told by nobody
		s.after(5 * time.Second)
		s.expect(svc, "healthy 4: 4 0 0")
	})
}

func TestWhoIsBeyondIsPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 5, func(s *site) { s.carries = 3 })
		s.after(10 * time.Second)
		s.expect(svc, "healthy 3: 3 0 0")
		s.expect(RestKey, "polled 2: 0 2 0")
		if want := (events.Covered{Assigned: 5, Push: 3, Poll: 2}); s.people != want {
			t.Errorf("observed %+v, want %+v", s.people, want)
		}
		s.change(4, "Busy")
		s.after(6 * time.Second)
		s.expectTold(4, "Available fresh", "Busy fresh")
		s.set(func() { s.carries = 5 })
		s.after(10 * time.Second)
		s.expect(svc, "healthy 5: 5 0 0")
		s.expect(RestKey, "polled 0: 0 0 0")
	})
}

// The last statement is made when the bus is back, whatever came between.
func TestTheBusAwayLosesNoStatement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2, func(s *site) { s.busAway = true })
		s.after(time.Minute)
		s.set(func() { s.subscription = 0 })
		s.after(time.Minute)
		s.expect(svc, "nothing")
		s.set(func() { s.busAway = false })
		s.after(2 * time.Minute)
		s.expect(svc, "lost 2: 0 2 0")
		seen := map[string]bool{}
		for _, e := range s.coverage {
			if seen[e.ID] {
				t.Error("two statements have one id")
			}
			seen[e.ID] = true
		}
	})
}

// Somebody whom Graph tells nothing about is asked for at the interval.
func TestWhoIsLeftOutIsNotReadFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 20, func(s *site) { s.leftOut = "00000000-0000-4000-8000-000000000003" })
		s.after(time.Hour)
		if s.reads > 35 {
			t.Errorf("%d reads in an hour", s.reads)
		}
		s.expect(svc, "healthy 20: 19 0 1")
		s.set(func() { s.leftOut = "" })
		s.after(2*time.Minute + settle)
		s.expect(svc, "healthy 20: 20 0 0")
	})
}

// A notification without values must be followed by a read; what that finds
// was announced.
func TestAnnouncedChangesAreNoMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 2, nil)
		s.after(5 * time.Minute)
		s.set(func() { s.stalled = true })
		s.change(0, "Busy")
		s.Announced(s.ids[0], time.Now())
		s.sweeper.Ask(graph.OriginSweep, s.ids[0])
		s.after(10 * time.Minute)
		if s.recreations > 0 {
			t.Error("made anew")
		}
	})
}

func TestWhoLeavesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, 3, nil)
		s.after(time.Second)
		s.Announced("00000000-0000-4000-8000-999999999999", time.Now())
		s.Update()
		if len(s.Tracker.people) != 3 {
			t.Errorf("%d people are tracked", len(s.Tracker.people))
		}
	})
}

// What a look at everybody costs, for one tenant of this size.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{650, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var ids []string
			for i := range n {
				ids = append(ids, fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
			}
			t := New(Options{
				People: func() []string { return ids }, StaleAfter: time.Hour, Log: slog.New(slog.DiscardHandler),
				Plan: func() (p Plan) {
					for chunk := range slices.Chunk(ids, 650) {
						p.Accounts = append(p.Accounts, Account{Key: chunk[0], SubscriptionID: "s", Assigned: chunk, Carried: chunk})
					}
					return p
				},
			})
			b.ReportAllocs()
			for b.Loop() {
				t.look()
			}
		})
	}
}
