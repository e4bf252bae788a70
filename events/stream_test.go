package events_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

func TestSetupIsIdempotentAndUpdates(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, js := connect(t, s)
	p := publisher(t, nc)
	for i, c := range []struct{ history, maxAge, duplicates time.Duration }{
		{0, time.Hour, time.Hour},
		{0, time.Hour, time.Hour},
		{30 * time.Minute, 30 * time.Minute, 30 * time.Minute},
		{24 * time.Hour, 24 * time.Hour, time.Hour},
		{time.Second, time.Second, time.Second},
		{time.Hour, time.Hour, time.Hour},
	} {
		if err := events.Setup(t.Context(), js, events.StreamOptions{History: c.history}); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		publish(t, p, userEvent(person(i), "Busy", person(i)))
		eventually(t, "the bucket follows", func() bool { return inBucket(t, js, person(i)) != nil })

		stream, err := js.Stream(t.Context(), events.Stream)
		if err != nil {
			t.Fatal(err)
		}
		got := stream.CachedInfo().Config
		if got.MaxAge != c.maxAge || got.Duplicates != c.duplicates || got.Storage != jetstream.FileStorage ||
			!got.AllowDirect || !got.AllowRollup || len(got.Subjects) != 4 {
			t.Errorf("step %d: %+v", i, got)
		}
	}
	// The last states outlive every change of the history.
	if got := snapshot(t, js); len(got) != 6 {
		t.Errorf("%d people are left of 6", len(got))
	}
}

// A stream that somebody made by hand with the library's defaults.
func TestSetupTakesOverAnotherStream(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, js := connect(t, s)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: events.Stream, Subjects: []string{"presence.v1.user.>"}, MaxMsgs: 10, DenyDelete: false,
	}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	publish(t, p, userEvent(agent1, "Busy", "1"))
	if err := events.Setup(t.Context(), js, events.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what was there reaches the bucket", func() bool { return inBucket(t, js, agent1) != nil })
	if err := p.Purge(t.Context(), tenant, agent1); err != nil {
		t.Error(err)
	}
}

func TestSetupSaysWhatToDo(t *testing.T) {
	noJetStream := func(o *server.Options) { o.JetStream = false }
	limited := func(o *server.Options) {
		o.Users = []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"presence.>"}},
		}}}
		o.NoAuthUser = "u"
	}
	for name, c := range map[string]struct {
		set   func(*server.Options)
		o     events.StreamOptions
		wants string
	}{
		"no JetStream":      {noJetStream, events.StreamOptions{}, "enable it on the server"},
		"no permission":     {limited, events.StreamOptions{}, "allow this user to publish to $JS.API.>"},
		"too many replicas": {func(*server.Options) {}, events.StreamOptions{Replicas: 3}, "cannot hold 3 replicas"},
		"short history":     {func(*server.Options) {}, events.StreamOptions{History: 1}, "less than a second"},
	} {
		t.Run(name, func(t *testing.T) {
			_, js := connect(t, natsServer(t, t.TempDir(), -1, c.set))
			err := events.Setup(t.Context(), js, c.o)
			if err == nil || !strings.Contains(err.Error(), c.wants) || !strings.HasPrefix(err.Error(), "set up stream PRESENCE: ") {
				t.Errorf("got %v, want %s", err, c.wants)
			}
		})
	}
	t.Run("overlap", func(t *testing.T) {
		_, js := connect(t, natsServer(t, t.TempDir(), -1))
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "X", Subjects: []string{"presence.>"}}); err != nil {
			t.Fatal(err)
		}
		if err := events.Setup(t.Context(), js, events.StreamOptions{}); err == nil || !strings.Contains(err.Error(), "another stream") {
			t.Error(err)
		}
	})
}
