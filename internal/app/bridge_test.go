package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.opentelemetry.io/otel/trace"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/demo"
	"jtel.de/presencebridge/internal/graphsim"
)

// patience is how long a test waits for what must come; it ends much earlier.
const patience = time.Minute

// bridge is the whole service against a simulated tenant, as an operator runs
// it: from a configuration file, over TLS, with real NATS.
type bridge struct {
	t    *testing.T
	sim  *graphsim.Simulator
	file string // the configuration
	// change is applied to the configuration before a start.
	change   func(*config.Config)
	callback string        // host:port, the same over restarts
	latency  time.Duration // how late a notification may be; zero: as late as Graph's
	tracer   trace.Tracer

	addresses app.Addresses
	reload    chan os.Signal
	log       *lines
	stop      context.CancelFunc
	ended     chan error
}

func newBridge(t *testing.T, o graphsim.Options, change func(*config.Config)) *bridge {
	t.Helper()
	dir := t.TempDir()
	site, err := demo.NewSite(dir)
	if err != nil {
		t.Fatal(err)
	}
	o.Roots = site.Roots
	if o.People == 0 {
		o.People = 5
	}
	b := &bridge{t: t, sim: graphsim.New(o), change: change, log: &lines{}}
	if err := b.sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.sim.Close)
	b.callback = freeAddress(t)
	b.file, err = site.Write(b.sim, demo.Addresses{Callback: b.callback, Admin: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// start runs the service and waits until it listens.
func (b *bridge) start(deleteSubscriptions bool) {
	b.t.Helper()
	load := func() (*config.Config, error) {
		c, err := config.Load(b.file, nil)
		if err == nil && b.change != nil {
			b.change(c)
		}
		return c, err
	}
	c, err := load()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan app.Addresses, 1)
	b.ended, b.stop, b.reload = make(chan error, 1), cancel, make(chan os.Signal)
	go func() {
		b.ended <- app.Run(ctx, app.Options{
			Config: c, Version: "test", DeleteSubscriptions: deleteSubscriptions, Latency: b.latency, Tracer: b.tracer,
			Reload: b.reload, File: b.file, Load: load,
			Log:     slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Started: func(a app.Addresses) { started <- a },
		})
	}()
	b.t.Cleanup(func() { b.halt() })
	select {
	case b.addresses = <-started:
	case err := <-b.ended:
		b.ended <- err
		b.t.Fatalf("the service did not start: %v", err)
	}
}

// halt stops the service as SIGTERM does.
func (b *bridge) halt() {
	b.t.Helper()
	if b.stop == nil {
		return
	}
	b.stop()
	b.stop = nil
	if err := <-b.ended; err != nil {
		b.t.Errorf("the service ended with: %v", err)
	}
}

// covered waits for the subscription and a first state of everybody.
func (b *bridge) covered() {
	b.t.Helper()
	b.eventually("a subscription", func() bool { return len(b.sim.Subscriptions()) == 1 })
	b.eventually("a state of everybody", func() bool { return len(b.states()) == len(b.sim.Tenant().Users) })
}

// settled waits until everybody was read after the subscription was made: from
// then on only a notification can be the first to tell a change. Whoever is to be
// read is asked for before the subscription can be seen.
func (b *bridge) settled() {
	b.t.Helper()
	b.eventually("subscription that operators see", func() bool {
		_, body := b.ask("GET", "/api/v1/subscriptions")
		return strings.Contains(body, `"id":"`)
	})
	b.eventually("end of reading", func() bool {
		_, body := b.ask("GET", "/api/v1/coverage")
		return strings.Contains(body, `"sweep":{"waiting":0,"readAt":"`)
	})
}

func (b *bridge) eventually(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("no %s in time; the log:\n%s", what, b.log.tail(40))
		}
	}
}

// jetStream is a connection of its own to the service's NATS.
func (b *bridge) jetStream() jetstream.JetStream {
	b.t.Helper()
	return connect(b.t, b.addresses.NATS)
}

func connect(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// states are the last events of the tenant's people by user id, from the bucket.
func (b *bridge) states() map[string]events.UserEvent {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	all := map[string]events.UserEvent{}
	for e, err := range events.Snapshot(ctx, b.jetStream()) {
		if errors.Is(err, events.ErrMalformed) {
			continue
		}
		if err != nil {
			return nil // not set up yet
		}
		if e.Data.TenantID == b.sim.Tenant().ID {
			all[e.Data.User.ID] = e
		}
	}
	return all
}

// history is every user event on the stream, in order.
func (b *bridge) history() []events.UserEvent {
	b.t.Helper()
	return streamOf(b.t, b.jetStream())
}

func streamOf(t *testing.T, js jetstream.JetStream) []events.UserEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []events.UserEvent
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if err != nil {
			continue // purged
		}
		if e, err := events.Decode[events.UserData](m.Data); err == nil {
			all = append(all, e)
		}
	}
	return all
}

// agrees reports whether the bucket holds what the tenant holds, for everybody.
func (b *bridge) agrees() bool {
	states := b.states()
	for _, u := range b.sim.Tenant().Users {
		availability, activity := b.sim.Presence(u.ID)
		if d := states[u.ID].Data; d.Availability != availability || d.Activity != activity {
			return false
		}
	}
	return len(states) > 0
}

// admin asks the operators' side.
func (b *bridge) admin(path string) (int, string) {
	b.t.Helper()
	res, err := http.Get("http://" + b.addresses.Admin + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// requests counts what the simulator's history says of a kind of request.
func (b *bridge) requests(match func(graphsim.Request) bool) int {
	n := 0
	for _, r := range b.sim.History() {
		if match(r) {
			n++
		}
	}
	return n
}

func creates(r graphsim.Request) bool {
	return r.Kind == graphsim.KindGraph && r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/subscriptions") && r.Status == http.StatusCreated
}

// user is the i-th watched person.
func (b *bridge) user(i int) string { return b.sim.Tenant().Users[i].ID }

// set changes a presence at Microsoft, to something that it was not.
func (b *bridge) set(userID, availability, activity string) {
	b.t.Helper()
	if !b.sim.SetPresence(userID, availability, activity) {
		b.t.Fatalf("%s is %s already", userID, availability)
	}
}

// freeAddress is one that a service can listen on again and again.
func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := graphsim.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, string(p))
	return len(p), nil
}

func (l *lines) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text[max(len(l.text)-n, 0):], "")
}

func (l *lines) all() string { return l.tail(1 << 30) }

func pretty(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(text)
}
