// Package lease decides which of several instances acts for a tenant: the one
// that holds its entry in a NATS bucket, which ends by itself unless renewed.
//
// It is not a queue of who comes next, and it elects nobody by merit: whoever
// finds the entry gone takes it. It starts nothing; internal/app runs it and
// whatever only a holder may do.
package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// BucketName is the key-value bucket of the leases.
	BucketName = "presencebridge_lease"
	// TTL is how long the server keeps an entry that nobody renews.
	TTL = 10 * time.Second
	// margin is how much earlier the holder stops than the server lets others in:
	// for clocks that do not run alike, and for what is under way.
	margin = 2 * time.Second

	renewEvery = TTL / 3
	retryEvery = 500 * time.Millisecond
	lookEvery  = time.Second
)

// ErrLost is the answer to whoever wants to act without holding the lease.
var ErrLost = errors.New("another instance may hold the lease by now")

// Open makes the bucket if need be, or changes how often it is copied.
func Open(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      BucketName,
		Description: "Presence Bridge: which instance acts for a tenant",
		Storage:     jetstream.FileStorage, // a restart of the server must let nobody in early
		History:     1,
		TTL:         TTL,
		Replicas:    max(replicas, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", BucketName, err)
	}
	return kv, nil
}

// Options are all required.
type Options struct {
	Bucket jetstream.KeyValue // from [Open]
	Key    string             // what is held, a tenant id or "forward"
	Holder string             // who we are, different for every process
	Log    *slog.Logger
}

// Lease is one instance's view of one entry.
type Lease struct {
	Options

	mu       sync.Mutex
	revision uint64
	until    instant // zero: not held
	holder   string  // as last seen
}

// New holds nothing yet.
func New(o Options) *Lease { return &Lease{Options: o} }

// instant is a time on both clocks. The monotonic one stands still while a
// machine sleeps, the one on the wall may be set: whichever is later counts.
type instant struct{ mono, wall time.Time }

func after(d time.Duration) instant {
	t := time.Now().Add(d)
	return instant{t, t.Round(0)}
}

func (i instant) passed() bool { return i.left() <= 0 }

func (i instant) left() time.Duration {
	now := time.Now()
	return min(i.mono.Sub(now), i.wall.Sub(now.Round(0)))
}

// Check is ErrLost unless the lease is certainly ours now. Call it right before
// anything that two instances must not do.
func (l *Lease) Check() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.passed() {
		return ErrLost
	}
	return nil
}

// Held reports whether the lease is ours now.
func (l *Lease) Held() bool { return l.Check() == nil }

// Holder is who had the lease when we last looked; empty if nobody had.
func (l *Lease) Holder() string {
	if l.Held() {
		return l.Options.Holder
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holder
}

// Acquire returns once the lease is ours: true; or false when ctx ended.
func (l *Lease) Acquire(ctx context.Context) bool {
	said := ""
	for ctx.Err() == nil {
		held, err := l.try(ctx)
		if held {
			l.Log.InfoContext(ctx, "this instance holds the lease now", "lease", l.Key)
			return true
		}
		if err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			l.Log.WarnContext(ctx, "lease not available, trying again", "lease", l.Key, "error", err)
		}
		pause(ctx, lookEvery)
	}
	return false
}

func (l *Lease) try(ctx context.Context) (held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, TTL/2)
	defer cancel()
	kv := l.Bucket
	entry, err := kv.Get(ctx, l.Key)
	if err == nil {
		l.note(string(entry.Value()))
		return false, nil
	}
	if !errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, fmt.Errorf("look at lease: %w", err)
	}
	until := after(TTL - margin)
	revision, err := kv.Create(ctx, l.Key, []byte(l.Options.Holder))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil // somebody was faster
	}
	if err != nil {
		return false, fmt.Errorf("take lease: %w", err)
	}
	l.set(revision, until)
	return true, nil
}

func (l *Lease) note(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder != l.holder {
		l.Log.Info("another instance holds the lease", "lease", l.Key, "holder", holder)
	}
	l.holder = holder
}

func (l *Lease) set(revision uint64, until instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revision, l.until = revision, until
}

// Keep renews the lease until ctx ends or the lease is lost; it returns before
// the server lets anybody else have it. Call Acquire first.
func (l *Lease) Keep(ctx context.Context) {
	wait := renewEvery
	for {
		l.mu.Lock()
		until := l.until
		l.mu.Unlock()
		pause(ctx, min(wait, until.left()))
		if ctx.Err() != nil {
			return
		}
		if until.passed() {
			l.Log.WarnContext(ctx, "lease could not be renewed in time, another instance may take it", "lease", l.Key)
			return
		}
		err := l.renew(ctx, until)
		switch {
		case errors.Is(err, ErrLost):
			l.set(0, instant{})
			l.Log.WarnContext(ctx, "lease lost, another instance holds it", "lease", l.Key)
			return
		case err != nil:
			l.Log.DebugContext(ctx, "lease not renewed, trying again", "lease", l.Key, "error", err)
			wait = retryEvery
		default:
			wait = renewEvery
		}
	}
}

func (l *Lease) renew(ctx context.Context, until instant) error {
	ctx, cancel := context.WithTimeout(ctx, min(until.left(), renewEvery))
	defer cancel()
	next := after(TTL - margin)
	revision, err := l.Bucket.Update(ctx, l.Key, []byte(l.Options.Holder), l.revision)
	if err == nil {
		l.set(revision, next)
		return nil
	}
	if !refused(err) {
		return err
	}
	// An earlier renewal may have been stored although its answer was lost.
	entry, err := l.Bucket.Get(ctx, l.Key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return ErrLost
	case err != nil:
		return err
	case string(entry.Value()) != l.Options.Holder:
		l.note(string(entry.Value()))
		return ErrLost
	}
	l.set(entry.Revision(), until)
	return errors.New("an earlier renewal was stored")
}

// Release lets others in at once. What only a holder may do must have ended.
func (l *Lease) Release(ctx context.Context) {
	l.mu.Lock()
	revision, held := l.revision, !l.until.passed()
	l.revision, l.until = 0, instant{}
	l.mu.Unlock()
	if !held {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, margin)
	defer cancel()
	if err := l.Bucket.Delete(ctx, l.Key, jetstream.LastRevision(revision)); err != nil {
		l.Log.DebugContext(ctx, "lease not given back, it ends by itself", "lease", l.Key, "error", err)
	}
}

// refused reports whether the entry is not the one that we renewed last.
func refused(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return errors.Is(err, jetstream.ErrKeyExists) || ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
