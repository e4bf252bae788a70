package app

import (
	"testing"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/coverage"
	"jtel.de/presencebridge/subscriptions"
)

func TestStateOfSubscriptions(t *testing.T) {
	some := []string{"somebody"}
	for _, tt := range []struct {
		id       string
		state    subscriptions.State
		assigned []string
		view     string
		want     handlers.SubscriptionState
	}{
		{"1", subscriptions.Healthy, some, events.Healthy, handlers.SubscriptionHealthy},
		{"1", subscriptions.Healthy, nil, events.Healthy, handlers.SubscriptionHealthy}, // about to go
		{"1", subscriptions.Failing, some, events.Healthy, handlers.SubscriptionFailing},
		{"1", subscriptions.Failing, some, events.Silent, handlers.SubscriptionSilent},
		{"1", subscriptions.Healthy, some, events.Silent, handlers.SubscriptionSilent},
		{"", subscriptions.Healthy, some, events.Silent, handlers.SubscriptionLost},
		{"", subscriptions.Failing, some, events.Lost, handlers.SubscriptionLost},
		{"", subscriptions.Failing, nil, events.Healthy, handlers.SubscriptionFailing}, // given up
		{"", subscriptions.Idle, nil, events.Healthy, handlers.SubscriptionIdle},
		{"", subscriptions.Starting, some, events.Lost, handlers.SubscriptionStarting},
		{"", subscriptions.Starting, nil, "", handlers.SubscriptionStarting},
	} {
		a := subscriptions.AccountCoverage{Status: subscriptions.Status{SubscriptionID: tt.id, State: tt.state}, Assigned: tt.assigned}
		if got := stateOf(a, coverage.View{State: tt.view}); got != tt.want {
			t.Errorf("%q %s, %d people, %s: %s, want %s", tt.id, tt.state, len(tt.assigned), tt.view, got, tt.want)
		}
	}
}
