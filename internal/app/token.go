package app

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/go-json-experiment/json"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
)

// Token is one that Entra ID has just issued for Graph. Formatting it in any way
// shows nothing of Raw.
type Token struct {
	Tenant    string // its name
	Account   string // the service user's name; empty is the app itself
	ExpiresAt time.Time
	Claims    map[string]any
	Raw       config.Secret
}

// AppToken signs the app itself in, the way that the service does.
func AppToken(ctx context.Context, c *config.Config, t config.Tenant, log *slog.Logger) (Token, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return Token{}, err
	}
	connection := newConnection(c.Graph, func() config.Tenant { return t }, roots, log)
	credential, err := signin.NewApp(connection.signIn)
	if err != nil {
		return Token{}, err
	}
	return issue(ctx, c, credential, Token{Tenant: t.Name})
}

// UserToken signs one service user in, the way that the service does.
func UserToken(ctx context.Context, c *config.Config, t config.Tenant, a config.Account, log *slog.Logger) (Token, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return Token{}, err
	}
	logins, err := shareLogins(ctx, c, log)
	if err != nil {
		return Token{}, err
	}
	now := func() config.Tenant { return t }
	credential, err := newConnection(c.Graph, now, roots, log).user(now, a, logins, "")
	if err != nil {
		return Token{}, err
	}
	return issue(ctx, c, credential, Token{Tenant: t.Name, Account: a.Username})
}

func issue(ctx context.Context, c *config.Config, credential *signin.Credential, t Token) (Token, error) {
	issued, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{sdk.Scope(c.Graph.BaseURL)}, EnableCAE: true})
	if err != nil {
		return Token{}, err
	}
	t.ExpiresAt, t.Raw = issued.ExpiresOn, config.NewSecret(issued.Token)
	t.Claims, err = claimsOf(issued.Token)
	return t, err
}

// claimsOf reads what a token says, without judging it: that is for Graph to do.
func claimsOf(token string) (claims map[string]any, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("the token is not a JWT: its claims cannot be shown")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil {
		return nil, fmt.Errorf("the claims of the token cannot be read (%d characters)", len(parts[1])) // the cause would quote them
	}
	return claims, nil
}
