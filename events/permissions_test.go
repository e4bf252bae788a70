package events_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nats.go/micro"

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
	answering := func(u *server.User) *server.User {
		u.Permissions.Response = &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute}
		return u
	}
	s := natsServer(t, t.TempDir(), -1, func(o *server.Options) {
		o.Users = []*server.User{
			answering(user("bridge", []string{"presence.v1.>", "$JS.API.>", "$JS.ACK.>", "$KV.presencebridge_state.>", "$KV.presencebridge_lease.>", "$JS.FC.>"}, []string{"presence.v1.api.>", "presence.v1.peer.>", "$SRV.>", "_INBOX.>"})),
			user("reader", readerMay, []string{"_INBOX.>"}),
			user("adapter", []string{"presence.v1.decision.>", "presence.v1.api.>", "$SRV.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$KV.acdadapter.>"}, []string{"_INBOX.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.PRESENCE.>"}),
		}
	})
	as := func(name string) (*nats.Conn, *events.Publisher, jetstream.JetStream) {
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
		return nc, publisher(t, nc), js
	}
	bridgeConn, bridge, js := as("bridge")
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	publish(t, bridge, userEvent(agent1, "Busy", "1"))
	if got := snapshot(t, js); len(got) != 1 {
		t.Errorf("got %v", got)
	}

	// Instances share their keys there.
	keepsInBucket(t, js, "presencebridge_state")
	keepsInBucket(t, js, "presencebridge_lease")
	peers, err := bridgeConn.SubscribeSync("presence.v1.peer.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := bridgeConn.Publish("presence.v1.peer."+tenant, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := peers.NextMsg(30 * time.Second); err != nil {
		t.Errorf("instances cannot speak to each other: %v", err)
	}

	// The bridge offers its service, and the adapter gets an answer.
	service, err := micro.AddService(bridgeConn, micro.Config{Name: events.Service, Version: "1.0.0"})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Stop()
	err = service.AddEndpoint("find", micro.HandlerFunc(func(r micro.Request) { _ = r.Error("404", "nobody", nil) }), micro.WithEndpointSubject(events.RequestFind))
	if err != nil {
		t.Fatal(err)
	}
	if err := bridgeConn.FlushTimeout(30 * time.Second); err != nil {
		t.Fatal(err)
	}

	readerConn, forger, reading := as("reader")
	read(t, readerConn, forger, reading)

	adapterConn, adapter, js := as("adapter")
	_, err = events.Find(t.Context(), adapterConn, events.FindRequest{Mail: "a@b.c"})
	if refused, ok := errors.AsType[*events.RequestError](err); !ok || refused.Code != events.CodeNotFound {
		t.Error(err)
	}
	if info, err := adapterConn.RequestWithContext(t.Context(), "$SRV.INFO.presence", nil); err != nil || len(info.Data) == 0 {
		t.Error(err)
	}
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
	letters, listening := context.WithCancel(t.Context())
	listening()
	if err := events.DeadLetters(letters, adapterConn, "", func(events.DeadLetter) {}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := adapterConn.FlushTimeout(30 * time.Second); err != nil || adapterConn.LastError() != nil {
		t.Error(err, adapterConn.LastError())
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

// readerMay is what a reader may publish to: nothing but the questions that
// reading takes. It can neither change a stream nor see what bridges share.
var readerMay = []string{
	"presence.v1.api.*", "$SRV.>", "$JS.FC.>", "$JS.ACK.PRESENCE.>",
	"$JS.API.STREAM.INFO.PRESENCE", "$JS.API.CONSUMER.*.PRESENCE.>", "$JS.API.CONSUMER.MSG.NEXT.PRESENCE.>", "$JS.API.DIRECT.GET.PRESENCE.>",
	"$JS.API.STREAM.INFO.KV_presence", "$JS.API.CONSUMER.*.KV_presence.>", "$JS.API.CONSUMER.MSG.NEXT.KV_presence.>", "$JS.API.DIRECT.GET.KV_presence.>",
}

// What docs/events.md says is what is tried here.
func TestReaderPermissionsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range readerMay {
		if !strings.Contains(string(text), "`"+subject+"`") {
			t.Errorf("docs/events.md does not give a reader %s", subject)
		}
	}
}

// read does with a reader's connection what a wallboard does, and tries what it may not.
func read(t *testing.T, nc *nats.Conn, p *events.Publisher, js jetstream.JetStream) {
	t.Helper()
	enough := errors.New("enough")
	if err := events.WatchUsers(t.Context(), js, func(events.UserEvent) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
	if got := snapshot(t, js); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	own := quick
	own.Durable = "reader"
	if err := events.Consume(ctx, js, own, func(context.Context, events.UserEvent) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := events.Find(t.Context(), nc, events.FindRequest{Mail: "a@b.c"}); err == nil {
		t.Error("somebody was found")
	} else if refused, ok := errors.AsType[*events.RequestError](err); !ok || refused.Code != events.CodeNotFound {
		t.Error(err)
	}
	if err := nc.FlushTimeout(30 * time.Second); err != nil || nc.LastError() != nil {
		t.Error(err, nc.LastError())
	}
	for what, try := range map[string]func(ctx context.Context) error{
		"publish": func(ctx context.Context) error {
			return p.Publish(ctx, []events.Message{message(t, userEvent(agent1, "Available", "forged"))})[0].Err
		},
		"purge": func(ctx context.Context) error {
			_, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.PURGE.PRESENCE", nil)
			return err
		},
		"see sealed keys": func(ctx context.Context) error {
			_, err := nc.RequestWithContext(ctx, "$JS.API.DIRECT.GET.KV_presencebridge_state.$KV.presencebridge_state.key", nil)
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if err := try(ctx); err == nil {
			t.Errorf("a reader may %s", what)
		}
		cancel()
		if err := nc.FlushTimeout(30 * time.Second); err != nil || !errors.Is(nc.LastError(), nats.ErrPermissionViolation) {
			t.Errorf("%s: %v, %v", what, err, nc.LastError())
		}
	}
}

// keepsInBucket makes a bucket, writes to it and is told of what is written.
func keepsInBucket(t *testing.T, js jetstream.JetStream, name string) {
	t.Helper()
	kv, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: name})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := kv.Watch(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	revision, err := kv.Create(t.Context(), "key", []byte("1"))
	if err == nil {
		_, err = kv.Update(t.Context(), "key", []byte("2"), revision)
	}
	if err != nil {
		t.Fatalf("bucket %s: %v", name, err)
	}
	for entry := range watcher.Updates() {
		if entry != nil && string(entry.Value()) == "2" {
			return
		}
	}
	t.Errorf("bucket %s: nothing is told", name)
}
