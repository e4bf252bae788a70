package events_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

// taken is what a consumer was given: snapshots as "=1 Busy, 2 Away", events as
// "1 Busy".
type taken struct {
	list     []string
	refusals int    // of the next snapshots
	then     func() // after the next snapshot
}

// run consumes until the event of this id was given.
func (k *taken) run(t *testing.T, js jetstream.JetStream, last string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := quick
	o.Snapshot = func(_ context.Context, everybody []events.UserEvent) error {
		if k.refusals > 0 {
			k.refusals--
			return errors.New("not yet")
		}
		var all []string
		for _, e := range everybody {
			all = append(all, brief(e))
		}
		slices.Sort(all)
		k.list = append(k.list, "="+strings.Join(all, ", "))
		if k.then != nil {
			k.then()
		}
		if last == "" {
			cancel()
		}
		return nil
	}
	err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
		k.list = append(k.list, brief(e))
		if e.ID == last {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v; got %v", err, k.list)
	}
}

func brief(e events.UserEvent) string {
	return strings.TrimLeft(e.Data.User.ID[24:], "0") + " " + e.Data.Availability
}

func (k *taken) want(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, k.list); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	k.list = nil
}

// forgets makes the stream as if its history had ended before an event.
func forgets(t *testing.T, js jetstream.JetStream, before uint64) {
	t.Helper()
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	// A purge would move the consumers as well, which an expiry does not.
	for sequence := stream.CachedInfo().State.FirstSeq; sequence < before; sequence++ {
		if err := stream.DeleteMsg(t.Context(), sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			t.Fatal(err)
		}
	}
}

func inTheBucket(t *testing.T, js jetstream.JetStream, n int, id string) {
	t.Helper()
	eventually(t, "event "+id+" is in the bucket", func() bool {
		e := inBucket(t, js, person(n))
		return e != nil && e.ID == id
	})
}

// A newcomer gets everybody's last state and then every change, once. One that
// was away gets what it missed, or everybody again if the stream has forgotten.
func TestSnapshotThenChanges(t *testing.T) {
	_, p, js := running(t)
	publish(t, p, userEvent(person(1), "Busy", "a"), userEvent(person(2), "Busy", "b"), userEvent(person(2), "Away", "c"))
	inTheBucket(t, js, 2, "c")
	forgets(t, js, 3) // of person 1 there is only the last state

	k := &taken{refusals: 2}
	k.run(t, js, "")
	k.want(t, "=1 Busy, 2 Away")

	// The snapshot was taken, but we ended before there was a consumer: again.
	publish(t, p, userEvent(person(1), "Away", "d"), userEvent(person(3), "Busy", "e"))
	inTheBucket(t, js, 3, "e")
	k.then = func() { publish(t, p, userEvent(person(1), "Busy", "f")) }
	k.run(t, js, "f")
	k.want(t, "=1 Away, 2 Away, 3 Busy", "1 Busy")

	// Away, and everything is still there: only what was missed.
	publish(t, p, userEvent(person(2), "Offline", "g"), userEvent(person(1), "Offline", "h"))
	k.run(t, js, "h")
	k.want(t, "2 Offline", "1 Offline")

	// Away for longer than the history. Whoever left meanwhile is missing.
	acks := publish(t, p, userEvent(person(2), "Away", "i"), userEvent(person(2), "Busy", "j"), userEvent(person(1), "Away", "k"))
	if err := p.Purge(t.Context(), tenant, person(3)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "that person 3 is gone", func() bool { return inBucket(t, js, person(3)) == nil })
	inTheBucket(t, js, 1, "k")
	forgets(t, js, acks[1].Sequence+1)
	k.then = func() { publish(t, p, userEvent(person(2), "Available", "l")) }
	k.run(t, js, "l")
	k.want(t, "=1 Away, 2 Busy", "2 Available")
}

// Whatever happens between, of one person nothing older follows something newer
// within a run, and in the end everybody is known as they are.
func TestSnapshotThenChangesConverges(t *testing.T) {
	_, p, js := running(t)
	const people, rounds = 3, 4
	last := map[string]string{}
	n := 0
	for round := range rounds {
		var id string
		var sequence uint64
		for range 5 {
			n++
			id = fmt.Sprint(n)
			sequence = publish(t, p, userEvent(person(n%people), "state"+id, id))[0].Sequence
		}
		if round == 2 {
			inTheBucket(t, js, n%people, id)
			forgets(t, js, sequence-1)
		}
		newest := map[string]uint64{}
		see := func(e events.UserEvent) {
			if e.Sequence < newest[e.Data.User.ID] {
				t.Errorf("round %d: %s after sequence %d", round, e.ID, newest[e.Data.User.ID])
			}
			newest[e.Data.User.ID], last[e.Data.User.ID] = e.Sequence, e.ID
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		complete := func() bool {
			for i := range people {
				if last[person(i)] != fmt.Sprint(n-(n-i)%people) {
					return false
				}
			}
			return true
		}
		o := quick
		o.Snapshot = func(_ context.Context, everybody []events.UserEvent) error {
			for _, e := range everybody {
				see(e)
			}
			if complete() {
				cancel()
			}
			return nil
		}
		err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
			if see(e); complete() {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: %v, known %v", round, err, last)
		}
		cancel()
	}
}

// cuttable is a connection to a server that can be cut.
type cuttable struct {
	server *server.Server
	mu     sync.Mutex
	cut    bool
	conn   net.Conn
}

func (c *cuttable) InProcessConn() (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, errors.New("cut")
	}
	var err error
	c.conn, err = c.server.InProcessConn()
	return c.conn, err
}

