package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// NewUser is a service user that signs in with its name and password through
// the app (resource owner password grant). The password is read when the
// refresh token does not do.
func NewUser(o Options, username string, password func() (string, error)) (*Credential, error) {
	err := o.check()
	if err == nil && (username == "" || password == nil) {
		err = errors.New("a user name and a password are both needed")
	}
	if err != nil {
		return nil, fmt.Errorf("credential of a service user of app %s: %w", o.ClientID, err)
	}
	return newCredential(username, &user{Options: o, name: username, password: password}, o), nil
}

// user is guarded by its Credential: one sign-in at a time.
type user struct {
	Options
	name     string
	password func() (string, error)

	account confidential.Account
	tokens  refreshTokens
}

func (u *user) issue(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	client, err := u.client(ctx, o, confidential.WithCache(&u.tokens))
	if err != nil {
		return azcore.AccessToken{}, err
	}
	// MSAL takes no claims challenge with a refresh token: that needs the password.
	if u.tokens.saved != nil && o.Claims == "" {
		r, err := client.AcquireTokenSilent(ctx, o.Scopes, confidential.WithSilentAccount(u.account))
		if err == nil {
			u.account = r.Account
			return accessToken(r), nil
		}
		if ctx.Err() != nil || !grantRefused(err) {
			return azcore.AccessToken{}, err
		}
		u.tokens.saved = nil
	}
	password, err := u.password()
	if err == nil && password == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return azcore.AccessToken{}, &unreadable{"the service user's password", err}
	}
	r, err := client.AcquireTokenByUsernamePassword(ctx, o.Scopes, u.name, password, confidential.WithClaims(o.Claims))
	if err == nil {
		u.account = r.Account
	}
	return accessToken(r), err
}

// refreshTokens carries MSAL's cache from one sign-in to the next, but without
// the access tokens: so the next sign-in redeems the refresh token.
type refreshTokens struct{ saved []byte }

func (c *refreshTokens) Replace(_ context.Context, into cache.Unmarshaler, _ cache.ReplaceHints) error {
	if c.saved == nil {
		return nil
	}
	return into.Unmarshal(c.saved)
}

func (c *refreshTokens) Export(_ context.Context, from cache.Marshaler, _ cache.ExportHints) error {
	whole, err := from.Marshal()
	if err != nil {
		return err
	}
	parts := map[string]json.RawMessage{}
	if err := json.Unmarshal(whole, &parts); err != nil {
		return errors.New("the token cache is not an object") // the cause would quote tokens
	}
	delete(parts, "AccessToken")
	c.saved, err = json.Marshal(parts)
	return err
}
