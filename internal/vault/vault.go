// Package vault keeps what must survive restarts and must not be readable on
// disk: the secret behind the client states, the keys that Graph encrypts
// notifications for, and sign-ins by device code. Everything is sealed with one age X25519 key.
//
// It is not a general store: subscriptions are listed from Graph and states live
// in NATS. It decides nothing about when to rotate, and starts nothing.
//
// internal/app opens it at start; the subscriptions take the current
// certificate from it, and graph/notification the private keys.
package vault

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Store keeps sealed bytes under a name. [Dir] is the one of a single process,
// [Bucket] the one that instances share.
type Store interface {
	// Get is an error that is fs.ErrNotExist when nothing has this name.
	Get(ctx context.Context, name string) ([]byte, error)
	// Create stores what does not exist yet: fs.ErrExist when somebody was faster.
	Create(ctx context.Context, name string, data []byte) error
	// Put replaces what is there, wholly or not at all.
	Put(ctx context.Context, name string, data []byte) error
	// Swap is Put if what is there is still what Get gave: [ErrChanged] if not.
	Swap(ctx context.Context, name string, before, data []byte) error
}

// ErrChanged says that somebody else was faster.
var ErrChanged = errors.New("it was changed meanwhile")

// keysName is where the store keeps the state of this package.
const keysName = "keys"

// Vault is the opened state. Its methods may be called from anywhere at any
// time; reading never waits.
type Vault struct {
	store Store
	seal  seal
	bits  int
	only  bool // see Existing
	log   *slog.Logger

	change sync.Mutex // held while the state is changed
	state  atomic.Pointer[state]
}

// Option of [Open].
type Option func(*Vault)

// KeyBits sets the size of new encryption keys: 2048 (the default), 3072 or
// 4096. Graph takes 2048 to 4096; a private-key operation of 4096 bits costs
// more than six times one of 2048.
func KeyBits(bits int) Option { return func(v *Vault) { v.bits = bits } }

// Existing makes Open an error where nothing is sealed yet.
func Existing() Option { return func(v *Vault) { v.only = true } }

