package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/graphsim"
	"jtel.de/presencebridge/internal/trail"
)

// trail asks the operators' side about a person; nil if nobody is meant.
func (b *bridge) trail(who string, at time.Time) *trail.Trail {
	b.t.Helper()
	status, body := b.admin("/api/v1/trail/" + url.PathEscape(who) + "?at=" + url.QueryEscape(at.UTC().Format(time.RFC3339Nano)))
	if status == http.StatusNotFound {
		return nil
	}
	if status != http.StatusOK {
		b.t.Fatalf("status %d: %s", status, body)
	}
	var t trail.Trail
	if err := json.Unmarshal([]byte(body), &t); err != nil {
		b.t.Fatal(err)
	}
	return &t
}

// decide publishes what an adapter would.
func (b *bridge) decide(userID, decision, eventID string) {
	b.t.Helper()
	b.decideOn(b.jetStream(), userID, decision, eventID)
}

func (b *bridge) decideOn(js jetstream.JetStream, userID, decision, eventID string) {
	b.t.Helper()
	m, err := events.NewMessage(events.DecisionEvent{ID: decision + eventID, Data: events.DecisionData{
		Client: "sales", TenantID: b.sim.Tenant().ID, UserID: userID, Decision: decision, Rule: "on the phone", RuleLine: 8,
		EventID: eventID, ObservedAt: time.Now(),
	}})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := js.Publish(b.t.Context(), m.Subject, m.Data, jetstream.WithMsgID(m.ID)); err != nil {
		b.t.Fatal(err)
	}
}

// onStream counts the messages about a person, of whatever kind, with content.
func (b *bridge) onStream(userID string) (n int) {
	b.t.Helper()
	subjects, err := events.SubjectsAbout(b.sim.Tenant().ID, userID)
	if err != nil {
		b.t.Fatal(err)
	}
	for m, err := range events.History(b.t.Context(), b.jetStream(), subjects...) {
		if err != nil {
			b.t.Fatal(err)
		}
		if d, ok := m.Event.(events.DirectoryEvent); ok && d.Data.Change == events.Removed {
			continue // it names the id alone
		}
		n++
	}
	return n
}

// Why was this agent not reachable? What came, what was published, what was
// decided; over a restart; and nothing of it outlives the agent.
func TestTrail(t *testing.T) {
	b := newBridge(t, graphsim.Options{}, nil)
	b.start(false)
	b.covered()
	b.settled()
	user := b.sim.Tenant().Users[1]
	began := time.Now()
	b.set(user.ID, "Busy", "InACall")
	published := func() *trail.Entry {
		for _, e := range b.trail(user.ID, time.Now()).Entries {
			if e.Became == "published" && e.Activity == "InACall" && !e.StoredAt.IsZero() {
				return &e
			}
		}
		return nil
	}
	b.eventually("the change in the trail", func() bool { return published() != nil })
	told := published()
	if told.Origin != "notification" || told.At.Before(began) || told.StoredMs == nil || told.Freshness != events.Fresh {
		t.Errorf("told %s", pretty(told))
	}
	b.decide(user.ID, events.Unreachable, told.EventID)
	now := b.trail(strings.ToUpper(user.UserPrincipalName), time.Now())
	if now.UserID != user.ID || now.Tenant == "" || now.State == nil || now.State.EventID != told.EventID {
		t.Errorf("now %s", pretty(now))
	}
	if d := now.Decisions; len(d) != 1 || d[0].Decision != events.Unreachable || d[0].Rule != "on the phone" || d[0].RuleLine != 8 || d[0].DecidedMs == nil {
		t.Errorf("decisions %s", pretty(d))
	}
	b.eventually("how the person is covered", func() bool {
		c := b.trail(user.ID, time.Now()).Coverage
		return c != nil && c.State == events.Healthy
	})
	if before := b.trail(user.ID, began); before.State == nil || before.State.Activity == "InACall" || len(before.Decisions) != 0 {
		t.Errorf("before %s", pretty(before))
	}
	reading := func() bool {
		for _, e := range b.trail(user.ID, time.Now()).Entries {
			if e.Became == "repeated" {
				return true
			}
		}
		return false
	}
	b.eventually("an order to read", func() bool {
		_, err := events.Refresh(t.Context(), b.jetStream().Conn(), events.RefreshRequest{UserID: user.ID})
		return err == nil
	})
	b.eventually("a reading that told nothing new", reading)

	// Nobody, too many, and nonsense.
	for path, want := range map[string]int{
		"nobody@contoso.com": http.StatusNotFound, "%2B4989000000": http.StatusNotFound,
		user.ID + "?at=noon": http.StatusBadRequest, user.ID + "?tenant=other": http.StatusNotFound,
	} {
		status, body := b.admin("/api/v1/trail/" + path)
		var problem struct{ Detail string }
		if err := json.Unmarshal([]byte(body), &problem); status != want || err != nil || problem.Detail == "" {
			t.Errorf("%s: status %d, %s", path, status, body)
		}
	}

	// What was published and decided is told after a restart, too.
	b.halt()
	b.start(false)
	b.covered()
	b.eventually("the trail after a restart", func() bool {
		then := b.trail(user.ID, time.Now())
		return then != nil && then.State != nil && then.State.Activity == "InACall" && len(then.Decisions) == 1
	})

	// Who leaves is gone from stream, bucket, trail and memory.
	if b.onStream(user.ID) == 0 {
		t.Error("nothing is on the stream")
	}
	b.sim.RemoveUser(user.ID)
	b.reload <- nil
	b.eventually("that nothing is on the stream", func() bool { return b.onStream(user.ID) == 0 })
	if _, there := b.states()[user.ID]; there {
		t.Error("still in the bucket")
	}
	if left := b.trail(user.ID, time.Now()); left != nil {
		t.Errorf("still a trail: %s", pretty(left))
	}
	for _, path := range []string{"/api/v1/trail/" + url.PathEscape(user.UserPrincipalName), "/metrics", "/api/v1/subscriptions"} {
		if _, body := b.admin(path); strings.Contains(body, user.ID) || strings.Contains(body, user.UserPrincipalName) {
			t.Errorf("%s names somebody who left", path)
		}
	}
}
