package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"jtel.de/presencebridge/events"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/vault"
)

// openStore is where sealed state is kept: data_dir, or NATS if instances share
// it. Without NATS such an instance could do nothing, so it waits for it here.
func (s *service) openStore(ctx context.Context) (vault.Store, error) {
	if !s.Config.SharesState() {
		return s.files, nil
	}
	said := ""
	for {
		bucket, err := vault.OpenBucket(ctx, s.bus.js, s.Config.NATS.Replicas)
		if err == nil {
			s.instances, err = s.openInstances(ctx)
		}
		if err == nil {
			return bucket, vault.Move(ctx, s.files, bucket, s.Config.SealKeyFile, s.Log)
		}
		if text := err.Error(); text != said && ctx.Err() == nil {
			said = text
			s.Log.Error("shared keys cannot be read from NATS yet, trying again before anything is started", "error", err)
		}
		if !sleep(ctx, time.Second) {
			return nil, ctx.Err()
		}
	}
}

// visit is the store that instances share, for a command: it connects for each
// question, of which there are few, and leaves nothing open.
type visit struct {
	config *config.Config
	log    *slog.Logger
}

func (v visit) ask(ctx context.Context, f func(*vault.Bucket) error) error {
	o := connectOptions(v.config, v.log)
	o.Once = true
	nc, err := events.Connect(o)
	if err != nil {
		return fmt.Errorf("%w; the keys and sign-ins of this configuration are kept there: see nats.url", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	bucket, err := vault.OpenBucket(ctx, js, v.config.NATS.Replicas)
	if err != nil {
		return err
	}
	return f(bucket)
}

// Get implements [vault.Store].
func (v visit) Get(ctx context.Context, name string) (data []byte, err error) {
	err = v.ask(ctx, func(b *vault.Bucket) error {
		data, err = b.Get(ctx, name)
		return err
	})
	return data, err
}

// Create implements [vault.Store].
func (v visit) Create(ctx context.Context, name string, data []byte) error {
	return v.ask(ctx, func(b *vault.Bucket) error { return b.Create(ctx, name, data) })
}

// Put implements [vault.Store].
func (v visit) Put(ctx context.Context, name string, data []byte) error {
	return v.ask(ctx, func(b *vault.Bucket) error { return b.Put(ctx, name, data) })
}

// Swap implements [vault.Store].
func (v visit) Swap(ctx context.Context, name string, before, data []byte) error {
	return v.ask(ctx, func(b *vault.Bucket) error { return b.Swap(ctx, name, before, data) })
}

// Mend implements what [vault.Open] says of a key that does not fit.
func (v visit) Mend() string { return (*vault.Bucket)(nil).Mend() }
