package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/subscriptions"
)

// Tenants implements [handlers.Coverage].
func (d desk) Tenants() []handlers.Tenant { return reception{tenants: d.tenants}.Tenants() }

// Coverage implements [handlers.Coverage].
func (d desk) Coverage() []handlers.TenantCoverage {
	all := []handlers.TenantCoverage{}
	for _, named := range d.Tenants() {
		t := d.tenants[named.ID]
		if t.holds() {
			all = append(all, d.coverageOf(t))
			continue
		}
		var told handlers.TenantCoverage
		if err := d.asked(t, word{Do: wordCoverage}, &told); err != nil {
			told = d.coverageOf(t)
			told.Reasons = append(told.Reasons, handlers.CoverageReason{Reason: t.whoActs(), People: told.People.Assigned})
		}
		all = append(all, told)
	}
	return all
}

// coverageOf is that of one tenant, as this instance knows it.
func (d desk) coverageOf(t *tenant) handlers.TenantCoverage {
	out := handlers.TenantCoverage{
		Tenant: t.name, TenantID: t.config.Load().ID, Mode: t.config.Load().Mode,
		Reasons: []handlers.CoverageReason{}, Accounts: []handlers.AccountCoverage{},
	}
	views, push := t.coverage().Views(), t.push().Coverage()
	for _, a := range push.Accounts {
		v := views[a.AccountKey]
		row := rowOf(a, v)
		out.Accounts = append(out.Accounts, handlers.AccountCoverage{
			Account: a.AccountKey, Username: d.usernames[a.AccountKey], State: row.State,
			Reason: cmp.Or(row.Trouble, v.Reason), People: coveredOf(v.People),
		})
		if v.People.Poll > 0 {
			out.Reasons = append(out.Reasons, handlers.CoverageReason{
				Reason: cmp.Or(row.Trouble, v.Reason, whyNotPushed(row.State)), People: v.People.Poll, Advice: a.Advice,
			})
		}
	}
	if rest, some := views[coverage.RestKey]; some {
		out.Accounts = append(out.Accounts, handlers.AccountCoverage{
			Account: coverage.RestKey, State: handlers.SubscriptionPolled, Reason: rest.Reason, People: coveredOf(rest.People),
		})
		out.Reasons = append(out.Reasons, reasonsOf(rest, push, out.Mode)...)
	}
	slices.SortFunc(out.Accounts, func(a, b handlers.AccountCoverage) int { return strings.Compare(a.Account, b.Account) })
	for _, a := range out.Accounts {
		out.People.Assigned += a.People.Assigned
		out.People.Push += a.People.Push
		out.People.Poll += a.People.Poll
		out.People.None += a.People.None
	}
	if out.People.None > 0 {
		out.Reasons = append(out.Reasons, handlers.CoverageReason{
			Reason: "nothing confirmed their state for stale_after, or it was not read yet", People: out.People.None,
		})
	}
	status := t.sweeper.Status()
	out.Sweep = handlers.SweepStatus{Waiting: status.Waiting, ReadAt: status.ReadAt, Trouble: status.Trouble}
	return out
}

func coveredOf(c events.Covered) handlers.Covered {
	return handlers.Covered{Assigned: c.Assigned, Push: c.Push, Poll: c.Poll, None: c.None}
}

// whyNotPushed is said when nobody gave a reason.
func whyNotPushed(s handlers.SubscriptionState) string {
	switch s {
	case handlers.SubscriptionHealthy:
		return "not in the subscription yet, or not trusted to be told of"
	case handlers.SubscriptionStarting:
		return "the subscription is being made"
	}
	return "there is no subscription that delivers"
}

// reasonsOf tells why people are in no account's care.
func reasonsOf(rest coverage.View, push subscriptions.Coverage, mode string) []handlers.CoverageReason {
	var reasons []handlers.CoverageReason
	if mode == config.ModePoll {
		return append(reasons, handlers.CoverageReason{Reason: "the tenant is polled on purpose (mode: poll)", People: rest.People.Assigned})
	}
	if push.Unplaced > 0 {
		reasons = append(reasons, handlers.CoverageReason{
			Reason: "the service users carry as many as they can", People: push.Unplaced,
			Advice: fmt.Sprintf("name more service users in tenants[].accounts: %d", push.Missing),
		})
	}
	if push.Quarantined > 0 {
		reasons = append(reasons, handlers.CoverageReason{
			Reason: "Graph refuses a subscription because of them; it is tried again later", People: push.Quarantined,
			Advice: "look at their accounts in Entra ID: deleted, disabled or without a Teams licence",
		})
	}
	if others := rest.People.Poll - push.Unplaced - push.Quarantined; others > 0 {
		reasons = append(reasons, handlers.CoverageReason{Reason: cmp.Or(rest.Reason, "no service user carries them yet"), People: others})
	}
	return reasons
}

// Sweep implements [handlers.Coverage].
func (d desk) Sweep(tenantID string) int {
	n := 0
	for id, t := range d.tenants {
		if tenantID == "" || id == tenantID {
			n += t.sweepAll()
		}
	}
	return n
}

// sweepAll reads everybody now, whatever wait there is after a failure.
func (t *tenant) sweepAll() int {
	everybody := t.sweeper.People()
	t.sweeper.Ask(graph.OriginSweep, everybody...)
	t.sweeper.Retry()
	return len(everybody)
}
