package app

import (
	"fmt"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/subscriptions"
)

// desk is where operators ask about the subscriptions of every tenant.
type desk struct {
	tenants   map[string]*tenant // by tenant id
	usernames map[string]string  // by account key
}

func newDesk(configured []config.Tenant, tenants map[string]*tenant) desk {
	d := desk{tenants: tenants, usernames: map[string]string{}}
	for _, t := range configured {
		for _, a := range t.Accounts {
			d.usernames[graph.AccountKey(t.ID, a.Username)] = a.Username
		}
	}
	return d
}

// List implements [handlers.Subscriptions].
func (d desk) List() []handlers.Subscription {
	var list []handlers.Subscription
	for id, t := range d.tenants {
		views, push := t.coverage.Views(), t.push.Coverage()
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
	}
	return list
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
		switch action {
		case handlers.RenewSubscription:
			if t.push.Renew(id) {
				return true
			}
		case handlers.DeleteSubscription:
			if t.push.Remove(id) {
				return true
			}
		case handlers.RecreateSubscription:
			for _, a := range t.push.Coverage().Accounts {
				if a.SubscriptionID == id {
					return t.push.Recreate(a.AccountKey, "an operator asked for it")
				}
			}
		}
	}
	return false
}
