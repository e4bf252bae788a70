package app

import (
	"context"
	"crypto/rsa"
	"errors"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/vault"
)

// keyring notes which encryption keys subscriptions refer to, so that a retired
// one is kept for as long as something may come that was encrypted for it.
type keyring struct {
	*vault.Vault
	began time.Time

	mu   sync.Mutex
	seen map[string]time.Time // certificate id -> when a subscription last had it
}

func newKeyring(v *vault.Vault) *keyring {
	return &keyring{Vault: v, began: time.Now(), seen: map[string]time.Time{}}
}

// PrivateKey is for the callback: what arrives refers to its key, too.
func (k *keyring) PrivateKey(certificateID, thumbprint string) (*rsa.PrivateKey, bool) {
	key, held := k.Vault.PrivateKey(certificateID, thumbprint)
	if held {
		k.note(certificateID)
	}
	return key, held
}

// holds reports whether a certificate is ours. The managers ask it for every
// subscription that Graph lists or that they renew.
func (k *keyring) holds(id string) bool {
	_, held := k.PrivateKey(id, "")
	return held
}

func (k *keyring) note(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen[id] = time.Now()
}

func (k *keyring) referred(id string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if at, ok := k.seen[id]; ok {
		return at
	}
	return k.began
}

// tend makes a new key when it is time and forgets what nothing needs. New and
// renewed subscriptions take the new one by themselves.
func (k *keyring) tend(ctx context.Context) error {
	rotate, forget := vault.Due(k.EncryptionKeys(), k.referred, time.Now())
	var errs []error
	if rotate {
		_, err := k.Rotate(ctx)
		errs = append(errs, err)
	}
	for _, id := range forget {
		errs = append(errs, k.Forget(ctx, id))
	}
	return errors.Join(errs...)
}
