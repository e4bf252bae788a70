package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	certificatePrefix = "acme."
	lockPrefix        = "acmelock."
	// lockLease is how long the lock of a holder that is gone keeps others
	// waiting: longer than one order takes.
	lockLease = 5 * time.Minute
	lockLook  = time.Second
)

// Certificates keeps what ACME needs (account, key, certificate, running checks)
// in the bucket that instances share, sealed like everything there: they order
// once, and any of them answers the authority's checks.
type Certificates struct {
	bucket *Bucket
	seal   seal

	mu   sync.Mutex
	held map[string]uint64 // locks: the revision that is ours
}

var (
	_ certmagic.Storage          = (*Certificates)(nil)
	_ certmagic.LockLeaseRenewer = (*Certificates)(nil)
)

// Certificates are kept in the vault's own bucket, under its seal; false if
// instances share none.
func (v *Vault) Certificates() (*Certificates, bool) {
	b, shared := v.store.(*Bucket)
	if !shared {
		return nil, false
	}
	return &Certificates{bucket: b, seal: v.seal, held: map[string]uint64{}}, true
}

// Store implements [certmagic.Storage].
func (c *Certificates) Store(ctx context.Context, key string, value []byte) error {
	sealed, err := c.seal.close(value)
	if err != nil {
		return err
	}
	return c.ask(ctx, "store", key, func(ctx context.Context) error {
		_, err := c.bucket.kv.Put(ctx, bucketKey(certificatePrefix, key), sealed)
		return err
	})
}

// Load implements [certmagic.Storage].
func (c *Certificates) Load(ctx context.Context, key string) ([]byte, error) {
	entry, err := c.entry(ctx, key)
	if err != nil {
		return nil, err
	}
	value, err := c.seal.open(entry.Value())
	if err != nil {
		return nil, fmt.Errorf("certificates: load %s: %w", key, err)
	}
	return value, nil
}

func (c *Certificates) entry(ctx context.Context, key string) (entry jetstream.KeyValueEntry, err error) {
	err = c.ask(ctx, "load", key, func(ctx context.Context) error {
		entry, err = c.bucket.kv.Get(ctx, bucketKey(certificatePrefix, key))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return fs.ErrNotExist
		}
		return err
	})
	return entry, err
}

// Delete implements [certmagic.Storage].
func (c *Certificates) Delete(ctx context.Context, key string) error {
	keys, err := c.below(ctx, key)
	if err != nil {
		return err
	}
	for _, k := range keys {
		err := c.ask(ctx, "delete", k, func(ctx context.Context) error {
			return c.bucket.kv.Delete(ctx, bucketKey(certificatePrefix, k))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Exists implements [certmagic.Storage].
func (c *Certificates) Exists(ctx context.Context, key string) bool {
	keys, err := c.below(ctx, key)
	return err == nil && len(keys) > 0
}

// List implements [certmagic.Storage].
func (c *Certificates) List(ctx context.Context, directory string, recursive bool) ([]string, error) {
	keys, err := c.below(ctx, directory)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("certificates: list %s: %w", directory, fs.ErrNotExist)
	}
	if recursive {
		return keys, nil
	}
	for i, key := range keys {
		first, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(key, directory), "/"), "/")
		keys[i] = path.Join(directory, first)
	}
	return slices.Compact(keys), nil
}

// Stat implements [certmagic.Storage].
func (c *Certificates) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	entry, err := c.entry(ctx, key)
	if err == nil {
		return certmagic.KeyInfo{Key: key, Modified: entry.Created(), Size: int64(len(entry.Value())), IsTerminal: true}, nil
	}
	if errors.Is(err, fs.ErrNotExist) && c.Exists(ctx, key) {
		return certmagic.KeyInfo{Key: key}, nil
	}
	return certmagic.KeyInfo{}, err
}

