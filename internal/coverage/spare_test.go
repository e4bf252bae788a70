package coverage

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/subscriptions"
)

// cloud is a Graph that has one subscription for each account of a tenant.
type cloud struct {
	mu      sync.Mutex
	subs    map[string]graph.Subscription // by account
	stalled map[string]bool               // by account
	made    []string                      // accounts, in order
}

// inCloud is one account of it.
type inCloud struct {
	*cloud
	key string
}

func (a inCloud) Subscriptions(context.Context) (list []graph.Subscription, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, exists := a.subs[a.key]; exists {
		list = append(list, s)
	}
	return list, nil
}

func (a inCloud) CreateSubscription(_ context.Context, s graph.Subscription) (graph.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.made = append(a.made, a.key)
	s.ID = fmt.Sprint("sub-", len(a.made))
	a.subs[a.key] = s
	return s, nil
}

func (a inCloud) RenewSubscription(_ context.Context, _ string, expires time.Time, _ *graph.Certificate) (graph.Subscription, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.subs[a.key]
	s.ExpiresAt = expires
	a.subs[a.key] = s
	return s, nil
}

func (a inCloud) DeleteSubscription(context.Context, string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.subs, a.key)
	return nil
}

func (a inCloud) Refresh(context.Context) error { return nil }

// tells reports whether a change of somebody is notified.
func (c *cloud) tells(userID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, s := range c.subs {
		if slices.Contains(s.UserIDs, userID) && !c.stalled[key] {
			return true
		}
	}
	return false
}

func (c *cloud) stall(keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = map[string]bool{}
	for _, key := range keys {
		c.stalled[key] = true
	}
}

func (c *cloud) creates() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.made)
}

// coordinated is a site whose subscriptions are the coordinator's.
func coordinated(t *testing.T, n int, keys ...string) (*site, *cloud) {
	c := &cloud{subs: map[string]graph.Subscription{}}
	var push *subscriptions.Coordinator
	s := newSite(t, n, func(s *site) {
		s.tells = func(i int) bool { return c.tells(s.ids[i]) }
		o := subscriptions.CoordinatorOptions{
			TenantID: tenantID, Log: s.log,
			People: func() []string { return s.ids },
			Desired: func(key string) subscriptions.Desired {
				return subscriptions.Desired{
					TenantID: tenantID, AccountKey: key, ClientState: key,
					NotificationURL: "https://receiver.example.com/n", LifecycleURL: "https://receiver.example.com/l",
					Certificate: graph.Certificate{ID: "1", DER: []byte{1}}, KnownCertificates: func(id string) bool { return id == "1" },
				}
			},
			Gap: func(key, _ string, ids []string) {
				s.Gap(key)
				s.sweeper.Ask(graph.OriginSweep, ids...)
			},
			Changed: func() { s.Update() },
		}
		for _, key := range keys {
			o.Accounts = append(o.Accounts, subscriptions.Account{Key: key, Graph: inCloud{c, key}})
		}
		push = subscriptions.NewCoordinator(o)
		s.planned = func() (p Plan) {
			is := push.Coverage()
			p = Plan{Unplaced: is.Unplaced, Missing: is.Missing, Quarantined: is.Quarantined}
			for _, a := range is.Accounts {
				p.Accounts = append(p.Accounts, Account{
					Key: a.AccountKey, Assigned: a.Assigned, SubscriptionID: a.SubscriptionID, Trouble: a.LastError, Carried: a.UserIDs,
				})
			}
			return p
		}
		s.recreate = func(key, reason string) { push.Recreate(key, reason) }
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, run := range push.Runs() {
		running.Go(func() { run(ctx) })
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	return s, c
}

// With a spare account the replacement of a silent subscription is made there.
// It is believed when it delivers, not before.
func TestSilenceWithASpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := coordinated(t, 20, "a", "b")
		s.after(10 * time.Minute)
		s.expect("a", "healthy 20: 20 0 0")
		s.expect("b", "healthy 0: 0 0 0")

		// One account is stalled: its people are made over to the other one.
		c.stall("a")
		s.change(0, "Busy")
		s.after(3*time.Minute + settle)
		if c.creates() != 2 {
			t.Errorf("%d creates, want 2", c.creates())
		}
		s.expect("a", "healthy 0: 0 0 0")
		s.expect("b", "silent 20: 0 20 0") // nothing has been delivered yet
		s.change(1, "Away")
		s.after(10 * time.Second)
		s.expect("b", "healthy 20: 20 0 0")

		// Both are stalled for a day, with changes all the time.
		c.stall("a", "b")
		before := c.creates()
		for range 24 * 60 {
			s.change(2, []string{"Away", "Busy"}[s.notified%2])
			s.after(time.Minute)
		}
		if n := c.creates() - before; n < 20 || n > 30 {
			t.Errorf("made anew %d times in a day", n)
		}
		carrier, spare := "a", "b"
		if made := c.made[len(c.made)-1]; made == "b" {
			carrier, spare = "b", "a"
		}
		s.expect(carrier, "silent 20: 0 20 0")
		s.expect(spare, "healthy 0: 0 0 0")

		c.stall()
		s.change(2, "Offline")
		s.after(10 * time.Second)
		s.expect(carrier, "healthy 20: 20 0 0")
		for i := range s.ids {
			if told := s.told(i); slices.ContainsFunc(told, func(e string) bool { return e == "Available "+events.Stale }) {
				t.Errorf("person %d was stale", i)
			}
		}
	})
}
