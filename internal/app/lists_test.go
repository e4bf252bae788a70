package app_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"jtel.de/presencebridge/internal/graphsim"
)

// Whoever reads the list behind "ready" has everybody's state with it and the
// events that follow, also while the list lags behind the stream, as it does
// just after a start.
func TestListAndEventsLeaveNobodyOut(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, withToken(t))
	b.start(false)
	b.covered()
	b.eventually("the list", func() bool {
		status, _ := b.ask("GET", "/api/v1/presence")
		return status == http.StatusOK
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream := listen(b.request(ctx, http.MethodGet, "/api/v1/events?type=user"))
	if first := stream(t); first.name != "ready" {
		t.Fatalf("first %+v", first)
	}
	var page peoplePage
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
