package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
	"jtel.de/presencebridge/internal/graph/signin"
	"jtel.de/presencebridge/internal/vault"
	"jtel.de/presencebridge/subscriptions"
)

// ServiceUser is a service user of the configuration who speaks to Graph
// without a running service: subscriptions belong to the user who made them.
type ServiceUser struct {
	Tenant, TenantID, Username string
	Key                        string // graph.AccountKey

	credential *signin.Credential
	client     *sdk.Client
}

// AccountKey is how events, metrics and logs name a service user.
func AccountKey(tenantID, username string) string { return graph.AccountKey(tenantID, username) }

// chosen reports whether a service user is meant by the name of a tenant and a
// name or account key; empty ones mean all.
func chosen(t config.Tenant, a config.Account, tenant, account string) bool {
	return (tenant == "" || tenant == t.Name) &&
		(account == "" || strings.EqualFold(account, a.Username) || account == AccountKey(t.ID, a.Username))
}

// ServiceUsers signs nobody in yet. The name of a tenant and the name or key of
// a user choose; empty ones choose all.
func ServiceUsers(c *config.Config, tenant, account string, log *slog.Logger) ([]ServiceUser, error) {
	roots, err := trustRoots(c.Graph.CAFile)
	if err != nil {
		return nil, err
	}
	var logins *vault.Logins
	if len(DeviceUsers(c, tenant, account)) > 0 {
		if logins, err = shareLogins(context.Background(), c, log); err != nil {
			return nil, err
		}
	}
	var users []ServiceUser
	for _, t := range c.Tenants {
		now := func() config.Tenant { return t }
		connection := newConnection(c.Graph, now, roots, log)
		for _, a := range t.Accounts {
			if !chosen(t, a, tenant, account) {
				continue
			}
			u := ServiceUser{Tenant: t.Name, TenantID: t.ID, Username: a.Username, Key: graph.AccountKey(t.ID, a.Username)}
			credential, err := connection.user(now, a, logins, "")
			if err == nil {
				u.credential = credential
				u.client, err = connection.client(credential, log)
			}
			if err != nil {
				return nil, fmt.Errorf("service user %s of tenant %s: %w", a.Username, t.Name, err)
			}
			users = append(users, u)
		}
	}
	return users, nil
}

// Subscriptions lists the user's presence subscriptions; Graph allows one.
func (u ServiceUser) Subscriptions(ctx context.Context) ([]graph.Subscription, error) {
	all, err := u.client.Subscriptions(ctx)
	return slices.DeleteFunc(all, func(s graph.Subscription) bool { return len(s.UserIDs) == 0 }), err
}

// Renew asks for the most life that Graph grants and returns when it ends now.
func (u ServiceUser) Renew(ctx context.Context, id string) (expires time.Time, err error) {
	s, err := u.client.RenewSubscription(ctx, id, time.Now().Add(subscriptions.Lifetime), nil)
	return s.ExpiresAt, err
}

// Delete removes a subscription; one that is gone already is no error.
func (u ServiceUser) Delete(ctx context.Context, id string) error {
	return u.client.DeleteSubscription(ctx, id)
}
