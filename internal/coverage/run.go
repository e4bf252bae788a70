package coverage

import (
	"context"
	"maps"
	"slices"
	"time"

	"jtel.de/presencebridge/events"
)

// tick is how often everybody is looked at: often enough for staleness.
func (t *Tracker) tick() time.Duration {
	return min(max(t.StaleAfter/30, 100*time.Millisecond), 5*time.Second)
}

// Run judges and tells until ctx ends; then it returns nil.
func (t *Tracker) Run(ctx context.Context) error {
	for {
		timer := time.NewTimer(t.round(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-t.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// round looks at everything once, acts, and tells how long to wait.
func (t *Tracker) round(ctx context.Context) time.Duration {
	f := t.look()
	for _, key := range f.recreate {
		t.Recreate(key, "nothing is delivered")
	}
	t.Observe(f.total)
	t.stale(ctx, f.stale)
	t.say(ctx)
	return t.next()
}

// findings are what a look at everything gives.
type findings struct {
	recreate []string // account keys
	stale    []string // user ids
	total    events.Covered
}

func (t *Tracker) look() (f findings) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	t.refresh(now)
	for key, a := range t.accounts {
		fell, recreate := a.record.judge(now, t.Latency)
		if fell {
			t.Log.Warn("subscription is silent: its people are read often until it delivers", "account", key)
		}
		if recreate && a.SubscriptionID != "" {
			f.recreate = append(f.recreate, key)
		}
		a.people = events.Covered{}
	}
	t.rest.people = events.Covered{}
	for id, p := range t.people {
		pushed := t.pushed(p, id)
		if pushed {
			p.held = later(p.held, p.account.record.alive)
		}
		unconfirmed := t.unconfirmed(p, id, now)
		if unconfirmed && !p.told {
			f.stale = append(f.stale, id)
		}
		for _, c := range []*events.Covered{&p.account.people, &f.total} {
			c.Assigned++
			switch {
			case unconfirmed || p.confirmed.IsZero():
				c.None++
			case pushed:
				c.Push++
			default:
				c.Poll++
			}
		}
	}
	for _, a := range t.all() {
		a.expiring = t.Expiring(a.Key)
	}
	for _, a := range t.accounts {
		a.voice.want(a.statement(t.plan), now, t.Repeat)
	}
	if len(t.accounts) == 0 || t.rest.people.Assigned > 0 || t.rest.voice.id != "" {
		t.rest.voice.want(t.rest.statement(t.plan), now, t.Repeat)
	}
	return f
}

// stale has it told; what fails comes again with the next round.
func (t *Tracker) stale(ctx context.Context, userIDs []string) {
	if len(userIDs) == 0 {
		return
	}
	unconfirmed := func(id string) bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		p := t.people[id]
		return p != nil && t.unconfirmed(p, id, t.Now())
	}
	if err := t.Stale(ctx, userIDs, unconfirmed); err != nil {
		t.Log.Debug("states not marked stale yet", "people", len(userIDs), "error", err)
		return
	}
	t.Log.Warn("states could not be confirmed", "people", len(userIDs))
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	for _, id := range userIDs {
		// Whoever was confirmed meanwhile may become stale again.
		if p := t.people[id]; p != nil && t.unconfirmed(p, id, now) {
			p.told = true
		}
	}
}

// say publishes the statements that are due; what fails stays due.
func (t *Tracker) say(ctx context.Context) {
	due, messages := t.due()
	if len(due) == 0 {
		return
	}
	acks := t.Bus.Publish(ctx, messages)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, v := range due {
		v.stored(acks[i].Err, t.Now())
	}
}

func (t *Tracker) due() (due []*voice, messages []events.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	for _, a := range t.all() {
		v := &a.voice
		if at := v.due(); at.IsZero() || now.Before(at) {
			continue
		}
		m, err := events.NewMessage(events.CoverageEvent{ID: v.id, Data: events.CoverageData{
			TenantID: t.TenantID, Tenant: t.Tenant, Account: a.Key,
			State: v.next.state, Reason: v.next.reason, People: v.next.people, Expiring: v.next.expiring,
			ObservedAt: v.since, PublishedAt: now,
		}})
		if err != nil {
			t.Log.Error("coverage event not composed", "account", a.Key, "error", err)
			continue
		}
		due, messages = append(due, v), append(messages, m)
	}
	return due, messages
}

// next is how long to wait: until the next tick, or something is due before.
func (t *Tracker) next() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.Now()
	wait := t.tick()
	for _, a := range t.all() {
		at := []time.Time{a.voice.due()}
		if a.record != nil {
			at = append(at, a.record.due(now, t.Latency))
		}
		for _, at := range at {
			if at.After(now) {
				wait = min(wait, at.Sub(now))
			}
		}
	}
	return wait
}

func (t *Tracker) all() []*account {
	return append(slices.Collect(maps.Values(t.accounts)), t.rest)
}
