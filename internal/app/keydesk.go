package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/vault"
)

// mostKeys bounds what an impatient operator can pile up: each stays for hours.
const mostKeys = 8

// keyDesk is where operators ask about the keys that Graph encrypts with.
type keyDesk struct{ *service }

// List implements [handlers.Keys].
func (d keyDesk) List() []handlers.Key {
	var list []handlers.Key
	for i, k := range d.vault.EncryptionKeys() {
		row := handlers.Key{ID: k.ID, Thumbprint: k.Thumbprint, Current: i == 0, CreatedAt: k.Created, RetiredAt: k.Retired, SeenAt: d.keys.lastSeen(k.ID)}
		if i > 0 {
			row.ForgottenAt = vault.NeededUntil(k, d.keys.referred(k.ID)).UTC()
		}
		list = append(list, row)
	}
	return list
}

// Rotate implements [handlers.Keys].
func (d keyDesk) Rotate(ctx context.Context) (whyNot string, err error) {
	if n := len(d.vault.EncryptionKeys()); n >= mostKeys {
		return fmt.Sprintf("there are %d keys already; retired ones are forgotten six hours after they were last needed, see GET /api/v1/keys", n), nil
	}
	if _, err := d.vault.Rotate(ctx); err != nil {
		return "", err
	}
	for _, t := range d.tenants {
		if t.holds() {
			t.renewAll()
		} else {
			d.tell(t, word{Do: wordRotated})
		}
	}
	return "", nil
}

// renewAll has every subscription of the tenant renewed, with the key of now.
func (t *tenant) renewAll() {
	for _, a := range t.push().Coverage().Accounts {
		t.push().Renew(a.SubscriptionID)
	}
}

// SealedKeys are the keys in data_dir while no service runs, or those that
// instances share.
type SealedKeys struct {
	dir   *vault.Dir // nil if they are shared
	vault *vault.Vault
}

// OpenKeys is an error while a service uses data_dir; shared keys can be opened
// at any time. It makes nothing: where nothing is sealed yet, there are no keys.
func OpenKeys(ctx context.Context, c *config.Config, log *slog.Logger) (*SealedKeys, error) {
	if c.SharesState() {
		v, err := vault.Open(ctx, visit{c, log}, c.SealKeyFile, log, vault.Existing())
		return &SealedKeys{vault: v}, err
	}
	if !vault.Begun(c.DataDir) {
		return nil, fmt.Errorf("data_dir %s holds no keys: the service makes the first one when it starts", c.DataDir)
	}
	dir, err := vault.OpenDir(c.DataDir)
	if err != nil {
		return nil, fmt.Errorf("%w; ask it without --direct", err)
	}
	v, err := vault.Open(ctx, dir, c.SealKeyFile, log)
	if err != nil {
		_ = dir.Close()
		return nil, err
	}
	return &SealedKeys{dir, v}, nil
}

// List gives the current one first.
func (k *SealedKeys) List() []handlers.Key {
	var list []handlers.Key
	for i, key := range k.vault.EncryptionKeys() {
		list = append(list, handlers.Key{ID: key.ID, Thumbprint: key.Thumbprint, Current: i == 0, CreatedAt: key.Created, RetiredAt: key.Retired})
	}
	return list
}

// Rotate makes a new current key. Subscriptions take it once a service runs.
func (k *SealedKeys) Rotate(ctx context.Context) error {
	_, err := k.vault.Rotate(ctx)
	return err
}

// Close lets a service use data_dir.
func (k *SealedKeys) Close() error {
	if k.dir == nil {
		return nil
	}
	return k.dir.Close()
}

// lastSeen is zero for a key that nothing referred to since the start.
func (k *keyring) lastSeen(id string) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen[id].UTC()
}
