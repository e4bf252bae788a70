package check_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/app"
	"jtel.de/presencebridge/internal/check"
)

// startNATS starts a server that knows two users: one who may what the guide
// demands, and one whose rights are given.
func startNATS(t *testing.T, publish, subscribe []string, change func(*server.Options)) *server.Server {
	t.Helper()
	user := func(name string, publish, subscribe []string) *server.User {
		return &server.User{Username: name, Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
		}}
	}
	bridge := user("bridge", publish, subscribe)
	bridge.Permissions.Response = &server.ResponsePermission{MaxMsgs: server.DEFAULT_ALLOW_RESPONSE_MAX_MSGS, Expires: server.DEFAULT_ALLOW_RESPONSE_EXPIRATION}
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, DisableJetStreamBanner: true,
		Users: []*server.User{
			user("operator", []string{">"}, []string{">"}),
			bridge,
		},
	}
	if change != nil {
		change(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("nats is not ready")
	}
	return s
}

var (
	mayPublish   = []string{"presence.v1.>", "$JS.API.>", "$JS.ACK.>"}
	maySubscribe = []string{"presence.v1.api.>", "$SRV.>", "_INBOX.>"}
)

// busFindings checks the server alone. Names and passwords do not belong into the
// configuration: the check gets them as it gets a credentials file.
func (s *site) busFindings(url, name string) findings {
	s.t.Helper()
	s.tenant["mode"] = "poll"
	s.file["nats"] = "{url: \"" + url + "\"}"
	o, err := app.CheckOptions(s.load(), filepath.Join(s.dir, "presencebridge.yaml"), check.English, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	o.Tenants, o.Config.Tenants = nil, nil // it is about the bus
	if name != "" {
		o.NATS.URL = "nats://" + name + ":p@" + url[len("nats://"):]
	}
	var found findings
	check.Run(s.t.Context(), o, func(f check.Finding) { found = append(found, f) })
	return found
}

func js(t *testing.T, s *server.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo("operator", "p"))
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

func TestBus(t *testing.T) {
	cases := []struct {
		name               string
		publish, subscribe []string
		options            func(*server.Options)
		before             func(*testing.T, jetstream.JetStream)
		as                 string
		wants              []want
	}{
		{"an empty server", mayPublish, maySubscribe, nil, nil, "bridge", []want{
			{"nats.connect", check.OK, "", "", "machine"}, {"nats.version", check.OK, "", "", "machine"}, {"nats.jetstream", check.OK, "", "", "machine"},
			{"nats.rights", check.OK, "", "", "machine"}, {"nats.streams", check.OK, "", "", "machine"},
		}},
		{"a set-up server", mayPublish, maySubscribe, nil, func(t *testing.T, js jetstream.JetStream) {
			if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
				t.Fatal(err)
			}
		}, "bridge", []want{{"nats.streams", check.OK, "", "", "machine"}, {"nats.rights", check.OK, "", "", "machine"}}},
		{"other settings", mayPublish, maySubscribe, nil, func(t *testing.T, js jetstream.JetStream) {
			if err := events.Setup(t.Context(), js, events.StreamOptions{History: 2 * time.Hour}); err != nil {
				t.Fatal(err)
			}
		}, "bridge", []want{{"nats.streams", check.Warning, "", "PRESENCE.max_age 2h0m0s → 1h0m0s", "machine"}}},
		{"kept in memory", mayPublish, maySubscribe, nil, func(t *testing.T, js jetstream.JetStream) {
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: events.Stream, Subjects: events.StreamSubjects(), Storage: jetstream.MemoryStorage}); err != nil {
				t.Fatal(err)
			}
		}, "bridge", []want{{"nats.streams", check.Failed, "", "PRESENCE.storage Memory → File", "machine"}}},
		{"another stream in the way", mayPublish, maySubscribe, nil, func(t *testing.T, js jetstream.JetStream) {
			if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "ALL", Subjects: []string{"presence.>"}}); err != nil {
				t.Fatal(err)
			}
		}, "bridge", []want{{"nats.streams", check.Failed, "", "take in our subjects: ALL", "machine"}}},
		{"wrong credentials", mayPublish, maySubscribe, nil, nil, "stranger", []want{
			{"nats.connect", check.Failed, "", "does not accept the credentials", "machine"},
			{"nats.streams", check.Skipped, "", "not tried", "machine"},
		}},
		{"no JetStream", mayPublish, maySubscribe, func(o *server.Options) { o.JetStream = false }, nil, "bridge", []want{
			{"nats.jetstream", check.Failed, "", "JetStream is not there", "machine"},
			{"nats.rights", check.Skipped, "", "not tried", "machine"},
		}},
		{"may not use the API", []string{"presence.v1.>"}, maySubscribe, nil, nil, "bridge", []want{
			{"nats.jetstream", check.Failed, "", "may not publish to $JS.API.>", "machine"},
		}},
		{"may not publish", []string{"$JS.API.>"}, maySubscribe, nil, nil, "bridge", []want{
			{"nats.rights", check.Failed, "", "may not publish to presence.v1.>", "machine"},
		}},
		{"may not make streams", []string{"presence.v1.>", "$JS.API.INFO", "$JS.API.STREAM.INFO.>", "$JS.API.STREAM.NAMES"}, maySubscribe, nil, nil, "bridge", []want{
			{"nats.rights", check.Failed, "", "may not publish to $JS.API.>", "machine"},
		}},
		{"may not hear requests", mayPublish, []string{"_INBOX.>"}, nil, nil, "bridge", []want{
			{"nats.rights", check.Failed, "", "may not subscribe to presence.v1.api.check", "machine"},
		}},
		{"may not be found as a service", mayPublish, []string{"presence.v1.api.>", "_INBOX.>"}, nil, nil, "bridge", []want{
			{"nats.rights", check.Failed, "", "may not subscribe to $SRV", "machine"},
		}},
		{"may not answer requests", mayPublish, maySubscribe, func(o *server.Options) { o.Users[1].Permissions.Response = nil }, nil, "bridge", []want{
			{"nats.rights", check.Failed, "", "may not answer requests", "machine"},
		}},
	}
	all := newSite(t) // nobody signs in
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nats := startNATS(t, c.publish, c.subscribe, c.options)
			if c.before != nil {
				c.before(t, js(t, nats))
			}
			found := siteOn(t, all.Simulator, all.ca).busFindings(nats.ClientURL(), c.as)
			judge(t, found, c.wants, nil)
			if nats.JetStreamEnabled() {
				names := js(t, nats).StreamNames(t.Context())
				for name := range names.Name() {
					if !slices.Contains([]string{events.Stream, "KV_" + events.Bucket, "ALL"}, name) {
						t.Errorf("the check made the stream %s", name)
					}
				}
			}
		})
	}
}

