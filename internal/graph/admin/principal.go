package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"jtel.de/presencebridge/internal/graph"
	"jtel.de/presencebridge/internal/graph/sdk"
)

// GraphAppID is Microsoft Graph itself, the same in every tenant.
// Source: Graph, "permissions reference".
const GraphAppID = "00000003-0000-0000-c000-000000000000"

// Principal is an app in a tenant. Source: Graph, "servicePrincipal resource type".
type Principal struct {
	ID                 string `json:"id"`
	Enabled            bool   `json:"accountEnabled"`
	AssignmentRequired bool   `json:"appRoleAssignmentRequired"`
	Roles              []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"appRoles"`
	Scopes []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"oauth2PermissionScopes"`
}

// Role is the id of an application permission that this principal offers.
func (p Principal) Role(value string) (id string, ok bool) {
	for _, r := range p.Roles {
		if r.Value == value {
			return r.ID, true
		}
	}
	return "", false
}

// Scope is the id of a delegated permission that this principal offers.
func (p Principal) Scope(value string) (id string, ok bool) {
	for _, s := range p.Scopes {
		if s.Value == value {
			return s.ID, true
		}
	}
	return "", false
}

// Principal finds the service principal of an app by the app's client id.
func (d Directory) Principal(ctx context.Context, clientID string) (Principal, error) {
	var p Principal
	err := d.Client.Do(ctx, http.MethodGet, "servicePrincipals(appId='"+url.PathEscape(clientID)+"')",
		map[string]string{"$select": "id,accountEnabled,appRoleAssignmentRequired,appRoles,oauth2PermissionScopes"}, nil, &p)
	return p, during("read service principal of app "+clientID, err)
}

// CreatePrincipal makes one to which nobody must be assigned.
func (d Directory) CreatePrincipal(ctx context.Context, clientID string) (Principal, error) {
	var p Principal
	err := d.Client.Do(ctx, http.MethodPost, "servicePrincipals", nil, map[string]any{
		"appId": clientID, "appRoleAssignmentRequired": false,
		"tags": []string{"WindowsAzureActiveDirectoryIntegratedApp"}, // else the portal does not list it
	}, &p)
	return p, during("make service principal", err)
}

// RequireNoAssignment lets everybody use the app: else Graph sends notifications
// without the tokens that prove where they come from.
func (d Directory) RequireNoAssignment(ctx context.Context, principalID string) error {
	err := d.Client.Do(ctx, http.MethodPatch, "servicePrincipals/"+url.PathEscape(principalID), nil, map[string]any{"appRoleAssignmentRequired": false}, nil)
	return during("change service principal", err)
}

// GrantedRoles are the ids of the application permissions that a principal has
// of a resource.
func (d Directory) GrantedRoles(ctx context.Context, principalID, resourceID string) ([]string, error) {
	var roles []string
	err := sdk.Each(ctx, d.Client, "servicePrincipals/"+url.PathEscape(principalID)+"/appRoleAssignments", nil, func(a struct {
		Resource string `json:"resourceId"`
		Role     string `json:"appRoleId"`
	}) error {
		if a.Resource == resourceID {
			roles = append(roles, a.Role)
		}
		return nil
	})
	return roles, during("list application permissions", err)
}

// GrantRole consents to an application permission; one that is granted stays so.
func (d Directory) GrantRole(ctx context.Context, principalID, resourceID, roleID string) error {
	err := d.Client.Do(ctx, http.MethodPost, "servicePrincipals/"+url.PathEscape(resourceID)+"/appRoleAssignedTo", nil,
		map[string]any{"principalId": principalID, "resourceId": resourceID, "appRoleId": roleID}, new(struct{}))
	if Exists(err) {
		return nil
	}
	return during("consent to application permission", err)
}

// Grant is the consent to delegated permissions for everybody.
type Grant struct {
	ID       string `json:"id"`
	Consent  string `json:"consentType"`
	Resource string `json:"resourceId"`
	Scope    string `json:"scope"` // with blanks between
}

// Grant finds the consent of an administrator; none has an empty ID.
func (d Directory) Grant(ctx context.Context, principalID, resourceID string) (Grant, error) {
	var found Grant
	err := sdk.Each(ctx, d.Client, "oauth2PermissionGrants", map[string]string{"$filter": "clientId eq '" + principalID + "'"}, func(g Grant) error {
		if g.Consent == "AllPrincipals" && g.Resource == resourceID {
			found = g
		}
		return nil
	})
	return found, during("list delegated permissions", err)
}

// Consent makes or widens the consent of g to scopes.
func (d Directory) Consent(ctx context.Context, principalID, resourceID string, g Grant, scopes []string) error {
	scope := strings.Join(scopes, " ")
	var err error
	if g.ID != "" {
		err = d.Client.Do(ctx, http.MethodPatch, "oauth2PermissionGrants/"+url.PathEscape(g.ID), nil, map[string]any{"scope": scope}, nil)
	} else {
		err = d.Client.Do(ctx, http.MethodPost, "oauth2PermissionGrants", nil, map[string]any{
			"clientId": principalID, "consentType": "AllPrincipals", "resourceId": resourceID, "scope": scope}, new(struct{}))
	}
	return during("consent to delegated permissions", err)
}

func during(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func asGraph(err error) (*graph.Error, bool) { return errors.AsType[*graph.Error](err) }
