package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graphsim"
)

// Whoever has nothing but NATS finds a person, learns how everybody is covered,
// and has somebody read.
func TestQuestionsOnNATS(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	nc, err := nats.Connect(b.addresses.NATS)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	user := b.sim.Tenant().Users[0]
	b.eventually("an answer about a person", func() bool {
		found, err := events.Find(t.Context(), nc, events.FindRequest{Mail: user.UserPrincipalName})
		return err == nil && len(found) == 1 && found[0].Data.User.ID == user.ID
	})
	b.eventually("an answer about the coverage", func() bool {
		c, err := events.AskCoverage(t.Context(), nc, events.CoverageRequest{})
		return err == nil && slices.ContainsFunc(c.Coverage, func(e events.CoverageEvent) bool {
			return e.Data.State == events.Healthy && e.Data.People.Push == len(b.sim.Tenant().Users)
		})
	})
	reads := func() int {
		return b.requests(func(r graphsim.Request) bool {
			return strings.HasSuffix(r.Path, "/getPresencesByUserId") && r.Status == http.StatusOK
		})
	}
	before := reads()
	asked, err := events.Refresh(t.Context(), nc, events.RefreshRequest{UserID: user.ID})
	if err != nil || asked.Asked != 1 {
		t.Fatal(asked, err)
	}
	b.eventually("a read", func() bool { return reads() > before })
	if asked, err := events.Refresh(t.Context(), nc, events.RefreshRequest{}); err != nil || asked.Asked != len(b.sim.Tenant().Users) {
		t.Error(asked, err)
	}
}
