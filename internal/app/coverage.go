package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
)

func (s *service) buildCoverage(c config.Tenant, t *tenant, log *slog.Logger) *coverage.Tracker {
	return coverage.New(coverage.Options{
		TenantID: c.ID, Tenant: c.Name,
		People:  func() []string { return s.directory.IDs(c.ID) },
		Plan:    t.plan,
		Latency: s.Latency, StaleAfter: c.StaleAfter,
		Recreate: func(account, reason string) { t.push().Recreate(account, reason) },
		Stale: func(ctx context.Context, userIDs []string, unconfirmed func(string) bool) error {
			who := make([]graph.Person, len(userIDs))
			for i, id := range userIDs {
				who[i] = graph.Person{TenantID: c.ID, UserID: id}
			}
			return s.intake.Stale(ctx, who, func(p graph.Person) bool { return unconfirmed(p.UserID) })
		},
		Bus:      s.bus,
		Expiring: func(account string) []events.Expiring { return s.expiring(c.ID, account) },
		// Twice within the history: the stream always holds the last word.
		Repeat:  s.Config.Events.History / 2,
		Observe: func(people events.Covered) { s.metrics.coverage(c.Name, people) },
		Log:     log,
	})
}

// plan tells whom each account is to carry and what Graph has for it.
func (t *tenant) plan() coverage.Plan {
	push := t.push().Coverage()
	plan := coverage.Plan{Unplaced: push.Unplaced, Missing: push.Missing, Quarantined: push.Quarantined}
	for _, a := range push.Accounts {
		plan.Accounts = append(plan.Accounts, coverage.Account{
			Key: a.AccountKey, Assigned: a.Assigned,
			SubscriptionID: a.SubscriptionID, Trouble: a.LastError, Carried: a.UserIDs,
		})
	}
	return plan
}

// seen passes on what a reading proves.
func (s *service) seen(r graph.Reading, moved bool) {
	if t := s.tenants[r.TenantID]; t != nil {
		switch {
		case t.holds():
			t.coverage().Seen(r, moved)
		case r.AskedAt.IsZero():
			s.tell(t, word{Do: wordHeard, UserID: r.Presence.UserID, At: r.ObservedAt})
		}
		if moved && r.Origin == graph.OriginSweep {
			s.metrics.found(t.name)
		}
	}
}

// announced follows notifications that told no values, or may have told old ones:
// their people are read.
func (s *service) announced(who []graph.Person) {
	now := time.Now()
	for _, p := range who {
		if t := s.tenants[p.TenantID]; t != nil {
			s.announcedOf(t, p.UserID, now)
		}
	}
	s.read(who)
}

func (s *service) announcedOf(t *tenant, userID string, at time.Time) {
	if !t.holds() {
		s.tell(t, word{Do: wordAnnounced, UserID: userID, At: at})
		return
	}
	t.coverage().Announced(userID, at)
}

// accept stores what notifications told. What cannot be stored was delivered all
// the same: only its people are in doubt, not the tenant.
func (s *service) accept(ctx context.Context, readings []graph.Reading) error {
	err := s.intake.Accept(ctx, readings)
	if err == nil {
		return nil
	}
	for _, r := range readings {
		if t := s.tenants[r.TenantID]; t != nil {
			s.announcedOf(t, r.Presence.UserID, r.ObservedAt)
		}
	}
	return err
}

// answered counts a callback, and notes when we turned notifications away unread:
// nobody knows whom they were about. That excuses every subscription, so it must
// be nothing that strangers can cause and nothing that lasts while all else works:
// only the bus away, and no signing keys since the start.
func (s *service) answered(o handlers.Outcome) {
	s.metrics.callback(o)
	s.activity.answered(o)
	if o.Status >= http.StatusInternalServerError && !o.Handshake {
		s.intake.PutOff() // Graph will send it again, late
	}
	if o.Cause == handlers.CauseBusAway || o.Cause == handlers.CauseUndecided && !s.tokens.Ready() {
		for _, t := range s.tenants {
			t.coverage().Interrupted()
		}
	}
}
