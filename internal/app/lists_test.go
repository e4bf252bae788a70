package app_test

import (
	"net/http"
	"testing"

	"jtel.de/presencebridge/internal/graphsim"
)

// Whoever reads the list behind "ready" has everybody's state with it and the
// events that follow, also while the list lags behind the stream, as it does
// just after a start.
func TestListAndEventsLeaveNobodyOut(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, withToken(t))
	b.start(false)
	b.covered()
	var page peoplePage
	b.eventually("the list", func() bool {
		status, _ := b.ask("GET", "/api/v1/presence")
		return status == http.StatusOK
	})
	stream := listen(b.request(t.Context(), http.MethodGet, "/api/v1/events?type=user"))
	if first := stream(t); first.name != "ready" {
		t.Fatalf("first %+v", first)
	}
	b.api("GET", "/api/v1/presence", "", &page)
	known := map[string]bool{}
	for _, p := range page.People {
		if p.Availability != "" {
			known[p.User.ID] = true
		}
	}
	for len(known) < len(b.sim.Tenant().Users) {
		known[decodeUser(t, stream(t).data).Data.User.ID] = true
	}
}
