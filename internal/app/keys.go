package app

import (
	"context"
	"crypto/rsa"
	"sync"
	"time"

	"jtel.de/presencebridge/internal/vault"
)

// keyring notes which encryption keys subscriptions refer to, so that a retired
// one is kept for as long as something may come that was encrypted for it.
type keyring struct {
	*vault.Vault
	began time.Time

	looking sync.Mutex
	looked  time.Time // when the shared state was last read because of an unknown key

	mu   sync.Mutex
	seen map[string]time.Time // certificate id -> when a subscription last had it
}

func newKeyring(v *vault.Vault) *keyring {
	return &keyring{Vault: v, began: time.Now(), seen: map[string]time.Time{}}
}

// PrivateKey is for the callback: what arrives refers to its key, too.
func (k *keyring) PrivateKey(certificateID, thumbprint string) (*rsa.PrivateKey, bool) {
	key, held := k.Vault.PrivateKey(certificateID, thumbprint)
	if !held && k.Shared() {
		k.look()
		key, held = k.Vault.PrivateKey(certificateID, thumbprint)
	}
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
func (k *keyring) tend(ctx context.Context) error { return k.Tend(ctx, sightings{k}, time.Now()) }

// sightings implements [vault.Sightings].
type sightings struct{ *keyring }

func (s sightings) Seen(id string) time.Time     { return s.lastSeen(id) }
func (s sightings) Referred(id string) time.Time { return s.referred(id) }

// lookWithin and lookAgain bound how long a callback waits for a key that it
// does not know, and how often whoever sends unknown ones makes us ask.
const (
	lookWithin = time.Second
	lookAgain  = time.Second
)

// look asks whether another instance has just made a key that we do not know.
func (k *keyring) look() {
	asked := time.Now()
	k.looking.Lock()
	defer k.looking.Unlock()
	if k.looked.After(asked) || asked.Sub(k.looked) < lookAgain {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	_ = k.Refresh(ctx) // then the key stays unknown, and Follow goes on trying
	k.looked = time.Now()
}
