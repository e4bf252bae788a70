package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// cluster runs three servers that replicate among each other.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []*url.URL
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: l.Addr().String()})
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var servers []*server.Server
	for i, own := range routes {
		port, err := strconv.Atoi(own.Port())
		if err != nil {
			t.Fatal(err)
		}
		s, err := server.NewServer(&server.Options{
			ServerName: fmt.Sprint("n", i), JetStream: true, StoreDir: t.TempDir(),
			Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port}, Routes: routes,
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(func() { stop(s) })
		servers = append(servers, s)
	}
	for _, s := range servers {
		if !s.ReadyForConnections(30 * time.Second) {
			t.Fatal("server is not ready")
		}
	}
	return servers
}

// One server of three is killed while events flow, the one that leads the
// stream: whoever publishes, consumes, watches or asks goes on, in order, and
// nothing that was acknowledged is lost.
func TestClusterLosesAServer(t *testing.T) {
	servers := cluster(t)
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.ClientURL())
	}
	connection := func() (*events.Publisher, jetstream.JetStream) {
		nc, err := events.Connect(events.ConnectOptions{URL: strings.Join(urls, ","), Log: slog.New(slog.DiscardHandler)})
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
	p, js := connection()
	eventually(t, "stream and bucket", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return events.Setup(ctx, js, events.StreamOptions{Replicas: 3}) == nil
	})
	const people, before, after = 5, 100, 300

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	var mu sync.Mutex
	consumed, watched := map[string][]int{}, map[string]int{}
	number := func(e events.UserEvent) (n int) { fmt.Sscanf(e.Data.Activity, "state%d", &n); return n }
	_, theirs := connection()
	// What is acknowledged into a connection that dies comes again only then.
	o := quick
	o.AckWait = 5 * time.Second
	running.Go(func() {
		for ctx.Err() == nil { // as the documentation says: whatever ends it, call it again
			_ = events.Consume(ctx, theirs, o, func(_ context.Context, e events.UserEvent) error {
				mu.Lock()
				defer mu.Unlock()
				if list := consumed[e.Data.User.ID]; len(list) == 0 || list[len(list)-1] != number(e) { // repeats are allowed
					consumed[e.Data.User.ID] = append(list, number(e))
				}
				return nil
			})
		}
	})
	running.Go(func() {
		for ctx.Err() == nil {
			_ = events.WatchUsers(ctx, theirs, func(e events.UserEvent) error {
				mu.Lock()
				defer mu.Unlock()
				watched[e.Data.User.ID] = number(e)
				return nil
			})
		}
	})
	defer running.Wait()
	defer cancel()

	stored := map[string][]int{}
	for n := range after {
		if n == before {
			stop(leaderOf(t, js, servers))
		}
		e := userEvent(person(n%people), "Busy", fmt.Sprint(n))
		e.Data.Activity = fmt.Sprint("state", n)
		// Whoever gets no acknowledgement publishes again, under the same id.
		eventually(t, "event "+e.ID+" is stored", func() bool {
			return p.Publish(t.Context(), []events.Message{message(t, e)})[0].Err == nil
		})
		stored[person(n%people)] = append(stored[person(n%people)], n)
	}
	for who, want := range stored {
		eventually(t, "everything is consumed", func() bool {
			mu.Lock()
			defer mu.Unlock()
			list := consumed[who]
			return len(list) > 0 && list[len(list)-1] == want[len(want)-1]
		})
		mu.Lock()
		if got := fmt.Sprint(consumed[who]); got != fmt.Sprint(want) {
			t.Errorf("consumed of %s: %s", who, got)
		}
		mu.Unlock()
		eventually(t, "the watcher knows the last state", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return watched[who] == want[len(want)-1]
		})
	}
	eventually(t, "the snapshot is complete", func() bool {
		n := 0
		for e, err := range events.Snapshot(t.Context(), js) {
			if err != nil || number(e) != stored[e.Data.User.ID][after/people-1] {
				return false
			}
			n++
		}
		return n == people
	})
	if _, err := js.Stream(t.Context(), events.Stream); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// One server becomes a cluster's, and the configuration changes again and again:
