package intake

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// tellAtOnce is how many directory events share one wait for the bus.
const tellAtOnce = 250

// AnnouncerOptions are all required, but for Now.
type AnnouncerOptions struct {
	Bus interface {
		Publish(ctx context.Context, messages []events.Message) []events.Ack
	}
	Lookup func(tenantID, userID string) (people.Person, bool)
	// Known reports whether a tenant's people have been read. Until then nobody
	// is told about: everybody would seem to have left.
	Known   func(tenantID string) bool
	Tenants map[string]string // tenant id -> name in the configuration
	Fields  Fields
	// History is how long the stream keeps events: so long those who left are remembered.
	History time.Duration
	Now     func() time.Time
	Log     *slog.Logger
}

// Announcer tells on the bus who came, changed and left: the directory events.
// It compares what the bus has acknowledged with what the directory says now,
// for everybody of whom it was told that something may have changed. So a
// change that could not be stored is told later, with what is true by then.
//
// It is safe for concurrent use, but one Tell at a time.
type Announcer struct {
	AnnouncerOptions
	seed maphash.Seed

	mu   sync.Mutex
	told map[graph.Person]told
	due  map[graph.Person]time.Time // since when; zero: since some time before the start
	left []leaver                   // who is to be forgotten, in order
}

// told is what the bus knows about a person.
type told struct {
	eventID string // of the last directory event; empty if the bus has none
	state   uint64 // hash of the facts that were told
	left    bool
	at      time.Time // when that became known
	// tried is the event after eventID that may or may not have been stored;
	// then the rest is only what the bus knew before it.
	tried string
}

// leaver is somebody who left, and when that was told.
type leaver struct {
	graph.Person
	at time.Time
}

// NewAnnouncer starts nothing.
func NewAnnouncer(o AnnouncerOptions) *Announcer {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Announcer{AnnouncerOptions: o, seed: maphash.MakeSeed(), told: map[graph.Person]told{}, due: map[graph.Person]time.Time{}}
}

// Restore takes in what the last user event on the bus tells about a person.
// What [Announcer.RestoreDirectory] knows counts more.
func (a *Announcer) Restore(e events.UserEvent) {
	p := graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.told[p]; !known {
		a.told[p], a.due[p] = told{state: a.hash(e.Data.User)}, time.Time{}
	}
}

// RestoreDirectory takes in the last directory event about a person.
func (a *Announcer) RestoreDirectory(e events.DirectoryEvent) {
	p := graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.know(p, told{eventID: e.ID, state: a.hash(e.Data.User), left: e.Data.Change == events.Removed})
	a.due[p] = time.Time{}
}

// Observe takes in what a refresh of the directory changed. Call it at once.
func (a *Announcer) Observe(d people.Diff) {
	now := a.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, list := range [][]people.Person{d.Added, d.Changed, d.Removed} {
		for _, p := range list {
			a.due[graph.Person{TenantID: p.TenantID, UserID: p.ID}] = now
		}
	}
}

// Present reports whether the bus believes that a person is watched. Who left
// must not be purged before that was told.
func (a *Announcer) Present(p graph.Person) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, known := a.told[p]
	return known && (!t.left || t.tried != "")
}

// Tell publishes what is due and returns once it is stored, and how many events
// that were. What was not stored stays due.
func (a *Announcer) Tell(ctx context.Context) (int, error) {
	a.forget()
	stored := 0
	for part := range slices.Chunk(a.waiting(), tellAtOnce) {
		n, err := a.tell(ctx, part)
		stored += n
		if err != nil {
			return stored, err
		}
	}
	return stored, nil
}

// notice is a person about whom there may be something to tell.
type notice struct {
	graph.Person
	since time.Time
	state uint64
	left  bool
	after string // the event before
	id    string // of the event
}

func (a *Announcer) waiting() []notice {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]notice, 0, len(a.due))
	for p, since := range a.due {
		if a.Known(p.TenantID) {
			list = append(list, notice{Person: p, since: since})
		}
	}
	slices.SortFunc(list, func(a, b notice) int {
		return cmp.Or(strings.Compare(a.TenantID, b.TenantID), strings.Compare(a.UserID, b.UserID))
	})
	return list
}

