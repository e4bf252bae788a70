package main

import (
	"context"
	"time"
)

const (
	// lookAgain is the pause before a hold that is over but could not be settled
	// is looked at again.
	lookAgain = time.Second
	// farAhead is how long to sleep when nothing is on hold.
	farAhead = time.Hour
)

// Settle ends the holds that are over, and says when to call again. A hold is
// settled only if the event that it is about is the person's last: what waits on
// the stream may say that they are busy again.
func (d *desk) Settle(ctx context.Context) (next time.Time, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	next = d.now().Add(farAhead)
	if !d.current {
		return next, nil // Reconcile says when
	}
	for _, p := range d.book.pages {
		if p.Hold == nil {
			continue
		}
		at := p.Hold.Until
		if p.Due(d.now()) {
			settled, err := d.settle(ctx, p.record)
			if err != nil {
				// Whoever is away is away for all: nobody else waits for it here.
				return d.now().Add(lookAgain), err
			}
			if settled {
				continue
			}
			at = d.now().Add(lookAgain)
		}
		if at.Before(next) {
			next = at
		}
	}
	return next, nil
}

func (d *desk) settle(ctx context.Context, before record) (bool, error) {
	last, err := d.last(ctx, before.TenantID, before.UserID)
	if err != nil || last != before.EventID {
		return false, err
	}
	now := d.now()
	after := before
	after.State = before.Settle(now)
	err = d.record(ctx, before, after, now)
	return err == nil, err
}

// RunHolds settles holds until the context ends.
func (d *desk) RunHolds(ctx context.Context) error {
	for {
		next, err := d.Settle(ctx)
		if err != nil && ctx.Err() == nil {
			d.log.Warn("hold not settled", "error", err)
		}
		timer := time.NewTimer(next.Sub(d.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}
