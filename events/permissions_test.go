package events_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// The permissions that docs/events.md gives are enough, and keep an adapter
// from publishing states.
func TestPermissions(t *testing.T) {
	user := func(name string, publish, subscribe []string) *server.User {
		return &server.User{Username: name, Password: "p", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: publish},
			Subscribe: &server.SubjectPermission{Allow: subscribe},
		}}
	}
	s := natsServer(t, t.TempDir(), -1, func(o *server.Options) {
		o.Users = []*server.User{
			user("bridge", []string{"presence.v1.>", "$JS.API.>", "$JS.ACK.>"}, []string{"presence.v1.api.>", "_INBOX.>"}),
			user("adapter", []string{"presence.v1.decision.>", "presence.v1.api.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$KV.acdadapter.>"}, []string{"_INBOX.>"}),
		}
	})
	as := func(name string) (*events.Publisher, jetstream.JetStream) {
		nc, err := events.Connect(events.ConnectOptions{
			URL: strings.Replace(s.ClientURL(), "nats://", "nats://"+name+":p@", 1), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		return publisher(t, nc), js
	}
	bridge, js := as("bridge")
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publish(t, bridge, userEvent(agent1, "Busy", "1"))
	if got := snapshot(t, js); len(got) != 1 {
		t.Errorf("got %v", got)
	}

	adapter, js := as("adapter")
	enough := errors.New("enough")
	if err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := events.Consume(ctx, js, quick, func(context.Context, events.UserEvent) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "acdadapter"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Create(t.Context(), "sales."+agent1, nil); err != nil {
		t.Error(err)
	}
	decision := message(t, events.DecisionEvent{ID: "d", Data: events.DecisionData{
		Client: "1", TenantID: tenant, UserID: agent1, Decision: events.Reachable, Rule: "free", ObservedAt: exampleEvent().Time,
	}})
	forged := message(t, userEvent(agent1, "Available", "2"))
	acks := adapter.Publish(t.Context(), []events.Message{decision, forged})
	if acks[0].Err != nil || acks[1].Err == nil {
		t.Errorf("decision %v, state %v", acks[0].Err, acks[1].Err)
	}
}
