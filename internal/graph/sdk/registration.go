package sdk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"jtel.de/presencebridge/internal/graph"
)

// Application reads an app registration by its client id. It needs
// Application.Read.All. keyCredentials are not asked for: Graph allows that only
// 150 times a minute. Source: Graph, "get application".
func (c *Client) Application(ctx context.Context, clientID string) (graph.Application, error) {
	var a struct {
		ID        string `json:"id"`
		AppID     string `json:"appId"`
		Name      string `json:"displayName"`
		Passwords []struct {
			KeyID string    `json:"keyId"`
			Name  string    `json:"displayName"`
			Hint  string    `json:"hint"`
			Ends  time.Time `json:"endDateTime"`
		} `json:"passwordCredentials"`
	}
	err := c.get(ctx, request{
		template:   "{+baseurl}/applications(appId='{id}')?%24select=id,appId,displayName,passwordCredentials",
		parameters: map[string]string{"id": clientID},
	}, &a)
	if err == nil && a.ID == "" {
		err = errNothing
	}
	if err != nil {
		return graph.Application{}, fmt.Errorf("read app %s: %w", clientID, err)
	}
	app := graph.Application{ObjectID: a.ID, ClientID: strings.ToLower(a.AppID), Name: a.Name}
	for _, p := range a.Passwords {
		app.Secrets = append(app.Secrets, graph.AppSecret{KeyID: p.KeyID, Name: p.Name, Hint: p.Hint, Ends: p.Ends})
	}
	return app, nil
}

// PasswordFacts reads what decides about a user's password. It needs
// User.Read.All. Source: Graph, "user resource type".
func (c *Client) PasswordFacts(ctx context.Context, username string) (graph.PasswordFacts, error) {
	var u struct {
		ID           string     `json:"id"`
		Enabled      *bool      `json:"accountEnabled"`
		Policies     string     `json:"passwordPolicies"`
		Changed      *time.Time `json:"lastPasswordChangeDateTime"`
		Synchronised *bool      `json:"onPremisesSyncEnabled"`
	}
	err := c.get(ctx, request{
		template:   "{+baseurl}/users/{key}?%24select=id,accountEnabled,passwordPolicies,lastPasswordChangeDateTime,onPremisesSyncEnabled",
		parameters: map[string]string{"key": username},
	}, &u)
	if err == nil && u.ID == "" {
		err = errNothing
	}
	if err != nil {
		return graph.PasswordFacts{}, fmt.Errorf("read password policy of a service user: %w", without(err, username))
	}
	return graph.PasswordFacts{
		UserID: strings.ToLower(u.ID), Enabled: u.Enabled, Changed: value(u.Changed),
		NeverExpires: strings.Contains(u.Policies, "DisablePasswordExpiration"), Synchronised: value(u.Synchronised),
	}, nil
}

// PasswordPolicy reads that of a domain. It needs Domain.Read.All.
// Source: Graph, "domain resource type".
func (c *Client) PasswordPolicy(ctx context.Context, domain string) (graph.PasswordPolicy, error) {
	var d struct {
		ID             string `json:"id"`
		Authentication string `json:"authenticationType"`
		Days           *int   `json:"passwordValidityPeriodInDays"`
	}
	err := c.get(ctx, request{
		template:   "{+baseurl}/domains/{id}?%24select=id,authenticationType,passwordValidityPeriodInDays",
		parameters: map[string]string{"id": domain},
	}, &d)
	if err == nil && d.ID == "" {
		err = errNothing
	}
	if err != nil {
		return graph.PasswordPolicy{}, fmt.Errorf("read password policy of domain %s: %w", domain, err)
	}
	return graph.PasswordPolicy{Days: value(d.Days), Federated: d.Authentication == "Federated"}, nil
}
