package events_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind)) }

const (
	tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	agent1 = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
)

// natsServer is a real server with its store in dir. Port -1 takes a free one.
func natsServer(t testing.TB, dir string, port int, set ...func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{
		ServerName: "test", JetStream: true, StoreDir: dir,
		Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
	}
	for _, f := range set {
		f(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("server is not ready")
	}
	t.Cleanup(func() { stop(s) })
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// restart stops the server and starts it again on the same port and store, and
// returns when the publisher has noticed both.
func restart(t testing.TB, s *server.Server, dir string, p *events.Publisher) *server.Server {
	t.Helper()
	at := port(t, s)
	stop(s)
	eventually(t, "the outage is noticed", func() bool { return !p.Available() })
	s = natsServer(t, dir, at)
	eventually(t, "it is available again", p.Available)
	return s
}

func port(t testing.TB, s *server.Server) int {
	t.Helper()
	_, p, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func connect(t testing.TB, s *server.Server) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := events.Connect(events.ConnectOptions{
		URL: s.ClientURL(), Name: t.Name(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// running gives a server that is set up, a publisher and a client.
func running(t testing.TB, set ...func(*server.Options)) (*server.Server, *events.Publisher, jetstream.JetStream) {
	t.Helper()
	s := natsServer(t, t.TempDir(), -1, set...)
	nc, js := connect(t, s)
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return s, publisher(t, nc), js
}

func publisher(t testing.TB, nc *nats.Conn) *events.Publisher {
	t.Helper()
	p, err := events.NewPublisher(nc, events.PublisherOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// person is the id of the n-th test person.
func person(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

func userEvent(user, availability, id string) events.UserEvent {
	at := time.Date(2026, 11, 23, 18, 0, 0, 120e6, time.UTC)
	return events.UserEvent{ID: id, Data: events.UserData{
		TenantID: tenant, Tenant: "contoso", User: events.User{ID: user},
		Availability: availability, Activity: availability,
		Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}}
}

func message[T events.Data](t testing.TB, e events.Event[T]) events.Message {
	t.Helper()
	m, err := events.NewMessage(e)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// publish stores the events and demands that each is acknowledged.
func publish(t testing.TB, p *events.Publisher, es ...events.UserEvent) []events.Ack {
	t.Helper()
	var msgs []events.Message
	for _, e := range es {
		msgs = append(msgs, message(t, e))
	}
	acks := p.Publish(t.Context(), msgs)
	for i, a := range acks {
		if a.Err != nil {
			t.Fatalf("message %d: %v", i, a.Err)
		}
	}
	return acks
}

// eventually waits for something that another process has to do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

// inBucket gives the event under a person's key, nil if there is none.
func inBucket(t testing.TB, js jetstream.JetStream, user string) *events.UserEvent {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), events.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	key, err := events.BucketKey(tenant, user)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(context.WithoutCancel(t.Context()), key)
	if err != nil {
		return nil
	}
	e, err := events.Decode[events.UserData](entry.Value())
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

// snapshot gives availability by user id.
func snapshot(t testing.TB, js jetstream.JetStream) map[string]string {
	t.Helper()
	got := map[string]string{}
	for e, err := range events.Snapshot(t.Context(), js) {
		if err != nil {
			t.Fatal(err)
		}
		got[e.Data.User.ID] = e.Data.Availability
	}
	return got
}
