package vault

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/internal/broker"
)

// newBucket gives the bucket of a real server, as one of several instances has it.
func newBucket(t *testing.T) (open func() *Bucket) {
	t.Helper()
	server, err := broker.Start(broker.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return func() *Bucket {
		t.Helper()
		nc, err := nats.Connect("", nats.InProcessServer(server.InProcess()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		b, err := OpenBucket(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

func openShared(t *testing.T, b *Bucket, key string) *Vault {
	t.Helper()
	v, err := Open(t.Context(), b, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBucketIsAStore(t *testing.T) {
	b, ctx := newBucket(t)(), t.Context()
	if _, err := b.Get(ctx, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is stored: %v", err)
	}
	if err := b.Swap(ctx, "a", nil, []byte("0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("swap of nothing: %v", err)
	}
	if err := b.Create(ctx, "a", []byte("1")); err != nil {
		t.Error(err)
	}
	if err := b.Create(ctx, "a", []byte("2")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created twice: %v", err)
	}
	if err := b.Swap(ctx, "a", []byte("other"), []byte("3")); !errors.Is(err, ErrChanged) {
		t.Errorf("swap of something else: %v", err)
	}
	if err := b.Swap(ctx, "a", []byte("1"), []byte("3")); err != nil {
		t.Error(err)
	}
	if err := b.Put(ctx, "a", []byte("4")); err != nil {
		t.Error(err)
	}
	if got, err := b.Get(ctx, "a"); string(got) != "4" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, name := range []string{"", "..", "a/b", "A", "a.b", ">", strings.Repeat("a", 65)} {
		if err := b.Put(ctx, name, nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("name %q: %v", name, err)
		}
	}
}

// used is what a process has seen of keys: nothing, or all of them at a time.
type used time.Time

func (u used) Seen(string) time.Time     { return time.Time(u) }
func (u used) Referred(string) time.Time { return time.Time(u) }

// Instances have the same keys and secret, also after one of them changes
// something, and rotate once together.
func TestInstancesShareKeys(t *testing.T) {
	open, key := newBucket(t), filepath.Join(t.TempDir(), "seal.key")
	one, two := openShared(t, open(), key), openShared(t, open(), key)
	if !bytes.Equal(one.ClientStateSecret(), two.ClientStateSecret()) || one.Current().ID != two.Current().ID {
		t.Fatal("two instances have begun with different state")
	}
	var following sync.WaitGroup
	following.Go(func() {
		if err := two.Follow(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(following.Wait)
	follows := func() {
		t.Helper()
		for end := time.Now().Add(time.Minute); two.Current().ID != one.Current().ID; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the other instance does not know the new key")
			}
		}
	}
	first := one.Current()
	if _, err := one.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	follows()
	if _, held := two.PrivateKey(first.ID, ""); !held {
		t.Error("the other instance has lost the key before")
	}

	// A year later all of them look at the same time.
	later := time.Now().Add(RotateAfter + time.Hour)
	var together sync.WaitGroup
	for range 3 {
		v := openShared(t, open(), key)
		together.Go(func() {
			if err := v.Tend(t.Context(), used(later), later); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if err := one.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(one.EncryptionKeys()); n != 3 {
		t.Errorf("%d keys, want one new one", n)
	}
	follows()

	// Nobody forgets what another one has seen in use.
	later = later.Add(5 * time.Hour)
	if err := two.Tend(t.Context(), used(later), later); err != nil {
		t.Fatal(err)
	}
	later = later.Add(5 * time.Hour)
	for i, want := range []int{3, 1} {
		if err := one.Tend(t.Context(), used{}, later); err != nil {
			t.Fatal(err)
		}
		if n := len(one.EncryptionKeys()); n != want {
			t.Errorf("look %d: %d keys, want %d", i, n, want)
		}
		later = later.Add(2 * time.Hour)
	}
}

// A NATS server that has lost everything gets it back from the instances.
func TestLostKeysArePutBack(t *testing.T) {
	b := newBucket(t)()
	key := filepath.Join(t.TempDir(), "seal.key")
	v := openShared(t, b, key)
	if err := b.kv.Purge(t.Context(), keysName); err != nil {
		t.Fatal(err)
	}
	if err := v.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := openShared(t, b, key); again.Current().ID != v.Current().ID {
		t.Error("they are others now")
	}
}

func TestAnInstanceWithAnotherSealKey(t *testing.T) {
	open, log := newBucket(t), slog.New(slog.DiscardHandler)
	openShared(t, open(), filepath.Join(t.TempDir(), "seal.key"))
	other := filepath.Join(t.TempDir(), "other.key")
	if _, err := Open(t.Context(), open(), other, log); err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "copy the seal_key_file of an instance") {
		t.Errorf("without a seal key: %v", err)
	}
	if err := makeSealKey(other); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), open(), other, log); err == nil || !strings.Contains(err.Error(), "not the one") || !strings.Contains(err.Error(), "copy the seal_key_file of an instance") {
		t.Errorf("with another seal key: %v", err)
	}
	if _, err := Open(t.Context(), newBucket(t)(), other, log, Existing()); err == nil {
		t.Error("keys were made where there shall be some")
	}
}

// What came for a token that somebody replaced meanwhile must not win, whichever
// instance it came to.
func TestInstancesShareLogins(t *testing.T) {
	open, key := newBucket(t), filepath.Join(t.TempDir(), "seal.key")
	one, two := openShared(t, open(), key).Logins(), openShared(t, open(), key).Logins()
	if err := one.Put(t.Context(), loginKey, Login{RefreshToken: "old"}); err != nil {
		t.Fatal(err)
	}
	if err := two.Rotate(t.Context(), loginKey, "old", "new", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := one.Rotate(t.Context(), loginKey, "old", "child-of-old", time.Now()); err != nil {
		t.Fatal(err)
	}
	if got, err := one.Get(t.Context(), loginKey); err != nil || got.RefreshToken != "new" {
		t.Errorf("%s, %v", got.RefreshToken, err)
	}
}

// What a single instance had goes on when it becomes one of several, with the
// key that sealed it or a new one.
func TestStateMovesOnce(t *testing.T) {
	dir := t.TempDir()
	v, release := mustOpen(t, dir)
	if err := v.Logins().Put(t.Context(), loginKey, Login{RefreshToken: "refresh-1"}); err != nil {
		t.Fatal(err)
	}
	secret, current := v.ClientStateSecret(), v.Current().ID
	release()
	open, key, log := newBucket(t), filepath.Join(t.TempDir(), "shared.key"), slog.New(slog.DiscardHandler)
	if err := makeSealKey(key); err != nil {
		t.Fatal(err)
	}
	move := func(dir string) *Vault {
		t.Helper()
		files := newStore(t, dir)
		defer files.Close()
		b := open()
		if err := Move(t.Context(), files, b, key, log); err != nil {
			t.Fatal(err)
		}
		return openShared(t, b, key)
	}
	moved := move(dir)
	if !bytes.Equal(moved.ClientStateSecret(), secret) || moved.Current().ID != current {
		t.Error("the state is another one")
	}
	if got, err := moved.Logins().Get(t.Context(), loginKey); err != nil || got.RefreshToken != "refresh-1" {
		t.Errorf("%s, %v", got.RefreshToken, err)
	}
	// The next instance has had a life of its own: what is shared counts.
	other := t.TempDir()
	_, release = mustOpen(t, other)
	release()
	if again := move(other); again.Current().ID != current {
		t.Error("an instance that came later has brought its own keys")
	}
	if move(t.TempDir()).Current().ID != current || !Begun(dir) {
		t.Error("what was copied is not what is there")
	}
}
