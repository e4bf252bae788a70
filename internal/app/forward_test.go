package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graphsim"
)

// The central server is away at first, and notifications are taken all the
// same; when it comes, it gets everything, and what happens after a restart.
func TestForwarding(t *testing.T) {
	central := newExternalNATS(t)
	central.server.Close()
	b := newBridge(t, graphsim.Options{}, func(c *config.Config) { c.NATS.Forward.URL = central.url() })
	b.start(false)
	b.covered()
	b.set(b.user(0), "Busy", "InACall")
	b.eventually("event", b.agrees)
	b.eventually("how far behind it is", func() bool {
		status, body := b.admin("/readyz")
		return status == http.StatusOK && strings.Contains(body, `"behind":{"nats.forward":"`) && strings.Contains(body, "changes wait here")
	})
	_, metrics := b.admin("/metrics")
	if !strings.Contains(metrics, "presencebridge_forward_up 0") || strings.Contains(metrics, "presencebridge_forward_pending 0") {
		t.Error("the metrics do not tell of the outage")
	}
	central.start()
	all := func() bool { return len(b.history()) == len(streamOf(t, connect(t, central.url()))) }
	b.eventually("everything at the central server", func() bool {
		_, metrics := b.admin("/metrics")
		return strings.Contains(metrics, "presencebridge_forward_up 1") && strings.Contains(metrics, "presencebridge_forward_pending 0") && all()
	})
	if _, body := b.admin("/readyz"); strings.Contains(body, "behind") {
		t.Errorf("readyz: %s", body)
	}
	b.halt()
	b.start(false)
	b.set(b.user(1), "Busy", "InACall")
	b.eventually("event", b.agrees)
	b.eventually("everything at the central server", all)
	// Whoever has the central server alone gets answers from it, and what is
	// decided there is in the trail.
	nc := connect(t, central.url()).Conn()
	user := b.sim.Tenant().Users[1]
	b.eventually("an answer at the central server", func() bool {
		found, err := events.Find(t.Context(), nc, events.FindRequest{Mail: user.UserPrincipalName})
		return err == nil && len(found) == 1 && found[0].Data.Activity == "InACall"
	})
	if asked, err := events.Refresh(t.Context(), nc, events.RefreshRequest{UserID: user.ID}); err != nil || asked.Asked != 1 {
		t.Error(asked, err)
	}
	b.decideOn(connect(t, central.url()), user.ID, events.Unreachable, "e")
	if now := b.trail(user.ID, time.Now()); len(now.Decisions) != 1 || now.Incomplete != "" {
		t.Errorf("trail %s", pretty(now))
	}
	local, there := b.history(), streamOf(t, connect(t, central.url()))
	for i, e := range local {
		if there[i].ID != e.ID {
			t.Errorf("message %d is %s here and %s there", i, e.ID, there[i].ID)
		}
	}
}
