package coverage

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
)

// Account is a service user and what Graph has for it.
type Account struct {
	Key      string
	Assigned []string // user ids of whom it is to carry
	// SubscriptionID is empty while there is none, and Trouble says why: in
	// plain words, without personal data.
	SubscriptionID, Trouble string
	Carried                 []string // user ids that the subscription names
}

// Plan is who is to carry whom, and why some are carried by nobody.
type Plan struct {
	Accounts []Account // those that push; none in a tenant that is only polled
	// Unplaced is how many people are beyond what the accounts can carry, and
	// Missing how many more accounts would carry them.
	Unplaced, Missing int
	// Quarantined is how many are kept out, because Graph refused a subscription
	// over them.
	Quarantined int
}

// Bus stores events; one acknowledgement a message, in their order.
type Bus interface {
	Publish(ctx context.Context, messages []events.Message) []events.Ack
}

// Options are all required, but for Latency, Expiring, Repeat, Observe and Now.
type Options struct {
	TenantID, Tenant string // id and name of the tenant
	// People are all who are watched. Who is assigned to no account is polled.
	People func() []string
	// Plan is what the service users carry; it is asked again and again.
	Plan       func() Plan
	Latency    time.Duration // of Graph's notifications; zero means MaxLatency
	StaleAfter time.Duration
	// Recreate wants an account's subscription made anew. It must not wait.
	Recreate func(accountKey, reason string)
	// Stale publishes that these people's states could not be confirmed, if
	// unconfirmed still says so when it is their turn.
	Stale func(ctx context.Context, userIDs []string, unconfirmed func(userID string) bool) error
	Bus   Bus
	// Expiring tells what ends soon that an account needs, by its key; RestKey
	// asks for what all have in common. Nil: nothing does.
	Expiring func(accountKey string) []events.Expiring
	// Repeat is after how long the same is said again; zero means 20 minutes.
	Repeat time.Duration
	// Observe is told how the whole tenant is covered, again and again.
	Observe func(events.Covered)
	Now     func() time.Time
	Log     *slog.Logger
}

// Tracker is safe for concurrent use; Run must run once at a time.
type Tracker struct {
	Options
	wake chan struct{}

	mu       sync.Mutex // never held while somebody else is called, but for People, Plan and Expiring
	people   map[string]*person
	accounts map[string]*account
	plan     Plan
	rest     *account // whom no account carries, nor is to
	update   uint64   // counts the updates
}

// person is what is known of somebody's cover.
type person struct {
	account *account // the carrier, else the one assigned, else the rest
	// carrier is the account whose subscription names the person, assigned the
	// one that is to have it in the end; nil: there is none.
	carrier, assigned *account
	updated           uint64 // the last update in which the person was watched
	watched           time.Time
	confirmed         time.Time
	// held is until when a subscription that pushed the person proved the state,
	// also if there is a gap, or another subscription, by now.
	held time.Time
	// announced is when a notification arrived, also one without values, which
	// a read must follow.
	announced time.Time
	told      bool // as stale
}

// account is an account with the evidence about its subscription.
type account struct {
	Account
	record *record // nil for those who are polled on purpose
	people events.Covered
	// expiring is what somebody has to replace soon.
	expiring []events.Expiring
	empty    bool // nobody belongs to it
	voice    voice
}

// New starts nothing.
func New(o Options) *Tracker {
	if o.Latency == 0 {
		o.Latency = MaxLatency
	}
	if o.Expiring == nil {
		o.Expiring = func(string) []events.Expiring { return nil }
	}
	if o.Repeat == 0 {
		o.Repeat = 20 * time.Minute
	}
	if o.Observe == nil {
		o.Observe = func(events.Covered) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Tracker{
		Options: o, wake: make(chan struct{}, 1),
		people: map[string]*person{}, accounts: map[string]*account{},
		rest: &account{Account: Account{Key: RestKey}},
	}
}

// Seen notes a reading that was stored or that confirmed what is known; moved:
// it told another availability or activity.
func (t *Tracker) Seen(r graph.Reading, moved bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.person(r.Presence.UserID)
	p.told = false
	if r.AskedAt.IsZero() {
		t.heard(p, r.Presence.UserID, r.ObservedAt)
		p.confirmed = later(p.confirmed, r.ObservedAt)
		return
	}
	// A notification that could not be read here has announced the change.
	if moved && t.carried(p) && !p.announced.After(p.confirmed) {
		p.account.record.found(r.Presence.UserID, p.confirmed, r.ObservedAt)
	}
	p.confirmed = later(p.confirmed, r.AskedAt)
}

// Announced notes a notification that told only whose presence changed, or whose
// values could not be stored: it proves that the subscription delivers, but the
// person is not trusted to be known until the state is confirmed again.
func (t *Tracker) Announced(userID string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard(t.person(userID), userID, at)
}

func (t *Tracker) heard(p *person, userID string, at time.Time) {
	p.announced = later(p.announced, at)
	if t.carried(p) && p.account.record.heard(userID, at) {
		t.Log.Info("subscription delivers again", "account", p.account.Key)
		t.signal()
	}
}

// Gap notes that notifications of an account may be missing for a known reason.
func (t *Tracker) Gap(accountKey string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.accounts[accountKey]; a != nil {
		a.record.gap(t.Now())
	}
}

// Interrupted notes that we turned notifications away unread, so that nobody knows
// whom they were about: nothing that began before now is held against any
// subscription. It must therefore be rare, or nothing is ever concluded.
func (t *Tracker) Interrupted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.accounts {
		a.record.gap(t.Now())
	}
}

