package subscriptions

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// route is what Graph counts calls by.
type route int

const (
	listing route = iota
	writing       // POST, PATCH and DELETE
	routes
)

// cloud is a simulated Graph with all accounts of a tenant. It keeps account of
// who is covered when, and of calls per route.
type cloud struct {
	mu     sync.Mutex
	subs   map[string]graph.Subscription // by account: Graph allows one
	ghosts map[string]time.Time
	broken map[string]bool // people because of whom creates are refused
	ghost  time.Duration   // how long a deleted one is in the way
	took   time.Duration   // by each call
	made   int
	log    []string // "account op", of calls that reached Graph
	calls  [routes][]time.Time
	// before may fail a call of an account before it has an effect; after loses
	// the answer. They are called with the lock held.
	before, after func(account, op string) error
	jitter        func() float64 // of the managers; nil: at random

	since map[string]time.Time // since when somebody is uncovered who was covered
	worst time.Duration        // the longest that somebody up to mind was
	mind  string
}

func newCloud() *cloud {
	never := func(string, string) error { return nil }
	return &cloud{
		subs: map[string]graph.Subscription{}, ghosts: map[string]time.Time{}, broken: map[string]bool{},
		since: map[string]time.Time{}, mind: "g", took: 300 * time.Millisecond, before: never, after: never,
	}
}

// inCloud is one account of it.
type inCloud struct {
	*cloud
	key string
}

func (a inCloud) call(ctx context.Context, r route, op string, f func() error) error {
	a.mu.Lock()
	a.log = append(a.log, a.key+" "+op)
	if r < routes {
		a.calls[r] = append(a.calls[r], time.Now())
	}
	err := a.before(a.key, op)
	a.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(a.took):
	}
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, s := range a.subs {
		if !s.ExpiresAt.After(time.Now()) {
			a.set(key, graph.Subscription{})
		}
	}
	if err := f(); err != nil {
		return err
	}
	return a.after(a.key, op)
}

// set changes what an account has and accounts for who is covered.
func (c *cloud) set(key string, s graph.Subscription) {
	was := c.subs[key].UserIDs
	if delete(c.subs, key); s.ID != "" {
		c.subs[key] = s
	}
	covered := c.covered()
	for _, id := range was {
		if _, known := c.since[id]; !covered[id] && !known {
			c.since[id] = time.Now()
		}
	}
	for _, id := range s.UserIDs {
		if since, was := c.since[id]; was {
			if id < c.mind {
				c.worst = max(c.worst, time.Since(since))
			}
			delete(c.since, id)
		}
	}
}

func (c *cloud) covered() map[string]bool {
	covered := map[string]bool{}
	for _, s := range c.subs {
		for _, id := range s.UserIDs {
			covered[id] = true
		}
	}
	return covered
}

func (a inCloud) Subscriptions(ctx context.Context) (out []graph.Subscription, err error) {
	err = a.call(ctx, listing, "list", func() error {
		if s, ok := a.subs[a.key]; ok {
			s.ClientState, s.Certificate.DER = "", nil
			out = append(out, s)
		}
		return nil
	})
	return out, err
}

func (a inCloud) CreateSubscription(ctx context.Context, s graph.Subscription) (graph.Subscription, error) {
	err := a.call(ctx, writing, "create", func() error {
		if _, exists := a.subs[a.key]; exists || a.ghosts[a.key].After(time.Now()) {
			return conflict
		}
		if slices.ContainsFunc(s.UserIDs, func(id string) bool { return a.broken[id] }) {
			return &graph.Error{Status: 500, Code: "ExtensionError", Message: "An internal error occurred."}
		}
		if len(s.UserIDs) > graph.MaxPeople || len(s.UserIDs) == 0 || !slices.IsSorted(s.UserIDs) {
			return fmt.Errorf("created over %d people", len(s.UserIDs))
		}
		a.made++
		s.ID = fmt.Sprint("sub-", a.made)
		a.set(a.key, s)
		return nil
	})
	return s, err
}

func (a inCloud) RenewSubscription(ctx context.Context, id string, expires time.Time, cert *graph.Certificate) (s graph.Subscription, err error) {
	err = a.call(ctx, writing, "renew", func() error {
		if s = a.subs[a.key]; s.ID != id {
			return notFound
		}
		s.ExpiresAt = expires
		a.subs[a.key] = s
		return nil
	})
	return s, err
}

