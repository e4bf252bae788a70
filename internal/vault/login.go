package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"
)

// Login is what is kept of a service user's sign-in by device code. Formatting
// one in any way shows nothing of it.
type Login struct {
	RefreshToken string
	SignedIn     time.Time // when somebody did it
	Used         time.Time // when Entra ID last took the token
}

// Format shows no token, whatever the verb.
func (l Login) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "login [hidden]") }

// LogValue hides the token.
func (l Login) LogValue() slog.Value { return slog.StringValue("login [hidden]") }

type documentLogin struct {
	Version      int       `json:"version"`
	RefreshToken string    `json:"refreshToken"`
	SignedIn     time.Time `json:"signedIn"`
	Used         time.Time `json:"used"`
}

// Logins keeps the sign-ins of service users, each sealed under a name of its
// own. A command may write one while the service runs: see [ShareDir].
type Logins struct {
	store Store
	seal  seal

	mu   sync.Mutex
	seen map[string]time.Time // when somebody signed in, by account
}

// Logins are kept in the vault's own store, under its seal.
func (v *Vault) Logins() *Logins { return newLogins(v.store, v.seal) }

// OpenLogins is for a command beside the service, or before its first start: the
// seal key file is made if it is missing and nothing is sealed yet.
func OpenLogins(ctx context.Context, store Store, sealKeyFile string, log *slog.Logger) (*Logins, error) {
	_, err := store.Get(ctx, keysName)
	first := errors.Is(err, fs.ErrNotExist)
	if err != nil && !first {
		return nil, fmt.Errorf("open logins: %w", err)
	}
	s, err := openSeal(sealKeyFile, first, mendOf(store), log)
	if err != nil {
		return nil, fmt.Errorf("open logins: %w", err)
	}
	return newLogins(store, s), nil
}

func newLogins(store Store, s seal) *Logins {
	return &Logins{store: store, seal: s, seen: map[string]time.Time{}}
}

func loginName(account string) string { return "login-" + account }

// Get gives the login of an account, by its key; fs.ErrNotExist when nobody has
// signed it in.
func (l *Logins) Get(ctx context.Context, account string) (Login, error) {
	login, _, err := l.get(ctx, account)
	return login, err
}

func (l *Logins) get(ctx context.Context, account string) (login Login, sealed []byte, err error) {
	if sealed, err = l.store.Get(ctx, loginName(account)); err != nil {
		return Login{}, nil, fmt.Errorf("read login of account %s: %w", account, err)
	}
	text, err := l.seal.open(sealed)
	if err != nil {
		return Login{}, sealed, fmt.Errorf("read login of account %s: %w", account, err)
	}
	var d documentLogin
	if json.Unmarshal(text, &d) != nil || d.Version != stateVersion || d.RefreshToken == "" {
		return Login{}, sealed, fmt.Errorf("read login of account %s: it is not in the form that this version writes", account)
	}
	return Login{d.RefreshToken, d.SignedIn, d.Used}, sealed, nil
}

// Put keeps a new sign-in of an account.
func (l *Logins) Put(ctx context.Context, account string, login Login) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.write(account, login, func(sealed []byte) error { return l.store.Put(ctx, loginName(account), sealed) })
}

func (l *Logins) write(account string, login Login, store func(sealed []byte) error) error {
	text, err := json.Marshal(documentLogin{stateVersion, login.RefreshToken, login.SignedIn, login.Used})
	if err != nil {
		return fmt.Errorf("keep login of account %s: %w", account, err)
	}
	sealed, err := l.seal.close(text)
	if err == nil {
		err = store(sealed)
	}
	if err != nil {
		return fmt.Errorf("keep login of account %s: %w", account, err)
	}
	return nil
}

// Rotate replaces the refresh token from by the one that came for it. If
// somebody signed in anew meanwhile, that stays. Between files the look and the
// replacement leave a moment without a lock, which costs nothing: from was good
// just now, and so is what came for it.
func (l *Logins) Rotate(ctx context.Context, account, from, to string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	login, before, err := l.get(ctx, account)
	if err != nil || login.RefreshToken != from {
		return err
	}
	login.RefreshToken, login.Used = to, now.UTC().Truncate(time.Second)
	err = l.write(account, login, func(sealed []byte) error {
		return l.store.Swap(ctx, loginName(account), before, sealed)
	})
	if errors.Is(err, ErrChanged) {
		return nil
	}
	return err
}

// Changed reports whether somebody signed an account in anew since the last
// question; the first one reports nothing. A token that was replaced, be it by
// another instance, is no new sign-in.
func (l *Logins) Changed(ctx context.Context, account string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	login, sealed, err := l.get(ctx, account)
	if err != nil && sealed == nil && !errors.Is(err, fs.ErrNotExist) {
		return false // the store cannot be asked now; a later look will tell
	}
	before, asked := l.seen[account]
	l.seen[account] = login.SignedIn
	return asked && !before.Equal(login.SignedIn)
}
