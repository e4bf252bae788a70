package subscriptions

// Coverage is what the accounts of a tenant carry, and how many people they
// do not.
type Coverage struct {
	Accounts []AccountCoverage
	// Unplaced and Quarantined are how many are in no subscription because of
	// [NoPlace] and [Quarantined].
	Unplaced, Quarantined int
	// Missing is how many more accounts it takes for the unplaced.
	Missing int
}

// AccountCoverage is one account and its people.
type AccountCoverage struct {
	Status
	Assigned []string // user ids of whom it is to carry; must not be changed
	UserIDs  []string // whom its subscription names, sorted; must not be changed
}

// Reason is why somebody is only polled.
type Reason string

// The reasons.
const (
	NoPlace        Reason = "no place"        // the accounts carry as many as they can
	Quarantined    Reason = "quarantined"     // Graph refused a subscription because of this person
	NoSubscription Reason = "no subscription" // it is not made yet, or it is lost
)

// Coverage of now. It is cheap, however many people there are.
func (c *Coordinator) Coverage() Coverage {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Coverage{Unplaced: len(c.unplaced), Missing: c.missing}
	for _, a := range c.accounts {
		status := a.status
		status.TenantID, status.AccountKey = c.o.TenantID, a.slot.Key
		out.Accounts = append(out.Accounts, AccountCoverage{status, a.slot.Assigned, a.slot.Held})
	}
	now := clock()
	for id := range c.quarantine {
		if c.quarantine.holds(id, now) {
			out.Quarantined++
		}
	}
	return out
}

// Polled is who is in no subscription now, by the reason, each sorted. It looks
// at everybody.
func (c *Coordinator) Polled() map[Reason][]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := clock()
	polled := map[Reason][]string{}
	covered := make(map[string]bool, len(c.people))
	for _, a := range c.accounts {
		for _, id := range a.slot.Held {
			covered[id] = true
		}
	}
	noPlace := make(map[string]bool, len(c.unplaced))
	for _, id := range c.unplaced {
		noPlace[id] = true
	}
	for _, id := range c.people {
		if covered[id] {
			continue
		}
		reason := NoSubscription
		if c.quarantine.holds(id, now) {
			reason = Quarantined
		} else if noPlace[id] {
			reason = NoPlace
		}
		polled[reason] = append(polled[reason], id)
	}
	return polled
}