func (c *cuttable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut = cut; cut {
		_ = c.conn.Close()
	}
}

// A consumer that runs but is held up or cut off for longer than the stream keeps
// events gets everybody's last state, too: nobody stays as they were before.
func TestSnapshotAfterAPauseWithinARun(t *testing.T) {
	s := natsServer(t, t.TempDir(), -1)
	nc, ours := connect(t, s)
	if err := events.Setup(t.Context(), ours, events.StreamOptions{History: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, nc)
	gone := func(sequence uint64) {
		eventually(t, "the event is history", func() bool {
			stream, err := ours.Stream(t.Context(), events.Stream)
			return err == nil && stream.CachedInfo().State.FirstSeq > sequence
		})
	}
	wire := &cuttable{server: s}
	theirs, err := events.Connect(events.ConnectOptions{InProcess: wire, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(theirs.Close)
	js, err := jetstream.New(theirs)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	known, away := map[string]string{}, true
	knows := func(want map[string]string) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return maps.Equal(known, want)
		}
	}
	o := quick
	o.Snapshot = func(_ context.Context, everybody []events.UserEvent) error {
		mu.Lock()
		defer mu.Unlock()
		clear(known)
		for _, e := range everybody {
			known[e.Data.User.ID] = e.Data.Availability
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
			mu.Lock()
			defer mu.Unlock()
			if away && e.Data.User.ID == person(1) {
				return errors.New("the receiver is away")
			}
			known[e.Data.User.ID] = e.Data.Availability
			return nil
		})
	}()
	publish(t, p, userEvent(person(2), "Available", "a"))
	eventually(t, "it runs", knows(map[string]string{person(2): "Available"}))

	publish(t, p, userEvent(person(1), "Busy", "b"))
	gone(publish(t, p, userEvent(person(2), "Busy", "c"))[0].Sequence)
	mu.Lock()
	away = false
	mu.Unlock()
	publish(t, p, userEvent(person(3), "Busy", "d"))
	eventually(t, "everybody after being held up", knows(map[string]string{person(1): "Busy", person(2): "Busy", person(3): "Busy"}))

	wire.set(true)
	gone(publish(t, p, userEvent(person(2), "Offline", "e"))[0].Sequence)
	wire.set(false) // and nothing happens any more
	eventually(t, "everybody after being cut off", knows(map[string]string{person(1): "Busy", person(2): "Offline", person(3): "Busy"}))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What the server sent to a consumer that ends goes to the next at once, not
// only when AckWait is over.
func TestEndOfConsumeGivesBack(t *testing.T) {
	_, p, js := running(t)
	o := quick
	o.AckWait = time.Hour
	for n := range 20 {
		publish(t, p, userEvent(person(1), "Busy", fmt.Sprint(n)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		got := -1
		err := events.Consume(ctx, js, o, func(_ context.Context, e events.UserEvent) error {
			got, _ = strconv.Atoi(e.ID)
			cancel()
			return nil
		})
		if got < n-1 || !errors.Is(err, context.Canceled) {
			t.Fatalf("round %d: got event %d, %v", n, got, err)
		}
	}
}

// What cannot be read, and what the consumer will never take, is left out, holds
// up nothing and is told.
func TestDeadLetters(t *testing.T) {
	s, p, js := running(t)
	nc, _ := connect(t, s)
	letters := make(chan events.DeadLetter, 10)
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan error, 2)
	for _, durable := range []string{"", quick.Durable} {
		go func() { listening <- events.DeadLetters(ctx, nc, durable, func(l events.DeadLetter) { letters <- l }) }()
	}
	eventually(t, "listening", func() bool { return nc.NumSubscriptions() == 2 && nc.FlushTimeout(time.Second) == nil })

	subject, err := events.UserSubject(tenant, agent1)
	if err != nil {
		t.Fatal(err)
	}
	if acks := p.Publish(t.Context(), []events.Message{{Subject: subject, ID: "x", Data: []byte("{}")}}); acks[0].Err != nil {
		t.Fatal(acks[0].Err)
	}
	publish(t, p, userEvent(person(1), "Busy", "1"), userEvent(person(2), "Busy", "2"))
	tries := 0
	consuming, enough := context.WithCancel(t.Context())
	err = events.Consume(consuming, js, quick, func(_ context.Context, e events.UserEvent) error {
		if e.ID == "2" {
			enough()
			return nil
		}
		if tries++; tries < 3 {
			return errors.New("not yet")
		}
		return fmt.Errorf("no agent has this number: %w", events.ErrRejected)
	})
	if !errors.Is(err, context.Canceled) || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
	got := map[string]int{}
	for range 4 { // two listeners, two letters
		select {
		case l := <-letters:
			got[fmt.Sprintf("%s %d %d %s", l.Consumer, l.Sequence, l.Tries, l.Reason)]++
			if time.Since(l.At) > time.Hour {
				t.Errorf("letter of %s", l.At)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("only %v", got)
		}
	}
	if diff := cmp.Diff(map[string]int{"acd 1 1 malformed event": 2, "acd 2 3 rejected by the consumer": 2}, got); diff != "" {
		t.Error(diff)
	}
	cancel()
	for range 2 {
		if err := <-listening; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}
