package forward

import (
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
)

var day = events.StreamOptions{History: time.Hour, Keep: 24 * time.Hour}

func TestEverythingArrivesInOrderWithItsID(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	s.publish(50, 7) // before there is a relay
	central := newProcess(t)
	central.start()
	r, _, stop := s.relay(central.url(), everybody)
	s.publish(700, 7)
	_, js := connect(t, central.url())
	eventually(t, "all of it", func() bool { return slices.Equal(stored(t, js), s.ids) })
	eventually(t, "the last states", func() bool { return maps.Equal(states(js), s.last) })
	eventually(t, "the status", func() bool {
		got := r.Status()
		return got.Forwarded == 750 && got.Pending == 0 && got.Since.IsZero() && got.Trouble == "" && got.Dropped == 0 && got.String() == ""
	})
	// What was forwarded is not forwarded again.
	stop()
	r, _, _ = s.relay(central.url(), everybody)
	s.publish(1, 7)
	eventually(t, "one more", func() bool { return slices.Equal(stored(t, js), s.ids) })
	eventually(t, "the count", func() bool { return r.Status().Forwarded == 1 })
}

// The central server is killed and comes back, the relay is stopped and comes
// back, and the local server, too, while changes go on.
func TestNothingIsLostWhoeverIsKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	central := newProcess(t)
	r, log, stop := s.relay(central.url(), everybody) // nobody there yet
	s.publish(100, 9)
	eventually(t, "notice that nobody is there", func() bool {
		got := r.Status()
		return got.Pending == 100 && !got.Since.IsZero() && strings.Contains(got.String(), "100 changes wait here, the oldest since ")
	})
	central.start()
	s.publish(200, 9)
	central.kill()
	s.publish(200, 9)
	stop()
	s.publish(100, 9)
	s.process.kill()
	s.process.start()
	r, log, _ = s.relay(central.url(), everybody)
	s.publish(100, 9)
	central.start()
	s.publish(100, 9)
	central.kill()
	central.start()
	_, js := connect(t, central.url())
	eventually(t, "every change once", func() bool {
		got := stored(t, js)
		slices.Sort(got)
		return slices.Equal(got, s.ids)
	})
	for person := range 9 {
		var of []string
		for _, id := range stored(t, js) {
			if i := slices.Index(s.ids, id); i%9 == person {
				of = append(of, id)
			}
		}
		if !slices.IsSorted(of) {
			t.Errorf("the changes of person %d came as %v", person, of)
		}
	}
	if !maps.Equal(states(js), s.last) {
		t.Error("the last states differ")
	}
	eventually(t, "an end of the trouble", func() bool {
		return r.Status().Trouble == "" && strings.Contains(log.String(), "the central nats server has everything")
	})
}

func TestBoundsTakeChangesButNoLastState(t *testing.T) {
	t.Parallel()
	o := day
	o.MaxBytes = 64 << 10
	s := newSite(t, o)
	s.publish(20, 20) // these people change never again
	central := newProcess(t)
	r, _, _ := s.relay(central.url(), everybody)
	// The server copies them into the bucket before so small a stream drops them.
	eventually(t, "the bucket", func() bool { return kept(t, s.js) == 20 })
	for len(s.ids) < 400 { // and one changes often
		s.publish(1, 1)
	}
	eventually(t, "notice of what was dropped", func() bool { return r.Status().Dropped > 0 })
	central.start()
	_, js := connect(t, central.url())
	eventually(t, "the last states of everybody", func() bool { return maps.Equal(states(js), s.last) })
	got := stored(t, js)
	if i := slices.Index(got, s.ids[399]); i < 0 || slices.Contains(got, s.ids[25]) {
		t.Errorf("%d of 400 messages came, the last as number %d", len(got), i)
	}
}

