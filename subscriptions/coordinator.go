package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// surveyWithin is how long the first plan waits for accounts that do not tell
// what they have, unless only an operator can make them tell.
const surveyWithin = 30 * time.Second

// Account is a service user whose subscription can carry people.
type Account struct {
	Key   string // graph.AccountKey
	Graph Graph
}

// CoordinatorOptions are all required but Changed and Jitter. What is called
// must be cheap and may be called from any goroutine of Runs.
type CoordinatorOptions struct {
	TenantID string
	Accounts []Account
	// People is everybody to be watched now, sorted, each once.
	People func() []string
	// Desired is the wish for an account but for its people.
	Desired func(accountKey string) Desired
	// Gap names people whose changes may have been missed.
	Gap func(accountKey, reason string, userIDs []string)
	// Changed says that [Coordinator.Coverage] tells something else than before.
	Changed func()
	Log     *slog.Logger
	// Jitter gives numbers from [0, 1); nil means at random.
	Jitter func() float64
}

// Coordinator covers a tenant's people with the subscriptions of its accounts.
// It decides who is carried by whom, with [PlanTenant]; a [Manager] for each
// account sees to the rest. Its methods may be called from anywhere.
type Coordinator struct {
	o        CoordinatorOptions
	accounts []*account
	wake     chan struct{} // holds at most one signal
	log      *slog.Logger

	mu         sync.Mutex // guards the rest, and the accounts
	poked      bool
	startedAt  time.Time
	begun      bool     // the survey is over
	people     []string // who is watched
	settled    []string // who is planned for: people without the changes that are gathered
	gathering  gathering
	quarantine quarantine
	unplaced   []string
	missing    int
}

// NewCoordinator starts nothing: call each of Runs.
func NewCoordinator(o CoordinatorOptions) *Coordinator {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	c := &Coordinator{o: o, wake: make(chan struct{}, 1), log: o.Log.With("tenant", o.TenantID), quarantine: quarantine{}}
	for _, a := range o.Accounts {
		built := &account{slot: Slot{Key: a.Key, Failing: true}, order: Order{Undecided: true}}
		built.manager = New(Options{
			Graph:    a.Graph,
			Desired:  func() Desired { return c.desired(built) },
			Gap:      func(reason string, ids []string) { o.Gap(a.Key, reason, ids) },
			Changed:  func(s Status) { c.changed(built, s) },
			Surveyed: func(ids []string) { c.surveyed(built, ids) },
			Refused:  func(ids []string, certain bool) { c.refused(built, ids, certain) },
			Log:      o.Log,
			Jitter:   o.Jitter,
		})
		built.status = built.manager.Status()
		c.accounts = append(c.accounts, built)
	}
	return c
}

// Runs are what must run, side by side, for the tenant to be covered: the one
// that decides and one for each account. Each returns nil once ctx has ended.
// What exists at Graph stays: see Delete.
func (c *Coordinator) Runs() []func(ctx context.Context) error {
	runs := []func(context.Context) error{c.run}
	for _, a := range c.accounts {
		runs = append(runs, a.manager.Run)
	}
	return runs
}

// Poke says that people or the set-up may have changed. It ends the wait of
// accounts that failed, too, unless Graph itself demanded that wait.
func (c *Coordinator) Poke() {
	c.mu.Lock()
	c.poked = true
	c.mu.Unlock()
	c.signal()
	for _, a := range c.accounts {
		a.manager.Poke()
	}
}

// Lifecycle takes a lifecycle notification of this tenant that passed the checks.
func (c *Coordinator) Lifecycle(l graph.Lifecycle) {
	for _, a := range c.accounts {
		if a.slot.Key == l.Slot {
			a.manager.Lifecycle(l)
		}
	}
}

// Recreate has the account's subscription made anew, because it turned out not
// to deliver. It reports whether there is one.
func (c *Coordinator) Recreate(accountKey, reason string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.accounts {
		if a.slot.Key == accountKey && a.slot.SubscriptionID != "" {
			if a.slot.Reject != a.slot.SubscriptionID {
				a.slot.Reject = a.slot.SubscriptionID
				c.log.Warn("subscription will be made anew", "account", accountKey, "subscription", a.slot.SubscriptionID, "reason", reason)
			}
			c.signal()
			return true
		}
	}
	return false
}

