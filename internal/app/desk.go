package app

import (
	"fmt"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/subscriptions"
)

// desk is where operators ask about the subscriptions of every tenant.
type desk struct {
	*service
	here      bool              // only tenants that this instance acts for
	usernames map[string]string // by account key
}

func newDesk(s *service, here bool) desk {
	d := desk{service: s, here: here, usernames: map[string]string{}}
	for _, t := range s.Config.Tenants {
		for _, a := range t.Accounts {
			d.usernames[graph.AccountKey(t.ID, a.Username)] = a.Username
		}
	}
	return d
}

// List implements [handlers.Subscriptions].
func (d desk) List() []handlers.Subscription {
	var list []handlers.Subscription
	for _, t := range d.tenants {
		if t.holds() {
			list = append(list, d.rows(t)...)
		} else if !d.here {
			list = append(list, d.rowsElsewhere(t)...)
		}
	}
	return list
}

// rows are those of one tenant, as this instance knows them.
func (d desk) rows(t *tenant) []handlers.Subscription {
	var list []handlers.Subscription
	id := t.config.Load().ID
	views, push := t.coverage().Views(), t.push().Coverage()
	for _, a := range push.Accounts {
		row := rowOf(a, views[a.AccountKey])
		row.Tenant, row.TenantID, row.Username = t.name, id, d.usernames[a.AccountKey]
		list = append(list, row)
	}
	if rest, some := views[coverage.RestKey]; some {
		row := handlers.Subscription{
			Tenant: t.name, TenantID: id, Account: coverage.RestKey, State: handlers.SubscriptionPolled,
			People: rest.People.Assigned, Assigned: rest.People.Assigned, Trouble: rest.Reason,
		}
		if push.Missing > 0 {
			row.Advice = fmt.Sprintf("name more service users in tenants[].accounts: %d", push.Missing)
		}
		list = append(list, row)
	}
	return list
}

// rowsElsewhere asks the instance that acts for a tenant.
func (d desk) rowsElsewhere(t *tenant) []handlers.Subscription {
	var list []handlers.Subscription
	if err := d.asked(t, word{Do: wordList}, &list); err == nil {
		return list
	}
	list = d.rows(t)
	for i := range list {
		list[i].Trouble = t.whoActs()
	}
	return list
}

// whoActs says why this instance cannot tell more of a tenant.
func (t *tenant) whoActs() string {
	if holder := t.lease.Holder(); holder != "" {
		return "instance " + holder + " acts for the tenant and does not answer"
	}
	return "no instance acts for the tenant yet"
}

// rowOf joins what the account's manager knows with what was delivered.
func rowOf(a subscriptions.AccountCoverage, v coverage.View) handlers.Subscription {
	row := handlers.Subscription{
		ID: a.SubscriptionID, Account: a.AccountKey, State: stateOf(a, v),
		People: len(a.UserIDs), Assigned: len(a.Assigned),
		ExpiresAt: a.ExpiresAt, RenewedAt: a.RenewedAt, LastDeliveryAt: v.DeliveredAt, NextAttemptAt: a.NextAttempt,
		Trouble: a.LastError, Advice: a.Advice,
	}
	if row.Trouble == "" && (row.State == handlers.SubscriptionSilent || row.State == handlers.SubscriptionLost) {
		row.Trouble = v.Reason
	}
	return row
}

func stateOf(a subscriptions.AccountCoverage, v coverage.View) handlers.SubscriptionState {
	exists, wanted := a.SubscriptionID != "", len(a.Assigned) > 0
	switch {
	case exists && v.State == events.Silent:
		return handlers.SubscriptionSilent
	case !exists && wanted && a.State != subscriptions.Starting:
		return handlers.SubscriptionLost
	case a.State == subscriptions.Failing:
		return handlers.SubscriptionFailing
	case exists:
		return handlers.SubscriptionHealthy
	case a.State == subscriptions.Idle:
		return handlers.SubscriptionIdle
	}
	return handlers.SubscriptionStarting
}

// Ask implements [handlers.Subscriptions].
func (d desk) Ask(action handlers.SubscriptionAction, id string) bool {
	for _, t := range d.tenants {
		done := false
		if t.holds() {
			done = d.ask(t, action, id)
		} else if err := d.asked(t, word{Do: string(action), ID: id}, &done); err != nil {
			d.Log.Warn("an operator's wish was not passed on", "tenant", t.name, "error", err)
		}
		if done {
			return true
		}
	}
	return false
}

func (d desk) ask(t *tenant, action handlers.SubscriptionAction, id string) bool {
	switch action {
	case handlers.RenewSubscription:
		return t.push().Renew(id)
	case handlers.DeleteSubscription:
		return t.push().Remove(id)
	case handlers.RecreateSubscription:
		for _, a := range t.push().Coverage().Accounts {
			if a.SubscriptionID == id {
				return t.push().Recreate(a.AccountKey, "an operator asked for it")
			}
		}
	}
	return false
}
