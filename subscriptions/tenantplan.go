package subscriptions

import (
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// giveUp is how long an account may fail, without a subscription and while
// another account works, before a spare account gets its people. It is longer
// than what passes by itself, such as the conflict that lingers after a delete.
const giveUp = 5 * time.Minute

// Slot is an account of a tenant as it is now.
type Slot struct {
	Key    string
	Listed bool // Graph has told what the account has
	// SubscriptionID and Held are the subscription that it has and whom that
	// names, sorted; empty: there is none.
	SubscriptionID string
	Held           []string
	// Assigned and Wanted are what the last plan said.
	Assigned, Wanted []string
	// Trial is whom a bisection wants in a subscription, instead of everybody
	// assigned; nil: there is none.
	Trial []string
	// Reject is the id of a subscription that must be made anew; usually empty.
	Reject string
	// Failing: the account's last call failed, or it made none yet. Since is when
	// that became so or otherwise, or there came to be a subscription or none.
	Failing bool
	Since   time.Time
	// Own: that failure is about this account alone, such as a refused sign-in.
	Own bool
}

// TenantPlan is what a tenant's accounts shall do now.
type TenantPlan struct {
	Orders   []Order  // one for each slot, in their order
	Unplaced []string // who fits in no account
	Missing  int      // how many more accounts would carry them
	// Next is when time alone will change the plan; zero: it will not.
	Next time.Time
}

// Order is what one account shall have.
type Order struct {
	// Assigned is whom it is to carry in the end, Wanted whom its subscription
	// shall name now; nobody: none is wanted.
	Assigned, Wanted []string
	// SubscriptionID is what the account had when this was decided. If it has
	// another one by now, that stays until the next plan.
	SubscriptionID string
	Undecided      bool   // wait until Graph has told what there is
	Reject         string // this subscription must go
	Broken         bool   // it was given up for now: nobody else is given to it
}

// PlanTenant tells what each account shall have now, on the way to everybody in
// people (sorted, each once) being covered. It stays away from what could wait:
//
//   - With a spare account, which carries nobody, a changed subscription is made
//     there first, and the old one deleted once the new one stands: its account
//     becomes the spare. Nobody is uncovered.
//   - Without one, it is deleted and created, one account at a time, and none
//     while another account still lacks its subscription. So only the people of
//     one account are uncovered, for as long as the two calls take.
//
// The people of an account that keeps failing go to a spare account, and wait if
// there is none: what fails may be every create, so a subscription that delivers
// is never deleted for them.
//
// What the manager of an account does with its order is the business of [Plan].
func PlanTenant(people []string, slots []Slot, now time.Time) TenantPlan {
	return planTenant(people, slots, now, graph.MaxPeople)
}

func planTenant(people []string, slots []Slot, now time.Time, most int) TenantPlan {
	p := planning{people: people, slots: slots, orders: make([]Order, len(slots)), lost: make([]bool, len(slots)), over: make([]bool, len(slots))}
	p.giveUp(now)
	p.spread(most)
	p.rescue()
	p.swap()
	p.release()
	p.order()
	p.plan.Orders = p.orders
	p.plan.Missing = (len(p.plan.Unplaced) + most - 1) / most
	return p.plan
}

type planning struct {
	people []string
	slots  []Slot
	orders []Order
	lost   []bool // by slot: it has failed for too long
	over   []bool // by slot: its subscription may be deleted, and none is to follow
	plan   TenantPlan
}

// giveUp finds the accounts that have failed for too long. Only for a reason of
// its own an account is broken: anything else could happen to the others, too.
func (p *planning) giveUp(now time.Time) {
	failing := 0
	var calm time.Time // since when no account has begun to fail or to work
	for _, s := range p.slots {
		if s.Failing {
			failing++
		}
		calm = latest(calm, s.Since)
	}
	for i, s := range p.slots {
		if !s.Failing || len(s.Held) > 0 || s.Trial != nil && !s.Own {
			continue // a bisection elsewhere would begin from the start
		}
		// An account that carries nobody is not asked. That it worked once proves
		// little: only that it did so later, or that no other one fails.
		var at time.Time // since when this one fails and another one works
		for _, other := range p.slots {
			switch {
			case other.Failing || !other.Listed:
			case len(other.Held) > 0 || other.Since.After(s.Since):
				at = soonest(at, latest(s.Since, other.Since))
			case failing == 1:
				at = soonest(at, calm)
			}
		}
		if at.IsZero() {
			continue // perhaps it is Graph, not the account
		}
		if at = at.Add(giveUp); now.Before(at) {
			p.plan.Next = soonest(p.plan.Next, at)
			continue
		}
		p.lost[i], p.orders[i].Broken = true, s.Own
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *planning) spread(most int) {
	var places []Place
	var index []int
	people := p.people
	for i, s := range p.slots {
		switch {
		case p.orders[i].Broken && !p.held(s.Assigned):
			// They stay here until there is a spare account.
			p.orders[i].Assigned = common(s.Assigned, people)
			people = without(people, s.Assigned)
		case !p.orders[i].Broken:
			places = append(places, Place{Key: s.Key, Assigned: s.Assigned, Holds: s.Held, Unknown: !s.Listed})
			index = append(index, i)
		}
	}
	assigned, unplaced := spread(people, places, most)
	for j, i := range index {
		p.orders[i].Assigned = assigned[j]
	}
	p.plan.Unplaced = unplaced
}

// held reports whether a subscription names any of the people. If they are
// assigned to a broken account, that was to make the new one before the old one
// is deleted, and failed: then they are planned for as before it.
func (p *planning) held(people []string) bool {
	return slices.ContainsFunc(p.slots, func(s Slot) bool { return len(common(people, s.Held)) > 0 })
}

// common are those of the people who are in the sorted list, without the others.
func common(people, list []string) []string {
	return slices.DeleteFunc(slices.Clone(people), func(id string) bool { _, in := slices.BinarySearch(list, id); return !in })
}

func without(people, list []string) []string {
	return slices.DeleteFunc(slices.Clone(people), func(id string) bool { _, in := slices.BinarySearch(list, id); return in })
}

// rescue gives the people of accounts that have failed for too long to spare ones.
func (p *planning) rescue() {
	for i := range p.slots {
		if !p.lost[i] || len(p.orders[i].Assigned) == 0 {
			continue
		}
		for spare := range p.slots {
			if p.spare(spare) {
				p.orders[spare].Assigned, p.orders[i].Assigned = p.orders[i].Assigned, nil
				break
			}
		}
	}
}

// changes reports whether the account must get another subscription than the
// one that it has.
func (p *planning) changes(i int) bool {
	s, o := p.slots[i], p.orders[i]
	return len(s.Held) > 0 && len(o.Assigned) > 0 && s.Trial == nil &&
		(s.Reject != "" && s.Reject == s.SubscriptionID || !slices.Equal(s.Held, o.Assigned))
}

// swap gives the people of subscriptions that must change to spare accounts.
func (p *planning) swap() {
	spare := 0
	for i := range p.slots {
		if !p.changes(i) {
			continue
		}
		for spare < len(p.slots) && !p.spare(spare) {
			spare++
		}
		if spare == len(p.slots) {
			return
		}
		p.orders[spare].Assigned, p.orders[i].Assigned = p.orders[i].Assigned, nil
	}
}

// spare reports whether an account could take a subscription at once.
func (p *planning) spare(i int) bool {
	s := p.slots[i]
	return p.free(i) && s.Listed && len(s.Held) == 0 && !s.Failing
}

// free reports whether an account is, or is about to become, a spare one.
func (p *planning) free(i int) bool {
	return !p.orders[i].Broken && len(p.orders[i].Assigned) == 0
}

func (p *planning) order() {
	inPlace := p.inPlace()
	for i, s := range p.slots {
		o := &p.orders[i]
		o.SubscriptionID = s.SubscriptionID
		switch {
		case !s.Listed:
			o.Undecided = true
		case s.Trial != nil && len(o.Assigned) > 0:
			o.Wanted = s.Trial
		case len(o.Assigned) == 0:
			// Unless it is over, nobody else holds these people yet: a swap is under way.
			if !p.over[i] {
				o.Wanted = s.Held
			}
		case i == inPlace || !p.changes(i):
			o.Wanted, o.Reject = o.Assigned, s.Reject
		default:
			o.Wanted = s.Held
		}
	}
}

// inPlace is the account whose subscription may be deleted before the new one is
// created, or nobody.
func (p *planning) inPlace() int {
	next := nobody
	for i, s := range p.slots {
		if p.orders[i].Broken {
			continue
		}
		if len(s.Held) == 0 || s.Trial != nil || p.over[i] {
			return nobody // wait for the one that lacks its own, or will be spare
		}
		told := slices.Equal(s.Wanted, p.orders[i].Assigned)
		if !p.changes(i) || s.Failing && !told {
			continue // what fails would perhaps get no new one
		}
		if next == nobody || told && !slices.Equal(p.slots[next].Wanted, p.orders[next].Assigned) {
			next = i
		}
	}
	return next
}

// release finds the subscriptions whose people are to be carried by others, and
// already are. What a trial holds will not last.
func (p *planning) release() {
	for i, s := range p.slots {
		p.over[i] = len(p.orders[i].Assigned) == 0 && len(s.Held) > 0 && !p.needed(i)
	}
}

// needed reports whether the account's subscription is the only one over
// somebody who is to be watched.
func (p *planning) needed(i int) bool {
	return slices.ContainsFunc(p.slots[i].Held, func(id string) bool {
		if _, wanted := slices.BinarySearch(p.people, id); !wanted {
			return false
		}
		for j, other := range p.slots {
			if _, held := slices.BinarySearch(other.Held, id); held && j != i && !p.over[j] && other.Trial == nil {
				return false
			}
		}
		return true
	})
}
