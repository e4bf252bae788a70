package vault

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// watched is a [Store] that others write to, and that tells of it.
type watched interface {
	Watch(ctx context.Context, name string, changed func()) error
}

// Shared reports whether others may change what is sealed here.
func (v *Vault) Shared() bool {
	_, shared := v.store.(watched)
	return shared
}

// Follow takes up what other instances change, until ctx ends. It returns at
// once where nobody else writes.
func (v *Vault) Follow(ctx context.Context) error {
	store, shared := v.store.(watched)
	if !shared {
		return nil
	}
	for ctx.Err() == nil {
		err := store.Watch(ctx, keysName, func() {
			if err := v.Refresh(ctx); err != nil && ctx.Err() == nil {
				v.log.WarnContext(ctx, "shared keys not read, trying again", "error", err)
			}
		})
		if ctx.Err() != nil {
			return nil
		}
		v.log.WarnContext(ctx, "shared keys not followed, trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

// Refresh reads the state again. Where it is gone, it is put back as it is here.
func (v *Vault) Refresh(ctx context.Context) error {
	v.change.Lock()
	defer v.change.Unlock()
	sealed, err := v.store.Get(ctx, keysName)
	if errors.Is(err, fs.ErrNotExist) {
		return v.putBack(ctx)
	}
	if err != nil {
		return err
	}
	s, err := v.unseal(sealed)
	if err != nil {
		return err
	}
	if before := v.state.Load().keys[0].ID; before != s.keys[0].ID {
		v.log.InfoContext(ctx, "another instance rotated the encryption key", "certificate", s.keys[0].ID)
	}
	v.state.Store(s)
	return nil
}

func (v *Vault) putBack(ctx context.Context) error {
	sealed, err := v.sealState(v.state.Load())
	if err == nil {
		err = v.store.Create(ctx, keysName, sealed)
	}
	if err == nil {
		v.log.WarnContext(ctx, "the shared keys were gone, they are put back")
	}
	return err
}