// Delete removes every presence subscription of the accounts from Graph. Call it
// after Runs have returned.
func (c *Coordinator) Delete(ctx context.Context) error {
	var errs []error
	for _, a := range c.accounts {
		if err := a.manager.Delete(ctx); err != nil {
			errs = append(errs, fmt.Errorf("account %s: %w", a.slot.Key, err))
		}
	}
	return errors.Join(errs...)
}

func (c *Coordinator) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Coordinator) run(ctx context.Context) error {
	c.mu.Lock()
	c.startedAt, c.poked = clock(), true
	for _, a := range c.accounts {
		if a.slot.Since.IsZero() {
			a.slot.Since = c.startedAt
		}
	}
	c.mu.Unlock()
	for ctx.Err() == nil {
		waitFor(ctx, c.wake, c.decide(), clock)
	}
	return nil
}

// decide gives the accounts their orders and returns when to decide again if
// nothing happens; zero: not at all.
func (c *Coordinator) decide() (next time.Time) {
	people, fresh := c.ask()
	now := clock()
	c.mu.Lock()
	if fresh {
		c.take(people, now)
	}
	if !c.begun {
		silent := slices.ContainsFunc(c.accounts, func(a *account) bool { return !a.slot.Listed && a.status.Class != graph.Operator })
		if end := c.startedAt.Add(surveyWithin); silent && now.Before(end) {
			c.mu.Unlock()
			return end
		}
		c.begun = true
	}
	if due := c.gathering.due(); !due.IsZero() && !now.Before(due) {
		c.settled, c.gathering = c.people, gathering{}
	}
	next = c.gathering.due()
	for _, a := range c.accounts {
		next = soonest(next, c.try(a, now))
	}
	slots := make([]Slot, len(c.accounts))
	for i, a := range c.accounts {
		slots[i] = a.slot
	}
	c.quarantine.forget(c.people)
	free := c.quarantine.free(c.settled, now)
	plan := PlanTenant(free, slots, now)
	changed := c.apply(plan) || fresh
	next = soonest(next, plan.Next, c.quarantine.next(now))
	c.mu.Unlock()
	if changed {
		c.o.Changed()
	}
	return next
}

// ask gives the people of now if they may have changed.
func (c *Coordinator) ask() (people []string, fresh bool) {
	c.mu.Lock()
	fresh, c.poked = c.poked, false
	c.mu.Unlock()
	if fresh {
		people = c.o.People()
	}
	return people, fresh
}

// take notes who is watched. The first ones are planned for at once, later
// changes are gathered.
func (c *Coordinator) take(people []string, now time.Time) {
	switch {
	case slices.Equal(people, c.people):
		return
	case !c.begun:
		c.settled = people
	default:
		c.gathering.note(now)
	}
	c.people = people
}

// apply hands out the orders and reports whether any differs from before.
func (c *Coordinator) apply(plan TenantPlan) (changed bool) {
	for i, a := range c.accounts {
		order := plan.Orders[i]
		a.slot.Assigned, a.slot.Wanted = order.Assigned, order.Wanted
		if a.trial != nil && !a.trial.concerns(order.Assigned) {
			a.endTrial() // it is about others now
			c.signal()
		}
		if order.Broken && !a.order.Broken {
			c.log.Warn("account given up until it works again, a spare one carries its people", "account", a.slot.Key)
		}
		if !a.order.same(order) {
			changed = true
			a.manager.Poke()
		}
		a.order = order
	}
	if plan.Missing != c.missing {
		level := slog.LevelInfo
		if plan.Missing > c.missing {
			level = slog.LevelWarn
		}
		c.log.Log(context.Background(), level, "people beyond what the accounts can carry are polled",
			"people", len(c.people), "polled", len(plan.Unplaced), "accounts_missing", plan.Missing)
	}
	changed = changed || !slices.Equal(plan.Unplaced, c.unplaced)
	c.unplaced, c.missing = plan.Unplaced, plan.Missing
	return changed
}

// same reports whether the account's manager has nothing to do about o that it
// did not have before.
func (o Order) same(other Order) bool {
	return o.SubscriptionID == other.SubscriptionID && o.Undecided == other.Undecided && o.Reject == other.Reject && slices.Equal(o.Wanted, other.Wanted)
}

// soonest of times, zero ones left out.
func soonest(times ...time.Time) time.Time {
	times = slices.DeleteFunc(times, time.Time.IsZero)
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, time.Time.Compare)
}