// below are the key itself and all below it, sorted.
func (c *Certificates) below(ctx context.Context, directory string) (found []string, err error) {
	err = c.ask(ctx, "list", directory, func(ctx context.Context) error {
		lister, err := c.bucket.kv.ListKeysFiltered(ctx, certificatePrefix+"*")
		if err != nil {
			return err
		}
		defer lister.Stop()
		for coded := range lister.Keys() {
			key, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(coded, certificatePrefix))
			if k := string(key); err == nil && (directory == "" || k == directory || strings.HasPrefix(k, directory+"/")) {
				found = append(found, k)
			}
		}
		return ctx.Err()
	})
	slices.Sort(found)
	return found, err
}

// Lock implements [certmagic.Locker]. The clocks of instances need not agree:
// a lock is given up if it did not change while we looked at it for its lease.
func (c *Certificates) Lock(ctx context.Context, name string) error {
	var seen uint64
	var until time.Time
	for {
		if err := c.put(ctx, name, 0, lockLease); err == nil || !errors.Is(err, ErrChanged) {
			return err
		}
		revision, lease, err := c.lock(ctx, name)
		if err != nil {
			return err
		}
		switch now := time.Now(); {
		case revision == 0: // released just now
			continue
		case revision != seen:
			seen, until = revision, now.Add(lease)
		case now.After(until):
			if err := c.put(ctx, name, revision, lockLease); err == nil || !errors.Is(err, ErrChanged) {
				return err
			}
		}
		timer := time.NewTimer(min(lockLook, time.Until(until)+time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// RenewLockLease implements [certmagic.LockLeaseRenewer].
func (c *Certificates) RenewLockLease(ctx context.Context, name string, lease time.Duration) error {
	return c.put(ctx, name, c.revision(name), lease+lockLease)
}

// Unlock implements [certmagic.Locker].
func (c *Certificates) Unlock(ctx context.Context, name string) error {
	err := c.ask(ctx, "unlock", name, func(ctx context.Context) error {
		err := c.bucket.kv.Delete(ctx, bucketKey(lockPrefix, name), jetstream.LastRevision(c.revision(name)))
		if outdated(err) { // somebody took it over
			return nil
		}
		return err
	})
	if err == nil {
		c.mu.Lock()
		delete(c.held, name)
		c.mu.Unlock()
	}
	return err
}

func (c *Certificates) revision(name string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[name]
}

// put takes a lock whose revision we know, zero if it is free: [ErrChanged] if
// somebody else was faster.
func (c *Certificates) put(ctx context.Context, name string, known uint64, lease time.Duration) error {
	return c.ask(ctx, "lock", name, func(ctx context.Context) error {
		key, value := bucketKey(lockPrefix, name), []byte(lease.String())
		var revision uint64
		var err error
		if known == 0 {
			revision, err = c.bucket.kv.Create(ctx, key, value)
		} else {
			revision, err = c.bucket.kv.Update(ctx, key, value, known)
		}
		if errors.Is(err, jetstream.ErrKeyExists) || outdated(err) {
			return ErrChanged
		}
		if err == nil {
			c.mu.Lock()
			c.held[name] = revision
			c.mu.Unlock()
		}
		return err
	})
}

// lock is what another holder has; revision zero if nobody has it.
func (c *Certificates) lock(ctx context.Context, name string) (revision uint64, lease time.Duration, err error) {
	err = c.ask(ctx, "lock", name, func(ctx context.Context) error {
		entry, err := c.bucket.kv.Get(ctx, bucketKey(lockPrefix, name))
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			return nil
		}
		if err == nil {
			revision = entry.Revision()
			if lease, err = time.ParseDuration(string(entry.Value())); err != nil {
				lease, err = lockLease, nil
			}
		}
		return err
	})
	return revision, lease, err
}

// ask bounds a question to the bucket and names what it was about.
func (c *Certificates) ask(ctx context.Context, what, key string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bucketWithin)
	defer cancel()
	if err := f(ctx); err != nil {
		return fmt.Errorf("certificates: %s %s in bucket %s: %w", what, key, BucketName, err)
	}
	return nil
}

// bucketKey makes a key of the bucket of any path.
func bucketKey(prefix, key string) string {
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(key))
}