func (a *Announcer) tell(ctx context.Context, list []notice) (int, error) {
	var notices []notice
	var messages []events.Message
	for _, n := range list {
		m, differs, err := a.compose(&n)
		if err != nil { // never will be: it must not hold up the others
			a.Log.ErrorContext(ctx, "directory event not composed", "error", err)
		}
		if !differs {
			a.done(n)
			continue
		}
		notices, messages = append(notices, n), append(messages, m)
	}
	if len(messages) == 0 {
		return 0, nil
	}
	stored := 0
	var cause error
	for i, ack := range a.Bus.Publish(ctx, messages) {
		if ack.Err != nil {
			cause = ack.Err
			a.doubt(notices[i])
			continue
		}
		stored++
		a.done(notices[i])
	}
	if cause != nil {
		return stored, fmt.Errorf("publish %d of %d directory events: %w: %w", len(messages)-stored, len(messages), ErrNotStored, cause)
	}
	return stored, nil
}

// compose makes the event that tells how a person is now, unless the bus knows.
func (a *Announcer) compose(n *notice) (events.Message, bool, error) {
	person, watched := a.Lookup(n.TenantID, n.UserID)
	a.mu.Lock()
	was, known := a.told[n.Person]
	a.mu.Unlock()

	user, change := events.User{ID: n.UserID}, events.Removed
	if watched {
		user, change = a.Fields.User(person), events.Added
		if known && !was.left {
			change = events.Changed
		}
	}
	n.state, n.left, n.id = a.hash(user), !watched, was.eventID
	if same := was.left == n.left && was.state == n.state; was.tried == "" && (same || !known && n.left) {
		return events.Message{}, false, nil
	}
	n.after = was.eventID
	n.id = events.DirectoryMessageID(n.TenantID, n.UserID, n.after, change, factsOf(user)...)
	if was.tried != "" && was.tried != n.id { // another event than the one tried: it comes after that
		n.after = was.tried
		n.id = events.DirectoryMessageID(n.TenantID, n.UserID, n.after, change, factsOf(user)...)
	}
	now := a.Now()
	e := events.DirectoryEvent{ID: n.id, Data: events.DirectoryData{
		TenantID: n.TenantID, Tenant: a.Tenants[n.TenantID], Change: change, User: user,
		ObservedAt: n.since, PublishedAt: now,
	}}
	if n.since.IsZero() {
		e.Data.ObservedAt = now
	}
	m, err := events.NewMessage(e)
	if err != nil {
		return m, false, fmt.Errorf("compose directory event of a person of tenant %s: %w", n.TenantID, err)
	}
	return m, true, nil
}

// done remembers what the bus knows now. What was observed since then stays due.
func (a *Announcer) done(n notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n.id != "" || !n.left {
		a.know(n.Person, told{eventID: n.id, state: n.state, left: n.left})
	}
	if a.due[n.Person].Equal(n.since) {
		delete(a.due, n.Person)
	}
}

// know notes what the bus knows. The lock is held.
func (a *Announcer) know(p graph.Person, t told) {
	t.at = a.Now()
	a.told[p] = t
	if t.left {
		a.left = append(a.left, leaver{p, t.at})
	}
}

// forget drops those who left so long ago that the stream has forgotten them,
// too: whoever comes back then comes as at first, and is not taken for a repeat.
func (a *Announcer) forget() {
	end := a.Now().Add(-a.History)
	a.mu.Lock()
	defer a.mu.Unlock()
	for ; len(a.left) > 0 && a.left[0].at.Before(end); a.left = a.left[1:] {
		l := a.left[0]
		if t := a.told[l.Person]; t.left && t.tried == "" && t.at.Equal(l.at) {
			delete(a.told, l.Person)
		}
	}
}

// doubt remembers that an event may have been stored.
func (a *Announcer) doubt(n notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, known := a.told[n.Person]
	if !known {
		t.left = true
	}
	t.eventID, t.tried = n.after, n.id
	a.told[n.Person] = t
}

// factsOf are what a change of which is told, in a fixed order.
func factsOf(u events.User) []string {
	return append([]string{u.UserPrincipalName, u.Mail, u.DisplayName}, u.Phones...)
}

func (a *Announcer) hash(u events.User) uint64 {
	return maphash.String(a.seed, strings.Join(factsOf(u), "\x00"))
}
