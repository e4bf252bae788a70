package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"jtel.de/presencebridge/internal/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(broker.LeftBehind)) }

// instances are leases on one key, each with a connection of its own.
func instances(t *testing.T, n int) []*Lease {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	var all []*Lease
	for i := range n {
		nc, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		kv, err := Open(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, New(Options{Bucket: kv, Key: "t1", Holder: fmt.Sprint("instance ", i), Log: log}))
	}
	return all
}

// acquired waits for a lease, long enough for any TTL to pass.
func acquired(t *testing.T, l *Lease) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if !l.Acquire(ctx) {
		t.Fatal("the lease is not to be had")
	}
}

func TestOneHolderAtATime(t *testing.T) {
	all := instances(t, 3)
	var mu sync.Mutex
	holders, terms := 0, 0
	var running sync.WaitGroup
	for _, l := range all {
		running.Go(func() {
			{
				acquired(t, l)
				mu.Lock()
				holders++
				terms++
				if holders > 1 {
					t.Error("two instances hold the lease")
				}
				mu.Unlock()
				if l.Holder() != l.Options.Holder {
					t.Errorf("holder %q", l.Holder())
				}
				mu.Lock()
				holders--
				mu.Unlock()
				l.Release(t.Context())
				if err := l.Check(); !errors.Is(err, ErrLost) {
					t.Errorf("after giving it back: %v", err)
				}
			}
		})
	}
	running.Wait()
	if terms != 3 {
		t.Errorf("%d terms, want 3", terms)
	}
}

// Whoever keeps it keeps it longer than the server would; whoever stops without
// a word loses it by his own clock before anybody else gets it.
func TestALeaseEndsByItself(t *testing.T) {
	all := instances(t, 2)
	one, two := all[0], all[1]
	acquired(t, one)
	keeping, crash := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { one.Keep(keeping) })
	defer running.Wait()
	defer crash()

	first := one.state()
	for end := time.Now().Add(time.Minute); one.state() == first; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not renewed")
		}
	}
	if held, err := two.try(t.Context()); held || err != nil || two.Holder() != "instance 0" {
		t.Fatalf("held %v, %v, holder %q", held, err, two.Holder())
	}
	crash()
	running.Wait()
	acquired(t, two)
	if one.Held() {
		t.Error("both hold it")
	}
	// The former one wakes up and would go on.
	if err := one.renew(t.Context(), after(TTL)); !errors.Is(err, ErrLost) || one.Holder() != "instance 1" {
		t.Errorf("a renewal of somebody else's lease: %v, holder %q", err, one.Holder())
	}
	one.Release(t.Context())
	if held, err := one.try(t.Context()); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
}

func (l *Lease) state() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revision
}

// An answer that was lost is no loss of the lease.
func TestARenewalWhoseAnswerWasLost(t *testing.T) {
	one := instances(t, 1)[0]
	acquired(t, one)
	if _, err := one.Bucket.Update(t.Context(), one.Key, []byte(one.Options.Holder), one.revision); err != nil {
		t.Fatal(err)
	}
	if err := one.renew(t.Context(), one.until); err == nil || errors.Is(err, ErrLost) {
		t.Fatal(err)
	}
	if err := one.renew(t.Context(), one.until); err != nil || !one.Held() {
		t.Errorf("%v, held %v", err, one.Held())
	}
}
