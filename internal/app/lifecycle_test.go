package app_test

import (
	"strings"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// Lifecycle events are counted where they are handed on.
func TestLifecycleEventsAreCounted(t *testing.T) {
	b := newBridge(t, graphsim.Options{People: 3}, nil)
	b.start(false)
	b.covered()
	for event, counted := range map[string]string{"missed": "missed", "somethingNew": "other"} {
		if !b.sim.Lifecycle(b.sim.Subscriptions()[0].ID, event) {
			t.Fatalf("%s was not sent", event)
		}
		b.eventually("count of "+event, func() bool {
			_, metrics := b.admin("/metrics")
			return strings.Contains(metrics, `presencebridge_lifecycle_events_total{event="`+counted+`"} 1`)
		})
	}
}