func TestNoBus(t *testing.T) {
	s := newSite(t)
	judge(t, s.busFindings("nats://"+free(t), ""), []want{{"nats.connect", check.Failed, "", "cannot be reached", "machine"}}, nil)
}

// The central server is looked at as well, also while it is the only one that is wrong.
func TestCentralServer(t *testing.T) {
	central := startNATS(t, mayPublish, maySubscribe, func(o *server.Options) { o.Users = nil })
	s := newSite(t)
	s.tenant["mode"] = "poll"
	s.file["nats"] = fmt.Sprintf("{embedded: {listen: %q}, forward: {url: %q}}", s.nats, central.ClientURL())
	judge(t, s.check(check.English), []want{
		{"nats.embedded", check.OK, "", "", "machine"}, {"forward.connect", check.OK, "", "", "machine"},
		{"forward.rights", check.OK, "", "", "machine"}, {"forward.streams", check.OK, "", "", "machine"},
	}, nil)
	nc, err := nats.Connect(central.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Setup(t.Context(), js, events.StreamOptions{History: 3 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	judge(t, s.check(check.English), []want{{"forward.streams", check.Warning, "", "the bridge never changes them: PRESENCE.max_age 3h0m0s → 1h0m0s", "machine"}}, nil)
	s.file["nats"] = fmt.Sprintf("{embedded: {listen: %q}, forward: {url: %q}}", s.nats, "nats://"+free(t))
	judge(t, s.check(check.English), []want{
		{"forward.connect", check.Failed, "", "cannot be reached", "machine"}, {"forward.streams", check.Skipped, "", "not tried", "machine"},
	}, nil)
}

// Beside the running service everything is well, and its subscription stays.
func TestBesideTheService(t *testing.T) {
	s := newSite(t)
	c := s.load()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		done <- app.Run(ctx, app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Started: func(app.Addresses) { close(started) }})
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-started:
	case err := <-done:
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for len(s.Subscriptions()) == 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	before := s.Subscriptions()
	if len(before) != 1 {
		t.Fatalf("subscriptions %+v", before)
	}
	found := s.check(check.English)
	for _, state := range []check.State{check.Failed, check.Warning, check.Unknown, check.Skipped} {
		if steps := found.in(state); len(steps) > 0 {
			t.Errorf("%s: %s", state, found)
		}
	}
	for step, title := range map[string]string{
		"public.listener":   "somebody answers Microsoft's calls: the running service",
		"user.subscription": "Microsoft makes a subscription for it and reaches the public address: not tried, it carries 6 people until " + before[0].Expires.UTC().Format(time.RFC3339),
		"nats.connect":      "a connection to nats://" + s.nats + " works",
	} {
		if f := found.step(t, step); f.Title != title {
			t.Errorf("%s: %s", step, f.Title)
		}
	}
	if after := s.Subscriptions(); len(after) != 1 || after[0].ID != before[0].ID || !after[0].Expires.Equal(before[0].Expires) {
		t.Errorf("%+v became %+v", before, after)
	}
}

// An interrupted check leaves nothing behind and says nothing wrong.
func TestInterrupted(t *testing.T) {
	s := newSite(t)
	o, err := app.CheckOptions(s.load(), "presencebridge.yaml", check.English, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var found findings
	o.Begin = func(title string) {
		if title == "Microsoft makes a subscription for it and reaches the public address" {
			cancel()
		}
	}
	check.Run(ctx, o, func(f check.Finding) { found = append(found, f) })
	if failed := found.in(check.Failed); len(failed) > 0 || slices.Contains(found.in(check.OK), "user.subscription") {
		t.Error(found)
	}
	if left := s.Subscriptions(); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}
