package subscriptions

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

const (
	callWithin  = 30 * time.Second // includes the handshake of a create
	renewWithin = 90 * time.Second // Graph has been seen to need a minute
	// freshFor keeps a row of retries from asking for a token each: Entra ID
	// refuses what looks like a loop (AADSTS50196).
	freshFor = 2 * time.Minute
	// reauthorizeAfter: Graph forbids two reauthorizations within this time.
	reauthorizeAfter = 10 * time.Minute
)

func (m *Manager) act(ctx context.Context, a Action) error {
	switch a.Kind {
	case Adopt:
		m.adopt(ctx, a.Subscription)
		return nil
	case Delete:
		m.log(ctx, slog.LevelInfo, "subscription to be deleted", "delete", a.Subscription.ID, "why", a.Reason)
		return m.remove(ctx, a.Subscription.ID)
	case Renew:
		return m.renew(ctx)
	default:
		return m.create(ctx, a.Subscription)
	}
}

// list asks Graph what there is. One that Graph called gone loses its
// certificate, so that it does not fit; the held one counts although a listing
// may not have it yet.
func (m *Manager) list(ctx context.Context) ([]graph.Subscription, error) {
	var actual []graph.Subscription
	err := m.call(ctx, callWithin, func(ctx context.Context) (err error) {
		actual, err = m.o.Graph.Subscriptions(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list subscriptions: %w", err)
	}
	listed := false
	actual = slices.Clone(actual)
	for i, s := range actual {
		if s.ID == m.gone {
			actual[i].Certificate = graph.Certificate{}
		}
		listed = listed || m.held != nil && s.ID == m.held.ID
	}
	if m.held != nil && !listed {
		actual = append(actual, m.held.Subscription)
	}
	return actual, nil
}

func (m *Manager) create(ctx context.Context, want graph.Subscription) error {
	if err := m.fresh(ctx); err != nil {
		return fmt.Errorf("create subscription: %w", err)
	}
	want.ExpiresAt = clock().Add(Lifetime)
	got := want
	err := m.call(ctx, callWithin, func(ctx context.Context) error {
		answer, err := m.o.Graph.CreateSubscription(ctx, want)
		got.ID, got.ExpiresAt = answer.ID, answer.ExpiresAt
		return err
	})
	if err != nil {
		if blames, certain := blamesPeople(err); blames && m.o.Refused != nil {
			m.o.Refused(want.UserIDs, certain)
		}
		return fmt.Errorf("create subscription: %w", err)
	}
	if got.ID == "" || !got.ExpiresAt.After(clock()) {
		return fmt.Errorf("create subscription: graph answered id %q and expiry %s", got.ID, got.ExpiresAt)
	}
	m.establish(ctx, m.granted(got), "subscription created", GapCreated)
	return nil
}

// renew moves the expiry of the held subscription, and its certificate if
// there is a newer one. If Graph does not know it any more, it is lost.
func (m *Manager) renew(ctx context.Context) error {
	before := m.held
	if err := m.fresh(ctx); err != nil {
		return fmt.Errorf("renew subscription %s: %w", before.ID, err)
	}
	next := before.Subscription
	var cert *graph.Certificate
	if m.wish.Certificate.ID != next.Certificate.ID {
		next.Certificate, cert = m.wish.Certificate, &m.wish.Certificate
	}
	err := m.call(ctx, renewWithin, func(ctx context.Context) error {
		answer, err := m.o.Graph.RenewSubscription(ctx, before.ID, clock().Add(Lifetime), cert)
		next.ExpiresAt = answer.ExpiresAt
		if id := answer.Certificate.ID; id != "" {
			next.Certificate.ID = id // pages disagree on whether a PATCH can change it
		}
		return err
	})
	if err != nil {
		if graph.Classify(err) == graph.NotFound {
			m.lose(ctx, "graph does not know it any more")
		}
		return fmt.Errorf("renew subscription %s: %w", before.ID, err)
	}
	now := clock()
	if !next.ExpiresAt.After(now) {
		return fmt.Errorf("renew subscription %s: graph answered expiry %s", before.ID, next.ExpiresAt)
	}
	m.held = m.granted(next)
	m.log(ctx, slog.LevelInfo, "subscription renewed", "expires", next.ExpiresAt, "certificate", next.Certificate.ID)
	switch {
	case now.After(before.lateAt):
		m.o.Gap(GapLate, next.UserIDs)
	case before.paused:
		m.o.Gap(GapReauthorized, next.UserIDs)
	}
	return nil
}

// remove deletes a subscription; one that is gone already is fine.
func (m *Manager) remove(ctx context.Context, id string) error {
	err := m.call(ctx, callWithin, func(ctx context.Context) error { return m.o.Graph.DeleteSubscription(ctx, id) })
	if err != nil && graph.Classify(err) != graph.NotFound {
		return fmt.Errorf("delete subscription %s: %w", id, err)
	}
	if m.held != nil && m.held.ID == id {
		m.held = nil
		m.publish()
	}
	return nil
}

// Delete removes every presence subscription of the account from Graph, for a
// stop that shall leave nothing behind. Call it after Run has returned.
func (m *Manager) Delete(ctx context.Context) error {
	m.wish.UserIDs = nil
	err := m.reconcile(ctx)
	m.publish()
	return err
}

// call makes a call with its own deadline. If the token is refused, it gets a
// new one, once.
func (m *Manager) call(ctx context.Context, within time.Duration, f func(context.Context) error) error {
	err := bounded(ctx, within, f)
	if err == nil || graph.Classify(err) != graph.Unauthorized {
		return err
	}
	if err := m.refresh(ctx); err != nil {
		return err
	}
	return bounded(ctx, within, f)
}

// fresh makes sure that the token has just been issued.
func (m *Manager) fresh(ctx context.Context) error {
	if time.Since(m.refreshedAt) < freshFor {
		return nil
	}
	return m.refresh(ctx)
}

func (m *Manager) refresh(ctx context.Context) error {
	if err := bounded(ctx, callWithin, m.o.Graph.Refresh); err != nil {
		return fmt.Errorf("refresh token: %w", err)
	}
	m.refreshedAt = clock()
	return nil
}

func bounded(ctx context.Context, within time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return f(ctx)
}
