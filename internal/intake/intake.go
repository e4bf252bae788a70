// Package intake is the one road from a reading to a published event: identify
// the person, drop what says nothing new, order, stamp, publish, remember.
//
// Who came, changed and left is told by the [Announcer], on a road of its own.
//
// It is not a queue: a caller of [Intake.Accept] waits until the bus has stored
// its events, and an error travels back to whoever answers Graph. The callback,
// the sweep and the start all come this way.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// Bus stores events; one acknowledgement a message, in their order.
type Bus interface {
	Publish(ctx context.Context, messages []events.Message) []events.Ack
	Purge(ctx context.Context, tenantID, userID string) error
}

// Fields says which facts may leave the house.
type Fields struct {
	Phones, DisplayName, StatusMessage, WorkLocation bool
}

// Outcome counts what became of the readings of one Accept.
type Outcome struct {
	Published int // stored as new events
	Stale     int // stored as events that say that a state could not be confirmed
	Repeated  int // said nothing new, or the bus knew the message already
	Older     int // older than what we know
	Unwatched int // of people whom the configuration does not name
	Failed    int // not stored
}

// Options are all required, but for Gap, Seen, Observe and Now.
type Options struct {
	Bus     Bus
	Lookup  func(tenantID, userID string) (people.Person, bool)
	Tenants map[string]string // tenant id -> name in the configuration
	Fields  Fields
	// Gap is told the people whose last event may or may not be stored, so that
	// somebody reads them again.
	Gap func([]graph.Person)
	// Seen is told every reading that was stored or that said again what is
	// known; moved: it told another availability or activity than before. A
	// notification that was heard before is not told again. It must be quick and
	// not call back.
	Seen    func(r graph.Reading, moved bool)
	Observe func(Outcome)
	Now     func() time.Time
	Log     *slog.Logger
}

// Intake is safe for concurrent use.
type Intake struct {
	Options
	mu    sync.RWMutex
	slots map[graph.Person]*slot
}

