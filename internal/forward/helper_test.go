package forward

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/nats-io/nats-server/v2/server"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/broker"
)

const (
	tenant = "84bd8158-6d4d-4958-8b9f-9d6445542f95"
	// serverIn makes the test binary a NATS server: "directory port".
	serverIn = "FORWARD_TEST_SERVER"
)

func TestMain(m *testing.M) {
	if where := os.Getenv(serverIn); where != "" {
		serve(where)
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind))
}

func serve(where string) {
	var dir string
	var port int
	if _, err := fmt.Sscan(where, &dir, &port); err != nil {
		panic(err)
	}
	s, err := server.NewServer(&server.Options{ServerName: "test", JetStream: true, StoreDir: dir, Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
	if err != nil {
		panic(err)
	}
	s.Start()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	s.Shutdown()
	s.WaitForShutdown()
}

// process is a NATS server in a process of its own, which can be killed.
type process struct {
	t    testing.TB
	dir  string
	port int
	cmd  *exec.Cmd
}

func newProcess(t testing.TB) *process {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &process{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	t.Cleanup(p.kill)
	return p
}

func (p *process) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", p.port) }

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", serverIn, p.dir, p.port))
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, "the server answers", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.url(), "nats://"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends the server as a power switch does.
func (p *process) kill() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// site is the local server with its stream, and what is published to it.
type site struct {
	t         testing.TB
	process   *process
	conn      *nats.Conn
	js        jetstream.JetStream
	publisher *events.Publisher
	options   events.StreamOptions
	ids       []string // of user events, in order
	last      map[string]string
}

func newSite(t testing.TB, o events.StreamOptions) *site {
	s := &site{t: t, process: newProcess(t), options: o, last: map[string]string{}}
	s.process.start()
	s.conn, s.js = connect(t, s.process.url())
	eventually(t, "a local stream", func() bool { return events.Setup(t.Context(), s.js, o) == nil })
	var err error
	if s.publisher, err = events.NewPublisher(s.conn, events.PublisherOptions{History: o.History, Timeout: time.Minute}); err != nil {
		t.Fatal(err)
	}
	return s
}

func user(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) }

// publish stores n events, of people in turn, and demands that each is stored.
func (s *site) publish(n, people int) {
	s.t.Helper()
	for range n {
		i := len(s.ids)
		id := fmt.Sprintf("id-%06d", i)
		s.ids = append(s.ids, id)
		s.last[user(i%people)] = id
		m := message(s.t, user(i%people), id)
		eventually(s.t, "the event is stored", func() bool { return s.publisher.Publish(s.t.Context(), []events.Message{m})[0].Err == nil })
	}
}

func message(t testing.TB, who, id string) events.Message {
	t.Helper()
	at := time.Now()
	m, err := events.NewMessage(events.UserEvent{ID: id, Data: events.UserData{
		TenantID: tenant, Tenant: "contoso", User: events.User{ID: who}, Availability: "Busy", Activity: id,
		Origin: events.OriginNotification, ObservedAt: at, PublishedAt: at, Freshness: events.Fresh,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// relay runs one until stop, on a connection of its own to each side.
func (s *site) relay(central string, watched func(tenantID, userID string) bool) (r *Relay, log *text, stop func()) {
	s.t.Helper()
	local, js := connect(s.t, s.process.url())
	conn, err := events.Connect(events.ConnectOptions{URL: central, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	log = &text{}
	r, err = New(Options{
		Local: js, Central: conn, History: s.options.History, Tenants: []string{tenant}, Watched: watched, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				s.t.Error(err)
			}
			conn.Close()
			local.Close()
		})
	}
	s.t.Cleanup(stop)
	return r, log, stop
}

func everybody(string, string) bool { return true }

func connect(t testing.TB, url string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := events.Connect(events.ConnectOptions{URL: url, Log: slog.New(slog.DiscardHandler)})
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

// stored are the ids of the user events on a stream, in order; nil while it
// cannot be read.
func stored(t testing.TB, js jetstream.JetStream) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := js.CreateConsumer(ctx, events.Stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, FilterSubject: events.UserSubjects, MemoryStorage: true})
	if err != nil {
		return nil
	}
	var ids []string
	for left := c.CachedInfo().NumPending; left > 0; {
		batch, err := c.FetchNoWait(1000)
		if err != nil {
			return nil
		}
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			left = meta.NumPending
			ids = append(ids, m.Headers().Get(jetstream.MsgIDHeader))
		}
		if batch.Error() != nil {
			return nil
		}
	}
	return ids
}

// states are the ids of the last events by user id; nil while they cannot be read.
func states(js jetstream.JetStream) map[string]string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all := map[string]string{}
	for e, err := range events.Snapshot(ctx, js) {
		if err != nil {
			return nil
		}
		all[e.Data.User.ID] = e.ID
	}
	return all
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(45 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}

// text is a log that can be read while it is written.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
