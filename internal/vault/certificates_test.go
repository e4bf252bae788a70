package vault

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// sharedCertificates are those of two instances.
func sharedCertificates(t *testing.T) (one, two *Certificates) {
	t.Helper()
	open, key := newBucket(t), filepath.Join(t.TempDir(), "seal.key")
	var all []*Certificates
	for range 2 {
		c, shared := openShared(t, open(), key).Certificates()
		if !shared {
			t.Fatal("nothing is shared")
		}
		all = append(all, c)
	}
	return all[0], all[1]
}

func TestCertificatesAreShared(t *testing.T) {
	one, two := sharedCertificates(t)
	ctx := t.Context()
	if _, err := one.Load(ctx, "a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is stored: %v", err)
	}
	if _, err := one.List(ctx, "a", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is stored: %v", err)
	}
	if err := one.Delete(ctx, "a"); err != nil {
		t.Error(err)
	}
	secret := []byte("-----BEGIN EC PRIVATE KEY-----")
	for _, key := range []string{"a/ops@example.com/x.key", "a/ops@example.com/x.crt", "a/z", "ab"} {
		if err := one.Store(ctx, key, secret); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := two.Load(ctx, "a/ops@example.com/x.key"); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("got %q, %v", got, err)
	}
	entry, err := one.bucket.kv.Get(ctx, bucketKey(certificatePrefix, "a/z"))
	if err != nil || bytes.Contains(entry.Value(), []byte("PRIVATE")) {
		t.Errorf("the server has it in the clear, %v", err)
	}
	for _, c := range []struct {
		directory string
		recursive bool
		want      []string
	}{
		{"a", true, []string{"a/ops@example.com/x.crt", "a/ops@example.com/x.key", "a/z"}},
		{"a", false, []string{"a/ops@example.com", "a/z"}},
		{"", false, []string{"a", "ab"}},
	} {
		if got, err := two.List(ctx, c.directory, c.recursive); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", c.directory, got, err)
		}
	}
	if got, err := two.Stat(ctx, "a/z"); err != nil || !got.IsTerminal || got.Size == 0 || time.Since(got.Modified) > time.Hour {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := two.Stat(ctx, "a"); err != nil || got.IsTerminal {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := two.Stat(ctx, "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := two.Delete(ctx, "a"); err != nil || one.Exists(ctx, "a") || !one.Exists(ctx, "ab") {
		t.Error("deleted are not all below and no others", err)
	}
}

func TestCertificatesAreOrderedOnce(t *testing.T) {
	one, two := sharedCertificates(t)
	ctx := t.Context()
	if err := one.Lock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	if err := one.RenewLockLease(ctx, "order", time.Minute); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := two.Lock(short, "order"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("both have it: %v", err)
	}
	if err := one.Unlock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	if err := two.Lock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	// Two is gone for good, and one takes over after the lease.
	if err := two.put(ctx, "order", two.revision("order"), 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := one.Lock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	// Back late, it neither keeps the lock nor takes it away.
	if err := two.RenewLockLease(ctx, "order", time.Minute); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	if err := two.Unlock(ctx, "order"); err != nil {
		t.Error(err)
	}
	if revision, _, err := one.lock(ctx, "order"); err != nil || revision != one.revision("order") {
		t.Errorf("the lock is at %d, %v", revision, err)
	}
}