// New starts nothing.
func New(o Options) *Intake {
	if o.Gap == nil {
		o.Gap = func([]graph.Person) {}
	}
	if o.Seen == nil {
		o.Seen = func(graph.Reading, bool) {}
	}
	if o.Observe == nil {
		o.Observe = func(Outcome) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Intake{Options: o, slots: map[graph.Person]*slot{}}
}

// ErrNotStored means that the bus did not take everything: offer the readings
// again, those that were stored are recognised.
var ErrNotStored = errors.New("not stored")

// Accept publishes what the readings tell that is new and returns once all of
// it is stored. Readings of one person take effect in the order given; two
// callers with the same person take turns.
func (in *Intake) Accept(ctx context.Context, readings []graph.Reading) error {
	held := in.hold(len(readings), func(i int) graph.Person { return personOf(readings[i]) })
	defer held.release()
	// Turns can take as long as the bus does; who waited too long gives up.
	if err := ctx.Err(); err != nil {
		in.Observe(Outcome{Failed: len(readings)})
		return fmt.Errorf("accept %d readings: %w", len(readings), err)
	}

	var outcome Outcome
	defer func() { in.Observe(outcome) }()
	drafts := make([]draft, 0, len(readings))
	messages := make([]events.Message, 0, len(readings))
	trace := traceParent(ctx)
	for _, r := range readings {
		person, watched := in.Lookup(r.TenantID, r.Presence.UserID)
		s := held[personOf(r)]
		if !watched || s == nil {
			outcome.Unwatched++
			continue
		}
		r.Presence = in.Fields.keep(r.Presence)
		switch s.draft.judge(r) {
		case repeat:
			// A repeat of something not yet acknowledged must stay unheard until
			// that is stored, else a failure would turn both into repeats.
			if s.last.judge(r) == repeat {
				if !s.last.hasHeard(r) {
					in.Seen(r, false)
				}
				s.last.note(r)
			}
			outcome.Repeated++
			continue
		case older:
			outcome.Older++
			continue
		}
		m, err := in.compose(s.draft, person, r, events.Fresh, trace)
		if err != nil {
			in.Log.Error("event not composed", "error", err)
			outcome.Failed++
			continue
		}
		s.draft = s.draft.with(r, m.ID)
		drafts = append(drafts, draft{slot: s, reading: r, eventID: m.ID})
		messages = append(messages, m)
	}
	return in.store(ctx, drafts, messages, &outcome)
}

// draft is an event on its way to the bus.
type draft struct {
	slot    *slot
	reading graph.Reading
	eventID string
	stale   bool // tells only that the state could not be confirmed
}

// store publishes and lets only what was acknowledged become the last state.
func (in *Intake) store(ctx context.Context, drafts []draft, messages []events.Message, outcome *Outcome) error {
	if len(messages) == 0 {
		return nil
	}
	var failed []graph.Person
	var cause error
	for i, ack := range in.Bus.Publish(ctx, messages) {
		d := drafts[i]
		switch {
		case ack.Err != nil:
			outcome.Failed++
			failed = append(failed, personOf(d.reading))
			cause = ack.Err
			d.slot.last.unsure = d.eventID
		case d.stale:
			outcome.Stale++
			d.slot.last.stale, d.slot.last.eventID, d.slot.last.unsure = true, d.eventID, ""
		case ack.Duplicate && d.slot.last.known && d.slot.last.unsure != d.eventID:
			// The bus had it before: what became known since then stands.
			outcome.Repeated++
			in.Seen(d.reading, false)
			d.slot.last.note(d.reading)
		default:
			outcome.Published++
			in.Seen(d.reading, d.slot.last.moved(d.reading))
			d.slot.last = d.slot.last.with(d.reading, d.eventID)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	in.Gap(failed)
	return fmt.Errorf("publish %d of %d events: %w: %w", len(failed), len(messages), ErrNotStored, cause)
}

// Restore remembers the last event of a person, as found on the bus at start.
// It never overwrites what is known.
func (in *Intake) Restore(e events.UserEvent) {
	s := in.slot(graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID})
	s.Lock()
	defer s.Unlock()
	s.last.adoptIfUnknown(restored(e))
}

// Forget purges everybody whom keep does not want from the bus and from memory,
// and returns how many. Whoever could not be purged is kept for the next time.
func (in *Intake) Forget(ctx context.Context, keep func(graph.Person) bool) (int, error) {
	in.mu.RLock()
	var leaving []graph.Person
	for p := range in.slots {
		if !keep(p) {
			leaving = append(leaving, p)
		}
	}
	in.mu.RUnlock()
	for n, p := range leaving {
		if err := in.forget(ctx, p); err != nil {
			return n, fmt.Errorf("purge a person of tenant %s: %w", p.TenantID, err)
		}
	}
	return len(leaving), nil
}

func (in *Intake) forget(ctx context.Context, p graph.Person) error {
	s := in.slot(p)
	s.Lock()
	defer s.Unlock()
	if err := in.Bus.Purge(ctx, p.TenantID, p.UserID); err != nil {
		return err
	}
	s.last = unknown()
	in.mu.Lock()
	delete(in.slots, p)
	in.mu.Unlock()
	return nil
}

func (in *Intake) slot(p graph.Person) *slot {
	in.mu.RLock()
	s := in.slots[p]
	in.mu.RUnlock()
	if s != nil {
		return s
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if s = in.slots[p]; s == nil {
		s = &slot{last: unknown()}
		in.slots[p] = s
	}
	return s
}

// held are the slots of one Accept, locked.
type held map[graph.Person]*slot

// hold locks the slots of everybody named, in one order for all callers, so
// that two batches never wait for each other in a ring.
func (in *Intake) hold(n int, person func(i int) graph.Person) held {
	h := make(held, n)
	order := make([]graph.Person, 0, n)
	for i := range n {
		p := person(i)
		if _, ok := h[p]; !ok {
			// Strangers get no slot: what Graph sends about them must not grow us.
			if _, watched := in.Lookup(p.TenantID, p.UserID); !watched {
				continue
			}
			h[p] = in.slot(p)
			order = append(order, p)
		}
	}
	slices.SortFunc(order, func(a, b graph.Person) int {
		if c := strings.Compare(a.UserID, b.UserID); c != 0 {
			return c
		}
		return strings.Compare(a.TenantID, b.TenantID)
	})
	for _, p := range order {
		h[p].Lock()
		h[p].draft = h[p].last
	}
	return h
}

func personOf(r graph.Reading) graph.Person {
	return graph.Person{TenantID: r.TenantID, UserID: r.Presence.UserID}
}

func (h held) release() {
	for _, s := range h {
		s.Unlock()
	}
}
