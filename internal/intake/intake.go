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
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/people"
)

// Bus stores events; one acknowledgement a message, in their order.
type Bus interface {
	Publish(ctx context.Context, messages []events.Message) []events.Ack
	Purge(ctx context.Context, tenantID, userID string) error
	// Last gives the last event of a person, if there is one, and the sequence of
	// the last message about them.
	Last(ctx context.Context, tenantID, userID string) (events.UserEvent, uint64, error)
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

// Options are all required, but for Known, Told, Gap, Seen, Observe, Stored, Trace and Now.
type Options struct {
	Bus    Bus
	Lookup func(tenantID, userID string) (people.Person, bool)
	// Known is false while it is not known yet whom a tenant watches: then
	// readings of people whom Lookup does not find are not stored, instead of
	// being of no interest.
	Known   func(tenantID string) bool
	Tenants map[string]string // tenant id -> name in the configuration
	Fields  Fields
	// Shared says that others may publish about the same people: an event is then
	// stored only after the last one that we know of.
	Shared bool
	// Told is the id of the last event about a person that is known to be on the
	// bus, perhaps a moment late; nil: nobody knows. It is asked if Shared.
	Told func(graph.Person) string
	// Gap is told the people whose last event may or may not be stored, so that
	// somebody reads them again. Doubt is told those whose notification was stored,
	// but may be older than what was known before; nil means Gap.
	Gap   func([]graph.Person)
	Doubt func([]graph.Person)
	// Seen is told every reading that was stored or that said again what is
	// known; moved: it told another availability or activity than before. A
	// notification that was heard before is not told again. It must be quick and
	// not call back.
	Seen    func(r graph.Reading, moved bool)
	Observe func(Outcome)
	// Stored is told every event that the bus took: where its state came from,
	// whether it was said to be stale, and how long after the bridge had it in
	// hand it was stored.
	Stored func(origin graph.Origin, stale bool, after time.Duration)
	// Trace is told what became of every reading of somebody who is watched, and
	// the id of its event. It must be quick and not call back.
	Trace func(r graph.Reading, b Became, eventID string)
	Now   func() time.Time
	Log   *slog.Logger
}

// Intake is safe for concurrent use.
type Intake struct {
	Options
	mu    sync.RWMutex
	slots map[graph.Person]*slot

	lateUntil atomic.Int64 // see PutOff; unix time in nanoseconds
}

// New starts nothing.
func New(o Options) *Intake {
	if o.Known == nil {
		o.Known = func(string) bool { return true }
	}
	if o.Gap == nil {
		o.Gap = func([]graph.Person) {}
	}
	if o.Doubt == nil {
		o.Doubt = o.Gap
	}
	if o.Seen == nil {
		o.Seen = func(graph.Reading, bool) {}
	}
	if o.Observe == nil {
		o.Observe = func(Outcome) {}
	}
	if o.Stored == nil {
		o.Stored = func(graph.Origin, bool, time.Duration) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	in := &Intake{Options: o, slots: map[graph.Person]*slot{}}
	in.PutOff() // nobody answered before the start
	return in
}

// ErrNotStored means that the bus did not take everything: offer the readings
// again, those that were stored are recognised.
var ErrNotStored = errors.New("not stored")

// Accept publishes what the readings tell that is new and returns once all of
// it is stored. Readings of one person take effect in the order given; two
// callers with the same person take turns.
func (in *Intake) Accept(ctx context.Context, readings []graph.Reading) error {
	held, err := in.hold(ctx, len(readings), func(i int) graph.Person { return personOf(readings[i]) })
	if err != nil {
		in.Observe(Outcome{Failed: len(readings)})
		in.tellFailed(readings)
		return fmt.Errorf("accept %d readings: %w", len(readings), err)
	}
	defer held.release()

	var outcome Outcome
	defer func() { in.Observe(outcome) }()
	var early error
	drafts := make([]draft, 0, len(readings))
	trace := traceparent(ctx)
	for _, r := range readings {
		person, watched := in.Lookup(r.TenantID, r.Presence.UserID)
		s := held[personOf(r)]
		switch {
		case watched && s != nil:
		case in.Known(r.TenantID):
			outcome.Unwatched++
			continue
		default:
			outcome.Failed++
			early = fmt.Errorf("accept readings: the people of the tenant are not known yet: %w", ErrNotStored)
			continue
		}
		r.Presence = in.Fields.keep(r.Presence)
		v := s.draft.judge(r)
		if v == repeat && in.behind(ctx, r, s) {
			v = s.draft.judge(r)
		}
		switch v {
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
			in.tell(r, Repeated, "")
			continue
		case older:
			outcome.Older++
			in.tell(r, Older, "")
			continue
		}
		d := draft{slot: s, person: person, reading: r}
		if !in.write(&d, s.draft, trace, &outcome) {
			continue
		}
		s.draft = s.draft.with(r, d.message.ID)
		drafts = append(drafts, d)
	}
	return errors.Join(in.store(ctx, drafts, trace, &outcome), early)
}

// Restore remembers the last event of a person, as found on the bus at start.
// It never overwrites what is known.
func (in *Intake) Restore(e events.UserEvent) {
	s := in.slot(graph.Person{TenantID: e.Data.TenantID, UserID: e.Data.User.ID})
	s.lock()
	defer s.unlock()
	s.last.adoptIfUnknown(restored(e))
}

// Reconcile compares what is remembered with what the bus holds after an
// outage, by person: a bus may have lost what it had acknowledged. Where they
// differ, the next reading is published whatever it says.
func (in *Intake) Reconcile(held map[graph.Person]events.UserEvent) {
	in.mu.RLock()
	slots := maps.Clone(in.slots)
	in.mu.RUnlock()
	for p, s := range slots {
		s.lock()
		e, there := held[p]
		switch {
		case !s.last.known || e.ID == s.last.eventID:
		case !there:
			s.last = unknown()
		default:
			s.last.unsure = s.last.eventID
		}
		s.unlock()
	}
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
	s.lock()
	defer s.unlock()
	if err := in.Bus.Purge(ctx, p.TenantID, p.UserID); err != nil {
		return err
	}
	s.last = unknown()
	in.mu.Lock()
	delete(in.slots, p)
	in.mu.Unlock()
	return nil
}

func personOf(r graph.Reading) graph.Person {
	return graph.Person{TenantID: r.TenantID, UserID: r.Presence.UserID}
}