// what was stored stays, and whoever reads goes on.
func TestClusterChangesItsSetup(t *testing.T) {
	servers := cluster(t)
	nc, err := events.Connect(events.ConnectOptions{URL: servers[0].ClientURL(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var mu sync.Mutex
	consumed := map[string]bool{}
	stored := 0
	for i, o := range []events.StreamOptions{
		{Replicas: 1}, {Replicas: 3}, {Replicas: 3, History: 2 * time.Hour}, {Replicas: 3, History: 90 * time.Minute, Keep: 3 * time.Hour, MaxBytes: 64 << 20}, {Replicas: 3},
	} {
		eventually(t, fmt.Sprint("set-up ", i), func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			return events.Setup(ctx, js, o) == nil
		})
		if i == 0 {
			running.Go(func() {
				for ctx.Err() == nil {
					_ = events.Consume(ctx, js, quick, func(_ context.Context, e events.UserEvent) error {
						mu.Lock()
						defer mu.Unlock()
						consumed[e.ID] = true
						return nil
					})
				}
			})
		}
		for n := range 10 {
			e := userEvent(person(n), "Busy", fmt.Sprintf("%d-%d", i, n))
			eventually(t, "event is stored", func() bool { return p.Publish(t.Context(), []events.Message{message(t, e)})[0].Err == nil })
			stored++
		}
		stream, err := js.Stream(t.Context(), events.Stream)
		if err != nil {
			t.Fatal(err)
		}
		if info := stream.CachedInfo(); info.Config.Replicas != o.Replicas || int(info.State.Msgs) != stored {
			t.Errorf("after change %d: %d replicas, %d messages of %d", i, info.Config.Replicas, info.State.Msgs, stored)
		}
		eventually(t, "the bucket has the last states", func() bool {
			n := 0
			for e, err := range events.Snapshot(t.Context(), js) {
				if err == nil && strings.HasPrefix(e.ID, fmt.Sprint(i, "-")) {
					n++
				}
			}
			return n == 10
		})
	}
	eventually(t, "everything is consumed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(consumed) == stored
	})
}

// leaderOf is the server that leads the stream.
func leaderOf(t *testing.T, js jetstream.JetStream, servers []*server.Server) *server.Server {
	t.Helper()
	var leader *server.Server
	eventually(t, "a leader of the stream", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		stream, err := js.Stream(ctx, events.Stream)
		if err != nil || stream.CachedInfo().Cluster == nil {
			return false
		}
		for _, s := range servers {
			if s.Name() == stream.CachedInfo().Cluster.Leader {
				leader = s
			}
		}
		return leader != nil
	})
	return leader
}

// A newcomer may be served by a server that is a little behind the stream's
// leader: what the snapshot does not tell then comes as an event.
func TestNewcomersInAClusterMissNothing(t *testing.T) {
	servers := cluster(t)
	nc, js := connect(t, servers[0])
	eventually(t, "stream and bucket", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return events.Setup(ctx, js, events.StreamOptions{Replicas: 3}) == nil
	})
	p := publisher(t, nc)
	for n := range 30 {
		id := fmt.Sprint(n)
		var burst []events.UserEvent
		for who := range 50 {
			burst = append(burst, userEvent(person(who), "Busy", fmt.Sprint(id, "-", who)))
		}
		publish(t, p, burst...)
		last := burst[len(burst)-1]
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		o := quick
		o.Durable = "newcomer" + id
		see := func(e events.UserEvent) {
			if e.ID == last.ID {
				cancel()
			}
		}
		o.Snapshot = func(_ context.Context, everybody []events.UserEvent) error {
			for _, e := range everybody {
				see(e)
			}
			return nil
		}
		err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error { see(e); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("newcomer %d: %v", n, err)
		}
		if err := js.DeleteConsumer(t.Context(), events.Stream, o.Durable); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.Fatal(err)
		}
	}
}
