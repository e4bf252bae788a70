package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/vault"
)

// Prompt is what somebody has to do in a browser.
type Prompt = signin.Prompt

// keptLogin is where the refresh token of one service user is kept.
type keptLogin struct {
	logins  *vault.Logins
	account string
}

func (k keptLogin) RefreshToken(ctx context.Context) (string, error) {
	login, err := k.logins.Get(ctx, k.account)
	return login.RefreshToken, err
}

func (k keptLogin) Rotated(ctx context.Context, from, to string) error {
	// The token is ours already: a caller who leaves must not lose it.
	return k.logins.Rotate(context.WithoutCancel(ctx), k.account, from, to, time.Now())
}

// user is the credential of a service user, whichever way it signs in.
func (c connection) user(now func() config.Tenant, a config.Account, logins *vault.Logins, file string) (*signin.Credential, error) {
	t := now()
	key := graph.AccountKey(t.ID, a.Username)
	if a.SignIn == config.SignInDeviceCode {
		return signin.NewDevice(c.as(key), a.Username, keptLogin{logins, key}, LoginCommand(file, t.Name, a.Username))
	}
	return signin.NewUser(c.as(key), a.Username, func() (string, error) { return password(now(), a.Username) })
}

// LoginCommand is how somebody signs a service user in.
func LoginCommand(file, tenant, username string) string {
	if file == "" {
		file = "FILE"
	}
	if strings.ContainsAny(file, " '\"$\\") {
		file = "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return fmt.Sprintf("presencebridge login --config %s --tenant %s --account %s", file, tenant, username)
}

// DeviceUser is a service user of the configuration that signs in by device code.
type DeviceUser struct{ Tenant, Username string }

// DeviceUsers lists them. The name of a tenant and the name or key of a user
// choose; empty ones choose all.
func DeviceUsers(c *config.Config, tenant, account string) []DeviceUser {
	var users []DeviceUser
	for _, t := range c.Tenants {
		for _, a := range t.Accounts {
			if a.SignIn == config.SignInDeviceCode && chosen(t, a, tenant, account) {
				users = append(users, DeviceUser{t.Name, a.Username})
			}
		}
	}
	return users
}

// Login signs one service user in with a browser and keeps the refresh token
// sealed in data_dir, or with the shared state, where a running service finds it within seconds. Nobody
// else's sign-in is kept.
func Login(ctx context.Context, c *config.Config, user DeviceUser, log *slog.Logger, show func(Prompt)) error {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return err
	}
	logins, err := shareLogins(ctx, c, log)
	if err != nil {
		return err
	}
	for _, t := range c.Tenants {
		if t.Name != user.Tenant {
			continue
		}
		connection := newConnection(c.Graph, func() config.Tenant { return t }, roots, log)
		s, err := signin.DeviceCode(ctx, connection.signIn, []string{sdk.Scope(c.Graph.BaseURL)}, show)
		if err != nil {
			return err
		}
		if err := itIs(s, user.Username, t.ID); err != nil {
			return err
		}
		now := time.Now().UTC()
		login := vault.Login{RefreshToken: s.RefreshToken, SignedIn: now, Used: now}
		return logins.Put(ctx, graph.AccountKey(t.ID, user.Username), login)
	}
	return fmt.Errorf("the configuration has no tenant %s", user.Tenant)
}

// itIs makes sure that the browser signed the right one in: administrators are
// often signed in there themselves.
func itIs(s signin.SignedIn, username, tenantID string) error {
	switch {
	case s.TenantID != "" && s.TenantID != tenantID:
		return errors.New("the browser signed somebody of another tenant in: use a private window and start again")
	case !strings.EqualFold(s.Username, username):
		return fmt.Errorf("the browser signed %s in, not %s: use a private window and start again", s.Username, username)
	case s.RefreshToken == "":
		return errors.New("entra sent no refresh token: the tenant may forbid offline_access to this app")
	}
	return nil
}

// shareLogins opens the logins beside a service that may be running.
func shareLogins(ctx context.Context, c *config.Config, log *slog.Logger) (*vault.Logins, error) {
	if c.SharesState() {
		return vault.OpenLogins(ctx, visit{c, log}, c.SealKeyFile, log)
	}
	dir, err := vault.ShareDir(c.DataDir)
	if err != nil {
		return nil, err
	}
	return vault.OpenLogins(ctx, dir, c.SealKeyFile, log)
}

// loggedIn reports whether somebody signed a service user in since the last look.
func (s *service) loggedIn(ctx context.Context) bool {
	changed := false
	for _, t := range s.tenants {
		c := t.config.Load()
		for _, a := range c.Accounts {
			if a.SignIn == config.SignInDeviceCode && s.logins.Changed(ctx, graph.AccountKey(c.ID, a.Username)) {
				changed = true
			}
		}
	}
	return changed
}