// Open reads the sealed state, or makes it on the very first start. The seal
// key file is made only if it is missing and nothing is sealed yet; sealed state
// without its key is an error that says what to do.
func Open(ctx context.Context, store Store, sealKeyFile string, log *slog.Logger, options ...Option) (*Vault, error) {
	v := &Vault{store: store, bits: 2048, log: log}
	for _, option := range options {
		option(v)
	}
	if !slices.Contains([]int{2048, 3072, 4096}, v.bits) {
		return nil, fmt.Errorf("open vault: keys of %d bits are not supported: 2048, 3072 or 4096", v.bits)
	}
	sealed, err := store.Get(ctx, keysName)
	first := errors.Is(err, fs.ErrNotExist)
	if err != nil && !first {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if first && v.only {
		return nil, errors.New("there are no keys yet: the service makes the first one when it starts")
	}
	if v.seal, err = openSeal(sealKeyFile, first, mendOf(store), log); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	if first {
		sealed, err = v.begin(ctx)
		if err != nil {
			return nil, fmt.Errorf("open vault: %w", err)
		}
	}
	s, err := v.unseal(sealed)
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	v.state.Store(s)
	return v, nil
}

// Begun reports whether a data_dir holds sealed keys, and makes nothing.
func Begun(dataDir string) bool {
	_, err := os.Stat(filepath.Join(dataDir, "sealed", keysName+".age"))
	return err == nil
}

// begin makes the first state and gives it sealed; or what somebody else sealed
// in the meantime.
func (v *Vault) begin(ctx context.Context) (sealed []byte, err error) {
	key, err := newEncryptionKey(v.bits, time.Now())
	if err != nil {
		return nil, err
	}
	s := &state{clientState: make([]byte, 32), keys: []EncryptionKey{key}}
	_, _ = rand.Read(s.clientState) // never fails, see crypto/rand
	if sealed, err = v.sealState(s); err != nil {
		return nil, err
	}
	err = v.store.Create(ctx, keysName, sealed)
	if errors.Is(err, fs.ErrExist) {
		return v.store.Get(ctx, keysName)
	}
	if err == nil {
		v.log.InfoContext(ctx, "sealed state made", "certificate", key.ID)
	}
	return sealed, err
}

// ClientStateSecret is 32 random bytes that stay the same as long as the sealed
// state lives.
func (v *Vault) ClientStateSecret() []byte { return slices.Clone(v.state.Load().clientState) }

// EncryptionKeys lists all keys, the current one first, then from new to old.
func (v *Vault) EncryptionKeys() []EncryptionKey { return slices.Clone(v.state.Load().keys) }

// Current is the key for new and renewed subscriptions.
func (v *Vault) Current() EncryptionKey { return v.state.Load().keys[0] }

// PrivateKey finds the key that an item was encrypted for, by the certificate
// id that came with it. A thumbprint, if one came, must fit; its case does not
// matter.
func (v *Vault) PrivateKey(certificateID, thumbprint string) (*rsa.PrivateKey, bool) {
	k, ok := v.state.Load().find(certificateID)
	if !ok || thumbprint != "" && !strings.EqualFold(thumbprint, k.Thumbprint) {
		return nil, false
	}
	return k.Private, true
}

// Rotate makes a new current key. The old ones stay, since items encrypted for
// them arrive until Graph stops retrying; see [Vault.Forget].
func (v *Vault) Rotate(ctx context.Context) (EncryptionKey, error) {
	key, err := newEncryptionKey(v.bits, time.Now())
	if err != nil {
		return EncryptionKey{}, fmt.Errorf("rotate encryption key: %w", err)
	}
	err = v.update(ctx, func(s *state) error {
		s.add(key)
		return nil
	})
	if err != nil {
		return EncryptionKey{}, fmt.Errorf("rotate encryption key: %w", err)
	}
	v.log.InfoContext(ctx, "encryption key rotated", "certificate", key.ID)
	return key, nil
}

// Forget removes a retired key. Items encrypted for it can then be read no more.
func (v *Vault) Forget(ctx context.Context, id string) error {
	err := v.update(ctx, func(s *state) error {
		i := slices.IndexFunc(s.keys, func(k EncryptionKey) bool { return k.ID == id })
		switch i {
		case -1:
			return errors.New("no key has this id")
		case 0:
			return errors.New("it is the current key: rotate first")
		}
		s.keys = slices.Delete(s.keys, i, i+1)
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget encryption key %s: %w", id, err)
	}
	v.log.InfoContext(ctx, "encryption key forgotten", "certificate", id)
	return nil
}

// mostTries is how often others may be faster.
const mostTries = 10

// update changes what the store holds, not what this process remembers. If
// somebody else changes it at the same time, change is called again with that.
func (v *Vault) update(ctx context.Context, change func(*state) error) error {
	v.change.Lock()
	defer v.change.Unlock()
	err := v.tryUpdate(ctx, change)
	for tries := 1; errors.Is(err, ErrChanged) && tries < mostTries; tries++ {
		err = v.tryUpdate(ctx, change)
	}
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

func (v *Vault) tryUpdate(ctx context.Context, change func(*state) error) error {
	before, err := v.store.Get(ctx, keysName)
	if err != nil {
		return err
	}
	s, err := v.unseal(before)
	if err != nil {
		return err
	}
	if err = change(s); err != nil {
		if errors.Is(err, errUnchanged) {
			v.state.Store(s)
		}
		return err
	}
	after, err := v.sealState(s)
	if err != nil {
		return err
	}
	if err = v.store.Swap(ctx, keysName, before, after); err != nil {
		return err
	}
	v.state.Store(s)
	return nil
}
