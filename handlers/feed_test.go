package handlers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// playedFeed gives what is sent to it and notes what was asked.
type playedFeed struct {
	events chan FeedEvent // nil: nothing comes
	away   bool

	mu     sync.Mutex
	asked  []FeedQuery
	open   int
	closed int
}

func (f *playedFeed) Tenants() []Tenant { return (&office{}).Tenants() }

func (f *playedFeed) Open(_ context.Context, q FeedQuery) (Feed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, q)
	if f.away {
		return nil, errors.New("nats: no responders at 10.0.0.7")
	}
	f.open++
	return f, nil
}

func (f *playedFeed) Begin() FeedBegin {
	return FeedBegin{After: 41, Complete: f.events != nil, Stream: "m1"}
}

func (f *playedFeed) Next(ctx context.Context) (FeedEvent, error) {
	select {
	case <-ctx.Done():
		return FeedEvent{}, ctx.Err()
	case e, more := <-f.events:
		if !more {
			return FeedEvent{}, io.EOF
		}
		return e, nil
	}
}

func (f *playedFeed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open, f.closed = f.open-1, f.closed+1
}

func (f *playedFeed) count() (open, closed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open, f.closed
}

func follow(t *testing.T, server *httptest.Server, path string) (*bufio.Reader, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if kind := res.Header.Get("Content-Type"); res.StatusCode != 200 || kind != "text/event-stream" {
		t.Fatalf("%d %s", res.StatusCode, kind)
	}
	stop := func() { cancel(); _ = res.Body.Close() }
	t.Cleanup(stop)
	return bufio.NewReader(res.Body), stop
}

// block reads up to the next empty line.
func block(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", lines, err)
		}
		if line = strings.TrimSuffix(line, "\n"); line == "" {
			return strings.Join(lines, "|")
		}
		lines = append(lines, line)
	}
}

func TestEventsAreStreamed(t *testing.T) {
	o := someOffice()
	o.feed.events = make(chan FeedEvent)
	server := o.serve(t, "", FeedOptions{})
	r, stop := follow(t, server, "/api/v1/events")
	if got := block(t, r); got != `retry: 2000|id: 41-m1|event: ready|data: {"after":41,"complete":true}` {
		t.Error(got)
	}
	o.feed.events <- FeedEvent{42, "presence.user.changed.v1", []byte("{\"a\":1,\r\n\"b\":2}")}
	if got := block(t, r); got != `id: 42-m1|event: presence.user.changed.v1|data: {"a":1,  "b":2}` {
		t.Error(got)
	}
	stop()
	eventually(t, "the feed is closed when its client leaves", func() bool { open, closed := o.feed.count(); return open == 0 && closed == 1 })

	r, _ = follow(t, server, "/api/v1/events")
	block(t, r)
	close(o.feed.events)
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("after the feed has ended: %v", err)
	}
}

func TestEventsQuery(t *testing.T) {
	const user, directory, coverage, decision = "presence.user.changed.v1", "presence.directory.changed.v1", "presence.coverage.changed.v1", "presence.decision.changed.v1"
	o := someOffice()
	o.feed.away = true // so that the answer ends
	server := o.serve(t, "", FeedOptions{})
	for _, tt := range []struct {
		query, last string
		status      int
		want        FeedQuery
	}{
		{"", "", 503, FeedQuery{Types: []string{user, directory, coverage}}},
		{"?type=user,%20decision", "", 503, FeedQuery{Types: []string{user, decision}}},
		{"?type=coverage&tenant=fabrikam", "7", 503, FeedQuery{Resume: true, After: 7, Types: []string{coverage}, TenantID: fabrikamID}},
		{"?type=user&lastEventId=0", "", 503, FeedQuery{Resume: true, Types: []string{user}}},
		{"?type=user&lastEventId=7-m1", "", 503, FeedQuery{Resume: true, After: 7, Stream: "m1", Types: []string{user}}},
		{"", "m1", 400, FeedQuery{}},
		{"?type=user&lastEventId=1", "2", 503, FeedQuery{Resume: true, After: 2, Types: []string{user}}},
		{"?type=everything", "", 400, FeedQuery{}},
		{"?type=decision&tenant=contoso", "", 400, FeedQuery{}},
		{"?tenant=nobody", "", 400, FeedQuery{}},
		{"", "-1", 400, FeedQuery{}},
	} {
		o.feed.asked = nil
		res, body := ask(t, server, "GET", "/api/v1/events"+tt.query, "Last-Event-ID", tt.last)
		if res.StatusCode != tt.status || strings.Contains(body, "10.0.0.7") || tt.status == 503 && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", tt.query, res.StatusCode, body)
		}
		if tt.status == 503 {
			if diff := cmp.Diff([]FeedQuery{tt.want}, o.feed.asked); diff != "" {
				t.Errorf("%s: %s", tt.query, diff)
			}
		} else if o.feed.asked != nil {
			t.Errorf("%s opened a feed", tt.query)
		}
	}
}

// An idle feed outlives the server's limits for answers that end, and its
// client hears that it is alive.
func TestEventsHeartbeat(t *testing.T) {
	o := someOffice()
	e := NewAdmin(AdminOptions{})
	o.add(e, FeedOptions{Heartbeat: 20 * time.Millisecond})
	// As the server sets its limits, but from here on: the client has all the time
	// that it needs to ask.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, control := time.Now().Add(200*time.Millisecond), http.NewResponseController(w)
		if err := errors.Join(control.SetReadDeadline(limit), control.SetWriteDeadline(limit)); err != nil {
			t.Error(err)
		}
		e.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	r, _ := follow(t, server, "/api/v1/events")
	if got := block(t, r); !strings.HasSuffix(got, `data: {"after":41,"complete":false}`) {
		t.Error(got)
	}
	for range 20 {
		if got := block(t, r); got != ":" {
			t.Error(got)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	o := someOffice()
	server := o.serve(t, "", FeedOptions{Most: 2})
	_, stop := follow(t, server, "/api/v1/events")
	follow(t, server, "/api/v1/events")
	if res, body := ask(t, server, "GET", "/api/v1/events"); res.StatusCode != 503 || !strings.Contains(body, "2 clients follow the events already") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	stop()
	eventually(t, "a place is free", func() bool { open, _ := o.feed.count(); return open == 1 })
	follow(t, server, "/api/v1/events")
}

// A client that does not read is let go; the others are not held up.
func TestSlowReadersAreDropped(t *testing.T) {
	o := someOffice()
	o.feed.events = make(chan FeedEvent)
	server := o.serve(t, "", FeedOptions{Write: 100 * time.Millisecond})
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	big := FeedEvent{42, "presence.user.changed.v1", []byte(`"` + strings.Repeat("x", 1<<20) + `"`)}
	end := time.After(30 * time.Second)
	for {
		if _, closed := o.feed.count(); closed == 1 {
			return
		}
		select {
		case o.feed.events <- big:
		case <-time.After(10 * time.Millisecond):
		case <-end:
			t.Fatal("still served")
		}
	}
}

// A stop does not wait for clients that follow the events.
func TestEventsEndWithTheService(t *testing.T) {
	o := someOffice()
	stopping, stop := context.WithCancel(t.Context())
	server := o.serve(t, "", FeedOptions{Stopping: stopping})
	r, _ := follow(t, server, "/api/v1/events")
	block(t, r)
	server.Config.RegisterOnShutdown(stop)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