// Untrusted are the people whose changes no subscription is trusted to tell.
func (t *Tracker) Untrusted() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for id, p := range t.people {
		if !t.pushed(p, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Update looks at people and accounts at once: something about them changed.
func (t *Tracker) Update() {
	t.mu.Lock()
	t.refresh(t.Now())
	t.mu.Unlock()
	t.signal()
}

// refresh takes over who is watched, and who carries them. Whoever is carried
// belongs to the account that does it: while a subscription is replaced by one of
// another account, the old one still delivers.
func (t *Tracker) refresh(now time.Time) {
	t.update++
	for _, id := range t.People() {
		p := t.person(id)
		p.updated, p.assigned, p.carrier = t.update, nil, nil
	}
	t.plan = t.Plan()
	for _, is := range t.plan.Accounts {
		a := t.accounts[is.Key]
		if a == nil {
			a = &account{record: newRecord(now)}
			t.accounts[is.Key] = a
		}
		if is.SubscriptionID != a.SubscriptionID {
			a.record.replaced(now)
		}
		a.Account, a.empty = is, true
		for _, id := range is.Assigned {
			if p := t.people[id]; p != nil {
				p.assigned = a
			}
		}
	}
	for _, is := range t.plan.Accounts {
		a := t.accounts[is.Key]
		for _, id := range is.Carried {
			// In two subscriptions, the one that is to stay counts.
			if p := t.people[id]; p != nil && is.SubscriptionID != "" && (p.carrier == nil || p.assigned == a) {
				p.carrier = a
			}
		}
	}
	for id, p := range t.people {
		if p.updated != t.update {
			p.account.forget(id)
			delete(t.people, id)
			continue
		}
		t.move(p, id, cmp.Or(p.carrier, p.assigned, t.rest))
		p.account.empty = false
	}
	for _, a := range t.accounts {
		if a.empty {
			a.record.trust()
		}
	}
}

// move gives somebody to an account. The doubt about a silent one goes along.
func (t *Tracker) move(p *person, userID string, to *account) {
	from := p.account
	if from == to {
		return
	}
	if from.record != nil && to.record != nil {
		to.record.inherit(from.record)
	}
	from.forget(userID)
	p.account = to
}

func (a *account) forget(userID string) {
	if a.record != nil {
		a.record.leave(userID)
	}
}

func (t *Tracker) person(userID string) *person {
	p := t.people[userID]
	if p == nil {
		p = &person{account: t.rest, watched: t.Now()}
		t.people[userID] = p
	}
	return p
}

// carried reports whether there is a subscription that names the person.
func (t *Tracker) carried(p *person) bool { return p.carrier != nil }

// pushed reports whether the person's next change may be expected from a
// subscription. It must have been confirmed since there is one without a gap,
// since what changed before that is told by nobody, and since the person was announced.
func (t *Tracker) pushed(p *person, userID string) bool {
	return t.carried(p) && p.account.record.pushes(userID) &&
		!p.confirmed.Before(p.account.record.since) && !p.announced.After(p.confirmed)
}

// unconfirmed asks for the judgement of staleness.go.
func (t *Tracker) unconfirmed(p *person, userID string, now time.Time) bool {
	e := evidence{watched: p.watched, confirmed: later(p.confirmed, p.held)}
	if t.pushed(p, userID) {
		e.pushed, e.alive = true, p.account.record.alive
	}
	return e.unconfirmed(now, t.StaleAfter)
}

func (t *Tracker) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
