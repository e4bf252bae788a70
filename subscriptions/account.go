package subscriptions

import (
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	// A create that may have been refused because of somebody is tried so often
	// before it is believed, in all and for each part of the people. Refusals
	// that would be repeated are believed at once.
	triesOfAll  = 3
	triesOfPart = 2
	// tryAgain is the pause between the tries of a part.
	tryAgain = time.Second
	// notPeople is how long a bisection that proved nothing is not repeated.
	notPeople = 10 * time.Minute
)

// account is what the coordinator knows of one of them; its mutex guards all but
// the manager.
type account struct {
	manager *Manager
	slot    Slot
	order   Order
	status  Status

	lastHeld []string // by the subscription before this one
	trial    *bisection
	refused  []string // by the last create that may have been refused because of somebody
	refusals int      // of it in a row
	certain  bool     // Graph would refuse it again
	// noTrial and tryAt: not before the one, poke at the other.
	noTrial, tryAt time.Time
}

// desired is the wish that the account's manager acts on.
func (c *Coordinator) desired(a *account) Desired {
	d := c.o.Desired(a.slot.Key)
	c.mu.Lock()
	defer c.mu.Unlock()
	d.UserIDs, d.Undecided, d.Reject = a.order.Wanted, a.order.Undecided, a.order.Reject
	d.Trial = a.trial != nil && len(a.trial.good) > 0 // before that it may refuse everything
	if id := a.slot.SubscriptionID; id != "" && id != a.order.SubscriptionID {
		d.UserIDs = a.slot.Held
	}
	return d
}

// changed takes an account's new status.
func (c *Coordinator) changed(a *account, s Status) {
	covered := a.manager.Covered()
	c.mu.Lock()
	now := clock()
	failing := s.State == Failing || s.State == Starting
	matters := failing != a.slot.Failing || s.Class != a.status.Class || s.SubscriptionID != a.slot.SubscriptionID
	if failing != a.slot.Failing || len(covered) == 0 != (len(a.slot.Held) == 0) {
		a.slot.Failing, a.slot.Since = failing, now
	}
	a.slot.Own = failing && (s.Class == graph.Operator || s.Class == graph.Unauthorized)
	if s.SubscriptionID != a.slot.SubscriptionID {
		if len(a.slot.Held) > 0 {
			a.lastHeld = a.slot.Held
		}
		if s.SubscriptionID != "" {
			a.refused, a.refusals, a.slot.Reject = nil, 0, ""
			c.quarantine.worked(covered, now)
		}
	}
	a.slot.SubscriptionID, a.slot.Held, a.status = s.SubscriptionID, covered, s
	c.mu.Unlock()
	if matters {
		c.signal()
	}
	c.o.Changed()
}

// surveyed takes whom an account's subscription names at the start: they stay
// where they are.
func (c *Coordinator) surveyed(a *account, ids []string) {
	c.mu.Lock()
	a.slot.Listed, a.slot.Assigned = true, ids
	c.mu.Unlock()
	c.signal()
}

func (c *Coordinator) refused(a *account, ids []string, certain bool) {
	c.mu.Lock()
	if !slices.Equal(a.refused, ids) {
		a.refused, a.refusals = ids, 0
	}
	a.refusals++
	a.certain = certain
	c.mu.Unlock()
	c.signal()
}

// try looks for people because of whom creates fail, and returns when to go on.
func (c *Coordinator) try(a *account, now time.Time) time.Time {
	switch {
	case a.trial != nil && slices.Equal(a.slot.Held, a.slot.Trial):
		c.tried(a, true, now)
	case a.trial != nil && slices.Equal(a.refused, a.slot.Trial) && a.believed(triesOfPart):
		c.tried(a, false, now)
	case a.trial != nil && slices.Equal(a.refused, a.slot.Trial) && a.tryAt.IsZero():
		a.tryAt = now.Add(tryAgain)
	case a.trial == nil && len(a.refused) > 1 && slices.Equal(a.refused, a.slot.Assigned) && a.believed(triesOfAll) && !now.Before(a.noTrial):
		c.log.Warn("subscription refused, looking for the people because of whom", "account", a.slot.Key, "people", len(a.refused))
		a.trial = bisect(a.refused, c.known(a))
		a.slot.Trial = a.trial.next()
	}
	if !a.tryAt.IsZero() && !now.Before(a.tryAt) {
		a.tryAt = time.Time{}
		a.manager.Poke()
	}
	return a.tryAt
}

func (a *account) believed(tries int) bool {
	return a.refusals >= tries || a.refusals > 0 && a.certain
}

// known are people who were in a subscription a moment ago, sorted.
func (c *Coordinator) known(a *account) []string {
	known := slices.Clone(a.lastHeld)
	for _, other := range c.accounts {
		known = append(known, other.slot.Held...)
	}
	slices.Sort(known)
	return known
}

func (c *Coordinator) tried(a *account, worked bool, now time.Time) {
	for _, id := range a.trial.result(worked) {
		c.quarantine.add(id, now) // at once: what is known outlives a bisection that others end
	}
	a.refused, a.refusals, a.tryAt = nil, 0, time.Time{}
	if a.slot.Trial = a.trial.next(); a.slot.Trial != nil {
		return
	}
	if len(a.trial.good) > 0 {
		c.log.Warn("people because of whom graph refuses a subscription are only polled for a while", "account", a.slot.Key, "people", len(a.trial.broken))
	} else {
		a.noTrial = now.Add(notPeople)
		c.log.Warn("graph refuses every subscription of the account, it is not the people", "account", a.slot.Key)
	}
	a.endTrial()
}

func (a *account) endTrial() {
	a.trial, a.slot.Trial, a.tryAt = nil, nil, time.Time{}
}