// kept is how many messages the bucket holds.
func kept(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	stream, err := js.Stream(t.Context(), "KV_"+events.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestWhoLeavesIsForgottenThere(t *testing.T) {
	t.Parallel()
	s := newSite(t, events.StreamOptions{History: 2 * time.Second, Keep: time.Hour})
	central := newProcess(t)
	central.start()
	_, _, stop := s.relay(central.url(), everybody)
	s.publish(6, 3)
	_, js := connect(t, central.url())
	eventually(t, "everybody", func() bool { return maps.Equal(states(js), s.last) })

	t.Run("while it is there", func(t *testing.T) {
		if err := s.publisher.Purge(t.Context(), tenant, user(0)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the purge", func() bool { return states(js)[user(0)] == "" && len(states(js)) == 2 })
		if slices.Contains(stored(t, js), s.ids[0]) {
			t.Error("the history is still there")
		}
	})
	// The mark of a purge goes after the history, even if it was not forwarded.
	t.Run("while it is away for long", func(t *testing.T) {
		stop()
		if err := s.publisher.Purge(t.Context(), tenant, user(1)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "an end of the mark", func() bool { return !slices.Contains(stored(t, s.js), "") })
		s.relay(central.url(), func(_, u string) bool { return u == user(2) })
		eventually(t, "the purge", func() bool { return states(js)[user(1)] == "" && len(states(js)) == 1 })
	})
}

// A purge that is sent twice takes nothing that came after it.
func TestARepeatedPurgeTakesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	central := newProcess(t)
	central.start()
	_, js := connect(t, central.url())
	s.publish(1, 1)
	if err := s.publisher.Purge(t.Context(), tenant, user(0)); err != nil {
		t.Fatal(err)
	}
	s.publish(1, 1)
	_, _, stop := s.relay(central.url(), everybody)
	eventually(t, "the person is back", func() bool { return states(js)[user(0)] == s.ids[1] })
	stop()
	// As if the place had not been noted.
	if err := s.js.DeleteKeyValue(t.Context(), Bucket); err != nil {
		t.Fatal(err)
	}
	r, _, _ := s.relay(central.url(), everybody)
	eventually(t, "all of it again", func() bool { return r.Status().Forwarded == 2 && r.Status().Pending == 0 })
	if got := states(js)[user(0)]; got != s.ids[1] {
		t.Errorf("the person has %q", got)
	}
}

func TestTrimKeepsWhatWasNotForwarded(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	s.publish(10, 10)
	r := &Relay{Options: Options{Local: s.js}}
	if _, err := r.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	for _, c := range []struct {
		reached uint64
		before  time.Time
		left    int
	}{{0, later, 10}, {4, time.Now().Add(-time.Hour), 10}, {4, later, 6}, {4, later, 6}, {10, later, 0}} {
		r.place.Sequence = c.reached
		if err := r.trim(t.Context(), c.before); err != nil {
			t.Fatal(err)
		}
		if got := stored(t, s.js); len(got) != c.left {
			t.Errorf("%+v: %d left", c, len(got))
		}
	}
}

// The stream of a server that others set up stays as it is.
func TestACentralStreamIsNotChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	central := newProcess(t)
	central.start()
	_, js := connect(t, central.url())
	eventually(t, "the central stream", func() bool {
		return events.Setup(t.Context(), js, events.StreamOptions{History: 48 * time.Hour}) == nil
	})
	s.relay(central.url(), everybody)
	s.publish(3, 3)
	eventually(t, "the changes", func() bool { return slices.Equal(stored(t, js), s.ids) })
	stream, err := js.Stream(t.Context(), events.Stream)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config.MaxAge; got != 48*time.Hour {
		t.Errorf("its history is now %s", got)
	}
}

func TestACentralStreamThatCannotForgetIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	central := newProcess(t)
	central.start()
	_, js := connect(t, central.url())
	eventually(t, "a foreign stream", func() bool {
		_, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: events.Stream, Subjects: events.StreamSubjects()})
		return err == nil
	})
	s.publish(1, 1)
	r, log, _ := s.relay(central.url(), everybody)
	eventually(t, "the reason", func() bool { return strings.Contains(r.Status().Trouble, "without allow_rollup_hdrs") })
	if got := stored(t, js); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if n := strings.Count(log.String(), "allow_rollup_hdrs"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// A link that is cut tells neither side.
func TestACutLink(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	central := newProcess(t)
	central.start()
	link := newLink(t, strings.TrimPrefix(central.url(), "nats://"))
	r, log, _ := s.relay("nats://"+link.on.Addr().String(), everybody)
	_, js := connect(t, central.url())
	s.publish(5, 5)
	eventually(t, "the changes", func() bool { return slices.Equal(stored(t, js), s.ids) })
	eventually(t, "an end of the start", func() bool { return strings.Contains(log.String(), "has everything") })
	link.cut(true)
	s.publish(5, 5)
	eventually(t, "notice", func() bool { return r.Status().Trouble != "" && r.Status().Pending == 5 })
	link.cut(false)
	eventually(t, "the rest", func() bool { return slices.Equal(stored(t, js), s.ids) })
}

func TestAnotherFormatOfThePlaceIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, day)
	kv, err := s.js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: Bucket})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), placeKey, []byte(`{"format": 2}`)); err != nil {
		t.Fatal(err)
	}
	r, _, _ := s.relay(newProcess(t).url(), everybody)
	eventually(t, "the reason", func() bool {
		return strings.Contains(r.Status().Trouble, "of another version (format 2, this one writes 1)")
	})
}

// link passes bytes on, or holds everything.
type link struct {
	on   net.Listener
	mu   sync.Mutex
	held chan struct{} // closed when the link works
	done sync.WaitGroup
}

func newLink(t *testing.T, to string) *link {
	on, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{on: on, held: make(chan struct{})}
	close(l.held)
	ctx, cancel := context.WithCancel(context.Background())
	l.done.Go(func() {
		for {
			in, err := on.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			stop := context.AfterFunc(ctx, func() { in.Close(); out.Close() })
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				l.done.Go(func() {
					defer stop()
					l.pass(ctx, pair[0], pair[1])
				})
			}
		}
	})
	t.Cleanup(func() {
		on.Close()
		cancel()
		l.done.Wait()
	})
	return l
}

func (l *link) cut(off bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if off {
		l.held = make(chan struct{})
	} else {
		close(l.held)
	}
}

func (l *link) pass(ctx context.Context, from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.mu.Lock()
		held := l.held
		l.mu.Unlock()
		select {
		case <-held:
		case <-ctx.Done():
			return
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