func (a inCloud) DeleteSubscription(ctx context.Context, id string) error {
	return a.call(ctx, writing, "delete", func() error {
		if a.subs[a.key].ID != id {
			return notFound
		}
		a.ghosts[a.key] = time.Now().Add(a.ghost)
		a.set(a.key, graph.Subscription{})
		return nil
	})
}

func (a inCloud) Refresh(ctx context.Context) error {
	return a.call(ctx, routes, "refresh", func() error { return nil })
}

// ops are the creates and deletes since the last time that it was asked.
func (c *cloud) ops() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	log := slices.DeleteFunc(c.log, func(op string) bool { return op[2:] != "create" && op[2:] != "delete" })
	c.log = nil
	return log
}

// count is how many calls of a route there were.
func (c *cloud) count(r route) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls[r])
}

// uncovered is the longest that somebody was who was covered before.
func (c *cloud) uncovered() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worst
}

// coordinated is a tenant at work in a bubble of virtual time.
type coordinated struct {
	*Coordinator
	cloud *cloud
	stop  func()

	mu     sync.Mutex
	people []string
	gaps   map[string]int       // how often somebody was named, since it was last asked
	gapAt  map[string]time.Time // when somebody was last named
	out    bytes.Buffer
}

// coordinate runs a tenant of people with accounts 1, 2, and so on.
func coordinate(t *testing.T, c *cloud, accounts int, people []string) *coordinated {
	m := &coordinated{cloud: c, people: people, gaps: map[string]int{}, gapAt: map[string]time.Time{}}
	o := CoordinatorOptions{
		TenantID: desired().TenantID,
		People:   func() []string { m.mu.Lock(); defer m.mu.Unlock(); return m.people },
		Desired: func(key string) Desired {
			d := desired()
			d.AccountKey = key
			return d
		},
		Gap: func(_, _ string, ids []string) {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, id := range ids {
				m.gaps[id]++
				m.gapAt[id] = time.Now()
			}
		},
		Jitter: c.jitter,
		Log:    slog.New(slog.NewTextHandler(&m.out, nil)),
	}
	for i := range accounts {
		key := fmt.Sprint(i + 1)
		o.Accounts = append(o.Accounts, Account{Key: key, Graph: inCloud{c, key}})
	}
	m.Coordinator = NewCoordinator(o)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, run := range m.Runs() {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Errorf("Run = %v", err)
			}
		})
	}
	m.stop = func() { cancel(); running.Wait() }
	return m
}

func (m *coordinated) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// clearGaps forgets who was to be read; read is how many were since, and readOf
// whether somebody was.
func (m *coordinated) clearGaps() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.gaps)
}

func (m *coordinated) read() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.gaps)
}

func (m *coordinated) readOf(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gaps[id] > 0
}

// watch changes who is watched.
func (m *coordinated) watch(people []string) {
	m.mu.Lock()
	m.people = people
	m.mu.Unlock()
	m.Poke()
}

// expectCovered checks that exactly these are covered, by whom the coordinator
// says and by whom Graph does.
func (m *coordinated) expectCovered(t *testing.T, people []string) {
	t.Helper()
	told := map[string]bool{}
	for _, a := range m.Coverage().Accounts {
		for _, id := range a.UserIDs {
			if told[id] {
				t.Errorf("%s is in two subscriptions", id)
			}
			told[id] = true
		}
	}
	m.cloud.mu.Lock()
	defer m.cloud.mu.Unlock()
	for name, covered := range map[string]map[string]bool{"told": told, "real": m.cloud.covered()} {
		missing := slices.DeleteFunc(slices.Clone(people), func(id string) bool { return covered[id] })
		if len(missing) > 0 || len(covered) != len(people) {
			t.Errorf("%s: %d covered of %d, missing %.3v", name, len(covered), len(people), missing)
		}
	}
}

// expectPolled checks how many are polled by reason.
func (m *coordinated) expectPolled(t *testing.T, reason Reason, n int) {
	t.Helper()
	if got := len(m.Polled()[reason]); got != n {
		t.Errorf("%d are polled because of %s, want %d", got, reason, n)
	}
	c := m.Coverage()
	if reason == NoPlace && c.Unplaced != n || reason == Quarantined && c.Quarantined != n {
		t.Errorf("%d unplaced and %d in quarantine, but %d are polled because of %s", c.Unplaced, c.Quarantined, n, reason)
	}
}

func (m *coordinated) expectOps(t *testing.T, want ...string) {
	t.Helper()
	if got := m.cloud.ops(); !slices.Equal(got, want) {
		t.Errorf("Graph was asked %q, want %q", got, want)
	}
}
