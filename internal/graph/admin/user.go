package admin

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"jtel.de/presencebridge/internal/graph/sdk"
)

// User is a service user, as far as setting up cares.
type User struct {
	ID       string `json:"id"`
	Username string `json:"userPrincipalName"`
	Enabled  bool   `json:"accountEnabled"`
	Policies string `json:"passwordPolicies"`
}

// NeverExpires reports whether the user's own policy says that the password stays.
func (u User) NeverExpires() bool { return strings.Contains(u.Policies, neverExpires) }

const neverExpires = "DisablePasswordExpiration"

const selectUser = "id,userPrincipalName,accountEnabled,passwordPolicies"

// User finds one by name or id.
func (d Directory) User(ctx context.Context, key string) (User, error) {
	var u User
	err := d.Client.Do(ctx, http.MethodGet, "users/"+url.PathEscape(key), map[string]string{"$select": selectUser}, nil, &u)
	return u, during("read user", err)
}

// Me is the administrator.
func (d Directory) Me(ctx context.Context) (User, error) {
	var u User
	err := d.Client.Do(ctx, http.MethodGet, "me", map[string]string{"$select": selectUser}, nil, &u)
	return u, during("read who signed in", err)
}

// CreateUser makes a service user whose password stays as it is and does not end.
func (d Directory) CreateUser(ctx context.Context, username, displayName, password string) (User, error) {
	var u User
	nickname, _, _ := strings.Cut(username, "@")
	err := d.Client.Do(ctx, http.MethodPost, "users", nil, map[string]any{
		"accountEnabled": true, "displayName": displayName, "mailNickname": nickname, "userPrincipalName": username,
		"passwordPolicies": neverExpires, "passwordProfile": profile(password),
	}, &u)
	return u, during("create user", err)
}

// KeepPassword lets the password never end.
func (d Directory) KeepPassword(ctx context.Context, u User) error {
	policies := neverExpires
	if u.Policies != "" && u.Policies != "None" {
		policies = u.Policies + ", " + neverExpires
	}
	err := d.Client.Do(ctx, http.MethodPatch, "users/"+url.PathEscape(u.ID), nil, map[string]any{"passwordPolicies": policies}, nil)
	return during("change password policy", err)
}

// SetPassword replaces a password.
func (d Directory) SetPassword(ctx context.Context, userID, password string) error {
	err := d.Client.Do(ctx, http.MethodPatch, "users/"+url.PathEscape(userID), nil, map[string]any{"passwordProfile": profile(password)}, nil)
	return during("set password", err)
}

func profile(password string) map[string]any {
	return map[string]any{"password": password, "forceChangePasswordNextSignIn": false}
}

// Organization is the tenant.
type Organization struct {
	ID      string `json:"id"`
	Name    string `json:"displayName"`
	Domains []struct {
		Name    string `json:"name"`
		Default bool   `json:"isDefault"`
		Initial bool   `json:"isInitial"`
		Type    string `json:"type"` // Managed or Federated
	} `json:"verifiedDomains"`
}

// Organization reads the tenant of who signed in.
func (d Directory) Organization(ctx context.Context) (Organization, error) {
	var o Organization
	err := sdk.Each(ctx, d.Client, "organization", map[string]string{"$select": "id,displayName,verifiedDomains"}, func(found Organization) error {
		o = found
		return nil
	})
	return o, during("read the tenant", err)
}

// ServiceDomain is where service users belong: a domain whose passwords Entra ID
// checks itself, the default one if it can be.
func (o Organization) ServiceDomain() string {
	best := ""
	for _, d := range o.Domains {
		switch {
		case d.Type == "Federated":
		case d.Default:
			return d.Name
		case d.Initial || best == "":
			best = d.Name
		}
	}
	return best
}
