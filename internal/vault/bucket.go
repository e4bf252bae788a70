package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// BucketName is the key-value bucket of the state that instances share.
const BucketName = "presencebridge_state"

const (
	bucketWithin = 5 * time.Second  // one question to the bucket
	lookEvery    = 30 * time.Second // whatever a watch may have missed
)

// Bucket is a [Store] in a key-value bucket of NATS, for every instance that has
// the same seal key. What it holds is sealed like files are.
type Bucket struct{ kv jetstream.KeyValue }

// OpenBucket makes the bucket if need be, or changes how often it is copied. It
// is an error while NATS is away.
func OpenBucket(ctx context.Context, js jetstream.JetStream, replicas int) (*Bucket, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*bucketWithin)
	defer cancel()
	kv, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:      BucketName,
		Description: "Presence Bridge: keys and sign-ins that instances share, sealed with seal_key_file",
		Storage:     jetstream.FileStorage,
		History:     1,
		Replicas:    max(replicas, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", BucketName, err)
	}
	return &Bucket{kv}, nil
}

// Get implements [Store].
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	entry, err := b.entry(ctx, name)
	if err != nil {
		return nil, err
	}
	return entry.Value(), nil
}

func (b *Bucket) entry(ctx context.Context, name string) (jetstream.KeyValueEntry, error) {
	ctx, cancel, err := b.question(ctx, name)
	if err != nil {
		return nil, err
	}
	defer cancel()
	entry, err := b.kv.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("bucket %s has no %s: %w", BucketName, name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s in bucket %s: %w", name, BucketName, err)
	}
	return entry, nil
}

// Create implements [Store].
func (b *Bucket) Create(ctx context.Context, name string, data []byte) error {
	ctx, cancel, err := b.question(ctx, name)
	if err != nil {
		return err
	}
	defer cancel()
	_, err = b.kv.Create(ctx, name, data)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return fmt.Errorf("bucket %s has %s already: %w", BucketName, name, fs.ErrExist)
	}
	return written(name, err)
}

// Put implements [Store].
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	ctx, cancel, err := b.question(ctx, name)
	if err != nil {
		return err
	}
	defer cancel()
	_, err = b.kv.Put(ctx, name, data)
	return written(name, err)
}

// Swap implements [Store].
func (b *Bucket) Swap(ctx context.Context, name string, before, data []byte) error {
	entry, err := b.entry(ctx, name)
	if err != nil {
		return err
	}
	if !bytes.Equal(entry.Value(), before) {
		return ErrChanged
	}
	ctx, cancel, err := b.question(ctx, name)
	if err != nil {
		return err
	}
	defer cancel()
	_, err = b.kv.Update(ctx, name, data, entry.Revision())
	if errors.Is(err, jetstream.ErrKeyExists) || outdated(err) {
		return ErrChanged
	}
	return written(name, err)
}

// Watch calls changed when something may have been written under a name, and now
// and then in any case, until ctx ends or the watch breaks.
func (b *Bucket) Watch(ctx context.Context, name string, changed func()) error {
	watcher, err := b.kv.Watch(ctx, name)
	if err != nil {
		return fmt.Errorf("watch %s in bucket %s: %w", name, BucketName, err)
	}
	defer watcher.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, more := <-watcher.Updates():
			if !more {
				return fmt.Errorf("watch %s in bucket %s: it ended", name, BucketName)
			}
		case <-look.C:
		}
		changed()
	}
}

// question checks a name as files do, so that either store holds the other's.
func (b *Bucket) question(ctx context.Context, name string) (context.Context, context.CancelFunc, error) {
	if !storeName.MatchString(name) {
		return nil, nil, fmt.Errorf("store %q: %w", name, fs.ErrInvalid)
	}
	ctx, cancel := context.WithTimeout(ctx, bucketWithin)
	return ctx, cancel, nil
}

// Mend says what ends a quarrel about the seal key.
func (b *Bucket) Mend() string {
	return "or, if no instance has that key any more, delete the bucket (nats kv del " + BucketName +
		") and accept that every subscription is made anew; copy the seal_key_file of an instance that runs to this one"
}

func outdated(err error) bool {
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

func written(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s to bucket %s: %w", name, BucketName, err)
}
