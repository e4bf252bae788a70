package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
	"jtel.de/presencebridge/internal/rules"
)

// patience is how long a test waits for what must come; it ends much earlier.
const patience = 30 * time.Second

const (
	tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	agent1 = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a1"
	agent2 = "b36a4df4-9d72-4b1e-a7f6-97c6e9a6f0a2"
)

// rulesText has one client and one long hold.
const rulesText = `
clients:
  - name: sales
    tenants: contoso
    hold: 1h
    stale: unchanged
    otherwise: unchanged
    rules:
      - {name: busy, availability: [Busy, DoNotDisturb], then: unreachable}
      - {name: free, availability: Available, then: reachable}
`

func parse(t testing.TB, text string) *rules.Set {
	t.Helper()
	set, err := rules.Parse("rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// stage is a NATS server as the bridge leaves it, with the bridge's publisher.
type stage struct {
	t      testing.TB
	server *broker.Broker
	js     jetstream.JetStream
	bridge *events.Publisher
	sent   int
	at     time.Time // when the next event is observed
}

func newStage(t testing.TB) *stage {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := &stage{t: t, server: server, at: time.Now().UTC()}
	s.js, s.bridge = dial(t, server)
	if err := events.Setup(t.Context(), s.js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func dial(t testing.TB, server *broker.Broker) (jetstream.JetStream, *events.Publisher) {
	t.Helper()
	nc, err := events.Connect(events.ConnectOptions{InProcess: server.InProcess(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	p, err := events.NewPublisher(nc, events.PublisherOptions{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return js, p
}

func userEvent(user, availability, id string, at time.Time) events.UserEvent {
	return events.UserEvent{ID: id, Data: events.UserData{
		TenantID: tenant, Tenant: "contoso",
		User:         events.User{ID: user, Mail: "agent" + user[35:] + "@contoso.com", Phones: []string{"+498912345" + user[35:]}},
		Availability: availability, Activity: availability,
		Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}}
}

// says publishes a state a second later than the one before.
func (s *stage) says(user, availability string) {
	s.t.Helper()
	s.sent++
	s.at = s.at.Add(time.Second)
	m, err := events.NewMessage(userEvent(user, availability, fmt.Sprint("event-", s.sent), s.at))
	if err != nil {
		s.t.Fatal(err)
	}
	if acks := s.bridge.Publish(context.Background(), []events.Message{m}); acks[0].Err != nil {
		s.t.Fatal(acks[0].Err)
	}
}

// adapter is a running adapter with a clock that can be put forward.
type adapter struct {
	*desk
	stop func()
}

// start runs the adapter as the command does; the clock is ahead of the real one.
func (s *stage) start(set *rules.Set, ahead time.Duration, sinks ...Sink) *adapter {
	s.t.Helper()
	if sinks == nil {
		sinks = []Sink{streamSink{s.bridge}}
	}
	js, _ := dial(s.t, s.server)
	d := newDesk(set, js, slog.New(slog.DiscardHandler), sinks)
	d.now = func() time.Time { return time.Now().Add(ahead) }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, d, js, "acdadapter", 1) }()
	a := &adapter{desk: d, stop: sync.OnceFunc(func() {
		cancel()
		err := <-ended
		js.Conn().Close()
		if err != nil {
			s.t.Errorf("the adapter ended with %v", err)
		}
	})}
	s.t.Cleanup(a.stop)
	return a
}

// caughtUp waits until the adapter has judged the last event about a person, and
// gives what it keeps.
func (s *stage) caughtUp(client, user string) record {
	s.t.Helper()
	var r *record
	s.eventually("the adapter is up to date", func() bool {
		e, err := lastEvent(context.Background(), s.js, tenant, user)
		if err != nil || e.ID != fmt.Sprint("event-", s.sent) {
			return false
		}
		r, err = recorded(context.Background(), s.js, "acdadapter", client, user)
		return err == nil && r != nil && r.EventID == e.ID
	})
	return *r
}

// decisions gives what is on the stream, as "client decision rule:line".
func (s *stage) decisions() []string {
	s.t.Helper()
	var all []string
	for _, m := range s.messages() {
		e, err := events.Decode[events.DecisionData](m.Data())
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %s %s %s:%d", e.Data.Client, e.Data.UserID[35:], e.Data.Decision, e.Data.Rule, e.Data.RuleLine))
	}
	return all
}

// messages gives all decision messages on the stream.
func (s *stage) messages() []jetstream.Msg {
	s.t.Helper()
	c, err := s.js.OrderedConsumer(context.Background(), events.Stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{events.DecisionSubjects}})
	if err != nil {
		s.t.Fatal(err)
	}
	info, err := c.Info(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	var all []jetstream.Msg
	for range info.NumPending {
		m, err := c.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

func (s *stage) eventually(what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never happened: %s; decisions are\n%s", what, strings.Join(s.decisions(), "\n"))
		}
	}
}

// sinkFunc is a sink at the outer edge: the ACD.
type sinkFunc func(context.Context, events.DecisionEvent) error

func (f sinkFunc) Send(ctx context.Context, e events.DecisionEvent) error { return f(ctx, e) }

func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){"acdadapter": main})
}

// leakChecked fails when a test leaves a goroutine behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if err := goleak.Find(goleak.IgnoreAnyFunction(broker.LeftBehind)); err != nil && code == 0 {
		fmt.Println(err)
		return 1
	}
	return code
}
