package app

import (
	"context"
	"log/slog"

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
		Recreate: func(account, reason string) { t.push.Recreate(account, reason) },
		Stale: func(ctx context.Context, userIDs []string, unconfirmed func(string) bool) error {
			who := make([]graph.Person, len(userIDs))
			for i, id := range userIDs {
				who[i] = graph.Person{TenantID: c.ID, UserID: id}
			}
			return s.intake.Stale(ctx, who, func(p graph.Person) bool { return unconfirmed(p.UserID) })
		},
		Bus:     s.bus,
		Observe: func(people events.Covered) { s.metrics.coverage(c.Name, people) },
		Log:     log,
	})
}

// plan tells whom each account is to carry and what Graph has for it.
func (t *tenant) plan() coverage.Plan {
	push := t.push.Coverage()
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
		t.coverage.Seen(r, moved)
	}
}

// announced follows notifications that told no values: their people are read.
func (s *service) announced(who []graph.Person) {
	for _, p := range who {
		if t := s.tenants[p.TenantID]; t != nil {
			t.coverage.Announced(p.UserID)
		}
	}
	s.read(who)
}

// answered counts a callback, and notes when we turned notifications away
// because of the bus. Other refusals are no excuse for a silent subscription:
// strangers can cause them.
func (s *service) answered(o handlers.Outcome) {
	s.metrics.callback(o)
	if o.Cause == handlers.CauseBusAway || o.Cause == handlers.CauseNotStored {
		for _, t := range s.tenants {
			t.coverage.Interrupted()
		}
	}
}
