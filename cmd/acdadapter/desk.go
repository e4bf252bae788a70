package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/rules"
)

// desk is where decisions are made: it takes user events, asks the rules, hands
// what changed to the sinks and keeps it in the book, in this order. A crash in
// between repeats the last decision under the same id.
type desk struct {
	rules *rules.Set
	sinks []Sink
	now   func() time.Time
	log   *slog.Logger
	// last gives the id of the last event about a person, as the bridge's bucket
	// has it.
	last func(ctx context.Context, tenantID, userID string) (string, error)
	// purge removes what was published about somebody for a client.
	purge func(ctx context.Context, client, userID string) error

	// held: one decision at a time. Sinks are waited for under it: nothing may
	// overtake a decision, and whoever is away is away for all.
	mu      sync.Mutex
	book    *book
	current bool          // the book is up to date with the bridge's bucket
	changed chan struct{} // has room for one: holds may have changed
}

// Accept judges an event for every client. After an error the event must come again.
func (d *desk) Accept(ctx context.Context, e events.UserEvent) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.rules.Clients {
		known, ok := d.book.pages[c.Name+"."+e.Data.User.ID]
		if ok && known.knows(e) {
			continue // a repeat, or what the snapshot told already
		}
		if err := d.judge(ctx, c, known.record, known.State, e); err != nil {
			return err
		}
	}
	return nil
}

// judge applies the rules of one client to an event that is newer than the
// record. From is the state to go on from, as a rule the record's.
func (d *desk) judge(ctx context.Context, c *rules.Client, before record, from rules.State, e events.UserEvent) error {
	if !c.Listens(&e.Data) {
		if before.UserID == "" {
			return nil
		}
		return d.book.forget(ctx, before.key())
	}
	now := d.now()
	verdict := c.Judge(&e.Data)
	if len(verdict.Unknown) > 0 {
		d.log.Warn("unknown value of presence", "values", verdict.Unknown, "then", verdict.Then, "rule", verdict.By.Rule, "line", verdict.By.Line)
	}
	after := before
	after.Client, after.TenantID, after.UserID = c.Name, e.Data.TenantID, e.Data.User.ID
	after.EventID, after.Sequence, after.PublishedAt, after.Rules = e.ID, e.Sequence, e.Data.PublishedAt, d.rules.Fingerprint
	after.State = from.Apply(verdict, e.Data.ObservedAt, now)
	return d.record(ctx, before, after, now)
}

// record tells the sinks about a decision that changed and keeps it.
func (d *desk) record(ctx context.Context, before, after record, now time.Time) error {
	if after.Decision != before.Decision {
		after.DecisionID = events.DecisionMessageID(after.Client, after.UserID, before.DecisionID, after.EventID, after.Decision)
		decision := events.DecisionEvent{ID: after.DecisionID, Data: events.DecisionData{
			Client: after.Client, TenantID: after.TenantID, UserID: after.UserID, Decision: after.Decision,
			Rule: after.By.Rule, RuleLine: after.By.Line, EventID: after.EventID, ObservedAt: now,
		}}
		for _, sink := range d.sinks {
			err := sink.Send(ctx, decision)
			if errors.Is(err, errRefused) {
				d.log.Warn("decision refused", "client", after.Client, "decision", decision.ID, "error", err)
			} else if err != nil {
				return fmt.Errorf("decision %s of client %s: %w", decision.ID, after.Client, err)
			}
		}
		d.log.Debug("decided", "client", after.Client, "user", after.UserID, "decision", after.Decision, "rule", after.By.Rule, "line", after.By.Line)
	}
	if err := d.book.put(ctx, after); err != nil {
		return err
	}
	if after.Hold != nil {
		d.wake()
	}
	return nil
}

// wake makes RunHolds look at the holds.
func (d *desk) wake() {
	select {
	case d.changed <- struct{}{}:
	default: // it is about to
	}
}

// Forget drops what is known about somebody who left, and what was decided about
// them. The ACD learns of it by the directory event; a decision about nobody is
// nothing to publish.
func (d *desk) Forget(ctx context.Context, _, userID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.rules.Clients {
		key := c.Name + "." + userID
		if _, ok := d.book.pages[key]; !ok {
			continue
		}
		if err := d.drop(ctx, c.Name, userID); err != nil {
			return err
		}
	}
	return nil
}

// drop: the record goes last, so that after a failure it is all done again.
func (d *desk) drop(ctx context.Context, client, userID string) error {
	if err := d.purge(ctx, client, userID); err != nil {
		return err
	}
	return d.book.forget(ctx, client+"."+userID)
}

// Reconcile brings the book up to date with everybody's last state where the
// events that wait on the stream cannot: people who are not in the book, events
// that the stream no longer has, other rules, people and clients that went. First
// is the oldest sequence that comes by the stream.
func (d *desk) Reconcile(ctx context.Context, book *book, first uint64, snapshot []events.UserEvent) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.book, d.current = book, false
	present, people := map[string]bool{}, map[string]bool{}
	for _, e := range snapshot {
		people[e.Data.User.ID] = true
		for _, c := range d.rules.Clients {
			key := c.Name + "." + e.Data.User.ID
			present[key] = true
			known := d.book.pages[key].record
			from := known.State
			switch {
			case known.EventID == e.ID && known.Rules == d.rules.Fingerprint:
				continue
			case known.EventID != "" && known.EventID != e.ID && known.Sequence+1 >= first:
				continue // everything since is on the stream
			case known.EventID != e.ID:
				from = passed(c, from, e, d.now())
			}
			if err := d.judge(ctx, c, known, from, e); err != nil {
				return err
			}
		}
	}
	for key, p := range d.book.pages {
		if present[key] {
			continue
		}
		var err error
		if people[p.UserID] { // it is the client that went
			err = d.book.forget(ctx, key)
		} else {
			err = d.drop(ctx, p.Client, p.UserID)
		}
		if err != nil {
			return err
		}
	}
	d.current = true
	d.wake()
	d.log.Info("up to date", "people", len(snapshot), "clients", len(d.rules.Clients))
	return nil
}

// passed is the state after events of which only the last is known, and the
// state that it replaced. A hold does not outlast them: the person may have been
// busy in between.
func passed(c *rules.Client, s rules.State, e events.UserEvent, now time.Time) rules.State {
	s.Hold = nil
	if e.Data.Previous == nil {
		return s
	}
	was := e.Data
	was.Availability, was.Activity, was.ObservedAt = e.Data.Previous.Availability, e.Data.Previous.Activity, e.Data.Previous.ObservedAt
	was.OutOfOffice, was.Freshness = nil, events.Fresh
	return s.Apply(c.Judge(&was), was.ObservedAt, now)
}
